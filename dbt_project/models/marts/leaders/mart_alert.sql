-- One row a unit and disease with an open warning: the newest period, since when, and why in one sentence.
-- Of communes no exact count is told here: it is banded, and so is what is usual.
with ranked as (
  select
    *,
    min(period_start) over (partition by unit_code, disease_code, kind) as since,
    row_number() over (partition by unit_code, disease_code, kind order by period_start desc) as newest
  from {{ ref("mart_warning") }}
),

-- a commune that is only watched is for the health sector
open_warnings as (select * from ranked where newest = 1 and not (level = 'commune' and severity = 'watch'))

select
  unit_code || '-' || disease_code || '-' || kind as alert_id,
  unit_code,
  unit_name,
  level,
  disease_code,
  disease_name,
  kind,
  severity,
  case severity when 'alarm' then 'Báo động' when 'warning' then 'Cảnh báo' else 'Theo dõi' end as severity_vi,
  case severity when 'alarm' then 1 when 'warning' then 2 else 3 end as severity_order,
  case kind
    when 'observed' then disease_name || ' vượt ngưỡng tại ' || unit_name
    else disease_name || ' dự báo vượt ngưỡng tại ' || unit_name
  end as title_vi,
  case
    when kind = 'forecast'
      then 'Tháng ' || strftime(period_start, '%m/%Y') || ' dự báo khoảng ' || cast(cast(round(cases) as bigint) as varchar)
        || ' ca, ngưỡng lịch sử ' || cast(cast(round(upper_limit) as bigint) as varchar) || ' ca; xác suất vượt ngưỡng '
        || cast(cast(round(100 * probability) as bigint) as varchar) || ' %'
    when level = 'commune'
      then 'Tuần từ ' || strftime(period_start, '%d/%m/%Y') || ' ghi nhận ' || {{ case_band("cases") }}
        || ', thường gặp ' || {{ case_band("expected") }} || '; mức này hiếm hơn '
        || cast(cast(floor(100 * least(probability, 0.99)) as bigint) as varchar) || ' % số tuần cùng mùa theo mô hình'
    when cases < 5
      then 'Tháng ' || strftime(period_start, '%m/%Y') || ' ghi nhận ' || {{ case_band("cases") }} || ', trên ngưỡng lịch sử'
    else 'Tháng ' || strftime(period_start, '%m/%Y') || ' ghi nhận ' || cast(cast(cases as bigint) as varchar)
      || ' ca, thường gặp ' || cast(cast(round(expected) as bigint) as varchar) || ' ca, ngưỡng '
      || cast(cast(round(upper_limit) as bigint) as varchar) || ' ca'
  end as reason_vi,
  since,
  period_start,
  round(probability, 2) as probability
from open_warnings

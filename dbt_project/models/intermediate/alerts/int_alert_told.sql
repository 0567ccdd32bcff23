-- Every alert in words, open or closed. Of sensitive figures and of communes' cases no exact count is told.
with moment as (select today from {{ ref("int_moment") }}),

ranked_warnings as (
  select
    warnings.*,
    min(warnings.period_start) over (partition by warnings.origin, warnings.unit_code, warnings.disease_code, warnings.kind)
      as first_period,
    row_number() over (
      partition by warnings.origin, warnings.unit_code, warnings.disease_code, warnings.kind order by warnings.period_start desc
    ) as newest
  from {{ ref("stg_models__warnings") }} as warnings
),

ranked_clusters as (
  select
    clusters.*,
    {{ cluster_rule("clusters.measure") }} as rule_code,
    row_number() over (
      partition by clusters.origin, clusters.measure, clusters.unit_code, clusters.item order by clusters.cluster
    ) as first
  from {{ ref("stg_models__clusters") }} as clusters
  where clusters.severity <> 'watch'
),

topics as (
  {{ petition_topics() }}
),

episodes as (
  select
    episodes.*,
    rules.kind as rule_kind,
    rules.name_vi as rule_name,
    rules.sentence_vi,
    rules.urgency,
    rules.threshold,
    rules.close_after,
    registry.theme,
    registry.name_vi as indicator_name,
    registry.unit as measured_in,
    registry.decimals,
    registry.sensitive,
    registry.method,
    units.name as unit_name,
    units.level,
    units.province_code,
    contracts.title as dataset_title,
    diseases.name_vi as disease_name,
    coalesce(
      items.name_vi,
      diseases.name_vi,
      topics.topic_vi,
      case when rules.kind = 'incident_cluster' then {{ incident_kind_name("episodes.item") }} end
    ) as item_name,
    case when clusters.origin is not null then 'cluster' else warnings.kind end as warning_kind,
    coalesce(clusters.period_start, warnings.period_start) as warned_period,
    coalesce(clusters.observed, warnings.cases) as cases,
    coalesce(clusters.expected, warnings.expected) as expected_cases,
    warnings.upper_limit,
    coalesce(1 - clusters.p_value, warnings.probability) as probability,
    coalesce(first_warnings.first_period, least(episodes.since, clusters.period_start)) as first_period,
    clusters.communes as cluster_communes,
    clusters.recurrence_weeks,
    case
      when rules.kind in ('disease', 'petition_cluster', 'incident_cluster') then coalesce(clusters.severity, warnings.severity)
      when episodes.escalated_on is not null then rules.severity_escalated
      else rules.severity
    end as severity
  from {{ ref("int_alert_episode") }} as episodes
  inner join {{ ref("int_alert_rule") }} as rules on episodes.rule_code = rules.rule_code
  inner join {{ ref("dim_indicator") }} as registry
    on episodes.indicator_code = registry.indicator_code
      and episodes.last_breach >= registry.effective_from
      and (registry.effective_to is null or episodes.last_breach < registry.effective_to)
  inner join {{ ref("dim_unit") }} as units on episodes.unit_code = units.unit_code
  left join {{ contracts() }} as contracts on rules.kind = 'missing_data' and episodes.item = contracts.dataset
  left join {{ ref("indicator_items") }} as items
    on episodes.indicator_code = items.indicator_code and episodes.item = items.item
  left join {{ ref("dim_disease") }} as diseases on rules.kind = 'disease' and episodes.item = diseases.disease_code
  left join ranked_warnings as warnings
    on rules.kind = 'disease'
      and warnings.newest = 1
      and episodes.last_breach = warnings.origin
      and episodes.unit_code = warnings.unit_code
      and episodes.item = warnings.disease_code
      and episodes.rule_code = 'disease_' || warnings.kind
  left join ranked_warnings as first_warnings
    on rules.kind = 'disease'
      and first_warnings.newest = 1
      and episodes.since = first_warnings.origin
      and episodes.unit_code = first_warnings.unit_code
      and episodes.item = first_warnings.disease_code
      and episodes.rule_code = 'disease_' || first_warnings.kind
  left join topics on rules.kind = 'petition_cluster' and episodes.item = topics.topic
  left join ranked_clusters as clusters
    on episodes.rule_code = clusters.rule_code
      and clusters.first = 1
      and episodes.last_breach = clusters.origin
      and episodes.unit_code = clusters.unit_code
      and episodes.item = clusters.item
),

-- what is told of a sensitive figure is what is published of it: rounded, or that it is under 5
shown as (
  select
    *,
    {% for one in ["value", "newest_value"] -%}
    case
      when {{ one }} is null and sensitive then 'dưới 5'
      when sensitive and method = 'count' then 'khoảng ' || {{ number_vi(one, "decimals") }}
      when rule_kind in ('missing_data', 'overdue_directive', 'air') then {{ number_vi(one, 0) }}
      else {{ number_vi(one, "decimals") }}
    end as {{ one }}_vi,
    {% endfor -%}
    case
      when sensitive and method = 'count' and expected < 5 then 'dưới 5'
      when sensitive and method = 'count' then {{ number_vi(round_small("expected"), 0) }}
      else {{ number_vi("expected", "decimals") }}
    end as expected_vi
  from episodes
),

sentences as (
  select
    *,
    case
      when rule_kind = 'disease' and warning_kind = 'forecast'
        then 'Tháng ' || strftime(warned_period, '%m/%Y') || ' dự báo ' || {{ about_cases("cases") }}
          || ', ngưỡng lịch sử ' || {{ about_cases("upper_limit") }} || '; xác suất vượt ngưỡng '
          || cast(cast(round(100 * probability) as bigint) as varchar) || ' %'
      when rule_kind = 'disease' and warning_kind = 'cluster'
        then 'Từ ' || strftime(warned_period, '%d/%m/%Y') || ', ' || {{ cluster_place() }}
          || ' ghi nhận ' || {{ case_band("cases") }} || ', thường gặp ' || {{ case_band("expected_cases") }}
          || '; mức này tự nhiên khoảng ' || {{ number_vi("recurrence_weeks", 0) }} || ' tuần mới gặp một lần'
      when rule_kind = 'petition_cluster'
        then 'Từ ' || strftime(warned_period, '%d/%m/%Y') || ', ' || {{ cluster_place() }}
          || ' nhận ' || replace({{ case_band("cases") }}, ' ca', ' đơn') || ' về ' || lower(item_name)
          || ', thường gặp ' || replace({{ case_band("expected_cases") }}, ' ca', ' đơn')
          || '; mức này tự nhiên khoảng ' || {{ number_vi("recurrence_weeks", 0) }} || ' tuần mới gặp một lần'
      when rule_kind = 'incident_cluster'
        then 'Từ ' || strftime(warned_period, '%d/%m/%Y') || ', ' || {{ cluster_place() }}
          || ' có ' || replace({{ case_band("cases") }}, ' ca', ' vụ') || ' ' || lower(item_name)
          || ', thường gặp ' || replace({{ case_band("expected_cases") }}, ' ca', ' vụ')
          || '; mức này tự nhiên khoảng ' || {{ number_vi("recurrence_weeks", 0) }} || ' tuần mới gặp một lần'
      when rule_kind = 'disease' and level = 'commune'
        then 'Tuần từ ' || strftime(warned_period, '%d/%m/%Y') || ' ghi nhận ' || {{ case_band("cases") }}
          || ', thường gặp ' || {{ case_band("expected_cases") }} || '; mức này hiếm hơn '
          || cast(cast(floor(100 * least(probability, 0.99)) as bigint) as varchar) || ' % số tuần cùng mùa theo mô hình'
      when rule_kind = 'disease' and cases < 5
        then 'Tháng ' || strftime(warned_period, '%m/%Y') || ' ghi nhận ' || {{ case_band("cases") }} || ', trên ngưỡng lịch sử'
      when rule_kind = 'disease'
        then 'Tháng ' || strftime(warned_period, '%m/%Y') || ' ghi nhận ' || {{ about_cases("cases") }}
          || ', thường gặp ' || {{ about_cases("expected_cases") }} || ', ngưỡng ' || {{ about_cases("upper_limit") }}
      else
        replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(
          sentence_vi,
          '{indicator}', indicator_name || case when item_name is not null then ' – ' || item_name else '' end),
          '{month}', strftime(last_breach, '%m/%Y')),
          '{day}', strftime(last_breach, '%d/%m/%Y')),
          '{period_end}', strftime(
            least(cast(last_breach + interval '1' month - interval '1' day as date), cast(moment.today - interval '1' day as date)),
            '%d/%m/%Y')),
          '{value}', value_vi),
          '{expected}', coalesce(expected_vi, '')),
          '{target}', coalesce(expected_vi, '')),
          '{threshold}', coalesce(cast(cast(threshold as integer) as varchar), '')),
          '{unit}', measured_in),
          '{periods}', cast(breaches as varchar)),
          '{since}', strftime(since, '%m/%Y')),
          '{dataset}', coalesce(dataset_title, ''))
        -- an alert is still open where the months after its last breach are unknown, or too few to close it
        || case
          when closed_on is not null or rule_kind not in ('off_target', 'sudden_change') then ''
          when newest_period > last_breach and newest_breach is null
            then '; tháng ' || strftime(newest_period, '%m/%Y') || ' chưa có số được công bố'
          when newest_period > last_breach
            then '; tháng ' || strftime(newest_period, '%m/%Y') || ' là ' || newest_value_vi || ' ' || measured_in
              || ', không còn ở mức cảnh báo (đóng sau ' || cast(close_after as varchar) || ' tháng liền như vậy)'
          else ''
        end
    end as reason_vi
  from shown
  cross join moment
)

select
  alert_id,
  rule_code,
  rule_kind,
  coalesce(warning_kind, rule_kind) as kind,
  theme,
  indicator_code,
  item,
  indicator_name || case when item_name is not null then ' – ' || item_name else '' end as indicator_name,
  measured_in,
  sensitive,
  unit_code,
  unit_name,
  level,
  case when rule_kind = 'disease' then item end as disease_code,
  disease_name,
  severity,
  {{ severity_vi("severity") }} as severity_vi,
  cast({{ severity_order("severity") }} as integer) as severity_order,
  urgency,
  case
    when rule_kind = 'disease' and warning_kind = 'cluster' then 'Cụm ca ' || {{ within_a_sentence("disease_name") }} || ' quanh ' || unit_name
    when rule_kind = 'disease' and warning_kind = 'forecast' then disease_name || ' dự báo vượt ngưỡng tại ' || unit_name
    when rule_kind = 'disease' then disease_name || ' vượt ngưỡng tại ' || unit_name
    when rule_kind = 'petition_cluster' then 'Đơn thư về ' || lower(item_name) || ' tăng quanh ' || unit_name
    when rule_kind = 'incident_cluster' then 'Vụ việc ' || lower(item_name) || ' tăng quanh ' || unit_name
    when rule_kind = 'missing_data' then rule_name || ' (' || dataset_title || '): ' || unit_name
    when rule_kind in ('overdue_directive', 'air', 'water', 'rain') then rule_name || ' tại ' || unit_name
    else rule_name || ': ' || indicator_name || coalesce(' – ' || item_name, '') || ' tại ' || unit_name
  end as title_vi,
  reason_vi,
  value,
  case when sensitive and method = 'count' then {{ round_small("expected") }} else expected end as expected,
  coalesce(first_period, since) as since,
  coalesce(warned_period, last_breach) as period_start,
  last_breach,
  round(probability, 2) as probability,
  opened_on,
  escalated_on,
  closed_on,
  breaches,
  case
    when closed_on is not null then 'closed'
    when escalated_on is not null then 'escalated'
    else 'open'
  end as state
from sentences

-- Between two break-points the index is linear; from the table's last on, where it is the scale's end, it stays (no upper bound).
with pairs as (
  select
    pollutant,
    averaging,
    aqi as aqi_low,
    concentration as concentration_low,
    lead(aqi) over (partition by pollutant, averaging, effective_from order by concentration) as aqi_high,
    lead(concentration) over (partition by pollutant, averaging, effective_from order by concentration) as concentration_high,
    max(aqi) over (partition by effective_from) as scale_end,
    effective_from,
    effective_to
  from {{ ref("aqi_breakpoints") }}
)

select pollutant, averaging, aqi_low, concentration_low, aqi_high, concentration_high, effective_from, effective_to
from pairs
where aqi_high is not null or aqi_low = scale_end

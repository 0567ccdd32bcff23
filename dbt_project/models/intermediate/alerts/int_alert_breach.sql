-- Every rule judged for every unit and period: breached or not, or not known. One long table; episodes are made of it.
with rules as (select * from {{ ref("int_alert_rule") }}),

off_target as (
  select
    rules.rule_code,
    figures.indicator_code,
    figures.item,
    figures.unit_code,
    figures.month as period_start,
    cast(figures.month + interval '1' month as date) as known_on,
    case
      when figures.value is null or figures.status is null or figures.status = 'chưa đủ dữ liệu' then null
      else figures.status = 'không đạt'
        and (rules.worst_pct is null or coalesce(figures.rank > figures.peers * (1 - rules.worst_pct / 100.0), false))
    end as breach,
    figures.told_value as value,
    figures.target as expected
  from {{ ref("int_alert_figure") }} as figures
  inner join rules
    on figures.indicator_code = rules.indicator_code
      and figures.level = rules.level
      and rules.kind = 'off_target'
      and figures.month >= rules.effective_from
      and (rules.effective_to is null or figures.month < rules.effective_to)
  where figures.complete
),

sudden_change as (
  select
    rules.rule_code,
    expectations.indicator_code,
    expectations.item,
    expectations.unit_code,
    expectations.month as period_start,
    cast(expectations.month + interval '1' month as date) as known_on,
    abs(expectations.value - expectations.expected) >= rules.min_change
    and (
      (rules.side <> 'down' and expectations.deviation >= rules.threshold)
      or (rules.side <> 'up' and expectations.deviation <= -rules.threshold)
    ) as breach,
    expectations.told_value as value,
    expectations.expected
  from {{ ref("int_alert_expectation") }} as expectations
  inner join rules on expectations.rule_code = rules.rule_code
),

-- a stock: the running month counts as it stood at the last midnight
overdue as (
  select
    rules.rule_code,
    figures.indicator_code,
    figures.item,
    figures.unit_code,
    figures.month as period_start,
    least(cast(figures.month + interval '1' month as date), moment.today) as known_on,
    figures.value >= rules.threshold as breach,
    figures.told_value as value,
    rules.threshold as expected
  from {{ ref("int_alert_figure") }} as figures
  inner join rules
    on figures.indicator_code = rules.indicator_code and figures.level = rules.level and rules.kind = 'overdue_directive'
  cross join {{ ref("int_moment") }} as moment
),

deliveries as (
  select
    dataset,
    unit_code,
    cast(date_trunc('month', day) as date) as month,
    count(*) as due,
    100.0 * count(*) filter (where status = 'missing') / count(*) as missing_pct
  from {{ ref("int_unit_delivery") }}
  where status not in ('pending', 'unknown')
  group by dataset, unit_code, cast(date_trunc('month', day) as date)
),

-- a running month is judged from its fifth due delivery on; what is due once a month, as soon as it is due
missing_data as (
  select
    rules.rule_code,
    rules.indicator_code,
    deliveries.dataset as item,
    deliveries.unit_code,
    deliveries.month as period_start,
    least(cast(deliveries.month + interval '1' month as date), moment.today) as known_on,
    deliveries.missing_pct >= rules.threshold as breach,
    deliveries.missing_pct as value,
    rules.threshold as expected
  from deliveries
  inner join rules on deliveries.dataset = rules.dataset and rules.kind = 'missing_data'
  cross join {{ ref("int_moment") }} as moment
  where cast(deliveries.month + interval '1' month as date) <= moment.today or deliveries.due >= 5
),

air_days as (
  select stations.commune_code as unit_code, days.day, max(days.aqi) as aqi
  from {{ ref("int_aqi_day") }} as days
  inner join {{ ref("int_station") }} as stations on days.station_code = stations.station_code
  group by stations.commune_code, days.day
),

air as (
  select
    rules.rule_code,
    rules.indicator_code,
    '' as item,
    air_days.unit_code,
    air_days.day as period_start,
    cast(air_days.day + interval '1' day as date) as known_on,
    air_days.aqi > rules.threshold as breach,
    cast(air_days.aqi as double) as value,
    rules.threshold as expected
  from air_days
  inner join rules on rules.kind = 'air'
  cross join {{ ref("int_moment") }} as moment
  where air_days.day < moment.today
),

-- rain and water of a day are told as soon as they are reached; that they are not is known when the day is over
rain_days as (
  select station_code, cast(hour as date) as day, {{ settled("sum(value)") }} as reached
  from {{ ref("int_observation_hour") }}
  where property = 'rainfall'
  group by station_code, cast(hour as date)
),

water_days as (
  select station_code, cast(hour as date) as day, max(alarm_level) as reached
  from {{ ref("int_water_hour") }}
  where alarm_level is not null
  group by station_code, cast(hour as date)
),

weather_days as (
  select days.kind, stations.commune_code as unit_code, days.day, max(days.reached) as reached
  from (
    select 'rain' as kind, station_code, day, cast(reached as double) as reached from rain_days
    union all
    select 'water', station_code, day, cast(reached as double) from water_days
  ) as days
  inner join {{ ref("int_station") }} as stations on days.station_code = stations.station_code
  group by days.kind, stations.commune_code, days.day
),

weather as (
  select
    rules.rule_code,
    rules.indicator_code,
    '' as item,
    weather_days.unit_code,
    weather_days.day as period_start,
    least(cast(weather_days.day + interval '1' day as date), moment.today) as known_on,
    weather_days.reached >= rules.threshold as breach,
    weather_days.reached as value,
    rules.threshold as expected
  from weather_days
  inner join rules on weather_days.kind = rules.kind
  cross join {{ ref("int_moment") }} as moment
  where weather_days.day < moment.today or weather_days.reached >= rules.threshold
),

-- warnings are made anew in every month: one that does not come again is over
origins as (select dataset, origin from {{ ref("int_told_month") }}),

warned as (
  select
    *,
    row_number() over (
      partition by origin, unit_code, disease_code, kind order by period_start desc
    ) as newest
  from {{ ref("stg_models__warnings") }}
),

newest_warnings as (
  select warned.origin, warned.unit_code, warned.disease_code, 'disease_' || warned.kind as rule_code, 'models.warnings' as dataset
  from warned
  inner join {{ ref("dim_unit") }} as units on warned.unit_code = units.unit_code
  -- a commune that is only watched is for the health sector
  where warned.newest = 1 and not (units.level = 'commune' and warned.severity = 'watch')
  union
  select
    origin,
    unit_code,
    item,
    {{ cluster_rule("measure") }},
    'models.clusters'
  from {{ ref("stg_models__clusters") }}
  where severity <> 'watch' and item <> 'other'
),

warned_pairs as (select distinct dataset, unit_code, disease_code, rule_code from newest_warnings),

disease as (
  select
    warned_pairs.rule_code,
    case warned_pairs.rule_code
      when 'petition_cluster' then 'petitions_received'
      when 'incident_cluster' then 'incidents'
      else 'disease_incidence'
    end as indicator_code,
    warned_pairs.disease_code as item,
    warned_pairs.unit_code,
    origins.origin as period_start,
    origins.origin as known_on,
    newest_warnings.unit_code is not null as breach,
    cast(null as double) as value,
    cast(null as double) as expected
  from origins
  inner join warned_pairs on origins.dataset = warned_pairs.dataset
  left join newest_warnings
    on origins.origin = newest_warnings.origin
      and warned_pairs.unit_code = newest_warnings.unit_code
      and warned_pairs.disease_code = newest_warnings.disease_code
      and warned_pairs.rule_code = newest_warnings.rule_code
)

{% for part in ["off_target", "sudden_change", "overdue", "missing_data", "air", "weather", "disease"] -%}
  select rule_code, indicator_code, item, unit_code, period_start, known_on, breach, value, expected from {{ part }}
  {{ "union all" if not loop.last }}
{% endfor %}

-- Every published figure in one long table: unit × period × indicator, with what it is measured against.
with own_units as (
  select units.unit_code, units.name, units.level, units.kind, peers.peer_group
  from {{ ref("dim_unit") }} as units
  left join {{ ref("int_peer_group") }} as peers on units.unit_code = peers.unit_code
  where units.province_code = '{{ env_var("KHO_PROVINCE", "68") }}'
),

moment as (
  select cast(coalesce(max({{ local_time("as_of") }}), cast(current_timestamp as timestamp)) as date) as today
  from {{ ledger_index() }}
),

items as (
  select 'disease_cases' as indicator_code, disease_code as item, name_vi from {{ ref("dim_disease") }}
  union all
  select 'disease_incidence', disease_code, name_vi from {{ ref("dim_disease") }}
  union all
  select indicator_code, item, name_vi from {{ ref("indicator_items") }}
  union all
  select 'official_statistics', indicator_code, min(indicator_name) from {{ ref("stg_statistics__socioeconomic") }} group by indicator_code
),

communes as (select count(*) as communes from own_units where level = 'commune'),

figures as (
  select
    told.*,
    registry.theme,
    registry.name_vi || coalesce(' – ' || items.name_vi, case when told.item <> '' then ' – ' || told.item end, '') as indicator_name,
    registry.unit,
    registry.grain,
    registry.method,
    registry.direction,
    own_units.name as unit_name,
    own_units.kind,
    own_units.peer_group,
    coalesce(paths.target, own_target.target, any_target.target) as target,
    coalesce(paths.attention, own_target.attention, any_target.attention) as attention
  from {{ ref("int_indicator_told") }} as told
  inner join {{ ref("dim_indicator") }} as registry
    on told.indicator_code = registry.indicator_code and told.effective_from = registry.effective_from
  inner join own_units on told.unit_code = own_units.unit_code
  left join items on told.indicator_code = items.indicator_code and told.item = items.item
  left join {{ ref("dim_target") }} as paths
    on told.indicator_code = paths.indicator_code
      and paths.month_of_year = extract(month from told.month)
      and told.month >= paths.effective_from
      and (paths.effective_to is null or told.month < paths.effective_to)
  left join {{ ref("dim_target") }} as own_target
    on told.indicator_code = own_target.indicator_code
      and own_units.kind = own_target.unit_kind
      and told.month >= own_target.effective_from
      and (own_target.effective_to is null or told.month < own_target.effective_to)
  left join {{ ref("dim_target") }} as any_target
    on told.indicator_code = any_target.indicator_code
      and any_target.unit_kind is null
      and any_target.month_of_year is null
      and told.month >= any_target.effective_from
      and (any_target.effective_to is null or told.month < any_target.effective_to)
),

ranked as (
  select
    figures.*,
    case
      when value is not null and level = 'commune' and direction <> 'none'
        then rank() over (
          partition by indicator_code, item, month, level, peer_group
          order by case when direction = 'lower' then value else -value end nulls last
        )
    end as rank,
    count(value) over (partition by indicator_code, item, month, level, peer_group) as peers
  from figures
),

-- by windows: joins of the table with itself cost ten times as much
compared as (
  select
    ranked.*,
    -- what is summed up since the year's beginning begins anew in January: December's is no figure to compare it with
    case when grain <> 'year_to_date' or month > date_trunc('year', month) then max(value) over a_month_before end as previous_value,
    max(rank) over a_month_before as previous_rank,
    max(value) over a_year_before as year_before_value,
    max(case when level = 'province' then value end) over same_month as province_value,
    max(case when level = 'province' then numerator end) over same_month as province_numerator,
    max(case when level = 'province' then denominator end) over same_month as province_denominator
  from ranked
  window
    same_month as (partition by indicator_code, item, month),
    a_month_before as (
      partition by indicator_code, item, unit_code order by month
      range between interval '1' month preceding and interval '1' month preceding
    ),
    a_year_before as (
      partition by indicator_code, item, unit_code order by month
      range between interval '12' month preceding and interval '12' month preceding
    )
)

select
  compared.indicator_code || case when compared.item <> '' then ':' || compared.item else '' end as indicator_code,
  compared.indicator_code as base_code,
  compared.item,
  compared.theme,
  compared.indicator_name,
  compared.unit,
  compared.unit_code,
  compared.unit_name,
  compared.level,
  compared.peer_group,
  compared.month as period_start,
  compared.grain,
  cast(compared.month + interval '1' month as date) <= moment.today as complete,
  compared.value,
  compared.numerator,
  compared.denominator,
  compared.target,
  compared.direction,
  -- of a rounded figure only what holds for all that it may stand for
  case
    when compared.target is null and compared.value is not null then null
    when {{ target_status("value_least") }} = {{ target_status("value_most") }} then {{ target_status("value") }}
    else 'chưa đủ dữ liệu'
  end as status,
  compared.previous_value,
  compared.value - compared.previous_value as change,
  compared.year_before_value,
  compared.value - compared.year_before_value as change_year,
  cast(compared.rank as integer) as rank,
  cast(case when compared.rank is not null then compared.peers end as integer) as peers,
  cast(compared.previous_rank - compared.rank as integer) as delta_rank,
  case
    when compared.level <> 'commune' or compared.value is null or compared.sensitive then null
    when compared.method = 'count' then 100.0 * compared.numerator / nullif(compared.province_numerator, 0)
    when compared.method in ('ratio', 'score')
      then (compared.value - compared.province_value) * compared.denominator / nullif(compared.province_denominator, 0)
  end as contribution,
  cast(compared.units_reporting as integer) as units_reporting,
  cast(case when compared.level = 'province' and compared.units_reporting is not null then communes.communes end as integer) as units_expected,
  compared.withheld_reason
from compared
cross join moment
cross join communes

-- The figures that rules look at, as leaders may know them: an alert must not tell more than the figures that are published.
-- Of a sensitive count that is hidden because it is under 5, two is taken as the middle of what it can be.
with watched as (
  select distinct indicator_code from {{ ref("alert_rules") }} where kind in ('off_target', 'sudden_change', 'overdue_directive')
),

hidden as (
  select exact.indicator_code, exact.item, exact.unit_code, exact.month, 2 * registry.factor as value
  from {{ ref("int_indicator") }} as exact
  inner join watched on exact.indicator_code = watched.indicator_code
  inner join {{ ref("dim_indicator") }} as registry
    on exact.indicator_code = registry.indicator_code and exact.effective_from = registry.effective_from
  where registry.sensitive and registry.method = 'count' and exact.level = 'commune' and exact.numerator < 5
)

select
  figures.base_code as indicator_code,
  figures.item,
  figures.unit_code,
  figures.level,
  figures.peer_group,
  figures.period_start as month,
  figures.complete,
  coalesce(figures.value, hidden.value) as value,
  figures.value as told_value,
  figures.target,
  figures.status,
  figures.rank,
  figures.peers,
  registry.method
from {{ ref("mart_indicator") }} as figures
inner join watched on figures.base_code = watched.indicator_code
inner join {{ ref("dim_indicator") }} as registry
  on figures.base_code = registry.indicator_code
    and figures.period_start >= registry.effective_from
    and (registry.effective_to is null or figures.period_start < registry.effective_to)
left join hidden
  on figures.base_code = hidden.indicator_code
    and figures.item = hidden.item
    and figures.unit_code = hidden.unit_code
    and figures.period_start = hidden.month

-- What a commune can reach in each indicator: its newest complete figure as leaders may know it, what the better ones of its
-- peers have reached, and the weight of the commune in the province. A sensitive figure hidden because it is under 5 counts as 5.
-- What adds up over a year towards a plan is asked for as of the next month, when all have come a step further. Where the running
-- month has already seen more of what should be less than the whole month before, as in an outbreak, the unit stands there.
with newest as (
  select base_code, item, max(period_start) as month
  from {{ ref("mart_indicator") }}
  where complete and level = 'commune' and value is not null
  group by base_code, item
),

complete_figures as (
  select
    figures.base_code as indicator_code,
    figures.item,
    figures.unit_code,
    figures.peer_group,
    figures.period_start as month,
    coalesce(
      figures.value,
      case
        when registry.sensitive and exact.numerator < 5 and registry.method = 'count' then 5 * registry.factor
        when registry.sensitive and exact.numerator < 5 and registry.denominator = 'residents'
          then 5 * registry.factor / nullif(exact.denominator, 0)
      end
    ) as baseline,
    figures.value is null as hidden,
    figures.target + coalesce(next_month.target - figures.target, 0) as registry_target,
    coalesce(next_month.target - figures.target, 0) as step,
    figures.direction,
    registry.decimals,
    registry.sensitive,
    case
      when registry.sensitive and registry.denominator <> 'residents' then 1  -- a denominator of persons is not told either
      when registry.method in ('ratio', 'growth') then coalesce(exact.denominator, 0)
      else 1
    end as weight
  from {{ ref("mart_indicator") }} as figures
  inner join newest
    on figures.base_code = newest.base_code and figures.item = newest.item and figures.period_start = newest.month
  inner join {{ ref("int_indicator") }} as exact
    on figures.base_code = exact.indicator_code
      and figures.item = exact.item
      and figures.unit_code = exact.unit_code
      and figures.period_start = exact.month
  inner join {{ ref("dim_indicator") }} as registry
    on exact.indicator_code = registry.indicator_code and exact.effective_from = registry.effective_from
  left join {{ ref("dim_target") }} as next_month
    on figures.base_code = next_month.indicator_code
      and next_month.month_of_year = extract(month from figures.period_start) + 1
      and figures.period_start >= next_month.effective_from
      and (next_month.effective_to is null or figures.period_start < next_month.effective_to)
  where figures.level = 'commune' and figures.direction <> 'none'
),

running as (
  select
    figures.base_code as indicator_code,
    figures.item,
    figures.unit_code,
    figures.period_start as month,
    figures.value
  from {{ ref("mart_indicator") }} as figures
  inner join newest
    on figures.base_code = newest.base_code and figures.item = newest.item and figures.period_start > newest.month
  inner join {{ ref("dim_indicator") }} as registry
    on figures.base_code = registry.indicator_code
      and figures.period_start >= registry.effective_from
      and (registry.effective_to is null or figures.period_start < registry.effective_to)
  where not figures.complete
    and figures.level = 'commune'
    and figures.direction = 'lower'
    and (registry.method = 'count' or registry.denominator = 'residents')
),

figures as (
  select
    complete_figures.indicator_code,
    complete_figures.item,
    complete_figures.unit_code,
    complete_figures.peer_group,
    coalesce(running.month, complete_figures.month) as month,
    coalesce(running.value, complete_figures.baseline) as baseline,
    running.value is null and complete_figures.hidden as hidden,
    complete_figures.registry_target,
    complete_figures.step,
    complete_figures.direction,
    complete_figures.decimals,
    complete_figures.sensitive,
    complete_figures.weight,
    complete_figures.baseline as whole_month
  from complete_figures
  left join running
    on complete_figures.indicator_code = running.indicator_code
      and complete_figures.item = running.item
      and complete_figures.unit_code = running.unit_code
      and running.value > coalesce(complete_figures.baseline, 0)
),

peers as (
  select
    figures.indicator_code,
    figures.item,
    figures.peer_group,
    {{ quantile("figures.whole_month", "0.75") }} as upper_quarter,
    {{ quantile("figures.whole_month", "0.25") }} as lower_quarter,
    count(figures.whole_month) as peers
  from figures
  group by figures.indicator_code, figures.item, figures.peer_group
),

aims as (
  select
    figures.*,
    peers.peers,
    figures.step + case when figures.direction = 'lower' then peers.lower_quarter else peers.upper_quarter end as better_peers
  from figures
  left join peers
    on figures.indicator_code = peers.indicator_code
      and figures.item = peers.item
      and figures.peer_group = peers.peer_group
),

-- the nearer of the two, of those that are better than where the commune stands
chosen as (
  select
    *,
    case
      when direction = 'lower' and better_peers < baseline and registry_target < baseline
        then greatest(better_peers, registry_target)
      when direction = 'lower' and better_peers < baseline then better_peers
      when direction = 'lower' and registry_target < baseline then registry_target
      when direction = 'lower' then null
      when better_peers > baseline and registry_target > baseline then least(better_peers, registry_target)
      when better_peers > baseline then better_peers
      when registry_target > baseline then registry_target
    end as nearest
  from aims
),

targets as (
  select
    *,
    case when round(nearest, decimals) <> round(baseline, decimals) then round(nearest, decimals) end as target
  from chosen
),

gaps as (
  select
    *,
    case when target is not null then abs(target - baseline) * weight else 0 end as gap
  from targets
)

select
  indicator_code,
  item,
  unit_code,
  peer_group,
  month,
  baseline,
  hidden,
  sensitive,
  direction,
  registry_target,
  better_peers,
  cast(peers as integer) as peers,
  target,
  100.0 * gap / nullif(sum(gap) over (partition by indicator_code, item), 0) as gap_closed_pct
from gaps

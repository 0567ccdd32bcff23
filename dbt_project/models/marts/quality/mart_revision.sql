-- Figures of the last 12 months that were published otherwise when their month was complete: both values, and since when. The first
-- value is what stood at the first publication after the month's end, or what was told first after it; a figure that was only
-- withheld until then is not revised by being told.
with moment as (select local_time, cast(date_trunc('month', today) as date) as this_month from {{ ref("int_moment") }}),

vintages as (
  select
    indicator_code,
    unit_code,
    period_start,
    value,
    withheld_reason,
    snapshot_id,
    {{ local_time("published_at") }} as published_at,
    _load_id
  from {{ ref("stg_publish__vintages__versions") }}
),

-- the figure of this build is the newest version; it has no name yet
told as (
  select * from vintages
  union all
  select
    figures.indicator_code,
    figures.unit_code,
    figures.period_start,
    figures.value,
    figures.withheld_reason,
    cast(null as varchar),
    moment.local_time,
    cast(null as varchar)
  from {{ ref("mart_indicator") }} as figures
  cross join moment
),

recent as (
  select told.*
  from told
  cross join moment
  where told.period_start >= moment.this_month - interval '12' month and told.period_start < moment.this_month
),

-- the first publication of anything after a month's end
closings as (
  select periods.period_start, min(vintages.published_at) as closed_at
  from (select distinct period_start from recent) as periods
  inner join vintages on vintages.published_at >= periods.period_start + interval '1' month
  group by periods.period_start
),

versions as (
  select
    recent.*,
    lead(recent.published_at) over figure as next_published_at,
    row_number() over figure as number,
    row_number() over (
      partition by recent.indicator_code, recent.unit_code, recent.period_start
      order by recent.published_at desc, recent._load_id desc nulls first
    ) as newest,
    lag(recent.value) over figure is distinct from recent.value
    or lag(recent.withheld_reason) over figure is distinct from recent.withheld_reason as differs
  from recent
  window figure as (
    partition by recent.indicator_code, recent.unit_code, recent.period_start
    order by recent.published_at asc, recent._load_id asc nulls last
  )
),

-- told at the closing or after it, and with a number
complete as (
  select
    versions.*,
    row_number() over (
      partition by versions.indicator_code, versions.unit_code, versions.period_start order by versions.number
    ) as place
  from versions
  inner join closings on versions.period_start = closings.period_start
  where versions.value is not null
    and (versions.next_published_at is null or versions.next_published_at > closings.closed_at)
),

firsts as (select * from complete where place = 1),

changes as (
  select
    versions.indicator_code,
    versions.unit_code,
    versions.period_start,
    count(*) as revisions,
    max(versions.published_at) as revised_at
  from versions
  inner join firsts
    on versions.indicator_code = firsts.indicator_code
      and versions.unit_code = firsts.unit_code
      and versions.period_start = firsts.period_start
  where versions.number > firsts.number and versions.differs
  group by versions.indicator_code, versions.unit_code, versions.period_start
)

select
  firsts.indicator_code,
  figures.indicator_name,
  firsts.unit_code,
  figures.unit_name,
  firsts.period_start,
  figures.unit,
  firsts.value as first_value,
  firsts.snapshot_id as first_snapshot_id,
  firsts.published_at as first_published_at,
  currents.value as current_value,
  currents.withheld_reason as current_withheld_reason,
  currents.value - firsts.value as change,
  changes.revisions,
  changes.revised_at
from firsts
inner join versions as currents
  on firsts.indicator_code = currents.indicator_code
    and firsts.unit_code = currents.unit_code
    and firsts.period_start = currents.period_start
    and currents.newest = 1
inner join changes
  on firsts.indicator_code = changes.indicator_code
    and firsts.unit_code = changes.unit_code
    and firsts.period_start = changes.period_start
inner join {{ ref("mart_indicator") }} as figures
  on firsts.indicator_code = figures.indicator_code
    and firsts.unit_code = figures.unit_code
    and firsts.period_start = figures.period_start
where firsts.value is distinct from currents.value

-- Petitions by commune and month. A month is judged at its end, the running one at the last midnight; who withdrew asks for no
-- answer any more.
with months as (
  {{ judged_months("inspection.petitions") }}
),

petitions as (
  select
    commune_code as unit_code,
    petition_kind,
    received_on,
    due_on,
    resolved_on,
    withdrawn_on,
    repeated,
    cast(date_trunc('month', received_on) as date) as month_received,
    cast(date_trunc('month', due_on) as date) as month_due
  from {{ ref("int_petition") }}
),

received as (
  select
    unit_code,
    month_received as month,
    count(*) as petitions,
    count(*) filter (where repeated) as petitions_repeat
  from petitions
  group by unit_code, month_received
),

received_by_kind as (
  select unit_code, month_received as month, petition_kind, count(*) as petitions_received
  from petitions
  group by unit_code, month_received, petition_kind
),

due as (
  select
    petitions.unit_code,
    months.month,
    count(*) as petitions_due,
    count(*) filter (where petitions.resolved_on <= petitions.due_on) as petitions_resolved_on_time
  from petitions
  inner join months on petitions.month_due = months.month and petitions.due_on < months.until_day
  where petitions.withdrawn_on is null
  group by petitions.unit_code, months.month
),

overdue as (
  select petitions.unit_code, months.month, count(*) as petitions_overdue
  from petitions
  inner join months
    on petitions.due_on < months.until_day
      and (petitions.resolved_on is null or petitions.resolved_on >= months.until_day)
  where petitions.withdrawn_on is null
  group by petitions.unit_code, months.month
),

counted as (
  {{ long_measures("received", ["petitions", "petitions_repeat"]) }}
  union all
  {{ long_measures("received_by_kind", ["petitions_received"], "petition_kind") }}
  union all
  {{ long_measures("due", ["petitions_due", "petitions_resolved_on_time"]) }}
  union all
  {{ long_measures("overdue", ["petitions_overdue"]) }}
),

kinds as (
  select distinct 'petitions_received' as measure, petition_kind as item from petitions
  union all
  select measure, '' from (
    values ('petitions'), ('petitions_repeat'), ('petitions_due'), ('petitions_resolved_on_time'), ('petitions_overdue')
  ) as names (measure)
),

cumulated as (
  select
    unit_code,
    month,
    within_competence as complaints_within_competence,
    resolved as complaints_resolved
  from {{ ref("int_complaint_month") }}
  where not whole_year
),

closed_years as (
  select
    unit_code,
    month,
    within_competence as complaints_within_competence_year,
    resolved as complaints_resolved_year
  from {{ ref("int_complaint_month") }}
  where whole_year
)

{{ with_zeros("inspection.petitions", "counted", "kinds", "yesterday") }}
union all
{{ long_measures("cumulated", ["complaints_within_competence", "complaints_resolved"]) }}
union all
{{ long_measures("closed_years", ["complaints_within_competence_year", "complaints_resolved_year"]) }}

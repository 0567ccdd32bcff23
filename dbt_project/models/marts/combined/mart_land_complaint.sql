-- Complaints about land where dealings in land surge, by quarter. Petitions are told to the nearest five, and quarters do not
-- overlap: the difference of two figures tells of no single letter.
with rules as (
  {{ rule_values("land_complaint", ["complaints_many", "surge_factor", "surge_least", "labelled_least"]) }}
),

dealings as (
  select
    unit_code,
    cast(date_trunc('quarter', period_start) as date) as period_start,
    case when count(value) = 3 then sum(value) end as dealings
  from {{ ref("int_commune_figure") }}
  where indicator_code = 'land_transactions'
  group by unit_code, cast(date_trunc('quarter', period_start) as date)
),

compared as (
  select
    *,
    avg(dealings) over (
      partition by unit_code order by period_start
      range between interval '12' month preceding and interval '3' month preceding
    ) as usual,
    count(dealings) over (
      partition by unit_code order by period_start
      range between interval '12' month preceding and interval '3' month preceding
    ) as quarters_before
  from dealings
),

flagged as (
  select
    topics.unit_code,
    topics.period_start,
    compared.dealings,
    case when compared.quarters_before >= 2 then compared.usual end as usual,
    -- no petition at all: nothing is left to be labelled
    topics.petitions = 0 or 100.0 * topics.labelled / topics.petitions >= rules.labelled_least as labels_enough,
    {{ round_small("topics.about_land") }} as complaints,
    coalesce({{ round_small("topics.about_land") }} >= rules.complaints_many, false) as many,
    case
      when compared.quarters_before >= 2
        then compared.dealings >= rules.surge_least and compared.dealings >= rules.surge_factor * compared.usual
    end as surge
  from {{ ref("int_petition_topic") }} as topics
  cross join rules
  left join compared on topics.unit_code = compared.unit_code and topics.period_start = compared.period_start
),

judged as (
  select
    *,
    case
      when not labels_enough or surge is null then 'unknown'
      when many and surge then 'both'
      when many then 'complaints'
      when surge then 'surge'
      else 'calm'
    end as class_code
  from flagged
)

select
  judged.unit_code,
  units.name as unit_name,
  groups.peer_group,
  judged.period_start,
  coalesce(judged.period_start = {{ newest_judged("judged") }}, false) as latest,
  case when judged.labels_enough then cast(judged.complaints as double) end as land_complaints,
  judged.labels_enough,
  judged.dealings as land_transactions,
  judged.usual as land_transactions_usual,
  judged.class_code,
  classes.class_vi,
  cast(classes.class_order as integer) as class_order,
  case
    when judged.class_code <> 'unknown'
      then coalesce('Khoảng ' || {{ vietnamese_number("judged.complaints", 0) }}, 'Dưới 5') || ' đơn về đất trong quý; '
        || {{ vietnamese_number("judged.dealings", 0) }} || ' giao dịch đất, bình quân các quý trước '
        || {{ vietnamese_number("judged.usual", 0) }}
  end as evidence_vi,
  units.name || ': ' || classes.decision_vi as decision_vi,
  nullif(
    case when judged.labels_enough then '' else 'Chủ đề đơn: chưa gán đủ số đơn của quý. ' end
    || case when judged.surge is null then 'Giao dịch đất: chưa đủ số liệu của quý hoặc của hai quý trước. ' else '' end,
    ''
  ) as missing_vi
from judged
inner join {{ ref("dim_unit") }} as units on judged.unit_code = units.unit_code
left join {{ ref("int_peer_group") }} as groups on judged.unit_code = groups.unit_code
inner join {{ ref("combined_classes") }} as classes
  on classes.question = 'land_complaint' and judged.class_code = classes.class_code

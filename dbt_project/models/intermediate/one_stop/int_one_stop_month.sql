-- What the dossiers tell by commune and month, with zeros where nothing happened. What is filed, paid, digitised and
-- reused belongs to the month of receipt, results and how they were liked to the month of issue, judgements to every
-- month in which the dossier was handled. What a source does not tell counts neither above nor below the line: a
-- measure that ends in _told says of how many it is known.
with grid as (
  select communes.unit_code, months.month
  from ({{ our_communes() }}) as communes
  cross join ({{ measured_months("one_stop.dossiers") }}) as months
),

received as (
  select
    commune_code,
    cast(date_trunc('month', received_at) as date) as month,
    count(*) as dossiers_received,
    count(*) filter (where channel = 'online') as dossiers_online,
    count(*) filter (where synchronised) as dossiers_synchronised,
    count(synchronised) as dossiers_synchronised_told,
    count(*) filter (where fee_thousand_vnd > 0 and paid_online is not null) as dossiers_with_fee,
    count(*) filter (where fee_thousand_vnd > 0 and paid_online) as dossiers_paid_online,
    count(*) filter (where digitised) as dossiers_digitised,
    count(digitised) as dossiers_digitised_told,
    -- of those digitised
    count(*) filter (where digitised and data_reused) as dossiers_data_reused,
    count(*) filter (where digitised and data_reused is not null) as dossiers_data_reused_told,
    count(population_data_used) as dossiers_population_applicable,
    count(*) filter (where population_data_used) as dossiers_population_used,
    count(*) filter (where supplement_requests > 1) as supplement_repeated
  from {{ ref("int_dossier") }}
  group by commune_code, date_trunc('month', received_at)
),

issued as (
  select
    commune_code,
    cast(date_trunc('month', issued_at) as date) as month,
    count(*) as results_issued,
    count(*) filter (where result_electronic) as results_electronic,
    count(result_electronic) as results_electronic_told,
    -- of the electronic ones
    count(*) filter (where result_electronic and result_shared) as results_shared,
    count(*) filter (where result_electronic and result_shared is not null) as results_shared_told,
    sum(certified_copies) filter (where e_certified_copies is not null) as copies_certified,
    sum(e_certified_copies) filter (where certified_copies is not null) as copies_e_certified,
    count(rating) as dossiers_rated,
    count(*) filter (where rating = 'satisfied') as dossiers_satisfied,
    count(*) filter (where rating = 'dissatisfied' or complained) as dossiers_disliked
  from {{ ref("int_dossier") }}
  where issued_at is not null
  group by commune_code, date_trunc('month', issued_at)
),

judged as (
  select
    commune_code,
    month,
    count(*) as dossiers_judged,
    count(*) filter (where on_time) as dossiers_on_time
  from {{ ref("int_dossier_month") }}
  group by commune_code, month
)

select
  grid.unit_code,
  grid.month,
  {%- for measure in ["received", "online", "synchronised", "synchronised_told", "with_fee", "paid_online", "digitised",
    "digitised_told", "data_reused", "data_reused_told", "population_applicable", "population_used"] %}
  coalesce(received.dossiers_{{ measure }}, 0) as dossiers_{{ measure }},
  {%- endfor %}
  coalesce(received.supplement_repeated, 0) as supplement_repeated,
  {%- for measure in ["results_issued", "results_electronic", "results_electronic_told", "results_shared",
    "results_shared_told", "copies_certified", "copies_e_certified", "dossiers_rated", "dossiers_satisfied",
    "dossiers_disliked"] %}
  coalesce(issued.{{ measure }}, 0) as {{ measure }},
  {%- endfor %}
  coalesce(judged.dossiers_judged, 0) as dossiers_judged,
  coalesce(judged.dossiers_on_time, 0) as dossiers_on_time,
  -- judged − late − disliked: 100 % − (late % + disliked %) of those judged (QĐ 766)
  greatest(coalesce(judged.dossiers_on_time, 0) - coalesce(issued.dossiers_disliked, 0), 0) as dossiers_satisfied_net
from grid
left join received on grid.unit_code = received.commune_code and grid.month = received.month
left join issued on grid.unit_code = issued.commune_code and grid.month = issued.month
left join judged on grid.unit_code = judged.commune_code and grid.month = judged.month

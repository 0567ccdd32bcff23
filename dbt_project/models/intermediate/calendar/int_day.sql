-- Every day of the years whose public holidays are known.
{{ config(materialized="view") }}
select day
from (
  {{ date_series(
    "(select cast(date_trunc('year', min(day)) as date) from " ~ public_holidays() ~ ")",
    "(select cast(date_trunc('year', max(day)) + interval '1' year - interval '1' day as date) from " ~ public_holidays() ~ ")",
    "day"
  ) }}
) as days

-- From which month on a dataset is known whole: the first that was read from its first day.
select
  dataset,
  min(day) as first_day,
  cast(
    case
      when extract(day from min(day)) = 1 then min(day)
      else date_trunc('month', min(day)) + interval '1' month
    end as date
  ) as first_month
from {{ ledger_index() }}
where standing and kind = 'rows'
group by dataset

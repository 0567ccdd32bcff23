-- Mid-year population of communes by year.
select unit_code, year, population
from {{ ref("stg_health__populations") }}

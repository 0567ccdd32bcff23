-- Months of which the early warning was told, also those in which nothing was to be warned about: of them there are loads but
-- no rows. It waits for what the models write: {{ ref("stg_models__warnings") }}
select distinct day as origin
from {{ ledger_index() }}
where current and dataset = 'models.warnings'

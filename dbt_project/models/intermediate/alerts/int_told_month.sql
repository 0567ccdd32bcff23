-- Months of which warnings and clusters were told, also those in which there was nothing to tell: of them there are loads but no
-- rows. It waits for what the models write: {{ ref("stg_models__warnings") }} {{ ref("stg_models__clusters") }}
select distinct dataset, day as origin
from {{ ledger_index() }}
where current and dataset in ('models.warnings', 'models.clusters')

-- Refused rows of every load, never their contents: alike ones of a load counted together. Objects are written once, so those
-- of new loads are appended; which loads count is asked later.
{{ config(materialized="incremental", incremental_strategy="append", on_schema_change="sync_all_columns") }}
with refused as (
  select
    url,
    coalesce(record_id, '') as record_id,
    unit_code,
    {{ join_texts("reasons") }} as reasons
  from {{ read_refused(unread_refused_urls()) }}
)

select
  loads.dataset,
  loads.load_id,
  refused.record_id,
  refused.unit_code,
  refused.reasons,
  count(*) as refused
from refused
inner join {{ ledger_index() }} as loads on refused.url = loads.quarantine_url
group by loads.dataset, loads.load_id, refused.record_id, refused.unit_code, refused.reasons

{# What quality is judged by: accepted and refused rows of all datasets, never their contents. #}

{# The refused rows of loads, by the address of their objects, each with `url`, the address. #}
{% macro read_refused(urls) -%}
  read_parquet(
    ['{{ env_var("KHO_EMPTY") }}/quarantine.parquet'
    {%- for url in urls %}, '{{ url }}'{% endfor %}],
    union_by_name = true,
    hive_partitioning = false,
    filename = 'url'
  )
{%- endmacro %}

{# Objects of refused rows that are not in this table yet. #}
{% macro unread_refused_urls() -%}
  {%- if execute -%}
    {%- set known = " and (dataset, load_id) not in (select (dataset, load_id) from " ~ this ~ ")" if is_incremental() else "" -%}
    {%- set found = run_query(
      "select quarantine_url from " ~ ledger_index() ~ " where quarantine_url is not null" ~ known ~ " order by dataset, load_id"
    ) -%}
    {{ return(found.columns[0].values() | list) }}
  {%- endif -%}
  {{ return([]) }}
{%- endmacro %}

{# Objects of a dataset whose accepted rows are not counted in this table yet. They are written once, so a count stays. #}
{% macro uncounted_urls(dataset) -%}
  {%- set known = " and load_id not in (select load_id from " ~ this ~ " where dataset = '" ~ dataset ~ "')" if is_incremental() else "" -%}
  {{ return(load_urls("dataset = '" ~ dataset ~ "'" ~ known)) }}
{%- endmacro %}

{# Kinds of faults by reason code: rank, code (a LIKE pattern; the first that fits tells), kind, kind_vi, dimension, repair_days. #}
{% macro error_kinds() -%}
  read_parquet('{{ env_var("KHO_EMPTY") }}/error_kinds.parquet')
{%- endmacro %}

{# Refused rows, never their contents: which loads they came in, and the kinds of faults. #}

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

{# Kinds of faults by reason code: rank, code (a LIKE pattern; the first that fits tells), kind, kind_vi, dimension, repair_days. #}
{% macro error_kinds() -%}
  read_parquet('{{ env_var("KHO_EMPTY") }}/error_kinds.parquet')
{%- endmacro %}

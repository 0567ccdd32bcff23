{# How loads combine into rows; docs/lake-format.md says the same in words. The ledger index names the loads. #}

{% macro ledger_index() -%}
  read_parquet('{{ env_var("KHO_LEDGER_INDEX") }}')
{%- endmacro %}

{# The loads' files after the dataset's table without rows, which gives names and types even when there is no load. The path is
   no source of columns: one named `day` is the row's own. #}
{% macro read_loads(dataset, urls) -%}
  read_parquet(
    ['{{ env_var("KHO_EMPTY") }}/{{ dataset | replace(".", "__") }}.parquet'
    {%- for url in urls %}, '{{ url }}'{% endfor %}],
    union_by_name = true,
    hive_partitioning = false
  )
{%- endmacro %}

{% macro load_urls(condition) -%}
  {%- if execute -%}
    {%- set found = run_query("select url from " ~ ledger_index() ~ " where url is not null and " ~ condition ~ " order by load_id") -%}
    {{ return(found.columns[0].values() | list) }}
  {%- endif -%}
  {{ return([]) }}
{%- endmacro %}

{# full and period: the greatest standing load of a partition replaces all before it. #}
{% macro current_loads(dataset) -%}
  select * from {{ read_loads(dataset, load_urls("current and dataset = '" ~ dataset ~ "'")) }}
{%- endmacro %}

{% macro create_loads_read() -%}
  create table if not exists loads_read (dataset varchar, load_id varchar)
{%- endmacro %}

{# Streams: a load that was read and does not stand any more (rejected later, or not yet known as of then), or a contract with
   other columns, makes the versions be read again from the start; both are rare. #}
{% macro withdrawn(dataset) -%}
  {%- if execute and is_incremental() -%}
    {%- set found = run_query(
      "select count(*) from loads_read where dataset = '" ~ dataset ~ "' and load_id not in (select load_id from "
      ~ ledger_index() ~ " where standing and dataset = '" ~ dataset ~ "') union all select count(*) from " ~ this
      ~ " where _load_id not in (select load_id from " ~ ledger_index() ~ " where standing)"
    ) -%}
    {{ return(found.columns[0].values() | sum > 0) }}
  {%- endif -%}
  {{ return(false) }}
{%- endmacro %}

{% macro other_columns(columns) -%}
  {%- if execute and is_incremental() -%}
    {%- set kept = adapter.get_columns_in_relation(this) | map(attribute="name") | list -%}
    {{ return(kept | sort != (["_load_id"] + columns) | sort) }}
  {%- endif -%}
  {{ return(false) }}
{%- endmacro %}

{# The versions that new loads bring; a row read again unchanged is no new version. Rows whose identity comes once, which
   are nearly all, are passed on as they are: only the others are put in order and compared. #}
{% macro append_versions(dataset, key, updated_at, columns) -%}
  {%- set identity = key + [updated_at] -%}
  {%- set again = withdrawn(dataset) or other_columns(columns) -%}
  {%- set fresh = is_incremental() and not again -%}
  {%- set unread = " and load_id not in (select load_id from loads_read where dataset = '" ~ dataset ~ "')" if fresh else "" -%}
  {%- set urls = load_urls("standing and dataset = '" ~ dataset ~ "'" ~ unread) -%}
  {#- forget first: killed between the two, the rows without a standing load tell the next run to begin again -#}
  {%- if not fresh %}{% do forget_loads(dataset) %}{% endif %}
  {%- if again %}{% do empty_versions() %}{% endif -%}
  {%- set content = "row(" ~ columns | join(", ") ~ ")" -%}
  with loaded as (
    select _load_id, {{ columns | join(", ") }}
    from {{ read_loads(dataset, urls) }}
  ),
  met_again as (
    select {{ identity | join(", ") }} from loaded group by {{ identity | join(", ") }} having count(*) > 1
    {%- if fresh %}
    union
    select {{ identity | join(", ") }} from {{ this }} where {{ same_identity("loaded", this.identifier, identity) }}
    {%- endif %}
  ),
  compared as (
    select *, lag({{ content }}) over (partition by {{ identity | join(", ") }} order by _load_id) as former
    from (
      select *, true as arrived from loaded where {{ same_identity("met_again", "loaded", identity) }}
      {%- if fresh %}
      union all
      select _load_id, {{ columns | join(", ") }}, false as arrived
      from {{ this }} where {{ same_identity("met_again", this.identifier, identity) }}
      {%- endif %}
    ) as versions
  )
  select _load_id, {{ columns | join(", ") }} from loaded where not {{ same_identity("met_again", "loaded", identity) }}
  union all
  select _load_id, {{ columns | join(", ") }} from compared where arrived and former is distinct from {{ content }}
{%- endmacro %}

{% macro same_identity(among, of, identity) -%}
  exists (
    select 1 from {{ among }}
    where {% for name in identity %}{{ among }}.{{ name }} = {{ of }}.{{ name }}{{ " and " if not loop.last }}{% endfor %}
  )
{%- endmacro %}

{% macro empty_versions() -%}
  {%- if execute -%}{% do run_query("delete from " ~ this) %}{%- endif -%}
{%- endmacro %}

{% macro forget_loads(dataset) -%}
  {%- if execute -%}{% do run_query("delete from loads_read where dataset = '" ~ dataset ~ "'") %}{%- endif -%}
{%- endmacro %}

{# After the versions are in: these loads need not be read again. Same transaction as the model. #}
{% macro remember_loads(dataset) -%}
  insert into loads_read
  select dataset, load_id from {{ ledger_index() }}
  where standing and dataset = '{{ dataset }}'
    and load_id not in (select load_id from loads_read where dataset = '{{ dataset }}')
{%- endmacro %}

{# The newest version of a key is the current row, unless it says that the source has the key no more.
   before: a condition on the versions that are looked at. #}
{% macro newest_versions(dataset, key, updated_at, columns, removed=none, before=none) -%}
  select _load_id, {{ columns | join(", ") }}
  from (
    select
      *,
      row_number() over (partition by {{ key | join(", ") }} order by {{ updated_at }} desc, _load_id desc) as newest
    from {{ ref("stg_" ~ dataset | replace(".", "__") ~ "__versions") }}
    {%- if before %}
    where {{ before }}
    {%- endif %}
  ) as versions
  where newest = 1{% if removed %} and {{ removed }} is null{% endif %}
{%- endmacro %}

{# Public holidays: `day` and its Vietnamese `name`. #}
{% macro public_holidays() -%}
  read_parquet('{{ env_var("KHO_EMPTY") }}/public_holidays.parquet')
{%- endmacro %}

{# Days of the weekend that were made working days in exchange for another, as one column `day`. #}
{% macro makeup_days() -%}
  read_parquet('{{ env_var("KHO_EMPTY") }}/makeup_days.parquet')
{%- endmacro %}

{# Every contract with its title, owner and freshness limit. #}
{% macro contracts() -%}
  read_parquet('{{ env_var("KHO_EMPTY") }}/contracts.parquet')
{%- endmacro %}

{# The registered series that are forecast, by audience, and the names of their items that no register has. #}
{% macro series() -%}
  read_parquet('{{ env_var("KHO_EMPTY") }}/series.parquet')
{%- endmacro %}

{% macro series_items() -%}
  read_parquet('{{ env_var("KHO_EMPTY") }}/series_items.parquet')
{%- endmacro %}

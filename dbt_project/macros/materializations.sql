{# Tables and views in one statement: DuckDB replaces what is there within the transaction, so that neither a copy beside the
   former one nor renaming is needed. With as many small models as here most of dbt's time went there. #}

{% materialization table, adapter="duckdb", supported_languages=["sql"] %}
  {%- set target_relation = this.incorporate(type="table") -%}
  {%- set existing = load_cached_relation(this) -%}
  {{ run_hooks(pre_hooks) }}
  {% if existing is not none and not existing.is_table %}{% do adapter.drop_relation(existing) %}{% endif %}
  {% call statement("main") -%}
    {% if config.get("contract").enforced -%}
      {{ get_assert_columns_equivalent(compiled_code) }}
      create or replace table {{ target_relation }} as ({{ get_select_subquery(compiled_code) }})
    {%- else -%}
      create or replace table {{ target_relation }} as ({{ compiled_code }})
    {%- endif %}
  {%- endcall %}
  {{ run_hooks(post_hooks) }}
  {{ adapter.commit() }}
  {{ return({"relations": [target_relation]}) }}
{% endmaterialization %}

{% materialization view, adapter="duckdb" %}
  {%- set target_relation = this.incorporate(type="view") -%}
  {%- set existing = load_cached_relation(this) -%}
  {% if existing is not none and not existing.is_view %}{% do adapter.drop_relation(existing) %}{% endif %}
  {{ run_hooks(pre_hooks) }}
  {% call statement("main") -%}
    create or replace view {{ target_relation }} as ({{ sql }})
  {%- endcall %}
  {{ run_hooks(post_hooks) }}
  {{ adapter.commit() }}
  {{ return({"relations": [target_relation]}) }}
{% endmaterialization %}

{# What DuckDB and Trino write differently. #}

{# A moment in UTC as the local wall-clock time. Vietnam is seven hours ahead since 13 June 1975 and knows no summer time: adding
   them costs DuckDB an eighth of looking up the zone, for every moment of every event. #}
{% macro local_time(moment) %}{{ return(adapter.dispatch("local_time", "kho_tinh")(moment)) }}{% endmacro %}
{% macro default__local_time(moment) -%} make_timestamp(epoch_us({{ moment }}) + 7 * 3600000000) {%- endmacro %}
{% macro trino__local_time(moment) -%} cast({{ moment }} at time zone 'Asia/Ho_Chi_Minh' as timestamp) {%- endmacro %}

{# The first day of each month, or each day, from one date to another, as a one-column table `day`. #}
{% macro date_series(first, last, step) %}{{ return(adapter.dispatch("date_series", "kho_tinh")(first, last, step)) }}{% endmacro %}
{% macro default__date_series(first, last, step) -%}
  select cast(day as date) as day from generate_series({{ first }}, {{ last }}, interval '1 {{ step }}') as series (day)
{%- endmacro %}
{% macro trino__date_series(first, last, step) -%}
  select day from unnest(sequence({{ first }}, {{ last }}, interval '1' {{ step }})) as series (day)
{%- endmacro %}

{# Whole days between two moments as a fraction. #}
{% macro hours_between(start, finish) %}{{ return(adapter.dispatch("hours_between", "kho_tinh")(start, finish)) }}{% endmacro %}
{% macro default__hours_between(start, finish) -%} (epoch({{ finish }}) - epoch({{ start }})) / 3600.0 {%- endmacro %}
{% macro trino__hours_between(start, finish) -%} (to_unixtime({{ finish }}) - to_unixtime({{ start }})) / 3600.0 {%- endmacro %}

{# A moment so many hours later. #}
{% macro add_hours(moment, hours) %}{{ return(adapter.dispatch("add_hours", "kho_tinh")(moment, hours)) }}{% endmacro %}
{% macro default__add_hours(moment, hours) -%} {{ moment }} + to_microseconds(cast({{ hours }} * 3600000000 as bigint)) {%- endmacro %}
{% macro trino__add_hours(moment, hours) -%} date_add('second', cast({{ hours }} * 3600 as bigint), {{ moment }}) {%- endmacro %}

{# A column of rows from a JSON list of texts. #}
{% macro unnest_texts(json) %}{{ return(adapter.dispatch("unnest_texts", "kho_tinh")(json)) }}{% endmacro %}
{% macro default__unnest_texts(json) -%} unnest(from_json({{ json }}, '["VARCHAR"]')) {%- endmacro %}
{% macro trino__unnest_texts(json) -%} unnest(cast(json_parse({{ json }}) as array(varchar))) {%- endmacro %}

{# A column of rows from a text of parts with ; between. #}
{% macro unnest_list(text) %}{{ return(adapter.dispatch("unnest_list", "kho_tinh")(text)) }}{% endmacro %}
{% macro default__unnest_list(text) -%} unnest(string_split({{ text }}, ';')) {%- endmacro %}
{% macro trino__unnest_list(text) -%} unnest(split({{ text }}, ';')) {%- endmacro %}

{# A list of texts as one text. #}
{% macro join_texts(list) %}{{ return(adapter.dispatch("join_texts", "kho_tinh")(list)) }}{% endmacro %}
{% macro default__join_texts(list) -%} array_to_string({{ list }}, ' ') {%- endmacro %}
{% macro trino__join_texts(list) -%} array_join({{ list }}, ' ') {%- endmacro %}

{# A text as a list of its words, one row each. #}
{% macro unnest_words(text) %}{{ return(adapter.dispatch("unnest_words", "kho_tinh")(text)) }}{% endmacro %}
{% macro default__unnest_words(text) -%} unnest(string_split({{ text }}, ' ')) {%- endmacro %}
{% macro trino__unnest_words(text) -%} unnest(split({{ text }}, ' ')) {%- endmacro %}

{# A number with grouped digits and 0, 1 or 2 decimals, as text: 1,234.5. #}
{% macro grouped_digits(value, decimals) %}{{ return(adapter.dispatch("grouped_digits", "kho_tinh")(value, decimals)) }}{% endmacro %}
{% macro default__grouped_digits(value, decimals) -%}
  case {{ decimals }}
    when 0 then format('{:,.0f}', cast({{ value }} as double))
    when 1 then format('{:,.1f}', cast({{ value }} as double))
    else format('{:,.2f}', cast({{ value }} as double))
  end
{%- endmacro %}
{% macro trino__grouped_digits(value, decimals) -%}
  case {{ decimals }}
    when 0 then format('%,.0f', cast({{ value }} as double))
    when 1 then format('%,.1f', cast({{ value }} as double))
    else format('%,.2f', cast({{ value }} as double))
  end
{%- endmacro %}

{# The value below which a share of the rows lies. #}
{% macro quantile(value, share) %}{{ return(adapter.dispatch("quantile", "kho_tinh")(value, share)) }}{% endmacro %}
{% macro default__quantile(value, share) -%} quantile_cont({{ value }}, {{ share }}) {%- endmacro %}
{% macro trino__quantile(value, share) -%} approx_percentile({{ value }}, {{ share }}) {%- endmacro %}

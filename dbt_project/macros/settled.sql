{# A figure without the noise of its last binary digits. Fractions are summed in whatever order the threads take them, and the
   same rows would then tell 3729.8 today and 3729.8000000000006 tomorrow: a revision that nobody made. #}
{% macro settled(figure) -%} round({{ figure }}, 6) {%- endmacro %}

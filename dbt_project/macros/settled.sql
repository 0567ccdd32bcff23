{# A figure without the noise of its last binary digits. Fractions are summed in whatever order the threads take them, and the
   same rows would then tell 3729.8 today and 3729.8000000000006 tomorrow: a revision that nobody made. Rounded twice,
   because the mean of two settled figures often ends in a five at the seventh place, which the noise would tip. #}
{% macro settled(figure) -%} round(round({{ figure }}, 10), 6) {%- endmacro %}

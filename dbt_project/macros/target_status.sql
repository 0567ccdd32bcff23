{# A figure against its target: đạt, cần chú ý, không đạt. #}
{% macro target_status(value) -%}
  case
    when compared.{{ value }} is null then 'chưa đủ dữ liệu'
    when compared.direction = 'lower' and compared.{{ value }} <= compared.target then 'đạt'
    when compared.direction = 'lower' and compared.{{ value }} <= compared.attention then 'cần chú ý'
    when compared.direction = 'lower' then 'không đạt'
    when compared.{{ value }} >= compared.target then 'đạt'
    when compared.{{ value }} >= compared.attention then 'cần chú ý'
    else 'không đạt'
  end
{%- endmacro %}

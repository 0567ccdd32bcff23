{# The Vietnamese name of a kind of incident. #}
{% macro incident_kind_name(category) -%}
  case {{ category }}
    when 'traffic_accident' then 'Tai nạn giao thông'
    when 'theft' then 'Trộm cắp'
    when 'public_disorder' then 'Gây rối trật tự công cộng'
    when 'fraud' then 'Lừa đảo'
    when 'fire' then 'Cháy nổ'
    when 'drugs' then 'Ma túy'
    when 'domestic_violence' then 'Bạo lực gia đình'
    else 'Khác'
  end
{%- endmacro %}

{# Topics of petitions with their Vietnamese names: topic, topic_vi. #}
{% macro petition_topics() -%}
  select topic, topic_vi from (
    values
      ('land', 'Đất đai'),
      ('environment', 'Môi trường'),
      ('security', 'An ninh trật tự'),
      ('procedures', 'Thủ tục hành chính'),
      ('infrastructure', 'Hạ tầng, đô thị'),
      ('social_policy', 'Chính sách xã hội'),
      ('misconduct', 'Cán bộ, công chức'),
      ('other', 'Khác hoặc chưa rõ')
  ) as names (topic, topic_vi)
{%- endmacro %}

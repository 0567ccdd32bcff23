{# The rule of alerts that a cluster of a measure of models.clusters breaks. #}
{% macro cluster_rule(measure) -%}
  case {{ measure }} when 'cases' then 'disease_cluster' when 'petitions' then 'petition_cluster' else 'incident_cluster' end
{%- endmacro %}

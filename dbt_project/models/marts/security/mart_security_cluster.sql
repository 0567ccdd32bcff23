-- Clusters of communes with more incidents than expected in the last weeks, by kind: for the security sector, exact.
{{ clusters_told("incidents", incident_kind_name("clusters.item"), "vụ") }}

-- Clusters of communes with more cases than expected in the last weeks, by disease: for the health sector, exact.
{{ clusters_told("cases", "(select name_vi from " ~ ref("dim_disease") ~ " where disease_code = clusters.item)", "ca") }}

select disease_code, name_vi, name_en from {{ ref("diseases") }}

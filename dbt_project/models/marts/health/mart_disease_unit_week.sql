-- Exact cases and incidence by unit, disease and week: for the health sector, which has the right to small counts.
{{ cases_by_unit('week_start') }}

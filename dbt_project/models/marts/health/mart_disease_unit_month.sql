-- Exact cases and incidence by unit, disease and month: for the health sector, which has the right to small counts.
{{ cases_by_unit('month') }}

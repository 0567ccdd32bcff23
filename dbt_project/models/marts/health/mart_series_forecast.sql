-- Forecasts of the registered series for the health sector, exact.
{{ series_told("health") }}

-- Forecasts of the registered series for the security sector, exact.
{{ series_told("security") }}

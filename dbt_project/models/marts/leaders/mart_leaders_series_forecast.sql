-- Forecasts of the registered series for leaders; the registry lets no small counts of persons or incidents in.
{{ series_told("leaders") }}

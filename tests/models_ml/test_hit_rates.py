"""Hit rates: a warning is right by what came after it, and counts once, as it was first told."""

from datetime import date, timedelta

import numpy as np
import polars as pl

from models_ml.hit_rates import REPLAYED, replayed, with_hit_rates
from models_ml.warnings import SCHEMA, warn

TODAY = date(2026, 11, 23)  # a Monday
NOTHING = pl.DataFrame(
    schema={"province_code": pl.String, "disease_code": pl.String, "month": pl.Date, "cases": pl.Int64}
)


def weekly(changes: dict[tuple[str, int], int], count: int = 120) -> pl.DataFrame:
    """Ten communes with a case a week; changes: (commune, weeks ago) to cases."""
    starts = [TODAY - timedelta(weeks=back) for back in range(count, 0, -1)]
    communes = [f"{n:05d}" for n in range(10)]
    frame = pl.DataFrame(
        {"commune_code": np.repeat(communes, count), "disease_code": "dengue", "week_start": starts * 10, "cases": 1}
    )
    for (commune, back), cases in changes.items():
        there = (pl.col("commune_code") == commune) & (pl.col("week_start") == TODAY - timedelta(weeks=back))
        frame = frame.with_columns(cases=pl.when(there).then(cases).otherwise("cases"))
    return frame


def told(unit: str, start: date, severity: str, origin: date, **other: object) -> dict[str, object]:
    row = dict.fromkeys(SCHEMA.names()) | {
        "origin": origin, "unit_code": unit, "disease_code": "dengue", "grain": "week", "period_start": start,
        "kind": "observed", "cases": 40.0, "expected": 1.0, "upper_limit": 5.0, "probability": 0.999,
        "severity": severity, "known_share": 1.0,
    }  # fmt: skip
    return row | other


def test_the_rule_is_tried_on_the_weeks_before_and_judged_by_those_after() -> None:
    lasting = {("00001", back): 40 for back in (12, 11, 10)}
    once = {("00002", 15): 40}
    now = {("00003", 1): 40}
    frame = weekly(lasting | once | now)
    past = replayed(frame, TODAY)
    assert set(past.select("unit_code", "period_start").iter_rows()) == {
        ("00001", TODAY - timedelta(weeks=back)) for back in (12, 11, 10)
    } | {("00002", TODAY - timedelta(weeks=15))}
    warnings = warn(frame, NOTHING, _no_forecasts(), TODAY)
    assert warnings["severity"].to_list() == ["alarm"]
    (row,) = with_hit_rates(warnings, SCHEMA.to_frame(), frame, NOTHING, TODAY).iter_rows(named=True)
    assert (row["past_raised"], row["past_right"]) == (4, 1), "only after the first of three were two more above"


def test_what_was_told_counts_once_with_its_first_severity_and_before_what_is_replayed() -> None:
    frame = weekly({("00001", back): 40 for back in (12, 11, 10)} | {("00003", 1): 40})
    start = TODAY - timedelta(weeks=12)
    kept = pl.DataFrame(
        [
            told("00001", start, "warning", date(2026, 8, 1)),
            told("00001", start, "alarm", date(2026, 9, 1)),
            told("00004", TODAY - timedelta(weeks=60), "alarm", date(2025, 10, 1)),
            told("00005", TODAY - timedelta(weeks=2), "alarm", date(2026, 11, 1)),
        ],
        SCHEMA,
    )
    warnings = warn(frame, NOTHING, _no_forecasts(), TODAY)
    (row,) = with_hit_rates(warnings, kept, frame, NOTHING, TODAY).iter_rows(named=True)
    # two replayed alarms and the one of last year; the first is a warning, what follows the last is not known yet
    assert (row["past_raised"], row["past_right"]) == (3, 0)


def test_months_are_judged_by_the_month_that_came() -> None:
    first = date(2026, 6, 1)
    kept = pl.DataFrame(
        [
            told("68", first, "alarm", first, grain="month", kind="forecast", upper_limit=100.0),
            told("68", date(2026, 7, 1), "alarm", first, grain="month", kind="forecast", upper_limit=100.0),
            told("68", date(2026, 12, 1), "alarm", date(2026, 10, 1), grain="month", kind="forecast", upper_limit=1.0),
            told("68", first, "alarm", date(2026, 7, 1), grain="month", upper_limit=100.0),
        ],
        SCHEMA,
    )
    months = pl.DataFrame(
        {"province_code": "68", "disease_code": "dengue", "month": [first, date(2026, 7, 1)], "cases": [150, 90]}
    )
    asked = pl.DataFrame(
        [
            told("68", date(2026, 12, 1), "alarm", date(2026, 11, 1), grain="month", kind="forecast"),
            told("68", date(2026, 10, 1), "alarm", date(2026, 11, 1), grain="month"),
            told("68", date(2026, 10, 1), "watch", date(2026, 11, 1), grain="month"),
        ],
        SCHEMA,
    )
    judged = with_hit_rates(asked, kept, weekly({}), months, TODAY)
    assert judged.select("past_raised", "past_right").rows() == [(2, 1), (1, 0), (0, 0)]


def test_only_so_many_weeks_are_tried() -> None:
    old = weekly({("00001", 4 + REPLAYED + 1): 40, ("00002", 4 + REPLAYED): 40, ("00003", 5): 40, ("00004", 4): 40})
    assert set(replayed(old, TODAY)["unit_code"]) == {"00002", "00003"}
    assert replayed(old.clear(), TODAY).is_empty()


def _no_forecasts() -> pl.DataFrame:
    from models_ml.forecasting import SCHEMA as FORECASTS

    return FORECASTS.to_frame()

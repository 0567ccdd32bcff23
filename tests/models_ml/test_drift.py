"""Drift: forecasts that do not hold what comes are told; what was told and came due goes before a backtest."""

from datetime import date

import polars as pl
import pytest

from models_ml.backtests import SCHEMA as SCORES
from models_ml.drift import FEWEST_CELLS, FEWEST_ORIGINS, ORIGINS, coverage, drifted, series_coverage
from models_ml.forecasting import SCHEMA as FORECASTS


def forecasts(origins: int, low: float, high: float) -> pl.DataFrame:
    """Three months ahead from each of so many origins up to June 2026."""
    first = pl.date_range(date(2020, 1, 1), date(2026, 6, 1), "1mo", eager=True).tail(origins)
    rows = pl.DataFrame({"origin": first}).join(
        pl.DataFrame({"horizon": [1, 2, 3]}, {"horizon": pl.Int64}), how="cross"
    )
    rows = rows.with_columns(
        month=pl.col("origin").dt.offset_by(pl.format("{}mo", "horizon")), unit_code=pl.lit("68"),
        disease_code=pl.lit("dengue"), q10=low, q90=high,
    )  # fmt: skip
    return pl.concat([FORECASTS.to_frame(), rows], how="diagonal_relaxed")


def months(cases: int, until: date = date(2026, 9, 1)) -> pl.DataFrame:
    dates = pl.date_range(date(2025, 1, 1), until, "1mo", eager=True)
    return pl.DataFrame({"province_code": "68", "disease_code": "dengue", "month": dates, "cases": cases})


def scores(covered: float, cells: int = 24) -> pl.DataFrame:
    row = dict.fromkeys(SCORES.names()) | {
        "origin": date(2026, 6, 1), "disease_code": "dengue", "model": "auto_ets", "horizon": 0, "coverage_80": covered,
        "origins": 8, "cells": cells, "champion": True,
    }  # fmt: skip
    return pl.DataFrame([row, row | {"model": "other", "champion": False, "coverage_80": 0.0}], SCORES)


def test_intervals_that_do_not_hold_are_told_and_those_that_do_are_not() -> None:
    held = coverage(forecasts(6, 50, 150), months(100), scores(0.1))
    assert held.row(0) == ("dengue", "told", 6, 18, 1.0) and drifted(held) == []
    missed = coverage(forecasts(6, 50, 90), months(100), scores(0.9))
    (sentence,) = drifted(missed)
    assert sentence == "dengue: the 80 % interval held 0% of 18 forecasts over 6 origins (told)"


def test_only_the_newest_origins_count() -> None:
    old = forecasts(20, 0, 1).filter(pl.col("origin") < pl.date(2026, 1, 1))
    new = forecasts(ORIGINS, 50, 150)
    assert coverage(pl.concat([old, new]), months(100), scores(0.1))["coverage"].item() == 1


def test_without_enough_that_came_due_the_backtest_of_the_champion_tells() -> None:
    few = forecasts(ORIGINS, 50, 150), months(100, date(2026, 2, 1))
    judged = coverage(*few, scores(0.5))
    assert judged["cells"].item() >= FEWEST_CELLS
    assert judged.select("source", "coverage").row(0) == ("backtest", 0.5)
    assert len(drifted(judged)) == 1
    assert coverage(*few, scores(0.5, cells=3)).is_empty(), "too few to judge"


@pytest.mark.parametrize(("share", "told"), [(0.59, 1), (0.61, 0)])
def test_the_limit(share: float, told: int) -> None:
    assert len(drifted(coverage(FORECASTS.to_frame(), months(1), scores(share)))) == told


def test_series_are_judged_by_level_on_the_newest_month() -> None:
    """Of the communes' rows half hold all and half a tenth; what November told does not count in December."""
    rows = [
        {"told_in": month, "series": "cases", "item": "dengue", "unit_code": unit, "coverage_80": share, "origins": 12}
        for month, unit, share in [
            (date(2026, 11, 1), "68", 0.0), (date(2026, 12, 1), "68", 0.9),
            (date(2026, 12, 1), "24748", 1.0), (date(2026, 12, 1), "24751", 0.1),
        ]
    ]  # fmt: skip
    young = [{**row, "series": "young", "origins": FEWEST_ORIGINS - 1, "coverage_80": 0.1} for row in rows]
    short = {"told_in": date(2026, 12, 1), "series": "new", "item": "total", "unit_code": "68", "origins": 0}
    judged = series_coverage(pl.DataFrame([*rows, *young, {**short, "coverage_80": None}]))
    assert judged.rows() == [
        ("cases dengue (commune)", "backtest", 12, 24, 0.55),
        ("cases dengue (province)", "backtest", 12, 12, 0.9),
    ]
    (sentence,) = drifted(judged)
    assert sentence == "cases dengue (commune): the 80 % interval held 55% of 24 forecasts over 12 origins (backtest)"

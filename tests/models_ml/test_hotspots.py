"""Hot-spots: what is expected next month, from what was known, and how the choice is scored."""

from datetime import date

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models_ml import hotspots
from models_ml.hotspots import (
    COUNT,
    FIRST,
    MEAN,
    REGRESSION,
    SCHEMA,
    WAYS,
    best_way,
    calibration,
    neighbour_weights,
    next_month,
    pai,
    past_scores,
    pei,
    regression,
    risks,
    weighted_count,
)
from models_ml.panel import Floats

UNITS, MONTHS = 60, 18


def _province(seed: int = 3) -> tuple[Floats, Floats]:
    """Counts of units side by side on a line whose level rises along it, and their neighbours."""
    rng = np.random.default_rng(seed)
    place = np.arange(UNITS, dtype=np.float64)
    counts = rng.poisson(np.linspace(0.5, 12, UNITS)[:, None], (UNITS, MONTHS)).astype(np.float64)
    return counts, neighbour_weights(place, np.zeros(UNITS))


def test_the_weighted_count_by_hand() -> None:
    counts = np.array([[4.0, 2.0, 1.0], [np.nan, 2.0, np.nan], [np.nan, np.nan, np.nan]])
    found = weighted_count(counts, half_life=1.0)
    assert found[0] == pytest.approx((4 * 0.25 + 2 * 0.5 + 1) / 1.75)
    assert found[1] == 2 and np.isnan(found[2])


def test_neighbours_are_the_nearest_others() -> None:
    weights = neighbour_weights(np.array([0.0, 1.0, 10.0]), np.zeros(3), nearest=1)
    assert weights.tolist() == [[0, 1, 0], [1, 0, 0], [0, 1, 0]]


def test_the_regression_is_calibrated_and_no_worse_than_the_count() -> None:
    counts, neighbours = _province()
    months = range(10, MONTHS)
    told = [regression(counts[:, :month], neighbours) for month in months]
    seen = [counts[:, month] for month in months]
    assert sum(map(np.sum, told)) / sum(map(np.sum, seen)) == pytest.approx(1, abs=0.1)
    errors = [np.mean([np.abs(made - came).mean() for made, came in zip(one, seen, strict=True)])
              for one in (told, [weighted_count(counts[:, :month]) for month in months])]  # fmt: skip
    assert errors[0] <= errors[1] * 1.02


def test_neighbours_tell_of_a_unit_whose_own_months_are_few() -> None:
    counts, neighbours = _province()
    alone = counts.copy()
    alone[50, :-1] = np.nan
    alone[50, -1] = 0  # one quiet month among busy ones around it
    assert regression(alone, neighbours)[50] > weighted_count(alone)[50]


@settings(max_examples=25, deadline=None)
@given(month=st.integers(2, MONTHS - 1), seed=st.integers(0, 9))
def test_what_comes_later_changes_nothing(month: int, seed: int) -> None:
    counts, neighbours = _province(seed)
    changed = counts.copy()
    changed[:, month:] = np.random.default_rng(seed).permuted(changed[:, month:], axis=0) * 7 + 3
    for way in WAYS:
        known, same = (risks(one[:, :month], neighbours)[way] for one in (counts, changed))
        np.testing.assert_array_equal(known, same)


@pytest.mark.parametrize(
    "counts",
    [np.zeros((5, 12)), np.full((5, 12), 3.0), np.ones((5, 2)), np.full((5, 12), np.nan), np.ones((1, 12))],
    ids=["all zero", "constant", "too short", "never reported", "one unit"],
)
def test_poor_histories_have_defined_answers(counts: Floats) -> None:
    neighbours = neighbour_weights(np.arange(len(counts), dtype=np.float64), np.zeros(len(counts)))
    for found in risks(counts, neighbours).values():
        assert found.shape == (len(counts),)
        assert np.isnan(found).all() if np.isnan(counts).all() else (found >= 0).all()


def test_gaps_and_a_unit_that_is_gone() -> None:
    counts, neighbours = _province()
    counts[:, 4:6] = np.nan
    counts[7] = np.nan
    found = regression(counts, neighbours)
    assert np.isnan(found[7]) and np.isfinite(np.delete(found, 7)).all()


@pytest.mark.parametrize("counts", [np.ones(5), -np.ones((2, 3)), np.full((2, 3), np.inf)])
def test_what_are_no_counts_is_refused(counts: Floats) -> None:
    with pytest.raises(ValueError, match="counts must be"):
        weighted_count(counts)


def test_scores_by_hand() -> None:
    seen = np.array([10.0, 6.0, 3.0, 1.0, 0, 0, 0, 0, 0, 0])
    risk = np.array([0.0, 9.0, 8.0, 1.0, 0, 0, 0, 0, 0, 0])
    assert pei(risk, seen, 0.2) == pytest.approx((6 + 3) / (10 + 6))
    assert pai(risk, seen, 0.2) == pytest.approx((9 / 20) / 0.2)
    assert np.isnan(pei(risk, np.zeros(10))) and np.isnan(pai(risk, np.zeros(10)))
    assert pei(seen, seen) == 1
    told = calibration(risk, seen, groups=2)
    assert told.to_dict(as_series=False) == {
        "group": [1, 2], "units": [5, 5], "expected": [0.0, 3.6], "seen": [2.0, 2.0],
    }  # fmt: skip


def counted(months: int, seed: int = 1) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Forty communes on a grid, of which the first four have most incidents; from January 2025 on."""
    rng = np.random.default_rng(seed)
    units = [f"{24700 + n}" for n in range(40)]
    level = np.where(np.arange(40) < 4, 12.0, 1.5)
    frames = [
        pl.DataFrame({"unit_code": units, "value": rng.poisson(level).astype(float)}).with_columns(
            month=pl.lit(date(2025 + month // 12, month % 12 + 1, 1)), measure=pl.lit("incidents"), item=pl.lit("")
        )
        for month in range(months)
    ]
    centres = pl.DataFrame(
        {"unit_code": units, "latitude": 11 + np.arange(40) // 8 / 10, "longitude": 108 + np.arange(40) % 8 / 10}
    )
    return pl.concat(frames), centres


def test_next_month_names_the_tenth_with_the_highest_risk_and_how_well_that_went() -> None:
    frame, centres = counted(18)
    table = next_month(frame, centres, date(2026, 6, 20))
    assert dict(table.schema) == dict(SCHEMA)
    assert table["month"].unique().to_list() == [date(2026, 6, 1)] and table["item"].unique().to_list() == ["all"]
    hot = table.filter("hot")
    assert sorted(hot["unit_code"]) == ["24700", "24701", "24702", "24703"]
    assert sorted(hot["rank"]) == [1, 2, 3, 4]
    assert table["pei"][0] > 0.9 and table["pai"][0] > 3 and table["months_scored"][0] == 11


def test_the_running_month_and_those_after_change_nothing() -> None:
    frame, centres = counted(18)
    later = frame.with_columns(
        value=pl.when(pl.col("month") >= date(2026, 3, 1)).then(pl.col("value") * 9 + 5).otherwise("value")
    )
    today = date(2026, 3, 9)
    assert next_month(frame, centres, today).equals(next_month(later, centres, today))


def test_too_few_months_tell_nothing_and_no_incident_no_score() -> None:
    frame, centres = counted(18)
    assert next_month(frame, centres, date(2025, 7, 1)).is_empty()
    none = next_month(frame.with_columns(value=pl.lit(0.0)), centres, date(2026, 6, 20))
    assert none["pei"].null_count() == len(none) and none["expected"].null_count() == 0


def test_the_way_that_chose_best_so_far_is_told_and_scored_as_it_was_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """The count always finds the highest, the mean never: from the second month on the count is told."""
    counts = np.zeros((10, 12))
    counts[0] = 5.0
    best, worst = np.arange(10.0)[::-1], np.arange(10.0)
    monkeypatch.setattr(hotspots, "risks", lambda known, near: {MEAN: worst, COUNT: best, REGRESSION: worst})
    scores, way = past_scores(counts, np.zeros((10, 10)))
    assert way == COUNT and scores["pei_count"] == 1
    months = counts.shape[1] - FIRST
    assert scores["pei"] == pytest.approx((months - 1) / months), "before any month was scored the mean was told"


def test_of_ways_that_chose_as_well_the_mean_is_told() -> None:
    alike = dict.fromkeys(WAYS, 0.5)
    assert (best_way([]), best_way([alike]), best_way([alike, alike | {REGRESSION: 0.6}])) == (MEAN, MEAN, REGRESSION)

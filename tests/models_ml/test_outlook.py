"""The year-end outlook knows the past alone, and says how sure it is."""

from datetime import date

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models_ml.outlook import CHANCES, NOTHING_TO_REACH, SCHEMA, TOO_SHORT, YEAR_ENDED, outlook

TARGETS = pl.DataFrame({"indicator_code": ["revenue"], "target": [100.0], "most": [300.0]})
FIRST = date(2024, 1, 1)
COMMUNES = [f"{24700 + n}" for n in range(40)]


def sums(monthly: np.ndarray, units: list[str] = COMMUNES, goal: float = 1200.0) -> pl.DataFrame:
    """Rows as int_indicator_part has them; monthly: (units, months) from January 2024 on. The province is their sum."""
    months = pl.date_range(FIRST, date(2100, 1, 1), "1mo", eager=True).head(monthly.shape[1])
    every = np.concatenate([monthly, monthly.sum(axis=0, keepdims=True)])
    goals = [*[goal] * len(units), goal * len(units)]
    frames = []
    for unit, amounts, due in zip([*units, "68"], every, goals, strict=True):
        own = pl.DataFrame({"month": months, "amount": amounts})
        frames.append(
            own.with_columns(numerator=pl.col("amount").cum_sum().over(pl.col("month").dt.year()))
            .with_columns(indicator_code=pl.lit("revenue"), unit_code=pl.lit(unit), denominator=pl.lit(due))
            .drop("amount")
        )
    return pl.concat(frames)


def seasons(months: int, noise: float = 0.1, growth: float = 1.1, seed: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    level = rng.uniform(50, 150, (len(COMMUNES), 1)) * np.exp(0.5 * np.sin(np.arange(months) * np.pi / 6))
    return level * growth ** (np.arange(months) // 12) * rng.lognormal(0, noise, (len(COMMUNES), months))


def test_steady_growth_goes_on_and_is_told_surely() -> None:
    monthly = seasons(34, noise=1e-4)
    table = outlook(sums(monthly), TARGETS, date(2026, 11, 3))
    assert dict(table.schema) == dict(SCHEMA) and table["note"].null_count() == len(table)
    assert table["origin"].unique().to_list() == [date(2026, 10, 1)]
    whole = seasons(36, noise=1e-4)[:, 24:].sum(axis=1)
    told = table.filter(pl.col("unit_code") != "68").sort("unit_code")["q50"].to_numpy()
    assert told == pytest.approx(whole, rel=0.02)
    surely = table.filter((pl.col("q50") - pl.col("goal")).abs() > 0.05 * pl.col("goal"))
    assert len(surely) > 30
    assert ((surely["chance"] == 1) == (surely["q50"] > surely["goal"])).all()
    assert surely["chance"].is_in([0.0, 1.0]).all()


def test_no_more_than_the_whole_plan_can_be_paid() -> None:
    monthly = seasons(34, noise=0.25)
    parts = sums(monthly, goal=float(np.median(monthly[:, 22:].sum(axis=1))))
    free, bound = (
        outlook(parts, TARGETS.with_columns(target=pl.lit(95.0), most=pl.lit(most)), date(2026, 11, 3))
        for most in (300.0, 100.0)
    )
    whole = bound["goal"] / 0.95
    assert (free["q50"] > whole).any(), "by its growth some would pay more than there is"
    so_far = np.maximum(bound["so_far"].to_numpy(), whole.to_numpy())
    assert (bound["q90"].to_numpy() <= so_far + 1e-6).all() and bound["chance"].equals(free["chance"])


def test_the_interval_covers_what_it_says() -> None:
    covered = []
    for seed in range(10):
        monthly = seasons(36, noise=0.25, seed=seed)
        table = outlook(sums(monthly[:, :32]), TARGETS, date(2026, 9, 15)).filter(pl.col("unit_code") != "68")
        came = monthly[:, 24:].sum(axis=1)
        covered.append((table["q10"].to_numpy() <= came) & (came <= table["q90"].to_numpy()))
    assert 0.7 < np.mean(covered) < 0.9


@settings(deadline=None, max_examples=30)
@given(st.integers(25, 34), st.integers(0, 100))
def test_what_comes_after_today_changes_nothing(known: int, seed: int) -> None:
    monthly = seasons(36, seed=seed)
    today = date(2024 + known // 12, known % 12 + 1, 9)
    other = monthly.copy()
    other[:, known:] *= 7
    assert outlook(sums(monthly), TARGETS, today).equals(outlook(sums(other), TARGETS, today))


def test_a_lower_target_is_never_less_likely() -> None:
    table = outlook(sums(seasons(32, noise=0.25)), TARGETS, date(2026, 9, 15))
    chances = table.select(*CHANCES).to_numpy()
    assert (np.diff(chances, axis=1) <= 0).all() and (chances[:, 0] > chances[:, -1]).any()
    lower = TARGETS.with_columns(target=pl.lit(95.0))
    assert outlook(sums(seasons(32, noise=0.25)), lower, date(2026, 9, 15))["chance"].equals(table["chance_95"])


def test_without_a_year_before_nothing_is_told() -> None:
    table = outlook(sums(seasons(9)), TARGETS, date(2024, 10, 2))
    assert table["note"].unique().to_list() == [TOO_SHORT] and table["q50"].null_count() == len(table)


def test_a_unit_that_stopped_reporting_or_never_did_leaves_the_others_alone() -> None:
    parts = sums(seasons(34))
    gone = (pl.col("unit_code") == COMMUNES[0]) & (pl.col("month") >= date(2026, 8, 1))
    table = outlook(parts.filter(~gone), TARGETS, date(2026, 11, 3))
    notes = dict(table.select("unit_code", "note").iter_rows())
    assert notes.pop(COMMUNES[0]) == TOO_SHORT and set(notes.values()) == {None}
    assert len(table) == len(COMMUNES) + 1


def test_without_a_goal_the_sum_is_told_and_no_chance() -> None:
    table = outlook(sums(seasons(34), goal=0.0), TARGETS, date(2026, 11, 3))
    assert table["note"].unique().to_list() == [NOTHING_TO_REACH]
    assert table["chance"].null_count() == len(table) and table["q50"].null_count() == 0


def test_at_the_end_of_the_year_the_result_stands() -> None:
    monthly = seasons(36)
    table = outlook(sums(monthly), TARGETS, date(2027, 1, 5)).filter(pl.col("unit_code") != "68").sort("unit_code")
    assert table["note"].unique().to_list() == [YEAR_ENDED]
    assert table["q10"].to_numpy() == pytest.approx(monthly[:, 24:].sum(axis=1))
    assert table["chance"].to_list() == [float(total >= 1200) for total in monthly[:, 24:].sum(axis=1)]


@pytest.mark.parametrize("spoil", ["zero", "constant", "revised down"])
def test_odd_series_have_a_defined_result(spoil: str) -> None:
    monthly = seasons(34)
    if spoil == "zero":
        monthly[0] = 0
    elif spoil == "constant":
        monthly[:] = 100
    else:
        monthly[0, 31] = -500
    table = outlook(sums(monthly), TARGETS, date(2026, 11, 3))
    told = table.filter(pl.col("q50").is_not_null())
    assert len(told) >= len(COMMUNES)
    assert told["chance"].is_between(0, 1).all()
    quantiles = told.select("q10", "q25", "q50", "q75", "q90").to_numpy()
    assert (np.diff(quantiles, axis=1) >= 0).all()
    if spoil == "constant":
        assert told.filter(pl.col("unit_code") != "68")["q50"].to_numpy() == pytest.approx(1200)

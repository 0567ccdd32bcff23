"""Weekly panels: candidates are calibrated and blind to what comes, champions earn it, a new week is little work."""

import numpy as np
import pytest

from models_ml.panel import Floats
from models_ml.weekly import (
    ALL,
    CANDIDATES,
    FEWEST_WEEKS,
    HORIZON,
    LEVELS,
    Asked,
    Candidate,
    Groups,
    crps,
    quantiles,
    seasons,
)
from models_ml.weekly_backtests import ORIGINS, backtest, choose, forecast

WEEKS = 156


def panel(seed: int = 1, series: int = 40, weeks: int = WEEKS, mean: float = 4.0) -> tuple[Floats, Groups]:
    """Two diseases with seasons of their own and levels that drift."""
    rng = np.random.default_rng(seed)
    groups = np.repeat([0, 1], series)
    week = np.arange(weeks)
    season = np.exp(0.9 * np.cos(2 * np.pi * (week - np.array([[10], [30]])) / 52))[groups]
    drift = np.exp(np.cumsum(rng.normal(0, 0.12, (2 * series, weeks)), axis=1) - 0.1)
    level = mean * rng.lognormal(-0.3, 0.7, (2 * series, 1))
    return rng.poisson(rng.gamma(5, level * season * np.clip(drift, 0.1, 6) / 5)).astype(np.float64), groups


@pytest.mark.parametrize("name", list(CANDIDATES))
def test_quantiles_rise_are_finite_and_not_negative(name: str) -> None:
    counts, groups = panel()
    told = CANDIDATES[name](counts, groups, ALL)
    assert told.shape == (len(counts), HORIZON, len(LEVELS))
    assert np.isfinite(told).all() and (told >= 0).all() and (np.diff(told, axis=2) >= -1e-9).all()


@pytest.mark.parametrize("name", list(CANDIDATES))
def test_empty_series_are_forecast_near_zero(name: str) -> None:
    counts, groups = panel()
    counts[:3] = 0
    counts[groups == 1] = 0
    told = CANDIDATES[name](counts, groups, ALL)
    assert np.isfinite(told).all()
    assert told[groups == 1].max() <= 2 and told[:3, :, len(LEVELS) // 2].max() <= 1


@pytest.mark.parametrize("name", ["level", "regression"])  # the simple rules know of no drift
def test_intervals_hold_about_as_often_as_they_say(name: str) -> None:
    counts, groups = panel(series=150)
    told, came = CANDIDATES[name](counts[:, :-HORIZON], groups, ALL), counts[:, -HORIZON:]
    inside = (came >= told[:, :, 1]) & (came <= told[:, :, -2])  # .10 to .90; counts are whole
    assert 0.7 <= inside.mean() <= 0.97


def test_drifting_levels_are_forecast_better_than_by_the_simple_rules() -> None:
    counts, groups = panel(series=120)
    loss = {name: crps(made(counts[:, :-4], groups, ALL), counts[:, -4:]).mean() for name, made in CANDIDATES.items()}
    for name in ("level", "regression"):
        assert loss[name] < 0.95 * min(loss["climatology"], loss["seasonal_naive"])


def test_crps_of_a_sure_forecast_is_its_absolute_error() -> None:
    told = np.full((2, len(LEVELS)), 5.0)
    assert crps(told, np.array([5.0, 9.0])) == pytest.approx([0, 4])


def test_quantiles_are_of_negative_binomials() -> None:
    rng = np.random.default_rng(2)
    told = quantiles(np.array([[20.0]]), np.array([4.0]))[0, 0]
    drawn = np.quantile(rng.poisson(rng.gamma(4, 5.0, 200_000)), LEVELS)
    assert told == pytest.approx(drawn, abs=1)


def test_the_season_is_the_groups_own_and_goes_on_after_the_last_week() -> None:
    counts, groups = panel(series=200, mean=20)
    season = seasons(counts, groups)
    assert season.shape == (2, WEEKS + HORIZON)
    assert np.argmax(season[0, 52:104]) == pytest.approx(10, abs=5)
    assert np.argmax(season[1, 52:104]) == pytest.approx(30, abs=5)
    assert season[:, WEEKS] == pytest.approx(season[:, WEEKS - 52])


def test_a_new_week_is_little_work_and_gives_what_a_full_run_gives() -> None:
    counts, groups = panel(weeks=WEEKS + HORIZON)
    first = backtest(counts[:, :WEEKS], groups)
    assert first.computed == 2 * ORIGINS
    made = 0
    kept = first.kept
    for weeks in range(WEEKS + 1, WEEKS + HORIZON + 1):
        again = backtest(counts[:, :weeks], groups, kept)
        made, kept = made + again.computed, again.kept
    assert made == 2, "of each group one origin in HORIZON weeks"
    whole = backtest(counts, groups)
    assert np.array_equal(again.losses, whole.losses) and again.champions == whole.champions


def test_a_correction_is_computed_again_in_its_group_and_after_it_alone() -> None:
    counts, groups = panel()
    before = backtest(counts, groups)
    mended = counts.copy()
    mended[3, WEEKS - 10] += 1
    again = backtest(mended, groups, before.kept)
    assert 1 <= again.computed <= 4
    assert np.array_equal(again.losses, backtest(mended, groups).losses)
    assert np.array_equal(again.losses[:, :, groups == 1], before.losses[:, :, groups == 1])
    assert backtest(counts, groups, before.kept).computed == 0


def test_nothing_after_an_origin_is_known_at_it() -> None:
    counts, groups = panel()
    changed = counts.copy()
    changed[:, -HORIZON:] += 1000
    seen: list[int] = []

    def watched(known: Floats, of: Groups, asked: Asked) -> Floats:
        seen.append(known.shape[1])
        assert known.max() < 1000
        return CANDIDATES["climatology"](known, of, asked)

    candidates: dict[str, Candidate] = {**CANDIDATES, "climatology": watched}
    backtest(changed, groups, candidates=candidates)
    assert max(seen) <= WEEKS - HORIZON and min(seen) >= FEWEST_WEEKS


def test_too_few_weeks_are_an_error_that_says_how_many() -> None:
    counts, groups = panel(weeks=FEWEST_WEEKS + HORIZON)
    with pytest.raises(ValueError, match=f"{FEWEST_WEEKS + 2 * HORIZON} are needed"):
        backtest(counts, groups)


def test_champions_are_surely_better_than_both_simple_rules() -> None:
    names = ["climatology", "seasonal_naive", "good", "lucky"]
    rng = np.random.default_rng(1)
    groups = np.repeat([0, 1], 30)
    losses = rng.uniform(0.9, 1.1, (4, 12, 60))
    losses[2, :, groups == 0] *= 0.7
    losses[3, 0] *= 0.01  # at one origin alone
    told = choose(names, losses, groups)
    assert set(told[:30]) == {"good"}
    assert set(told[30:]) <= {"climatology", "seasonal_naive"}


def test_a_series_that_its_groups_best_does_not_fit_gets_another_one() -> None:
    names = ["climatology", "seasonal_naive", "best", "other"]
    losses = np.ones((4, 12, 50)) + np.random.default_rng(3).uniform(-0.02, 0.02, (4, 12, 50))
    losses[2] *= 0.7
    losses[3] *= 0.8
    losses[2, :, 7] *= 3
    told = choose(names, losses, np.zeros(50, np.int64))
    assert told[7] == "other" and set(told[:7]) == {"best"}


def test_forecasts_are_the_champions_own() -> None:
    counts, groups = panel()
    champions = ["level", "mean"] * (len(counts) // 2)
    told = forecast(counts, groups, champions)
    level, regression = (CANDIDATES[name](counts, groups, ALL) for name in ("level", "regression"))
    assert np.array_equal(told[::2], level[::2])
    assert told[1::2] == pytest.approx((level[1::2] + regression[1::2]) / 2)


@pytest.mark.parametrize("name", list(CANDIDATES))
def test_asked_for_some_series_a_candidate_tells_the_same_of_them(name: str) -> None:
    counts, groups = panel()
    some = np.array([3, 50, 7])
    assert np.array_equal(CANDIDATES[name](counts, groups, some), CANDIDATES[name](counts, groups, ALL)[some])


def test_what_a_backtest_measures_is_counted_by_hand() -> None:
    """From the newest origin: which weeks lie between the quantiles that were told, and twice the pinball loss."""
    counts, groups = panel(series=40)
    found = backtest(counts, groups)
    first, name = WEEKS - HORIZON - (WEEKS % HORIZON), "level"
    told, came = CANDIDATES[name](counts[:, :first], groups, ALL), counts[:, first : first + HORIZON]
    at = {round(float(level), 2): number for number, level in enumerate(LEVELS)}
    for measure, (low, high) in {1: (0.25, 0.75), 2: (0.1, 0.9)}.items():
        held = (told[:, :, at[low]] <= came) & (came <= told[:, :, at[high]])
        assert 0 < held.mean() < 1
        assert np.array_equal(found.scores[found.names.index(name), -1, :, :, measure], held)
    loss = sum(
        2 * max(level * (came[5, 2] - told[5, 2, number]), (level - 1) * (came[5, 2] - told[5, 2, number]))
        for level, number in at.items()
    ) / len(at)
    assert found.scores[found.names.index(name), -1, 5, 2, 0] == pytest.approx(loss)
    assert np.array_equal(found.losses, found.scores[..., 0].mean(axis=3))

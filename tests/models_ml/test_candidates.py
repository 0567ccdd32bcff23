"""Every candidate gives a distribution of counts for every series, however poor."""

import numpy as np
import pytest

from models_ml.candidates import BASELINE, CANDIDATES, POOLED, learnable, lost_working_days, predict
from models_ml.panel import QUANTILES, Floats, Panel, at

MONTHS = np.arange("2012-01", "2020-01", dtype="datetime64[M]")


def panel(*cases: Floats) -> Panel:
    rows = np.array([np.asarray(row, dtype=np.float64) for row in cases])
    return Panel("dengue", [f"{n:02d}" for n in range(len(rows))], MONTHS[-rows.shape[1] :], rows)


def seasonal(mean: float, seed: int, months: int = len(MONTHS)) -> Floats:
    wave = mean * np.exp(np.cos(2 * np.pi * (np.arange(months) - 8) / 12))
    return np.random.default_rng(seed).poisson(wave).astype(np.float64)


def poor_series() -> dict[str, Floats]:
    good = seasonal(20, 1)
    gappy, late, young, once = good.copy(), good.copy(), good.copy(), np.full(len(good), np.nan)
    gappy[np.random.default_rng(2).random(len(good)) < 0.7] = np.nan
    late[-3:] = np.nan
    young[:40] = np.nan
    once[50] = 3
    return {
        "good": good,
        "zero": np.zeros(len(good)),
        "constant": np.full(len(good), 4.0),
        "gappy": gappy,
        "late": late,
        "young": young,
        "once": once,
        "rare": np.where(np.arange(len(good)) == 70, 1.0, 0.0),
        "exploding": np.concatenate([np.zeros(80), 2.0 ** np.arange(16)]),
        "shifted": np.concatenate([np.zeros(48), seasonal(300, 3, 48)]),
    }


def crowd(name: str) -> list[Floats]:
    """Further series, for trees to have enough to learn from."""
    return [seasonal(10 + 5 * n, 100 + n) for n in range(14)] if name == "gradient_boosting" else []


@pytest.mark.parametrize("name", CANDIDATES)
def test_quantiles_are_counts_that_do_not_fall_for_every_series(name: str) -> None:
    series = poor_series()
    known = panel(*series.values(), *crowd(name))
    quantiles, own = predict(CANDIDATES[name], known, 3)
    assert quantiles.shape == (len(known.units), 3, 99)
    assert np.isfinite(quantiles).all() and (quantiles >= 0).all()
    assert (np.diff(quantiles, axis=-1) >= 0).all()
    assert own[list(series).index("good")]
    most = np.nanmax(known.cases, axis=1)
    if name != "seasonal_naive":
        assert (quantiles.max(axis=(1, 2)) <= 2 * most + 1.01).all()


@pytest.mark.parametrize("name", CANDIDATES)
def test_the_same_data_give_the_same_quantiles(name: str) -> None:
    known = panel(seasonal(30, 5), seasonal(3, 6), *crowd(name))
    assert predict(CANDIDATES[name], known, 3)[1].all()
    np.testing.assert_array_equal(CANDIDATES[name](known, 3), CANDIDATES[name](known, 3))


@pytest.mark.parametrize("name", [name for name in CANDIDATES if name not in POOLED])
def test_a_series_does_not_depend_on_its_neighbours(name: str) -> None:
    one, other = seasonal(30, 5), seasonal(3, 6)
    together = predict(CANDIDATES[name], panel(one, other), 3)[0][0]
    np.testing.assert_allclose(together, predict(CANDIDATES[name], panel(one), 3)[0][0])


@pytest.mark.parametrize("name", CANDIDATES)
def test_the_season_is_followed(name: str) -> None:
    others = [series[:88] for series in crowd(name)]
    quantiles, own = predict(CANDIDATES[name], panel(seasonal(100, 7, 88), *others), 3)  # the peak: in five months
    assert own[0]
    median = at(quantiles, 0.5)[0]
    assert median[0] < median[1] < median[2]


@pytest.mark.parametrize("name", ["zero", "constant"])
def test_a_constant_series_is_forecast_as_it_is(name: str) -> None:
    series = poor_series()[name]
    for candidate in CANDIDATES.values():
        quantiles, _ = predict(candidate, panel(series), 3)
        np.testing.assert_allclose(quantiles, series[0], atol=1e-9)


def test_series_that_teach_no_season_are_left_to_climatology() -> None:
    series = poor_series()
    known = panel(*series.values())
    unfit = {"zero", "constant", "gappy", "once"}
    assert {name for name, able in zip(series, learnable(known), strict=True) if not able} == unfit
    quantiles, own = predict(CANDIDATES["auto_ets"], known, 3)
    usual, _ = predict(CANDIDATES[BASELINE], known, 3)
    assert {name for name, made in zip(series, own, strict=True) if not made} == unfit
    np.testing.assert_array_equal(quantiles[~own], usual[~own])


def test_a_short_series_and_one_without_reports() -> None:
    for candidate in CANDIDATES.values():
        quantiles, own = predict(candidate, panel(np.array([3.0, 5.0, 4.0]), np.full(3, np.nan)), 3)
        assert np.isfinite(quantiles[0]).all()
        assert np.isnan(quantiles[1]).all() and not own[1]


def test_climatology_is_the_quantiles_of_the_same_month() -> None:
    cases = np.arange(96.0)
    quantiles, _ = predict(CANDIDATES[BASELINE], panel(cases), 2)
    np.testing.assert_allclose(quantiles[0, 0], np.quantile(cases[0::12], QUANTILES))
    np.testing.assert_allclose(quantiles[0, 1], np.quantile(cases[1::12], QUANTILES))


def test_public_holidays_take_working_days_from_the_months_they_fall_in() -> None:
    months = np.array(["2024-02", "2025-01", "2025-02", "2026-01", "2026-02", "2026-06"], dtype="datetime64[M]")
    assert lost_working_days(months).tolist() == [5, 6, 0, 1, 5, 0]


def test_prophet_learns_what_a_moving_holiday_costs() -> None:
    """Of a series that loses a tenth with every day of Tết, the first quarters to come are told twice as well."""
    rng = np.random.default_rng(4)
    lost = lost_working_days(MONTHS)
    series = 2000 * np.exp(-0.1 * lost + rng.normal(0, 0.01, len(MONTHS)))
    errors: dict[str, list[float]] = {"prophet": [], "prophet_holidays": []}
    for known in (60, 72, 84):  # the ends of years
        part = Panel("revenue", ["68"], MONTHS[:known], series[None, :known])
        for name, found in errors.items():
            told = at(predict(CANDIDATES[name], part, 2)[0], 0.5)[0]
            found += np.abs(told / series[known : known + 2] - 1).tolist()
    assert 2 * np.mean(errors["prophet_holidays"]) < np.mean(errors["prophet"])


def test_few_years_do_not_make_climatology_sure() -> None:
    """Of two and three years its 80 % interval holds what it says, and it still follows the season."""
    rng = np.random.default_rng(9)
    season = 6 + np.cos(2 * np.pi * np.arange(48) / 12)
    many = np.exp(season + rng.normal(0, 0.2, (300, 48)))
    for known in (24, 36):
        part = Panel("revenue", [f"{n:03d}" for n in range(len(many))], MONTHS[:known], many[:, :known])
        told, _ = predict(CANDIDATES[BASELINE], part, 3)
        came = many[:, known : known + 3]
        assert 0.72 < np.mean((at(told, 0.1) <= came) & (came <= at(told, 0.9))) < 0.88
        assert np.median(at(told, 0.5)[:, 0]) > np.median(at(told, 0.5)[:, 2])


@pytest.mark.parametrize("name", ["auto_ets", "auto_arima", "auto_theta", "prophet", "prophet_holidays"])
def test_a_late_series_is_forecast_further_ahead(name: str) -> None:
    whole = seasonal(100, 8)
    late = whole.copy()
    late[-2:] = np.nan
    now, _ = predict(CANDIDATES[name], panel(late), 3)
    shifted = Panel("dengue", ["00"], MONTHS[:-2], whole[None, :-2])
    early, _ = predict(CANDIDATES[name], shifted, 5)
    np.testing.assert_allclose(at(now, 0.5)[0], at(early, 0.5)[0, 2:], rtol=1e-6)


def test_what_is_no_distribution_is_refused() -> None:
    known = panel(seasonal(5, 1))
    with pytest.raises(ValueError, match="shape"):
        predict(lambda panel, horizon: np.zeros((1, horizon, 3)), known, 3)
    with pytest.raises(ValueError, match="infinite"):
        predict(lambda panel, horizon: np.full((1, horizon, 99), np.inf), known, 3)

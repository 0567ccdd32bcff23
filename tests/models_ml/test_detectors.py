"""Detectors alarm where R does; and on any input they say something defined."""

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import nbinom, norm, poisson

from benchmarks.detector_parity import compare
from models_ml import detectors
from models_ml.detectors import (
    DETECTORS,
    Detection,
    Threshold,
    bayes,
    crow_gardner,
    ears_c1,
    ears_c2,
    ears_c3,
    farrington,
    farrington_flexible,
    rki,
)
from models_ml.panel import Floats

SHARED = Path(os.environ.get("KHO_SHARED") or Path(detectors.__file__).parents[2] / "shared")
GOLDEN = SHARED / "data" / "outbreak"
Detector = Callable[..., Detection]
ALL = pytest.mark.parametrize("detector", DETECTORS.values(), ids=DETECTORS.keys())
WEEKS = 52 * 6


def usual(series: int = 3, weeks: int = WEEKS, mean: float = 8, seed: int = 1) -> Floats:
    """Seasonal counts without outbreaks."""
    season = 1 + 0.4 * np.cos(2 * np.pi * np.arange(weeks) / 52)
    return np.random.default_rng(seed).poisson(mean * season, (series, weeks)).astype(np.float64)


def with_week(counts: Floats, value: float, series: int = 1, back: int = 1) -> Floats:
    changed = counts.copy()
    changed[series, -back] = value
    return changed


@pytest.mark.skipif(not GOLDEN.exists(), reason=f"R's alarms and bounds are not at {GOLDEN}")
def test_alarms_are_those_of_r_and_bounds_within_tolerance() -> None:
    table = compare(GOLDEN)
    assert len(table) == 49 and table["weeks"].sum() == 5117 and table["alarms"].sum() > 50
    assert table["disagreed"].sum() == 0
    assert table["passed"].all(), table.filter(~table["passed"])


def test_ears_by_hand() -> None:
    counts = np.array([[3, 5, 4, 6, 2, 4, 4, 9, 12, 15, 7]], np.float64)
    first, second = counts[0, :7], counts[0, 1:8]
    assert ears_c1(counts).upper[0, 7] == pytest.approx(4 + norm.ppf(0.999) * first.std(ddof=1))
    assert ears_c2(counts).upper[0, 9] == pytest.approx(4 + norm.ppf(0.999) * first.std(ddof=1))
    assert np.isnan(ears_c1(counts).upper[0, :3]).all()
    long = np.hstack([np.tile(counts[:, :7], 2), counts[:, 7:]])
    z = [
        (long[0, week] - long[0, week - 9 : week - 2].mean()) / long[0, week - 9 : week - 2].std(ddof=1)
        for week in (14, 15)
    ]
    past = long[0, 7:14]
    expected = long[0, 16] + past.std(ddof=1) * (norm.ppf(0.975) - max(0, z[0] - 1) - max(0, z[1] - 1))
    assert ears_c3(long).upper[0, 16] == pytest.approx(max(0, expected))
    assert second.mean() > 4  # C1 takes in the first week of the outbreak, C2 does not
    assert ears_c2(counts).alarms[0, 9] and not ears_c1(counts).alarms[0, 9]


def test_limits_of_a_poisson_mean_are_the_printed_ones() -> None:
    printed = [3.285, 5.323, 6.686, 8.102, 9.598, 11.177, 12.817, 13.765, 14.921, 16.768, 17.633]
    np.testing.assert_allclose(crow_gardner()[:11], printed, atol=6e-4)
    for count in range(11):  # at the end of its interval a count is just as improbable as it may be
        upper = crow_gardner()[count]
        assert poisson.cdf(count, upper) < 0.05 and poisson.cdf(count, upper) > 0.005


def test_rki_and_bayes_by_hand() -> None:
    counts = usual(1, 130)
    around = np.r_[counts[0, 129 - 104 - 4 : 129 - 104 + 5], counts[0, 129 - 52 - 4 : 129 - 52 + 5]]
    assert rki(counts).upper[0, 129] == crow_gardner()[int(around.mean())]
    many = counts + 30
    assert rki(many).upper[0, 129] == pytest.approx(30 + around.mean() + 2 * around.std(ddof=1))
    before = counts[0, 123:129]
    upper = bayes(counts).upper[0, 129]
    assert upper == nbinom.ppf(0.95, before.sum() + 0.5, 6 / 7)
    assert not bayes(with_week(counts, upper, 0)).alarms[0, 129]
    assert bayes(with_week(counts, upper + 1, 0)).alarms[0, 129]


def dense_glm(counts: Floats, design: Floats, weights: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Coefficients, their covariance at dispersion 1, fitted means and leverages, by Newton's method to its end."""
    beta = np.linalg.lstsq(design, np.log(counts + 0.5), rcond=None)[0]
    for _ in range(200):
        mean = np.exp(design @ beta)
        inverse = np.linalg.inv(design.T @ (design * (weights * mean)[:, None]))
        beta = beta + inverse @ (design.T @ (weights * (counts - mean)))
    mean = np.exp(design @ beta)
    leverage = weights * mean * np.einsum("ij,jk,ik->i", design, inverse, design)
    return beta, inverse, mean, leverage


def twice(counts: Floats, design: Floats, outlier: float) -> tuple[Floats, Floats, float, float]:
    """The reweighted fit: coefficients, covariance, dispersion, dispersion by the weights given alone."""
    freedom = len(counts) - design.shape[1]
    _, _, mean, leverage = dense_glm(counts, design, np.ones(len(counts)))
    phi = max(float(((counts - mean) ** 2 / mean).sum() / freedom), 1)
    residual = 1.5 * (counts ** (2 / 3) * mean ** (-1 / 6) - mean**0.5) / np.sqrt(phi * (1 - leverage))
    weights = np.where(residual > outlier, residual**-2, 1)
    weights *= len(counts) / weights.sum()
    beta, inverse, mean, _ = dense_glm(counts, design, weights)
    square = weights * (counts - mean) ** 2
    return beta, inverse, float((square / mean).sum() / freedom), float((square / mean**2).sum() / freedom)


@pytest.mark.parametrize("growth", [0.0, -0.004], ids=["level", "falling"])
@pytest.mark.parametrize("power", [1, 0.5, 2 / 3])
def test_farrington_is_the_reweighted_model_written_out(growth: float, power: float) -> None:
    counts = np.round(usual(1, mean=40) * np.exp(growth * np.arange(WEEKS)))
    counts[0, 155:158] *= 4  # an outbreak in a former season
    now = WEEKS - 1
    weeks = np.concatenate([np.arange(now - 52 * year - 3, now - 52 * year + 4) for year in (5, 4, 3, 2, 1)])
    design = np.column_stack([np.ones(35), weeks - now] if growth else [np.ones(35)])
    beta, inverse, dispersion, _ = twice(counts[0, weeks], design, 1)
    mean, phi = np.exp(beta[0]), max(dispersion, 1)
    tau = phi + phi * inverse[0, 0] * mean
    deviation = power * mean ** (power - 0.5) * np.sqrt(tau)
    expected = (mean**power + norm.ppf(0.975) * deviation) ** (1 / power)
    assert farrington(counts, power=power, last=1).upper[0, -1] == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("threshold", ["delta", "nb_plugin", "muan"])
def test_the_flexible_method_is_its_model_written_out(threshold: Threshold) -> None:
    counts = usual(1, mean=30)
    counts[0, 100:103] *= 5
    now = WEEKS - 1
    back = np.arange(-52 * 4 - 3, -26)
    season = np.abs((back + 26) % 52 - 26) <= 3
    since = (back % 52) - 4  # weeks since the season of the year
    part = np.where(season, 0, 1 + since // 5)
    design = np.column_stack([np.ones(len(back)), *(part == other for other in range(1, 10))]).astype(np.float64)
    beta, inverse, dispersion, loose = twice(counts[0, now + back], design, 2.58)
    mean, phi, error = np.exp(beta[0]), max(dispersion, 1), loose * inverse[0, 0]
    if threshold == "delta":
        deviation = 2 / 3 * mean ** (1 / 6) * np.sqrt(phi + error * mean)
        expected = (mean ** (2 / 3) + norm.ppf(0.95) * deviation) ** 1.5
    else:
        high = mean if threshold == "nb_plugin" else mean * np.exp(norm.ppf(0.95) * np.sqrt(error))
        expected = nbinom.ppf(0.95, high / (phi - 1), 1 / phi)
    found = farrington_flexible(counts, years=4, periods=10, skip=26, trend=False, threshold=threshold, last=1)
    assert found.upper[0, -1] == pytest.approx(expected, rel=1e-6)


def test_a_trend_stays_only_where_it_is_sure_and_does_not_run_away() -> None:
    week = np.arange(WEEKS)
    falling = np.round(60 * np.exp(-0.004 * week))[None]
    assert farrington(falling, last=1).upper[0, -1] < farrington(falling, trend=False, last=1).upper[0, -1]
    rising = falling[:, ::-1].copy()  # its continuation is above all that was seen
    assert farrington(rising, last=1).upper[0, -1] == farrington(rising, trend=False, last=1).upper[0, -1]
    short = farrington(falling, years=2, last=1).upper[0, -1]
    assert short == farrington(falling, years=2, trend=False, last=1).upper[0, -1]


@ALL
def test_a_spike_is_an_alarm_and_an_ordinary_week_is_not(detector: Detector) -> None:
    calm = usual()
    calm[:, -2:] = 9
    assert not detector(calm).alarms[:, -1].any()
    spiked = detector(with_week(calm, 60, back=2 if detector is ears_c3 else 1))
    assert spiked.alarms[:, -1].tolist() == [False, True, False]


@ALL
def test_series_are_judged_each_by_itself_and_only_by_the_past(detector: Detector) -> None:
    counts = with_week(usual(4, 52 * 5 + 20), 50)
    whole = detector(counts)
    order = [2, 0, 3, 1]
    shuffled = detector(counts[order])
    np.testing.assert_array_equal(shuffled.alarms, whole.alarms[order])
    np.testing.assert_allclose(shuffled.upper, whole.upper[order], rtol=1e-9)
    shorter = detector(counts[:, :-30])
    np.testing.assert_array_equal(shorter.alarms, whole.alarms[:, :-30])
    np.testing.assert_allclose(shorter.upper, whole.upper[:, :-30], rtol=1e-9)


@pytest.mark.parametrize("detector", [ears_c1, ears_c2, ears_c3])
@given(
    counts=arrays(np.float64, (2, 20), elements=st.integers(0, 40).map(float)), factor=st.sampled_from([0.5, 2.0, 8.0])
)
@settings(max_examples=25, deadline=None)
def test_ears_does_not_depend_on_the_scale(detector: Detector, counts: Floats, factor: float) -> None:
    found, scaled = detector(counts), detector(counts * factor)
    np.testing.assert_array_equal(found.alarms, scaled.alarms)
    np.testing.assert_allclose(found.upper * factor, scaled.upper, rtol=1e-9, atol=1e-9)


@ALL
@given(data=st.data())
@settings(max_examples=6, deadline=None)
def test_whatever_was_reported_the_answer_is_defined(detector: Detector, data: st.DataObject) -> None:
    weeks = data.draw(st.integers(0, 300))
    seed, mean, missing = data.draw(st.tuples(st.integers(0, 999), st.floats(0, 50), st.floats(0, 1)))
    rng = np.random.default_rng(seed)
    counts = rng.poisson(rng.gamma(0.5, 2 * mean, (3, weeks))).astype(np.float64)
    counts[rng.random(counts.shape) < missing] = np.nan
    upper, alarms = detector(counts)
    assert upper.shape == alarms.shape == counts.shape and alarms.dtype == np.bool_
    assert not (upper < 0).any() and not np.isinf(upper).any()
    assert not alarms[np.isnan(upper) | np.isnan(counts)].any()
    assert (counts[alarms] > upper[alarms]).all()


@ALL
def test_no_history_no_cases_no_change(detector: Detector) -> None:
    for short in (usual(weeks=1), usual(weeks=3), np.zeros((3, 0)), np.zeros((0, 20))):
        found = detector(short)
        assert np.isnan(found.upper).all() and not found.alarms.any()
    for constant in (np.zeros((2, WEEKS)), np.full((2, WEEKS), 7.0)):
        assert not detector(constant).alarms.any()
    if detector is not ears_c3:  # which tells nothing of a series that never varied
        assert detector(with_week(np.full((2, WEEKS), 7.0), 70)).alarms[1, -1]


def test_c3_tells_of_a_constant_series_once_it_is_given_a_least_deviation() -> None:
    constant = with_week(np.full((2, 40), 7.0), 70)
    constant[1, -2] = 20
    assert np.isnan(ears_c3(constant).upper[0, -1])
    assert ears_c3(constant, least_sd=1).alarms[:, -1].tolist() == [False, True]


@ALL
def test_a_gap_is_no_zero(detector: Detector) -> None:
    """Weeks not reported do not count as empty ones, nor silence a series of which half is known."""
    back = 2 if detector is ears_c3 else 1
    counts = with_week(usual(mean=20), 90, back=back)
    gaps = counts.copy()
    gaps[1, 3:-6:4] = np.nan
    gaps[1, -6] = np.nan
    assert detector(gaps).alarms[1, -1]
    assert (detector(gaps).upper[1, -5:] != detector(np.nan_to_num(gaps)).upper[1, -5:]).any()
    mostly = counts.copy()
    mostly[1, :-back] = np.nan
    silent = detector(mostly)
    assert np.isnan(silent.upper[1, -1]) and not silent.alarms[1].any()


def test_few_cases_in_four_weeks_are_never_an_alarm_by_farrington() -> None:
    quiet = np.zeros((2, WEEKS))
    quiet[:, 100] = 1
    for detector in (farrington, DETECTORS["farrington_flexible"]):
        assert not detector(with_week(quiet, 4)).alarms.any()
        assert detector(with_week(quiet, 5)).alarms[1, -1]


def test_without_a_single_case_before_the_flexible_fit_does_not_end() -> None:
    first = with_week(np.zeros((2, WEEKS)), 9)
    assert farrington(first).alarms[1, -1]
    assert np.isnan(DETECTORS["farrington_flexible"](first).upper[1, -1])


def test_an_error_out_of_all_numbers_tells_nothing() -> None:
    """Where the season never had a case its mean may be anything, says its standard error."""
    counts = usual(1, mean=20)
    back = WEEKS - 1 - np.arange(WEEKS)
    counts[0, np.abs((back + 26) % 52 - 26) <= 4] = 0
    counts[0, -1] = 9
    never = partial(farrington_flexible, counts, years=4, periods=10, skip=26, trend=False, last=1)
    assert np.isnan(never(threshold="muan").upper[0, -1])
    assert never(threshold="nb_plugin").upper[0, -1] == 0 and never(threshold="nb_plugin").alarms[0, -1]


def test_only_the_newest_weeks_are_judged_when_asked_for() -> None:
    counts = usual()
    for detector in (farrington, farrington_flexible):
        some = detector(counts, last=3).upper
        assert np.isnan(some[:, :-3]).all()
        np.testing.assert_allclose(some[:, -3:], detector(counts).upper[:, -3:], rtol=1e-12)


def test_input_that_contradicts_itself_is_refused() -> None:
    for wrong in (np.array([[1.0, -1.0]]), np.array([[np.inf]]), np.arange(3.0)):
        with pytest.raises(ValueError, match="Counts are"):
            ears_c1(wrong)
    with pytest.raises(ValueError, match="three weeks"):
        ears_c1(usual(), baseline=2)
    with pytest.raises(ValueError, match="do not make"):
        farrington_flexible(usual(), periods=60)

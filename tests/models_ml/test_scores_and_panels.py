"""CRPS against closed forms, and how features become panels."""

from datetime import date

import numpy as np
import polars as pl
import pytest
from scipy.stats import expon, norm

from models_ml.panel import QUANTILES, at, crps, panels


@pytest.mark.parametrize("outcome", [-2.0, -0.3, 0.0, 1.1, 3.0])
def test_crps_of_a_normal_is_near_its_closed_form(outcome: float) -> None:
    closed = outcome * (2 * norm.cdf(outcome) - 1) + 2 * norm.pdf(outcome) - 1 / np.sqrt(np.pi)
    assert crps(norm.ppf(QUANTILES), np.array(outcome)) == pytest.approx(closed, rel=0.03, abs=0.005)


@pytest.mark.parametrize("outcome", [0.1, 0.7, 2.5])
def test_crps_of_an_exponential_is_near_its_closed_form(outcome: float) -> None:
    closed = outcome - 2 * expon.cdf(outcome) + 0.5
    assert crps(expon.ppf(QUANTILES), np.array(outcome)) == pytest.approx(closed, rel=0.03, abs=0.01)


def test_crps_of_a_point_is_the_absolute_error() -> None:
    quantiles = np.full((2, 99), 7.0)
    assert crps(quantiles, np.array([10.0, 3.0])) == pytest.approx([3.0, 4.0])


def test_crps_is_the_energy_form_for_an_ensemble() -> None:
    members = np.random.default_rng(1).gamma(2, 30, 20_000)
    energy = np.abs(members - 50).mean() - 0.5 * np.abs(members - np.roll(members, 7)).mean()
    assert crps(np.quantile(members, QUANTILES), np.array(50.0)) == pytest.approx(energy, rel=0.03)


def test_a_missing_outcome_has_no_score() -> None:
    assert np.isnan(crps(np.zeros((1, 99)), np.array([np.nan]))).all()


def test_quantiles_are_found_by_level() -> None:
    assert [float(at(QUANTILES, level)) for level in (0.05, 0.5, 0.95)] == [0.05, 0.5, 0.95]


def series(province: str, first: date, cases: list[int | None], disease: str = "dengue") -> pl.DataFrame:
    months = pl.date_range(first, date(2100, 1, 1), "1mo", eager=True).head(len(cases))
    return pl.DataFrame(
        {"province_code": province, "disease_code": disease, "month": months, "cases": cases},
        schema_overrides={"cases": pl.Int64},
    )


def test_missing_counts_stay_missing_and_gaps_of_rows_too() -> None:
    holed = series("01", date(2020, 1, 1), [1, None, 3, 4, 5]).filter(pl.col("month") != date(2020, 4, 1))
    (panel,) = panels(holed)
    assert panel.months.astype(str).tolist() == ["2020-01", "2020-02", "2020-03", "2020-04", "2020-05"]
    np.testing.assert_array_equal(panel.cases, [[1, np.nan, 3, np.nan, 5]])


def test_a_late_report_shares_the_origin_and_a_series_long_ended_keeps_its_own() -> None:
    frame = pl.concat(
        [
            series("01", date(2020, 1, 1), [1] * 24),
            series("02", date(2020, 1, 1), [2] * 22 + [None, None]),
            series("03", date(2008, 1, 1), [3] * 12),
            series("04", date(2020, 1, 1), [None] * 24),
        ]
    )
    old, new = panels(frame)
    assert (old.units, old.origin) == (["03"], date(2008, 12, 1))
    assert (new.units, new.origin) == (["01", "02"], date(2021, 12, 1))
    assert np.isnan(new.cases[1, -2:]).all()


def test_one_panel_a_disease_in_a_fixed_order() -> None:
    frames = [series("01", date(2020, 1, 1), [1] * 3, name) for name in ("measles", "dengue")]
    assert [panel.disease for panel in panels(pl.concat(frames))] == ["dengue", "measles"]
    assert panels(frames[0].clear()) == []

"""Daily candidates know the days off; a daily series is backtested, its champion stays for a month, and what cannot be
learned is told by climatology with the reason."""

from datetime import date, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models_ml import daily_series
from models_ml.daily import CANDIDATES, FRIDAY, HORIZON, SUNDAY, WEEK, climatology, kinds, mstl, predict, seasonal_naive
from models_ml.panel import QUANTILES, Floats, at
from models_ml.series_forecasts import SCHEMA, Told, tell
from models_ml.series_items import items
from models_ml.series_registry import DaySeries

TODAY = date(2026, 11, 25)
OFFICE = np.array([120.0, 105, 100, 95, 90, 10, 6])  # by kind of day
COMMUNES = pl.DataFrame({"unit_code": ["24748", "24769"], "province_code": "68"})
SERIES = DaySeries.model_validate(
    {
        "code": "dossiers_day",
        "title": "Hồ sơ theo ngày",
        "measured_in": "hồ sơ",
        "frequency": "day",
        "hierarchy": ["province"],
        "source": {"table": "dossiers", "level": "commune", "unit": "unit", "period": "day"},
        "counts": "other",
        "audience": ["leaders"],
        "transformation": "none",
        "horizon": 14,
        "candidates": ["climatology", "seasonal_naive", "mstl"],
    }
)


def until(last: date, count: int) -> Any:
    """`count` days known up to the last, and HORIZON more."""
    return np.datetime64(last, "D") + np.arange(1 - count, HORIZON + 1)


def counts(count: int, seed: int = 1, drift: float = 0.0, last: date = TODAY - timedelta(days=1)) -> Floats:
    """(1, count) up to a day: by kind of day, with a level that wanders."""
    rng = np.random.default_rng(seed)
    level = np.exp(np.cumsum(rng.normal(0, drift, count)))
    return rng.poisson(OFFICE[kinds(until(last, count))[:count]] * level)[None].astype(np.float64)


def past(values: Floats, last: date = TODAY - timedelta(days=1)) -> pl.DataFrame:
    """Rows of the source, half of each day's in one commune, and those of the running day."""
    days = [last - timedelta(days=ago) for ago in range(values.shape[1] - 1, -1, -1)]
    whole = pl.DataFrame({"item": "total", "period": [*days, last + timedelta(days=1)], "value": [*values[0], 3.0]})
    halves = {"24748": (pl.col("value") / 2).floor(), "24769": (pl.col("value") / 2).ceil()}
    rows = [whole.with_columns(unit_code=pl.lit(unit), value=half) for unit, half in halves.items()]
    return pl.concat(rows).filter(pl.col("value") > 0)


def night(rows: pl.DataFrame, before: Told | None = None, today: date = TODAY, series: DaySeries = SERIES) -> Told:
    kept = before.rows if before else SCHEMA.to_frame()
    return tell(series, rows, COMMUNES, today, kept, before.scores if before else {}, "v1")


def test_public_holidays_are_as_sundays_and_saturdays_worked_in_exchange_as_fridays() -> None:
    tet = kinds(np.datetime64("2026-02-13", "D") + np.arange(11))  # off from Monday 16 to Friday 20 February
    assert tet.tolist() == [FRIDAY, 5, SUNDAY, *[SUNDAY] * 5, 5, SUNDAY, 0]
    assert kinds(np.array(["2024-04-29", "2024-05-04", "2025-12-31"], "datetime64[D]")).tolist() == [SUNDAY, FRIDAY, 2]


@pytest.mark.parametrize("name", list(CANDIDATES))
def test_every_candidate_knows_that_nobody_works_at_tet(name: str) -> None:
    origin = date(2026, 2, 10)
    days, known = until(origin, 400), counts(400, last=origin)
    (told,), own = predict(CANDIDATES[name], known, days)
    assert own.all()
    middle, off = at(told, 0.5), kinds(days)[-HORIZON:] == SUNDAY
    assert (
        off.sum() == 7 and (middle[off] < 20).all() and (middle[~off & (kinds(days)[-HORIZON:] <= FRIDAY)] > 60).all()
    )


def test_climatology_is_what_the_last_days_of_the_kind_had() -> None:
    days = until(TODAY, 200)
    values = kinds(days)[None, :200].astype(np.float64)
    assert (climatology(values, days) == kinds(days)[None, 200:, None]).all()


def test_seasonal_naive_is_the_last_day_of_the_kind_and_less_sure_of_the_second_week() -> None:
    origin = date(2026, 10, 25)  # no day off about it
    values = np.concatenate([counts(400, seed, 0.05, origin) for seed in range(20)])
    told = seasonal_naive(values, until(origin, 400))
    assert at(told, 0.5) == pytest.approx(np.tile(values[:, -WEEK:], 2))
    width = at(told, 0.9) - at(told, 0.1)
    assert width[:, WEEK:].mean() > 1.1 * width[:, :WEEK].mean()


def test_mstl_follows_a_level_that_wanders_and_is_as_wide_as_each_weekday() -> None:
    values = counts(500, seed=3, drift=0.02)
    days = until(TODAY - timedelta(days=1), 500)
    came, scores = [], []
    for end in range(260, 487, WEEK + 1):
        told = {name: predict(one, values[:, :end], days[: end + HORIZON])[0] for name, one in CANDIDATES.items()}
        outcome = values[:, end : end + HORIZON]
        came.append((at(told["mstl"], 0.1) <= outcome) & (outcome <= at(told["mstl"], 0.9)))
        scores.append([np.abs(at(one, 0.5) - outcome).mean() for one in told.values()])
    usual, naive, model = np.mean(scores, axis=0)
    assert model < 0.9 * min(usual, naive)
    assert 0.65 < np.mean(came) < 0.95


def test_mstl_learns_a_yearly_season_from_three_years() -> None:
    count = 4 * 365
    days = until(TODAY - timedelta(days=1), count)
    season = np.exp(0.8 * np.cos(2 * np.pi * np.arange(count + HORIZON) / 365))
    usual = OFFICE[kinds(days)] * season
    values = np.random.default_rng(2).poisson(10 * usual[:count])[None].astype(np.float64)
    for known, sees in ((count, True), (2 * 365, False)):
        told = at(mstl(values[:, -known:], days[-known - HORIZON :]), 0.5)[0]
        of_season = told[-WEEK:].sum() / values[0, -WEEK:].sum()
        assert (abs(of_season - usual[-WEEK:].sum() / usual[count - WEEK : count].sum()) < 0.02) == sees


HARD = {
    "too short": counts(60),
    "all zero": np.zeros((1, 300)),
    "constant": np.full((1, 300), 7.0),
    "mostly gaps": np.where(np.arange(300) % 3 == 0, counts(300), np.nan),
}


@pytest.mark.parametrize("why", HARD)
def test_what_mstl_cannot_learn_from_is_told_by_climatology(why: str) -> None:
    values = HARD[why]
    days = until(TODAY - timedelta(days=1), values.shape[1])
    told, own = predict(mstl, values, days)
    assert not own.any() and np.array_equal(told, np.sort(climatology(values, days)))
    answer = daily_series.answer_of(values, days[0].astype(date), CANDIDATES, {}, None)
    reason = daily_series.TOO_SHORT.format(days=60, needed=daily_series.NEEDED)
    assert answer.chosen == ("climatology", reason if why == "too short" else daily_series.NOT_LEARNED)


def test_a_weekday_that_was_never_known_teaches_mstl_nothing() -> None:
    values = counts(300)
    values[0, kinds(until(TODAY - timedelta(days=1), 300))[:300] == 2] = np.nan
    assert not predict(mstl, values, until(TODAY - timedelta(days=1), 300))[1].any()


def test_gaps_are_no_zeros() -> None:
    values = counts(400)
    days = until(TODAY - timedelta(days=1), 400)
    whole = {name: at(predict(one, values, days)[0], 0.5) for name, one in CANDIDATES.items()}
    values[0, [-20, -12, -3, -2]] = np.nan
    for name, one in CANDIDATES.items():
        told = at(predict(one, values, days)[0], 0.5)
        assert np.abs(told - whole[name]).max() < 0.4 * OFFICE.max(), name


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.one_of(st.just(np.nan), st.just(0.0), st.floats(0, 1e6, allow_subnormal=False)), min_size=1, max_size=30
    ),
    st.integers(1, 12),
    st.sampled_from(["climatology", "seasonal_naive"]),
)
def test_answers_are_distributions_whatever_the_past(pattern: list[float], repeats: int, name: str) -> None:
    values = np.tile(np.array(pattern), repeats)[None]
    told, _ = predict(CANDIDATES[name], values, until(TODAY, values.shape[1]))
    assert told.shape == (1, HORIZON, len(QUANTILES))
    if np.isnan(values).all():
        assert np.isnan(told).all()
    else:
        assert (told >= 0).all() and (np.diff(told) >= 0).all() and told.max() <= 3 * np.nanmax(values) + 1e-9


@pytest.fixture(scope="module")
def wandering() -> Told:
    return night(past(counts(600, drift=0.02)))


def test_the_province_is_told_two_weeks_ahead_from_what_its_communes_had(wandering: Told) -> None:
    rows = wandering.rows
    assert dict(rows.schema) == dict(SCHEMA) and wandering.computed == 1
    assert rows["unit_code"].unique().to_list() == ["68"] and rows["horizon"].to_list() == list(range(1, 15))
    assert rows["origin"].unique().to_list() == [date(2026, 11, 24)], "the running day is not known yet"
    assert rows["period_start"].to_list() == [TODAY + timedelta(days=step) for step in range(14)]
    assert rows["model"].unique().to_list() == ["mstl"] and rows["note"].null_count() == 14
    assert (rows.select("skill_climatology", "skill_seasonal_naive").to_numpy() > 0.05).all()
    assert (rows["origins"] == daily_series.ORIGINS).all() and (rows["crps"] > 0).all()
    assert 0.6 < rows["coverage_80"].mean() < 0.95  # type: ignore[operator]
    (item,) = items(SERIES, past(counts(600, drift=0.02)), COMMUNES, TODAY)
    assert item.values.sum(axis=0).tolist() == counts(600, drift=0.02)[0, 1:].tolist()


def test_a_model_that_is_not_surely_better_is_not_shown() -> None:
    rows = night(past(counts(600))).rows  # the level stays: climatology knows all there is
    assert rows["model"].unique().to_list() == ["climatology"]
    (note,) = rows["note"].unique()
    assert "mức thường gặp của cùng thứ trong tuần được dùng để dự báo" in note and "năm ngoái" not in note
    assert (rows["skill_climatology"] == 0).all() and (rows["skill_seasonal_naive"] > 0).all()


def test_a_short_past_says_how_much_it_lacks() -> None:
    needed, few = daily_series.NEEDED, 200
    rows = night(past(counts(few + 1))).rows  # the first day of the register is left out
    assert rows["note"].unique().to_list() == [daily_series.TOO_SHORT.format(days=few, needed=needed)]
    assert rows["model"].unique().to_list() == ["climatology"] and rows["skill_climatology"].null_count() == 14
    assert (night(past(counts(needed + 1))).rows["origins"] >= 2).all()
    assert night(past(counts(1))).rows.is_empty()


def test_an_unchanged_night_computes_nothing(wandering: Told) -> None:
    again = night(past(counts(600, drift=0.02)), wandering)
    assert again.computed == 0 and again.rows.equals(wandering.rows)


def test_fifteen_nights_score_one_new_origin(monkeypatch: pytest.MonkeyPatch) -> None:
    fits: list[int] = []

    def counted(known: Floats, days: Any) -> Floats:
        fits.append(known.shape[1])
        return mstl(known, days)

    monkeypatch.setitem(CANDIDATES, "mstl", counted)
    first, values = date(2026, 10, 2), counts(420 + daily_series.EVERY, drift=0.02, last=date(2026, 10, 16))
    told = night(past(values[:, :420], first - timedelta(days=1)), None, first)
    origins = told.rows["origins"][0]
    assert len(fits) == origins + 1 and told.rows["model"][0] == "mstl"
    for more in range(1, daily_series.EVERY + 1):
        today = first + timedelta(days=more)
        told = night(past(values[:, : 420 + more], today - timedelta(days=1)), told, today)
        assert told.computed == 1
    assert len(fits) == origins + 1 + daily_series.EVERY + 1, "a fit a night and one origin"


def test_a_champion_stays_for_its_month(wandering: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    values = counts(601, drift=0.02, last=TODAY)
    other = daily_series.Chosen("seasonal_naive", None)
    monkeypatch.setattr(daily_series, "_champion", lambda *more: other)
    same = night(past(values, TODAY), wandering, TODAY + timedelta(days=1))
    assert same.rows["model"].unique().to_list() == ["mstl"]
    december = night(past(values, TODAY), wandering, date(2026, 12, 2))
    assert december.rows["model"].unique().to_list() == ["seasonal_naive"]


def test_a_candidate_that_fails_is_left_out_and_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(known: Floats, days: Any) -> Floats:
        raise ZeroDivisionError

    rows = past(counts(400, drift=0.02))
    with monkeypatch.context() as patched:
        patched.setitem(CANDIDATES, "mstl", broken)
        failed = night(rows)
    assert failed.rows["model"].unique().to_list() == ["climatology"] and not failed.scores
    assert "ZeroDivisionError" in failed.rows["note"][0]
    later = past(counts(401, drift=0.02, last=TODAY), TODAY)
    assert night(later, failed, TODAY + timedelta(days=1)).rows["note"].null_count() == 14


def test_nothing_after_the_origin_changes_a_forecast(wandering: Told) -> None:
    rows = past(counts(600, drift=0.02))
    running = rows.with_columns(value=pl.col("value") + 1000 * (pl.col("period") >= TODAY))
    assert night(running).rows.equals(wandering.rows)


def test_each_horizon_is_scored_on_every_weekday() -> None:
    days = until(TODAY, 700)[:700]
    ends = np.array(daily_series._origins(days))
    assert len(ends) == daily_series.ORIGINS and (np.diff(ends) > HORIZON).all(), "no day is scored from two origins"
    assert set((ends % WEEK).tolist()) == set(range(WEEK))
    assert set(ends[:-1] - 1) <= set(daily_series._origins(days[1:])) | {ends[0] - 1}, (
        "the grid stays from night to night"
    )

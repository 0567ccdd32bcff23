"""Forecasts by the champion, for every series and from its own last month."""

from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from lake.contract import read_contract
from models_ml import forecasting
from models_ml.backtests import SCHEMA as BACKTESTS
from models_ml.backtests import backtest
from models_ml.candidates import BASELINE, CANDIDATES, climatology
from models_ml.champions import NOTHING_BETTER
from models_ml.forecasting import forecast
from models_ml.panel import LEVELS, Floats, Panel

CONTRACT = Path(forecasting.__file__).parents[1] / "lake" / "contracts" / "models" / "forecasts.yaml"


@pytest.fixture(scope="module")
def pool() -> Iterator[Executor]:
    with ThreadPoolExecutor(1) as pool:
        yield pool


def series(province: str, first: date, months: int, disease: str = "dengue", level: float = 30) -> pl.DataFrame:
    dates = pl.date_range(first, date(2100, 1, 1), "1mo", eager=True).head(months)
    wave = level * np.exp(np.cos(2 * np.pi * (np.arange(months) - 8) / 12))
    cases = np.random.default_rng(int(province)).poisson(wave)
    return pl.DataFrame({"month": dates, "cases": cases}).select(
        pl.lit(province).alias("province_code"), pl.lit(disease).alias("disease_code"), "month", "cases"
    )


def chosen(**models: tuple[date, str]) -> pl.DataFrame:
    rows = [
        {"disease_code": disease, "origin": origin, "model": model, "horizon": 0, "champion": True}
        for disease, (origin, model) in models.items()
    ]
    return pl.DataFrame(rows, schema=BACKTESTS)


def crashing(panel: Panel, horizon: int) -> Floats:
    raise RuntimeError("no convergence")


def test_every_series_is_forecast_from_its_own_last_month(pool: Executor) -> None:
    frame = pl.concat(
        [
            series("01", date(2000, 1, 1), 132),
            series("02", date(2018, 1, 1), 96),
            series("03", date(2019, 1, 1), 84).with_columns(cases=pl.lit(0, pl.Int64)),
            series("02", date(2024, 1, 1), 5, "measles"),
        ]
    )
    table = forecast(frame, chosen(dengue=(date(2025, 12, 1), "auto_ets")), "v1", pool=pool)
    contract = read_contract(CONTRACT)
    expected = {name: kind for name, kind in contract.row_schema.items() if name != "_load_id"}
    assert dict(table.drop("expected").schema) == expected
    assert table["expected"].is_between(table["q05"], table["q95"]).all() and table["expected"].is_finite().all()
    required = [column.name for column in contract.columns if column.required]
    assert table.select(required).null_count().sum_horizontal()[0] == 0
    assert not table.select(contract.key).is_duplicated().any()
    ends = table.group_by("unit_code", "disease_code").agg(
        pl.col("origin").first(), pl.col("model").unique(), pl.col("month").sort(), pl.col("training_from").first()
    )
    told = {(row[0], row[1]): row[2:] for row in ends.iter_rows()}
    first_three = [date(2026, 1, 1), date(2026, 2, 1), date(2026, 3, 1)]
    assert told["01", "dengue"][:2] == (date(2010, 12, 1), [BASELINE])  # without a backtest
    assert told["02", "dengue"] == (date(2025, 12, 1), ["auto_ets"], first_three, date(2018, 1, 1))
    assert told["03", "dengue"] == (date(2025, 12, 1), [BASELINE], first_three, date(2019, 1, 1))  # nothing to learn
    assert told["02", "measles"][:2] == (date(2024, 5, 1), [BASELINE])
    reasons = {row[:2]: row[2] for row in table.select("unit_code", "disease_code", "note").unique().iter_rows()}
    assert reasons["02", "dengue"] is None and reasons["03", "dengue"] == forecasting.NOT_LEARNED_HERE
    assert reasons["01", "dengue"] == reasons["02", "measles"] == forecasting.NO_BACKTEST
    quantiles = table.select(list(LEVELS)).to_numpy()
    assert (np.diff(quantiles, axis=1) >= 0).all() and (quantiles >= 0).all()


def test_a_champion_that_fails_now_gives_way_to_climatology(pool: Executor) -> None:
    frame = series("02", date(2018, 1, 1), 96)
    backtests = chosen(dengue=(date(2025, 12, 1), "faulty"))
    candidates = {BASELINE: climatology, "faulty": crashing}
    table = forecast(frame, backtests, "v1", candidates, pool)
    assert table["model"].unique().to_list() == [BASELINE]
    assert table["note"].unique().to_list() == [
        "Mô hình được chọn (faulty) gặp lỗi ở lần chạy này; dự báo bằng mức cùng tháng các năm trước"
    ]
    usual = forecast(frame, chosen(), "v1", pool=pool)
    assert table.drop("note").equals(usual.drop("note"))


def test_a_champion_that_fails_now_gives_way_to_the_next_that_surely_beats_both_simple_rules(pool: Executor) -> None:
    frame = series("02", date(2018, 1, 1), 96)
    champion = chosen(dengue=(date(2025, 12, 1), "faulty"))
    sure = {"champion": False, "skill_climatology": 0.3, "skill_seasonal_naive": 0.3, "chance_climatology": 0.01}
    others = [
        {"model": "auto_ets", "crps": 2.0, **sure, "chance_seasonal_naive": 0.01},
        {"model": "poisson_gamma", "crps": 1.0, **sure, "chance_seasonal_naive": 0.2},  # better, but not surely
    ]
    scores = [champion.with_columns(**{name: pl.lit(value) for name, value in one.items()}) for one in others]
    backtests = pl.concat([champion, *scores], how="diagonal_relaxed")
    table = forecast(frame, backtests, "v1", {**CANDIDATES, "faulty": crashing}, pool)
    assert table["model"].unique().to_list() == ["auto_ets"]
    assert table["note"].unique().to_list() == [
        "Mô hình được chọn (faulty) gặp lỗi ở lần chạy này; dự báo bằng san bằng mũ (AutoETS)"
    ]


def test_the_reason_for_climatology_goes_with_the_forecast(pool: Executor) -> None:
    backtests = chosen(dengue=(date(2025, 12, 1), BASELINE)).with_columns(note=pl.lit(NOTHING_BETTER))
    table = forecast(series("02", date(2018, 1, 1), 96), backtests, "v1", pool=pool)
    assert table["note"].unique().to_list() == [NOTHING_BETTER]


def test_an_ensemble_goes_on_without_a_member_that_fails(pool: Executor) -> None:
    frame = pl.concat([series(f"{n:02d}", date(2018, 1, 1), 96) for n in range(1, 4)])
    candidates = {**CANDIDATES, "prophet": crashing}
    table = forecast(frame, chosen(dengue=(date(2025, 12, 1), "ensemble")), "v1", candidates, pool)
    alone = forecast(frame, chosen(dengue=(date(2025, 12, 1), "anomaly_regression")), "v1", pool=pool)
    assert table["model"].unique().to_list() == ["ensemble"]
    assert table.drop("model").equals(alone.drop("model"))


def test_a_month_revised_downward_lowers_the_next(pool: Executor) -> None:
    frame = series("02", date(2018, 1, 1), 96, level=300)
    last = pl.col("month") == pl.col("month").max()
    revised = frame.with_columns(cases=pl.when(last).then(pl.col("cases") // 4).otherwise("cases"))
    for model in ("poisson_gamma", "anomaly_regression", "auto_ets"):
        backtests = chosen(dengue=(date(2025, 12, 1), model))
        before, after = (forecast(one, backtests, "v1", pool=pool)["q50"] for one in (frame, revised))
        assert after[0] < before[0] and (after >= 0).all()


def test_a_unit_that_is_gone_is_forecast_from_its_own_end(pool: Executor) -> None:
    frame = pl.concat([series("01", date(2000, 1, 1), 132), series("02", date(2018, 1, 1), 96)])
    scores = backtest(frame, {name: CANDIDATES[name] for name in ("climatology", "anomaly_regression")}, pool=pool)
    table = forecast(frame, scores, "v1", pool=pool)
    ends = dict(table.group_by("unit_code").agg(pl.col("origin").first()).iter_rows())
    assert ends == {"01": date(2010, 12, 1), "02": date(2025, 12, 1)}
    assert scores["origin"].unique().sort().to_list() == sorted(ends.values())
    told = table.filter(pl.col("model") == BASELINE)["note"]
    assert told.null_count() == 0


def test_a_champion_no_longer_known_gives_way_too(pool: Executor) -> None:
    table = forecast(
        series("02", date(2018, 1, 1), 96), chosen(dengue=(date(2025, 12, 1), "of_last_year")), "v1", pool=pool
    )
    assert table["model"].unique().to_list() == [BASELINE]


def test_forecasts_do_not_change_from_run_to_run(pool: Executor) -> None:
    few = pl.concat([series(f"{n:02d}", date(2018, 1, 1), 96) for n in range(1, 4)])
    many = pl.concat([series(f"{n:02d}", date(2018, 1, 1), 96) for n in range(1, 16)])
    for name in (*CANDIDATES, "ensemble"):
        frame = many if name == "gradient_boosting" else few
        backtests = chosen(dengue=(date(2025, 12, 1), name))
        first = forecast(frame, backtests, "v1", pool=pool)
        again = forecast(frame.sample(fraction=1, shuffle=True, seed=2), backtests, "v1", pool=pool)
        assert first.equals(again)
        assert first["model"].unique().to_list() == [name]


def test_no_features_give_no_forecasts(pool: Executor) -> None:
    empty = forecast(series("01", date(2020, 1, 1), 3).clear(), chosen(), "v1", pool=pool)
    assert empty.is_empty() and dict(empty.schema) == dict(forecasting.SCHEMA)

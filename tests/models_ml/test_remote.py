"""A model that runs elsewhere takes part in the backtest like any other, and nothing waits for it."""

from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from functools import partial

import numpy as np
import polars as pl
import pytest

from lake.settings import SettingsError
from models_ml import remote
from models_ml.backtests import backtest, failures
from models_ml.candidates import BASELINE, Candidate, climatology, predict, seasonal_naive
from models_ml.forecasting import forecast
from models_ml.panel import panels
from models_ml.remote import REMOTE, Endpoint, RemoteModelError, endpoint, remote_candidates
from simulator import faults
from simulator.ai_platform import TABLE
from simulator.server import Running

pytestmark = pytest.mark.usefixtures("no_waiting")


@pytest.fixture(scope="module")
def pool() -> Iterator[Executor]:
    with ThreadPoolExecutor(2) as pool:
        yield pool


@pytest.fixture(params=["openai", "kserve"])
def env(running: Running, request: pytest.FixtureRequest) -> dict[str, str]:
    path = "/v1" if request.param == "openai" else ""
    return {
        "REMOTE_FORECASTER_URL": running.env["AI_PLATFORM_URL"] + path,
        "REMOTE_FORECASTER_PROTOCOL": request.param,
        "REMOTE_FORECASTER_MODEL": running.env["AI_PLATFORM_MODEL"],
        "REMOTE_FORECASTER_KEY": running.env["AI_PLATFORM_KEY"],
    }


def epidemics(years: int = 12, units: int = 6) -> pl.DataFrame:
    """A season with outbreaks that fade over months: what the last month says helps for the next ones."""
    rng = np.random.default_rng(5)
    months = pl.date_range(date(2012, 1, 1), date(2012 + years - 1, 12, 1), "1mo", eager=True)
    frames = []
    for unit in range(units):
        off = np.zeros(len(months))
        for month in range(1, len(months)):
            off[month] = 0.8 * off[month - 1] + rng.normal(0, 0.5)
        cases = rng.poisson(200 * np.exp(np.cos(2 * np.pi * (np.arange(len(months)) - 8) / 12) + off))
        frames.append(pl.DataFrame({"month": months, "cases": cases}).with_columns(province_code=pl.lit(f"{unit:02d}")))
    return pl.concat(frames).select("province_code", pl.lit("dengue").alias("disease_code"), "month", "cases")


def local(*others: tuple[str, Candidate]) -> dict[str, Candidate]:
    return {BASELINE: climatology, "seasonal_naive": seasonal_naive, **dict(others)}


def test_it_wins_where_it_is_surely_better_and_makes_the_forecast(env: dict[str, str], pool: Executor) -> None:
    features = epidemics()
    candidates = {**local(), **remote_candidates(env)}
    scores = backtest(features, candidates, pool=pool)
    overall = scores.filter(pl.col("horizon") == 0)
    assert overall.filter("champion")["model"].to_list() == [REMOTE]
    assert overall.filter(pl.col("model") == REMOTE)["skill_climatology"][0] > 0
    table = forecast(features, scores, "v1", candidates, pool)
    assert table["model"].unique().to_list() == [REMOTE] and table["note"].null_count() == len(table)


def test_both_protocols_tell_the_same(running: Running) -> None:
    [panel] = panels(epidemics(units=2))
    found = []
    for protocol, path in (("openai", "/v1"), ("kserve", "")):
        place = Endpoint(
            running.env["AI_PLATFORM_URL"] + path, protocol, "du-bao-chung", running.env["AI_PLATFORM_KEY"]
        )  # type: ignore[arg-type]
        quantiles, own = predict(partial(remote.forecast, place), panel, 3)
        assert own.all() and (np.diff(quantiles, axis=-1) >= 0).all()
        found.append(quantiles)
    assert np.allclose(found[0], found[1], rtol=1e-3, atol=1e-2)


@pytest.mark.parametrize("kind", ["down", "500", "half_json", "cut", "429", "401"])
def test_while_it_fails_the_local_champion_stands_and_it_is_told(
    running: Running, env: dict[str, str], pool: Executor, kind: str
) -> None:
    features = epidemics(units=2)
    candidates = {**local(), **remote_candidates(env)}
    with faults.fault(running, kind, table=TABLE, seconds=0):
        scores = backtest(features, candidates, pool=pool)
    assert list(failures(scores)) == [REMOTE]
    without = backtest(features, local(), pool=pool)
    assert scores.filter(pl.col("model") != REMOTE).equals(without)


def test_its_outage_on_the_day_of_the_forecast_gives_way_to_the_next(
    running: Running, env: dict[str, str], pool: Executor
) -> None:
    features = epidemics(units=2)
    candidates = {**local(), **remote_candidates(env)}
    scores = backtest(features, candidates, pool=pool).with_columns(champion=pl.col("model") == REMOTE)
    with faults.fault(running, "down", table=TABLE):
        table = forecast(features, scores, "v1", candidates, pool)
    assert REMOTE not in table["model"].to_list()
    [note] = table["note"].unique().to_list()
    assert "mô hình dùng chung từ xa" in note


def test_a_slow_answer_is_not_waited_for(running: Running, env: dict[str, str]) -> None:
    [panel] = panels(epidemics(units=1))
    place = replace(endpoint(env, "FORECASTER"), seconds=0.2)  # type: ignore[type-var]
    with faults.fault(running, "latency", table=TABLE, seconds=1), pytest.raises(RemoteModelError, match="Timeout"):
        remote.forecast(place, panel, 3)


def test_series_travel_without_their_names(running: Running, env: dict[str, str]) -> None:
    received = running.home / "ai_platform_received.jsonl"
    before = received.stat().st_size if received.exists() else 0
    [panel] = panels(epidemics(units=2))
    remote.forecast(endpoint(env, "FORECASTER"), replace(panel, units=["24823", "24829"]), 3)  # type: ignore[arg-type]
    with received.open("rb") as file:
        file.seek(before)
        sent = file.read().decode()
    assert str(int(panel.cases[0, 0])) in sent
    assert "24823" not in sent and "dengue" not in sent


def test_half_an_endpoint_is_refused(env: dict[str, str]) -> None:
    assert endpoint({}, "FORECASTER") is None
    with pytest.raises(SettingsError, match="REMOTE_FORECASTER_MODEL"):
        endpoint({**env, "REMOTE_FORECASTER_MODEL": ""}, "FORECASTER")
    with pytest.raises(SettingsError, match="grpc"):
        endpoint({**env, "REMOTE_FORECASTER_PROTOCOL": "grpc"}, "FORECASTER")
    with pytest.raises(SettingsError, match="SECONDS"):
        endpoint({**env, "REMOTE_FORECASTER_SECONDS": "soon"}, "FORECASTER")

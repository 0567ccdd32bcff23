"""The rolling-origin backtest: no look ahead, honest champion, no candidate brings it down."""

from collections.abc import Iterator, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lake.contract import read_contract
from models_ml import backtests, champions
from models_ml.backtests import Rolled, backtest, roll, rolling_origins, score, score_table
from models_ml.candidates import BASELINE, CANDIDATES, POOLED, Candidate, climatology, predict
from models_ml.panel import QUANTILES, Floats, Panel, panels

CONTRACT = Path(backtests.__file__).parents[1] / "lake" / "contracts" / "models" / "backtests.yaml"
CHEAP: dict[str, Candidate] = {name: CANDIDATES[name] for name in (BASELINE, "seasonal_naive")}


@pytest.fixture(scope="module")
def pool() -> Iterator[Executor]:
    with ThreadPoolExecutor(1) as pool:
        yield pool


def features(months: int = 96, provinces: int = 3, disease: str = "dengue", seed: int = 4) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    dates = pl.date_range(date(2012, 1, 1), date(2100, 1, 1), "1mo", eager=True).head(months)
    wave = 40 * np.exp(np.cos(2 * np.pi * (np.arange(months) - 8) / 12))
    frames = [
        pl.DataFrame({"month": dates, "cases": rng.poisson(wave * (n + 1))}).select(
            pl.lit(f"{n:02d}").alias("province_code"), pl.lit(disease).alias("disease_code"), "month", "cases"
        )
        for n in range(provinces)
    ]
    return pl.concat(frames)


def waves() -> pl.DataFrame:
    """Epidemics that last for months: what departs from the season now still does next month."""
    rng = np.random.default_rng(8)
    shocks = rng.normal(0, 0.35, 288)
    lasting = np.convolve(shocks, 0.9 ** np.arange(30))[:288]
    return features().with_columns(cases=(pl.col("cases") * np.exp(lasting)).round().cast(pl.Int64))


def poor(panel: Panel, horizon: int) -> Floats:
    return climatology(panel, horizon) * 3 + 100


def better(panel: Panel, horizon: int) -> Floats:
    usual = climatology(panel, horizon)
    return (usual + usual.mean(axis=-1, keepdims=True)) / 2


def crashing(panel: Panel, horizon: int) -> Floats:
    raise RuntimeError("singular matrix")


def crashing_late(panel: Panel, horizon: int) -> Floats:
    return crashing(panel, horizon) if len(panel.months) > 80 else climatology(panel, horizon)


def wrong_shape(panel: Panel, horizon: int) -> Floats:
    return np.zeros((1, 1, 1))


def infinite(panel: Panel, horizon: int) -> Floats:
    return np.full((len(panel.units), horizon, 99), np.inf)


def twin(panel: Panel, horizon: int) -> Floats:
    return climatology(panel, horizon)


def champion(table: pl.DataFrame) -> tuple[str, str | None]:
    row = table.filter(champion=True, horizon=0)
    assert len(row) == 1
    return row["model"][0], row["note"][0]


def run(candidates: Mapping[str, Candidate], pool: Executor, frame: pl.DataFrame | None = None) -> pl.DataFrame:
    return backtest(features() if frame is None else frame, {**CHEAP, **candidates}, pool=pool)


def together(seed: int) -> Panel:
    """Enough series for trees."""
    (panel,) = panels(features(76, 20, seed=seed))
    return panel


def quantiles(panel: Panel, known: list[int], names: tuple[str, ...], pool: Executor) -> dict[str, Floats]:
    (rolled,) = roll([panel], [known], {name: CANDIDATES[name] for name in names}, pool)
    found = {name: one.quantiles for name, one in rolled.items() if one.quantiles is not None and one.note is None}
    assert found.keys() == rolled.keys()
    return found  # type: ignore[return-value]


@pytest.mark.parametrize(
    "names",
    [*((name,) for name in CANDIDATES if name not in POOLED), ("anomaly_regression", "gradient_boosting")],
    ids="+".join,
)
def test_what_comes_after_the_origin_changes_nothing(names: tuple[str, ...], pool: Executor) -> None:
    panel = together(4) if POOLED & set(names) else panels(features(76, 2))[0]
    known = [58, 70]
    tampered = panel.cases.copy()
    tampered[:, 58:] = tampered[:, 58:] * 50 + 1000
    before = quantiles(panel, known, names, pool)
    after = quantiles(replace(panel, cases=tampered), known, names, pool)
    assert len(before) == len(names) + (names[-1] == "gradient_boosting")  # with the ensemble of the two
    for name in before:
        np.testing.assert_array_equal(before[name][0], after[name][0])
        assert not np.array_equal(before[name][1], after[name][1])  # and what comes before does


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 1000), origin=st.integers(40, 80), way=st.sampled_from(["shuffled", "missing", "other"]))
def test_no_future_of_any_kind_reaches_a_quick_candidate(seed: int, origin: int, way: str) -> None:
    rng = np.random.default_rng(seed)
    (known,) = panels(features(90, 3, seed=seed))
    panel = replace(known, weather=(rng.gamma(2, 3, known.cases.shape), rng.normal(25, 2, known.cases.shape)))
    future = {"shuffled": rng.permuted(panel.cases, axis=1), "missing": np.nan, "other": rng.poisson(500, (3, 90))}[way]
    after = np.arange(90) >= origin
    tampered = replace(
        panel,
        cases=np.where(after, future, panel.cases),
        weather=tuple(np.where(after, rng.permuted(kind, axis=1), kind) for kind in panel.weather),
    )
    for name in ("climatology", "seasonal_naive", "poisson_gamma", "anomaly_regression"):
        first, _ = predict(CANDIDATES[name], panel.until(origin), 3)
        second, _ = predict(CANDIDATES[name], tampered.until(origin), 3)
        np.testing.assert_array_equal(first, second)


def test_origins_roll_by_three_months_and_leave_three_to_score() -> None:
    (panel,) = panels(features(96, 1))
    assert rolling_origins(panel) == [72, 75, 78, 81, 84, 87, 90, 93]
    assert rolling_origins(panel.until(24)) == [18, 21]
    assert rolling_origins(panel.until(20)) == []


def test_each_origin_is_fitted_anew(pool: Executor) -> None:
    seen: list[int] = []

    def noting(panel: Panel, horizon: int) -> Floats:
        seen.append(len(panel.months))
        return climatology(panel, horizon)

    run({"noting": noting}, pool)
    assert sorted(seen) == [72, 75, 78, 81, 84, 87, 90, 93]


def test_scores_of_a_hand_made_case() -> None:
    cases = np.array([[10.0, 0, 0, 6, 8, np.nan]])
    panel = Panel("dengue", ["01"], np.arange("2020-01", "2020-07", dtype="datetime64[M]"), cases)
    points = np.repeat(np.array([[[[7.0], [7.0], [7.0]]]]), 99, axis=-1)
    spread = np.repeat((QUANTILES * 10)[None, None, None], 3, axis=2)
    table = score(panel, [3], {BASELINE: Rolled(spread), "points": Rolled(points)})
    overall = {row["model"]: row for row in table.filter(horizon=0).iter_rows(named=True)}
    assert overall["points"]["cells"] == 2  # the missing outcome is no cell
    assert overall["points"]["crps"] == pytest.approx(1.0)
    assert overall["points"]["coverage_80"] == 0
    # uniform on 0–10: CRPS = 10 (u² − u + 1/3) of u = outcome / 10
    assert overall[BASELINE]["crps"] == pytest.approx(10 * np.mean([0.36 - 0.6, 0.64 - 0.8]) + 10 / 3, rel=0.03)
    assert overall[BASELINE]["coverage_80"] == 1 and overall[BASELINE]["coverage_50"] == 1
    assert overall["points"]["skill_climatology"] == pytest.approx(1 - 1.0 / overall[BASELINE]["crps"])
    assert overall["points"]["skill_seasonal_naive"] is None
    assert overall["points"]["origin"] == date(2020, 6, 1)
    third = table.filter(horizon=3)
    assert third["cells"].to_list() == [0, 0] and third["crps"].null_count() == 2


def test_a_worse_candidate_is_never_champion(pool: Executor) -> None:
    table = run({"poor": poor}, pool)
    name, note = champion(table)
    assert name != "poor"
    assert table.filter(pl.col("model") == "poor")["skill_climatology"].max() < 0
    if name == BASELINE:
        assert note == champions.NOTHING_BETTER


def test_what_only_equals_climatology_does_not_replace_it(pool: Executor) -> None:
    noisy = features().with_columns(cases=pl.Series(np.random.default_rng(3).poisson(50, 288)))
    table = backtest(noisy, {BASELINE: climatology, "twin": twin, "poor": poor}, pool=pool)
    assert champion(table) == (BASELINE, champions.NOTHING_BETTER)


def test_a_better_candidate_is_champion(pool: Executor) -> None:
    table = run({"anomaly_regression": CANDIDATES["anomaly_regression"], "poor": poor}, pool, waves())
    name, note = champion(table)
    scores = dict(table.filter(horizon=0).select("model", "crps").iter_rows())
    assert name == "anomaly_regression" and note is None
    assert scores[name] == min(scores.values()) < scores[BASELINE]
    best = table.filter(horizon=0, model=name)
    assert best["chance_climatology"][0] <= 0.05 and best["chance_seasonal_naive"][0] <= 0.05


def test_a_level_that_moved_is_not_forecast_by_the_rule_of_last_year(pool: Executor) -> None:
    jumps = features()
    jumps = jumps.with_columns(cases=pl.when(pl.col("month") < date(2013, 6, 1)).then(2000).otherwise("cases"))
    table = run({"better": better}, pool, jumps)
    scores = dict(table.filter(horizon=0).select("model", "crps").iter_rows())
    assert scores["seasonal_naive"] == min(scores.values())
    assert champion(table) == (BASELINE, champions.NOTHING_BETTER)
    improved = run({"anomaly_regression": CANDIDATES["anomaly_regression"]}, pool, jumps)
    assert improved.filter(model="anomaly_regression", horizon=0)["skill_climatology"][0] > 0.5


@pytest.mark.parametrize("fault", [crashing, crashing_late, wrong_shape, infinite])
def test_a_failing_candidate_is_left_out_with_a_note(fault: Candidate, pool: Executor) -> None:
    table = run({"faulty": fault}, pool)
    rows = table.filter(pl.col("model") == "faulty")
    assert rows["crps"].null_count() == len(rows) == 4
    assert all("gặp lỗi khi chạy" in note for note in rows["note"])
    assert not rows["champion"].any()
    without = run({}, pool)
    assert table.filter(pl.col("model") != "faulty").equals(without)


def test_when_all_fail_climatology_is_shown(pool: Executor) -> None:
    table = backtest(features(), {BASELINE: climatology, "one": crashing, "two": infinite}, pool=pool)
    assert champion(table) == (BASELINE, champions.NOTHING_BETTER)


@pytest.mark.parametrize(
    "cases", [pl.lit(0), pl.lit(7), pl.when(pl.col("month").dt.month() < 9).then(None).otherwise("cases")]
)
def test_series_that_teach_nothing_are_climatology_with_a_note(cases: pl.Expr, pool: Executor) -> None:
    table = run({"auto_ets": CANDIDATES["auto_ets"]}, pool, features().with_columns(cases=cases))
    assert champion(table)[0] in (BASELINE, "seasonal_naive")
    notes = table.filter(pl.col("model") == "auto_ets")["note"].unique().to_list()
    assert notes == [backtests.NOT_LEARNED]


def test_a_short_series_is_told_to_be_short(pool: Executor) -> None:
    table = run({}, pool, features(14))
    assert champion(table) == (BASELINE, backtests.TOO_SHORT)
    assert table["crps"].null_count() == len(table) and table["origins"].to_list() == [0] * 8
    assert run({}, pool, features().clear()).is_empty()


def test_rows_keep_the_contract(pool: Executor) -> None:
    contract = read_contract(CONTRACT)
    table = run({"faulty": crashing}, pool, pl.concat([features(), features(14, disease="measles")]))
    expected = {name: kind for name, kind in contract.row_schema.items() if name != "_load_id"}
    assert dict(table.schema) == expected
    assert not table.select(contract.key).is_duplicated().any()
    required = [column.name for column in contract.columns if column.required]
    assert table.select(required).null_count().sum_horizontal()[0] == 0
    shares = table.select("coverage_50", "coverage_80")
    assert shares.min_horizontal().min() >= 0 and shares.max_horizontal().max() <= 1  # type: ignore[operator]
    assert table["origin"].unique().sort().to_list() == [date(2013, 2, 1), date(2019, 12, 1)]


def test_progress_ends_complete_and_processes_score_as_threads_do(pool: Executor) -> None:
    told: list[tuple[int, int]] = []
    frame = features()
    in_processes = backtest(frame, CHEAP, progress=lambda done, steps: told.append((done, steps)))
    assert told == [(done, 16) for done in range(1, 17)]
    assert in_processes.equals(backtest(frame.sample(fraction=1, shuffle=True, seed=1), CHEAP, pool=pool))


def test_the_table_for_people_has_the_best_first(pool: Executor) -> None:
    table = score_table(run({"poor": poor, "faulty": crashing}, pool))
    scores = table["crps"].drop_nulls()
    assert scores.is_sorted() and table["model"][-1] == "faulty" and len(table) == 4

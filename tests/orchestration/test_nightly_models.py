"""What the models make in a night: every part stands alone, a failure is a gap, and an empty result replaces rows."""

from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import polars as pl
import pytest
from click.testing import CliRunner

from lake.contract import Contract, load_contracts
from lake.current import read_current
from lake.loads import write_derived
from lake.settings import Settings
from models_ml import drift, hotspots, warnings
from models_ml.series_registry import series_file
from orchestration.cli.main import cli
from orchestration.defs import models as models_step
from orchestration.defs.models import COMPUTED, HOLDS, model_assets
from orchestration.nightly_models import Night, failed_models, parts, run_models
from orchestration.refresh import _undone
from quality.load_suites import judge
from simulator.province import read_communes

NOW = datetime(2026, 11, 23, 7, 20, tzinfo=UTC)
UNITS = read_communes(12)
# enough for warnings and hot-spots; no month of the province, so that nothing is forecast
TABLES = """
create table int_disease_province_month (province_code varchar, disease_code varchar, month date, cases bigint,
  rainfall_mm_per_day double, mean_temperature_c double);
create table int_case_commune_week as
  select unit_code as commune_code, 'dengue' as disease_code, cast(week as date) as week_start, 1 as cases
  from units, generate_series(date '2024-11-18', date '2026-11-16', interval 1 week) as weeks (week);
create table int_case as
  select unit_code as commune_code, 'dengue' as disease_code, cast(day as date) as onset_date,
    day + interval 1 day as reported_at
  from units, generate_series(date '2026-09-01', date '2026-11-22', interval 1 day) as days (day);
create table int_indicator (indicator_code varchar, unit_code varchar, month date, numerator double,
  denominator double, item varchar, withheld_reason varchar);
create table dim_target (indicator_code varchar, target double, month_of_year integer, effective_to date);
create table dim_indicator (indicator_code varchar, valid_high double);
create table dim_unit as select unit_code, 'commune' as level, '68' as province_code,
  '68-' || right(unit_code, 3) as cluster_code, latitude, longitude from units;
create table int_incident as
  select unit_code as commune_code, 'theft' as category, cast(week as date) as week_start
  from units, generate_series(date '2024-11-18', date '2026-11-16', interval 1 week) as weeks (week);
create table units_kept as from units;
create table int_dossier (dossier_id varchar, commune_code varchar, received_at timestamp);
create table int_petition (petition_id varchar, commune_code varchar, received_on date);
create table int_measure as
  select unit_code, cast(month as date) as month, 'incidents' as measure, '' as item, 3.0 as value
  from units, generate_series(date '2025-10-01', date '2026-10-01', interval 1 month) as months (month);
"""


BROKEN_SERIES = """
- code: broken
  title: Hỏng
  measured_in: vụ
  frequency: week
  hierarchy: [commune]
  source: {table: not_there, unit: unit, period: week}
  counts: other
  audience: [leaders]
  transformation: none
  horizon: 1
  candidates: [climatology, seasonal_naive]
"""


@pytest.fixture
def contracts(settings: Settings) -> dict[str, Contract]:
    return load_contracts(settings.contracts)


@pytest.fixture
def warehouse(settings: Settings) -> Settings:
    """Twelve communes with a case a week and three incidents a month."""
    units = UNITS.select(unit_code="code", latitude="latitude", longitude="longitude")
    settings.warehouse.parent.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(settings.warehouse) as connection:
        connection.register("units", units)
        connection.execute(TABLES)
    return settings


def change(settings: Settings, sql: str) -> None:
    with duckdb.connect(settings.warehouse) as connection:
        connection.execute(sql)


def compute(settings: Settings, contracts: dict[str, Contract], now: datetime = NOW) -> dict[str, Any]:
    return {result.dataset: result for result in run_models(Night(settings, contracts, now), parts(settings))}


def outbreak(settings: Settings, cases: int) -> None:
    there = f"commune_code = '{UNITS['code'][0]}' and week_start >= date '2026-10-26'"
    change(settings, f"update int_case_commune_week set cases = {cases} where {there}")


def test_a_part_that_fails_leaves_its_rows_and_the_others_go_on(
    warehouse: Settings, contracts: dict[str, Contract], monkeypatch: pytest.MonkeyPatch
) -> None:
    outbreak(warehouse, 40)
    compute(warehouse, contracts)
    before = read_current(warehouse, contracts["models.warnings"])
    assert len(before)
    change(warehouse, "update int_measure set value = 5 where month = date '2026-10-01'")

    def broken(*_: object) -> pl.DataFrame:
        raise RuntimeError("injected")

    monkeypatch.setattr(warnings, "warn", broken)
    results = compute(warehouse, contracts)
    assert results["models.warnings"].problem == "RuntimeError: injected"
    assert isinstance(results["models.warnings"].error, RuntimeError)
    assert read_current(warehouse, contracts["models.warnings"]).equals(before)
    assert results["models.hotspots"].load.accepted == len(UNITS), "what comes after the failed part is made"
    assert {name for name, result in results.items() if result.problem} == {"models.warnings"}


def test_a_failure_is_a_failed_check_a_gap_and_told_by_the_status(
    warehouse: Settings, contracts: dict[str, Contract], monkeypatch: pytest.MonkeyPatch
) -> None:
    def materialize() -> tuple[dict[str, bool], list[str]]:
        asset = model_assets(warehouse, contracts, None)
        result = dg.materialize([asset], resources={"warehouse_writer": None})
        assert result.success
        checks = [one for one in result.get_asset_check_evaluations() if one.check_name == COMPUTED]
        assert not any(one.blocking for one in checks)
        return {".".join(one.asset_key.path): one.passed for one in checks}, _undone(result)

    def broken(*_: object) -> pl.DataFrame:
        raise RuntimeError("injected")

    with monkeypatch.context() as patched:
        patched.setattr(hotspots, "next_month", broken)
        passed, gaps = materialize()
        assert not passed.pop("models.hotspots") and all(passed.values())
        assert gaps == ["models.hotspots: RuntimeError: injected"]
        told = CliRunner().invoke(cli, ["status"]).output
        assert "models.hotspots: the models failed" in told and "injected" in told
    passed, gaps = materialize()
    assert all(passed.values()) and not gaps
    assert "injected" not in CliRunner().invoke(cli, ["status"]).output


def test_a_table_that_is_not_there_fails_only_what_reads_it(
    warehouse: Settings, contracts: dict[str, Contract]
) -> None:
    change(warehouse, "drop table int_disease_province_month")
    results = compute(warehouse, contracts)
    failed = {name for name, result in results.items() if result.problem}
    reading = {"models.backtests", "models.forecasts", "models.warnings", "models.series_forecasts"}
    assert failed == reading == set(failed_models(warehouse))
    series = results["models.series_forecasts"]
    assert series.problem.startswith("Incomplete: disease_cases_country_month: ") and "; " not in series.problem
    assert "disease_cases_week" in read_current(warehouse, contracts["models.series_forecasts"])["series"]


def test_nothing_to_warn_of_replaces_the_warnings_of_the_night_before(
    warehouse: Settings, contracts: dict[str, Contract]
) -> None:
    outbreak(warehouse, 40)
    compute(warehouse, contracts)
    assert len(read_current(warehouse, contracts["models.warnings"]))
    outbreak(warehouse, 1)
    load = compute(warehouse, contracts)["models.warnings"].load
    assert (load.status, load.accepted, load.day) == ("accepted", 0, "2026-11-01")
    assert read_current(warehouse, contracts["models.warnings"]).is_empty()


def test_what_is_not_told_any_more_goes_and_former_months_stay(
    warehouse: Settings, contracts: dict[str, Contract]
) -> None:
    compute(warehouse, contracts, datetime(2026, 10, 20, tzinfo=UTC))
    compute(warehouse, contracts)
    kept = read_current(warehouse, contracts["models.hotspots"])
    assert kept["origin"].unique().sort().to_list() == [date(2026, 9, 1), date(2026, 10, 1)]
    change(warehouse, "delete from int_measure")
    compute(warehouse, contracts)
    left = read_current(warehouse, contracts["models.hotspots"])
    assert left["origin"].unique().to_list() == [date(2026, 9, 1)]
    assert compute(warehouse, contracts)["models.hotspots"].load is None, "an empty load is written once"
    assert len(read_current(warehouse, contracts["models.hotspots"])) == len(UNITS)


def test_clusters_are_found_in_cases_incidents_and_labelled_petitions(
    warehouse: Settings, contracts: dict[str, Contract]
) -> None:
    here = UNITS["code"][0]
    outbreak(warehouse, 40)
    change(warehouse, f"""insert into int_incident select '{here}', 'theft', date '2026-11-09' from range(30)""")
    change(
        warehouse,
        f"""insert into int_petition
        select 'p' || row_number() over (), unit_code, cast(day as date) from units_kept,
          generate_series(date '2024-11-18', date '2026-11-22', interval 7 day) as days (day)
        union all select 'new' || n, '{here}', date '2026-11-17' from range(30) as extra (n)""",
    )
    letters = 30 + 12 * 105
    with duckdb.connect(warehouse.warehouse) as connection:
        petitions = connection.sql("select petition_id from int_petition").pl()
    assert len(petitions) == letters
    labels = petitions.with_columns(
        topic=pl.lit("land"), score=pl.lit(1.0), urgent=False, labeller=pl.lit("test"), labelled_at=pl.lit(NOW)
    )
    write_derived(contracts["models.petition_labels"], labels, warehouse, judge, NOW)
    load = compute(warehouse, contracts)["models.clusters"].load
    assert load.status == "accepted"
    found = read_current(warehouse, contracts["models.clusters"]).filter(pl.col("cluster") == 1)
    assert set(found.select("measure", "item").iter_rows()) == {
        ("cases", "dengue"), ("incidents", "theft"), ("petitions", "land"),
    }  # fmt: skip
    assert found["unit_code"].unique().to_list() == [here]
    assert found.filter(measure="cases")["observed"].item() == 160
    trend = read_current(warehouse, contracts["models.topic_trends"]).row(0, named=True)
    assert (trend["topic"], trend["observed"], trend["expected"]) == ("land", 4 * 12 + 30, 4 * 12)
    assert trend["emerging"]
    assert compute(warehouse, contracts)["models.topic_trends"].load is None, "what is unchanged is not written again"


def test_a_series_that_fails_is_named_and_the_others_are_told(
    warehouse: Settings, contracts: dict[str, Contract], tmp_path: Path
) -> None:
    registry, added = series_file({}).read_text(encoding="utf-8"), BROKEN_SERIES
    (tmp_path / "series.yaml").write_text(registry + added, encoding="utf-8")
    settings = replace(warehouse, env={**warehouse.env, "KHO_SERIES": str(tmp_path / "series.yaml")})
    (part,) = (one for one in parts(settings) if one.datasets == ("models.series_forecasts",))
    (result,) = run_models(Night(settings, contracts, NOW), [part])
    assert result.load is not None and result.load.status == "accepted"
    assert result.problem.startswith("Incomplete: broken: CatalogException") and "not_there" in result.problem
    assert failed_models(settings) == {"models.series_forecasts": result.problem}
    told = read_current(settings, contracts["models.series_forecasts"])
    assert told["series"].unique().to_list() == ["disease_cases_week"]
    assert told["unit_code"].n_unique() == 2 * len(UNITS) + 1, "communes, each a cluster here, and the province"
    (again,) = run_models(Night(settings, contracts, NOW), [part])
    assert again.load is None and again.problem == result.problem, "what is unchanged is not written again"


def test_forecasts_that_do_not_hold_are_told_once_and_stand_in_the_status(
    warehouse: Settings, contracts: dict[str, Contract], monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    monkeypatch.setattr(models_step, "tell", lambda settings, subject, text, facts: told.append(text))
    sentences = ["dengue: the 80 % interval held 20% of 18 forecasts over 6 origins (told)"]
    # of the monthly forecasts; of the series there are none in this warehouse
    monkeypatch.setattr(drift, "drifted", lambda judged: sentences if "disease_code" in judged.columns else [])

    def check() -> tuple[bool, list[str]]:
        result = dg.materialize([model_assets(warehouse, contracts, None)], resources={"warehouse_writer": None})
        judged = {
            one.asset_key.path[-1]: one for one in result.get_asset_check_evaluations() if one.check_name == HOLDS
        }
        assert all(one.severity == dg.AssetCheckSeverity.WARN and not one.blocking for one in judged.values())
        assert judged.keys() == {"forecasts", "series_forecasts"}
        return judged["forecasts"].passed, _undone(result)

    assert check() == (False, [])
    assert check() == (False, []) and told == sentences, "told when it begins, not every night"
    assert sentences[0] in CliRunner().invoke(cli, ["status"]).output
    sentences.clear()
    assert check() == (True, []) and len(told) == 1

    def broken(*_: object) -> pl.DataFrame:
        raise RuntimeError("injected")

    monkeypatch.setattr(drift, "coverage", broken)
    assert check() == (False, []), "a fault of the check stops nothing"

"""A series that is added by YAML alone is forecast in the night and found in the mart of its audience."""

import shutil
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from lake.contract import load_contracts
from lake.ledger import write_index
from lake.store import open_store
from models_ml.series_registry import GENERAL, SeriesError, series_file
from orchestration.dbt_manifest import prepare_manifest
from orchestration.nightly_models import Night, parts, run_models
from tests.dbt_project.conftest import Built, dbt

NOW = datetime(2026, 11, 25, 19, 0, tzinfo=UTC)
ADDED = """
- code: incidents_week
  title: Vụ việc theo tuần
  measured_in: vụ
  frequency: week
  hierarchy: [commune, cluster, province]
  source: {table: int_incident, unit: commune_code, item: category, period: week_start}
  counts: incidents
  audience: [security]
  transformation: none
  horizon: 3
  candidates: [climatology, seasonal_naive, level, regression]
  item_names: {theft: Trộm cắp}
- code: land_month
  title: Hồ sơ đất đai theo tháng
  measured_in: hồ sơ
  frequency: month
  hierarchy: [commune, province]
  source: {table: int_measure, unit: unit_code, item: item, period: month, value: value, where: {measure: land_filed}}
  counts: other
  audience: [leaders]
  transformation: none
  horizon: 2
  candidates: [climatology, seasonal_naive, poisson_gamma]
"""
ROWS = """
insert into dim_unit (unit_code, level, province_code, cluster_code, cluster_name, name) values
  ('24748', 'commune', '68', '68-672', 'Huyện A cũ', 'Xã A'),
  ('24769', 'commune', '68', '68-672', 'Huyện A cũ', 'Xã B'),
  ('68', 'province', '68', null, null, 'Tỉnh');
insert into int_incident (incident_id, commune_code, category, week_start)
  select 'i' || row_number() over (), unit_code, 'theft', cast(week as date)
  from dim_unit, generate_series(date '2024-01-01', date '2026-11-16', interval 7 day) as weeks (week), range(3)
  where level = 'commune';
insert into int_measure (unit_code, month, measure, item, value)
  select unit_code, cast(month as date), 'land_filed', '', 10 + month(month)
  from dim_unit, generate_series(date '2022-01-01', date '2026-10-01', interval 1 month) as months (month)
  where level = 'commune';
insert into int_dossier (dossier_id, commune_code, received_at)
  select 'd' || row_number() over (), unit_code, day + interval 9 hour
  from dim_unit, range(20) as many (n),
    generate_series(timestamp '2025-11-24', timestamp '2026-11-26', interval 1 day) as days (day)
  where level = 'commune' and (isodow(day) <= 5 or n < 2);
insert into int_measure values ('24748', date '2026-10-01', 'other', '', 1e9);
"""


def test_a_series_added_by_yaml_alone_is_found_in_the_mart(built: Built, tmp_path: Path) -> None:
    home = tmp_path / "home"  # others read the first one
    shutil.copytree(built.settings.home, home)
    registry = tmp_path / "series.yaml"
    registry.write_text(series_file({}).read_text(encoding="utf-8") + ADDED, encoding="utf-8")
    settings = replace(
        built.settings,
        home=home,
        lake_url=(home / "lake").as_uri(),
        env={**built.settings.env, "KHO_SERIES": str(registry)},
    )
    contracts = load_contracts(settings.contracts)
    prepare_manifest(settings, contracts)
    with duckdb.connect(settings.warehouse) as connection:
        connection.execute(ROWS)
    (general,) = (part for part in parts(settings) if part.datasets == (GENERAL,))
    assert {"int_incident", "int_measure", "int_case_commune_week"} <= set(general.tables)
    (result,) = run_models(Night(settings, contracts, NOW), [general])
    assert not result.problem and result.load is not None and result.load.status == "accepted"
    write_index(settings, open_store(settings), contracts)
    dbt(settings, "build", "--select", "stg_models__series_forecasts+", "--exclude-resource-type", "unit_test")
    with duckdb.connect(settings.warehouse, read_only=True) as connection:
        told = "series_name, item_name, unit_name, cast(period_start as varchar), round(expected, 1), q50"
        weekly = connection.sql(f"select {told} from mart_security_series_forecast order by unit_code, period_start")
        assert weekly.fetchall() == [
            ("Vụ việc theo tuần", "Trộm cắp", unit, week, expected, expected)
            for unit, expected in (("Xã A", 3.0), ("Xã B", 3.0), ("Tỉnh", 6.0), ("Huyện A cũ", 6.0))
            for week in ("2026-11-23", "2026-11-30", "2026-12-07")
        ]
        of_levels = connection.sql(
            "select unit_code, level, province_code from mart_security_series_forecast group by all"
        )
        assert set(of_levels.fetchall()) == {
            ("24748", "commune", "68"),
            ("24769", "commune", "68"),
            ("68-672", "cluster", "68"),
            ("68", "province", "68"),
        }
        monthly = connection.sql(
            "select item_name, count(*), min(cast(period_start as varchar)), max(horizon) "
            "from mart_leaders_series_forecast where series = 'land_month' group by 1"
        )
        assert monthly.fetchall() == [("Tổng số", 6, "2026-11-01", 2)]
        daily = connection.sql(
            "select unit_name, cast(origin as varchar), strftime(period_start, '%d/%m'), round(q50, 6) "
            "from mart_leaders_series_forecast where series = 'dossiers_day' and frequency = 'day' "
            "order by period_start"
        ).fetchall()
        assert daily == [  # the day that runs is not known
            ("Tỉnh", "2026-11-25", f"{day:%d/%m}", 4.0 if day.weekday() > 4 else 40.0)
            for day in (date(2026, 11, 26) + timedelta(days=ahead) for ahead in range(14))
        ]
        assert connection.sql("select count(*) from mart_series_forecast").fetchone() == (0,)


def test_a_mistake_in_the_registry_stops_what_is_built_from_it(built: Built, tmp_path: Path) -> None:
    registry = tmp_path / "series.yaml"
    registry.write_text(series_file({}).read_text(encoding="utf-8") + ADDED.replace("horizon: 3", "horizon: 30"))
    settings = replace(built.settings, env={**built.settings.env, "KHO_SERIES": str(registry)})
    with pytest.raises(SeriesError, match=r"series.yaml: line \d+: horizon"):
        parts(settings)

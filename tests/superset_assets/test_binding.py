"""A candidate without what a chart asks for is named before anybody reads it."""

from pathlib import Path

import duckdb
import pytest

from superset_assets.binding import candidate_faults
from superset_assets.bundle import Assets
from superset_assets.static_check import promised_columns


@pytest.fixture(scope="module")
def candidate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files with the tables that the marts' contracts promise, without rows."""
    folder = tmp_path_factory.mktemp("candidate")
    for audience in ("leaders", "health", "security"):
        with duckdb.connect(folder / f"{audience}.duckdb") as connection:
            for table, columns in promised_columns(audience).items():
                body = ", ".join(f'"{column}" {kind}' for column, kind in columns.items())
                connection.execute(f'create table "{table}" ({body})')
    return folder


def test_every_dashboard_works_on_what_the_marts_promise(assets: Assets, candidate: Path) -> None:
    found = dict(candidate_faults(assets, candidate))
    assert found.keys() == assets.datasets.keys()
    assert not any(found.values())


def test_what_a_publication_takes_away_is_named(assets: Assets, candidate: Path, tmp_path: Path) -> None:
    for file in candidate.glob("*.duckdb"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    with duckdb.connect(tmp_path / "leaders.duckdb") as connection:
        connection.execute("alter table mart_target_outlook rename column chance to likelihood")
        connection.execute("alter table mart_one_stop_month alter column rank type varchar")
        connection.execute("drop table mart_repair")
    (tmp_path / "security.duckdb").unlink()
    found = {name: faults for name, faults in candidate_faults(assets, tmp_path) if faults}
    assert "chance" in found["target_outlook"][0]
    assert found["one_stop_ranking"][0].endswith("rank is VARCHAR, not INTEGER")
    assert "mart_repair" in found["repairs"][0]
    assert found["security"] == ["databases/security.yaml: the candidate has no file security.duckdb"]
    assert found.keys() == {"target_outlook", "one_stop_ranking", "repairs", "security"}


def test_an_expression_that_a_chart_writes_itself_is_tried(assets: Assets, candidate: Path) -> None:
    metric = assets.charts["quarantine_line"]["params"]["metrics"][0]
    metric["sqlExpression"] = "sum(no_such_column)"
    found = {name: faults for name, faults in candidate_faults(assets, candidate) if faults}
    assert list(found) == ["daily_loads"] and "no_such_column" in found["daily_loads"][0]

"""What was published is kept: new and changed figures only, once, also after kills and rollbacks."""

import json
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import polars as pl
import pytest
from click.testing import CliRunner

from lake import snapshots
from lake.contract import Contract, load_contracts
from lake.current import read_current
from lake.ledger import reject
from lake.loads import Verdict
from lake.settings import Settings, load_settings
from lake.store import open_store
from lake.vintages import TOLD, append_vintages, last_told, newest
from orchestration.cli.main import cli

FIGURES = {"leaders": {"mart_indicator": "mart_indicator"}}


def accept(contract: Contract, profiles: pl.DataFrame) -> list[Verdict]:
    return [Verdict(load_id, "accepted", []) for load_id in profiles["load_id"]]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    found = load_settings({"KHO_HOME": str(tmp_path)})
    with duckdb.connect(found.warehouse) as connection:
        connection.execute(
            """create table mart_indicator as
            select 'ratio' as indicator_code, '68' as unit_code, date '2026-01-01' + to_months(n::int) as period_start,
              n / 7 as value, null::varchar as withheld_reason
            from range(3) as t (n)"""
        )
    return found


def publish(settings: Settings, sql: str = "") -> str:
    with duckdb.connect(settings.warehouse) as connection:
        connection.execute(sql)
    name = snapshots.new_snapshot_id(datetime.now(UTC))
    snapshots.build_candidate(settings, snapshots.FIGURES, FIGURES, name, {})
    snapshots.describe(settings, snapshots.FIGURES, name, audit="passed")
    snapshots.switch(settings, snapshots.FIGURES, name)
    return name


def append(settings: Settings) -> int:
    """How many figures were appended."""
    contract = load_contracts(settings.contracts)["publish.vintages"]
    entry = append_vintages(settings, contract, accept, datetime.now(UTC))
    return entry.accepted if entry else 0


def test_new_and_changed_figures_are_kept_once(settings: Settings) -> None:
    assert append(settings) == 0, "nothing is published"
    publish(settings)
    assert append(settings) == 3
    assert append(settings) == 0
    publish(settings)
    assert append(settings) == 0, "nothing changed"
    withheld = "update mart_indicator set value = null, withheld_reason = 'Nguồn cũ' where period_start = '2026-02-01'"
    second = publish(settings, withheld)
    # killed here; the next start catches up
    assert append(settings) == 1
    assert append(settings) == 0
    publish(settings, "insert into mart_indicator values ('ratio', '68', '2026-04-01', 0.5, null)")
    assert append(settings) == 1
    kept = read_current(settings, load_contracts(settings.contracts)["publish.vintages"])
    assert len(kept) == 5
    revised = kept.filter(pl.col("period_start") == datetime(2026, 2, 1).date()).sort("published_at")
    assert revised["value"].to_list() == [1 / 7, None]
    assert revised["withheld_reason"].to_list() == [None, "Nguồn cũ"]
    assert revised["snapshot_id"][1] == second


def test_a_rollback_is_a_publication_too(settings: Settings) -> None:
    first = publish(settings)
    append(settings)
    second = publish(settings, "update mart_indicator set value = 9 where period_start = '2026-01-01'")
    assert append(settings) == 1
    snapshots.rollback(settings, first)
    assert append(settings) == 1
    assert append(settings) == 0
    snapshots.rollback(settings, second)
    assert append(settings) == 1
    assert append(settings) == 0


def from_the_lake(settings: Settings) -> pl.DataFrame:
    """What was told last, by all vintages there are."""
    return newest(read_current(settings, load_contracts(settings.contracts)["publish.vintages"]).select(TOLD))


def kept(settings: Settings) -> pl.DataFrame:
    """The same as the next refresh finds it, without a look at the lake."""
    [file] = (settings.home / "last_told").iterdir()
    contract = load_contracts(settings.contracts)["publish.vintages"]
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("lake.vintages.read_current", None)
        found = last_told(settings, contract)
    assert found.equals(pl.read_parquet(file))
    return found


def test_what_was_told_last_is_kept_beside_the_lake(settings: Settings) -> None:
    first = publish(settings)
    append(settings)
    assert len(kept(settings)) == 3
    assert kept(settings).equals(from_the_lake(settings))
    publish(settings, "update mart_indicator set value = 9 where period_start = '2026-01-01'")
    append(settings)
    assert kept(settings).equals(from_the_lake(settings))
    snapshots.rollback(settings, first)
    assert append(settings) == 1
    assert kept(settings).equals(from_the_lake(settings))


def test_a_run_killed_before_it_kept_what_it_told_is_made_up_for(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(settings)
    append(settings)
    publish(settings, "update mart_indicator set value = 9 where period_start = '2026-01-01'")

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("lake.vintages._keep", killed)
        with pytest.raises(KeyboardInterrupt):
            append(settings)
    assert append(settings) == 0, "the load is there"
    assert kept(settings).equals(from_the_lake(settings))


def test_a_vintage_load_that_was_taken_out_is_told_again(settings: Settings) -> None:
    contract = load_contracts(settings.contracts)["publish.vintages"]
    publish(settings)
    append(settings)
    publish(settings, "update mart_indicator set value = 9 where period_start = '2026-01-01'")
    wrong = append_vintages(settings, contract, accept, datetime.now(UTC))
    assert wrong
    reject(open_store(settings), wrong.load_id, "Thử", datetime.now(UTC))
    assert last_told(settings, contract).equals(from_the_lake(settings))
    assert last_told(settings, contract)["value"].max() == 2 / 7
    assert append(settings) == 1
    assert kept(settings).equals(from_the_lake(settings))


def test_every_published_value_can_be_told_with_its_snapshot(settings: Settings) -> None:
    first = publish(settings)
    append(settings)
    second = publish(settings, "update mart_indicator set value = 9 where period_start = '2026-02-01'")
    append(settings)
    told = CliRunner().invoke(cli, ["vintages", "ratio", "68", "--json"], env={"KHO_HOME": str(settings.home)})
    assert told.exit_code == 0, told.output
    rows = [(one["period_start"], one["value"], one["snapshot_id"], one["revised"]) for one in json.loads(told.stdout)]
    assert rows == [
        ("2026-01-01", 0.0, first, False),
        ("2026-02-01", pytest.approx(1 / 7), first, False),
        ("2026-02-01", 9.0, second, True),
        ("2026-03-01", pytest.approx(2 / 7), first, False),
    ]
    of_month = ["vintages", "ratio", "68", "--month", "2026-03", "--json"]
    assert len(json.loads(CliRunner().invoke(cli, of_month, env={"KHO_HOME": str(settings.home)}).stdout)) == 1
    unknown = CliRunner().invoke(cli, ["vintages", "ratio", "99"], env={"KHO_HOME": str(settings.home)})
    assert unknown.exit_code == 2 and "nothing was published of ratio in 99" in unknown.stderr

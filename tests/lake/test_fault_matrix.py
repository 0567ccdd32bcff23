"""Every fault of a source, alone and in pairs: the reading ends, and no row is lost or doubled once it is gone."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import combinations
from pathlib import Path

import polars as pl
import pytest

from lake.connectors import SourceError, SourceFormatError
from lake.contract import Contract, load_contracts
from lake.current import read_current
from lake.ledger import Entry
from lake.loads import ingest
from lake.settings import TIME_ZONE, Settings, load_settings
from quality.load_suites import judge
from simulator import faults, server

pytestmark = [pytest.mark.e2e, pytest.mark.soak]  # real servers, some hundred readings
NOW = datetime(2026, 11, 23, 7, 20, tzinfo=UTC)
TODAY = NOW.astimezone(TIME_ZONE).date()
DAYS = [TODAY - timedelta(days=back) for back in range(3, -1, -1)]
CONNECTION = ("down", "500", "half_json", "cut", "401", "429", "latency")
ROWS = (
    "repeated_page", "duplicate_delivery", "out_of_order", "late_commit", "clock_skew", "renamed_column",
    "retyped_column",
)  # fmt: skip
WEB = {"one_stop.dossiers": "dossiers", "land.transactions": "land_transactions", "iot.observations": "Observations"}
TABLE = ("health.case_reports", "public.ca_benh", "nam_sinh")
# what a message must say of each fault that stops a reading; others are judged with the load
TOLD = {
    "down": "does not answer",
    "500": "answers 500",
    "half_json": "incomplete or broken JSON",
    "cut": "does not answer",
    "401": "refuses the token",
    "429": "answers 429",
    "renamed_column": "missing",  # of a data array: lacks
    "stopped": "does not answer",
}


@dataclass(frozen=True)
class Place:
    """A province whose sources run, with the reference data loaded."""

    running: server.Running
    template: Path
    contracts: dict[str, Contract]

    def settings(self, home: Path) -> Settings:
        """A fresh lake with the administrative units alone."""
        shutil.copytree(self.template, home, dirs_exist_ok=True)
        return load_settings({"KHO_HOME": str(home), "KHO_RETRY_SECONDS": "0.0005", **self.running.env})

    def read(self, dataset: str, settings: Settings, days: list[date]) -> list[Entry]:
        return ingest(self.contracts[dataset], days, settings, judge, NOW)

    def rows(self, dataset: str, settings: Settings) -> pl.DataFrame:
        """The current rows but for their load, the time a skewed clock told and which of two equal rows was first."""
        contract = self.contracts[dataset]
        rows = read_current(settings, contract).drop(
            "_load_id", str(contract.updated_at), "observation_id", strict=False
        )
        return rows.sort(contract.key)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    running = server.start(
        tmp_path_factory.mktemp("faulty"), NOW, seed=5, months=1, communes=24, scale=0.8, frozen=True
    )
    contracts = {
        name: _in_small_pages(contract) for name, contract in load_contracts(load_settings({}).contracts).items()
    }
    template = tmp_path_factory.mktemp("template")
    made = Place(running, template, contracts)
    settings = load_settings({"KHO_HOME": str(template)})
    for name in ("admin.units", "admin.unit_changes"):
        ingest(contracts[name], None, settings, judge, NOW)
    yield made
    faults.clear(running)
    running.stop()


def _in_small_pages(contract: Contract) -> Contract:
    """Pages so small that some dozens of rows make several."""
    source = dict(contract.source)
    if "paging" in source and "size" in source["paging"]:
        source["paging"] = {**source["paging"], "size": 100}
    elif source["protocol"] == "sensorthings":
        source["size"] = 400
    return contract.model_copy(update={"source": source})


@dataclass(frozen=True)
class Truth:
    """What is current after a reading of the days without any fault, and of one day more before them."""

    rows: pl.DataFrame
    wider: pl.DataFrame


@pytest.fixture(scope="module")
def expected(place: Place, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Truth]:
    found = {}
    for dataset in (*WEB, TABLE[0]):
        settings = place.settings(tmp_path_factory.mktemp("whole"))
        place.read(dataset, settings, DAYS)
        rows = place.rows(dataset, settings)
        place.read(dataset, settings, [DAYS[0] - timedelta(days=1)])
        found[dataset] = Truth(rows, place.rows(dataset, settings))
        assert len(rows) > 15, dataset
    return found


def check(
    place: Place,
    dataset: str,
    settings: Settings,
    kinds: tuple[str, ...],
    spoil: Callable[[str], None],
    mend: Callable[[], None],
    expected: Truth,
) -> None:
    loads: list[Entry] = []
    for kind in kinds:
        spoil(kind)
    try:
        loads += place.read(dataset, settings, DAYS)
    except (SourceError, SourceFormatError) as error:
        text = str(error)
        assert dataset in text, (kinds, text)
        stopping = [TOLD[kind] for kind in kinds if kind in TOLD]
        changed = ["changed while their pages", "two full pages are the same", "missing", "circle", "lacks its"]
        assert any(words in text for words in [*stopping, *changed]), (kinds, text)
        assert any(word in text for word in ("again", "check", "mend", "Ask", "tell", "name its new", "set ")), text
    finally:
        mend()
    loads += place.read(dataset, settings, DAYS)
    assert all(one.received == one.accepted + one.quarantined for one in loads), kinds
    found = place.rows(dataset, settings)
    if "clock_skew" in kinds:  # what a clock ahead put into the window is there besides
        key = place.contracts[dataset].key
        assert found.select(key).is_unique().all(), (kinds, "rows are doubled")
        assert found.join(expected.wider, on=found.columns, how="anti", nulls_equal=True).is_empty(), kinds
        found = found.join(expected.rows.select(key), on=key, how="semi")
    assert found.equals(expected.rows), (kinds, len(found), len(expected.rows))


@pytest.mark.parametrize("dataset", WEB)
def test_faults_of_web_services(place: Place, expected: dict[str, Truth], tmp_path: Path, dataset: str) -> None:
    def spoil(kind: str) -> None:
        faults.switch_on(place.running, kind, table=WEB[dataset], seconds=0)

    every = (*CONNECTION, *ROWS)
    # one protocol and paging meets every pair, the others those whose faults are in the rows
    pairs = combinations(every if dataset == "one_stop.dossiers" else ROWS, 2)
    for number, these in enumerate([*((one,) for one in every), *pairs]):
        settings = place.settings(tmp_path / str(number))
        check(place, dataset, settings, these, spoil, lambda: faults.clear(place.running), expected[dataset])
        shutil.rmtree(tmp_path / str(number))


def test_faults_of_a_database(place: Place, expected: dict[str, Truth], tmp_path: Path) -> None:
    dataset, table, column = TABLE
    kinds = ("duplicate_delivery", "late_commit", "clock_skew", "renamed_column", "retyped_column", "stopped")

    def spoil(kind: str) -> None:
        if kind == "stopped":
            faults.stop_database(place.running)
        else:
            faults.spoil_table(place.running, table, column, kind)

    def mend() -> None:
        faults.start_database(place.running)
        faults.mend_tables(place.running)

    renamed_and_retyped = {"renamed_column", "retyped_column"}  # of one column: either
    pairs = [these for these in combinations(kinds, 2) if set(these) != renamed_and_retyped]
    for number, these in enumerate([*((one,) for one in kinds), *pairs]):
        settings = place.settings(tmp_path / str(number))
        check(place, dataset, settings, these, spoil, mend, expected[dataset])


def test_a_fault_that_passes_while_it_is_tried_again_is_not_noticed(
    place: Place, expected: dict[str, Truth], tmp_path: Path
) -> None:
    for number, (kind, dataset) in enumerate((kind, one) for one in WEB for kind in CONNECTION if kind != "down"):
        settings = place.settings(tmp_path / str(number))
        faults.switch_on(place.running, kind, times=2 if kind != "401" else 1, table=WEB[dataset], seconds=0)
        try:
            place.read(dataset, settings, DAYS)
        finally:
            faults.clear(place.running)
        assert place.rows(dataset, settings).equals(expected[dataset].rows), (kind, dataset)


def test_what_is_committed_late_is_found_by_the_next_window(
    place: Place, expected: dict[str, Truth], tmp_path: Path
) -> None:
    """The windows overlap: the next day's reading alone finds what its day before did not show yet."""
    for dataset, table in WEB.items():
        settings = place.settings(tmp_path / table)
        with faults.fault(place.running, "late_commit", table=table):
            place.read(dataset, settings, DAYS[:-1])
        place.read(dataset, settings, DAYS[-1:])
        assert place.rows(dataset, settings).equals(expected[dataset].rows), dataset


def test_a_retyped_column_rejects_the_load_and_its_predecessor_stays(place: Place, tmp_path: Path) -> None:
    settings = place.settings(tmp_path)
    for dataset, table in WEB.items():
        place.read(dataset, settings, DAYS)
        before = place.rows(dataset, settings)
        with faults.fault(place.running, "retyped_column", table=table), suppress(SourceFormatError):
            spoilt = place.read(dataset, settings, DAYS)
            assert {one.status for one in spoilt if one.received >= 10} == {"rejected"}, dataset
        assert place.rows(dataset, settings).equals(before), dataset

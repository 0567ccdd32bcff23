"""The systems that deliver files: what they write, and that the shipped contracts read all of it but what is bad."""

import os
import shutil
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path

import openpyxl
import polars as pl
import pytest

from lake.connectors import files, package
from lake.contract import load_contracts
from lake.door import Admitted, admit
from lake.pseudonyms import Key
from lake.references import Units
from lake.settings import load_settings
from simulator.file_sources import file_settings, publish_files
from simulator.province import read_communes
from simulator.truth import bad_rows

NOW = datetime.fromisoformat("2026-06-08T14:20:00+07:00")
START = date(2026, 1, 1)
DATASETS = {
    "finance.investment_projects": "investment_projects",
    "statistics.socioeconomic": "socioeconomic",
    "utilities.electricity": "electricity",
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("files")
    new = publish_files(home, read_communes(12), START, 11, 1.0, NOW)
    assert publish_files(home, read_communes(12), START, 11, 1.0, NOW) == []
    assert len(new) == sum(1 for path in (home / "drops").glob("*/*") if path.is_file())
    return home


@pytest.fixture(scope="module")
def loads(home: Path) -> Callable[[str], list[Admitted]]:
    """Every file of a dataset through its contract, in the order of the files."""
    settings = load_settings({"KHO_HOME": str(home / "kho"), **file_settings(home)})
    contracts = load_contracts(settings.contracts)
    key = Key("test", b"k" * 32)

    def reference(dataset: str) -> pl.DataFrame:
        (extract,) = package.read(contracts[dataset], None, settings)
        return admit(extract.table, contracts[dataset], None, key, NOW).accepted

    units = Units(reference("admin.units"), reference("admin.unit_changes"), "68")
    for path in (home / "drops").glob("*/*"):
        os.utime(path, (NOW.timestamp(),) * 2)  # finished long ago, and in the order of their names
    done: dict[str, list[Admitted]] = {}

    def load(dataset: str) -> list[Admitted]:
        if dataset not in done:
            done[dataset] = []
            for extract in files.read(contracts[dataset], None, settings):
                assert extract.error is None, extract.error
                admitted = admit(extract.table, contracts[dataset], units, key, NOW)
                assert len(extract.table) == len(admitted.accepted) + len(admitted.quarantined)
                assert admitted.drift == []
                done[dataset].append(admitted)
        return done[dataset]

    return load


@pytest.mark.parametrize(("dataset", "table"), list(DATASETS.items()))
def test_what_is_bad_is_refused_and_nothing_else(
    home: Path, loads: Callable[[str], list[Admitted]], dataset: str, table: str
) -> None:
    bad = bad_rows(home, table, NOW)
    refused = pl.concat(load.quarantined for load in loads(dataset))
    assert set(refused["record_id"]) <= set(bad["record_id"]), "nothing good is refused"
    # a name that is another unit's is a matter of the door's comparison of both columns
    without_names = bad.filter(pl.col("kind") != "mismatch")
    assert set(without_names["record_id"]) <= set(refused["record_id"])
    kinds = {"missing", "outlier", "duplicate", "format", "foreign_key", "cross_field"}
    assert kinds <= set(bad["kind"])
    places = refused["row"].str.json_path_match("$._place")
    assert places.null_count() == 0 or table == "electricity", "Parquet has no cells"


def test_workbooks_of_investment(home: Path, loads: Callable[[str], list[Admitted]]) -> None:
    names = sorted(path.name for path in (home / "drops/finance").iterdir())
    assert names == [
        *(f"giai_ngan_dau_tu_cong_2026-0{month}.xlsx" for month in (1, 2, 3, 4)),
        "giai_ngan_dau_tu_cong_2026-04_dieu_chinh.xlsx",
        "giai_ngan_dau_tu_cong_2026-05.xlsx",
    ]
    admitted = dict(zip(names, loads("finance.investment_projects"), strict=True))
    for name, load in admitted.items():
        sheet = openpyxl.load_workbook(home / "drops/finance" / name).worksheets[0]
        assert "F7:G7" in sheet.merged_cells and sheet["F7"].value == "Kế hoạch vốn"
        (total,) = [row for row in sheet.iter_rows(values_only=True) if row[0] == "TỔNG CỘNG"]
        # a mismatched name is good to every other rule
        own = load.accepted.filter(~pl.col("project_code").str.contains(r"-9\d{4}$"))
        assert own["plan_full_year"].sum() == pytest.approx(total[6])
        assert own["paid_cumulative"].sum() == pytest.approx(total[7])
        share = (pl.col("paid_share_pct") - 100 * pl.col("paid_cumulative") / pl.col("plan_full_year")).abs()
        assert own.select(share.max()).item() < 1e-6
    paid = pl.concat(admitted[name].accepted.select("project_code", "month", "paid_cumulative") for name in names[:4])
    grows = paid.sort("month").select((pl.col("paid_cumulative").diff().over("project_code") >= 0).all())
    assert grows.item(), "what was paid in a year only grows"
    first, corrected = (admitted[name].accepted["paid_cumulative"].sum() for name in names[3:5])
    assert corrected > first


def test_statistics_in_every_encoding(home: Path, loads: Callable[[str], list[Admitted]]) -> None:
    contents = {path.name: path.read_bytes() for path in sorted((home / "drops/statistics").iterdir())}
    assert list(contents) == [f"kinh_te_xa_hoi_2026-0{month}.csv" for month in range(1, 6)]
    assert [content[:3] for content in contents.values()].count(b"\xef\xbb\xbf") == 1
    assert any(content.startswith(b"\xff\xfe") for content in contents.values())
    with pytest.raises(UnicodeDecodeError):
        contents["kinh_te_xa_hoi_2026-04.csv"].decode()
    rows = pl.concat(load.accepted for load in loads("statistics.socioeconomic"))
    assert set(rows.filter(period_kind="quarter")["month"]) == {date(2026, 3, 1)}
    assert rows.filter(indicator_code="HKD")["unit_name"].n_unique() == 12
    prices = rows.filter(indicator_code="CPI", unit_code="68")
    assert prices["value"].is_between(95, 115).all() and len(prices) == 5


def test_electricity_day_by_day(home: Path, loads: Callable[[str], list[Admitted]]) -> None:
    days = sorted(path.name for path in (home / "drops/electricity").iterdir())
    assert len(days) == (NOW.date() - START).days
    assert sum(name.endswith(".csv") for name in days) == sum(
        (START + timedelta(days=n)).weekday() == 6 for n in range(len(days))
    )
    rows = pl.concat(load.accepted for load in loads("utilities.electricity"))
    assert rows["day"].n_unique() == len(days)
    industry = rows.filter(customer_class="industry").group_by("day").agg(pl.col("energy_kwh").mean()).sort("day")
    tet = industry.filter(pl.col("day").is_between(date(2026, 2, 15), date(2026, 2, 20)))["energy_kwh"].mean()
    usual = industry.filter(pl.col("day").dt.month() == 3)["energy_kwh"].mean()
    assert isinstance(tet, float) and isinstance(usual, float) and tet < 0.5 * usual


def test_files_come_when_they_are_due_and_are_the_same_for_the_same_seed(home: Path, tmp_path: Path) -> None:
    units = read_communes(12)
    before_six = datetime.fromisoformat("2026-06-08T05:59:00+07:00")
    publish_files(tmp_path, units, START, 11, 1.0, before_six)
    late = publish_files(tmp_path, units, START, 11, 1.0, NOW)
    assert late == ["dien_thuong_pham_2026-06-07.csv"]
    for path in sorted((home / "drops").glob("*/*.[cp]*")):
        assert (tmp_path / path.relative_to(home)).read_bytes() == path.read_bytes()
    later = NOW + timedelta(days=40)
    kept = {path: path.read_bytes() for path in (tmp_path / "drops").glob("*/*")}
    assert publish_files(tmp_path, units, START, 11, 1.0, later)
    assert all(path.read_bytes() == content for path, content in kept.items()), "what is there is never touched"
    shutil.rmtree(tmp_path / "drops")

"""Real statistics of Vietnam: each file needs nothing but its contract, and nothing of it is lost on the way."""

import os
from datetime import date, datetime
from pathlib import Path

import polars as pl
import pytest

from lake.connectors import files
from lake.contract import Contract, load_contracts
from lake.door import Admitted, admit
from lake.pseudonyms import Key
from lake.references import Units
from lake.settings import load_settings

SHARED = Path(os.environ.get("KHO_SHARED", Path(__file__).parents[2].parent / "shared")) / "data"
CONTRACTS = load_contracts(Path(__file__).parent / "real_files")


class Loaded:
    """A real file through its contract, beside the file itself."""

    def __init__(self, contract: Contract, units: Units, key: Key, now: datetime) -> None:
        folder = SHARED / contract.source["folder"].rpartition("/")[2]
        if not folder.is_dir():
            pytest.skip(f"{folder} is not here: the real files belong to no checkout")
        settings = load_settings({"REAL_FILES": str(SHARED)})
        (extract,) = files.read(contract, None, settings)
        assert extract.error is None and extract.file is not None and extract.file.skipped == 0
        self.received = len(extract.table)
        self.admitted: Admitted = admit(extract.table, contract, units, key, now)
        path = folder / extract.file.name
        self.own = pl.read_csv(path, infer_schema_length=None) if path.suffix == ".csv" else pl.read_parquet(path)

    @property
    def accepted(self) -> pl.DataFrame:
        return self.admitted.accepted


@pytest.fixture(scope="module")
def loaded(units: Units, key: Key, now: datetime) -> dict[str, Loaded]:
    return {}


@pytest.fixture
def real(request: pytest.FixtureRequest, loaded: dict[str, Loaded], units: Units, key: Key, now: datetime) -> Loaded:
    name = request.param
    if name not in loaded:
        loaded[name] = Loaded(CONTRACTS[name], units, key, now)
    return loaded[name]


def only(name: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("real", [name], indirect=True)


@pytest.mark.parametrize("real", list(CONTRACTS), indirect=True)
def test_every_row_is_accounted_for(real: Loaded) -> None:
    assert real.received == len(real.accepted) + len(real.admitted.quarantined)
    assert real.admitted.quarantined["reasons"].explode().value_counts().rows() == []
    assert real.admitted.drift == []


@only("disease.gdpm")
def test_diseases_since_1980(real: Loaded) -> None:
    accepted, own = real.accepted, real.own
    assert real.received == len(own) == 576_768
    totals = pl.col("cases").sum(), pl.col("deaths").cast(pl.Int64).sum(), pl.col("cases").null_count().alias("none")
    by_disease = accepted.group_by("disease").agg(totals).sort("disease")
    assert by_disease.equals(own.group_by("disease").agg(totals).sort("disease"))
    by_year = accepted.group_by(year=pl.col("month").dt.year().cast(pl.Int64)).agg(totals).sort("year")
    assert by_year.equals(own.group_by("year").agg(totals).sort("year"))
    by_name = accepted.group_by(province="province_name").agg(totals).sort("province")
    assert by_name.equals(own.group_by("province").agg(totals).sort("province"))
    codes = dict(accepted.select("province_name", "province_code").unique().iter_rows())
    assert codes["Ha Tay"] == "28" and codes["Bac Thai"] == "19-1996" and codes["Dack Lak"] == codes["Dak Lak"] == "66"
    assert codes["Ba Ria - Vung Tau"] == "77" and codes["Quang Nam - Da Nang"] == "49-1996"
    assert len(set(codes.values())) == len(codes) - 1


@only("disease.gdpm")
def test_provinces_of_their_time_have_heirs_today(real: Loaded, units: Units) -> None:
    shares = units.changes.filter(level="province").select("new_code", "weight", province_code="old_code")
    today = real.accepted.join(shares, on="province_code", how="left")
    assert today["new_code"].null_count() == 0
    assert set(today["new_code"]) == set(units.today.filter(level="province")["unit_code"])
    assert today.select((pl.col("cases") * pl.col("weight")).sum()).item() == pytest.approx(real.own["cases"].sum())


@only("disease.chap")
def test_dengue_and_weather(real: Loaded) -> None:
    accepted, own = real.accepted, real.own
    assert real.received == len(own) == 9828
    assert accepted["province_code"].n_unique() == 63
    assert accepted["cases"].null_count() == own["disease_cases"].null_count() == 216
    for column, source in (("cases", "disease_cases"), ("population", "population")):
        years = accepted.group_by(year=pl.col("month").dt.year()).agg(pl.col(column).sum())
        own_years = own.group_by(year=pl.col("time_period").str.head(4).cast(pl.Int32)).agg(pl.col(source).sum())
        assert dict(years.iter_rows()) == dict(own_years.iter_rows())
    for column in ("rainfall", "mean_temperature", "mean_relative_humidity"):
        assert accepted[column].to_list() == own[column].to_list()


@only("statistics.gso")
def test_statistical_tables(real: Loaded) -> None:
    accepted, own = real.accepted, real.own
    assert real.received == len(own) == 118_652
    totals = pl.len(), pl.col("value").null_count().alias("none"), pl.col("value").sum()
    mine = accepted.group_by(table="table_name").agg(totals).sort("table")
    assert mine.equals(own.group_by("table").agg(totals).sort("table"))
    codes = dict(accepted.select("province_name", "province_code").unique().iter_rows())
    assert (codes["Ha Tay"], codes["Ha Noi"], codes["Dack Lak"]) == ("28", "01", "66")
    assert accepted["year"].min() == date(1988, 1, 1)


@only("statistics.papi")
def test_a_column_a_sub_index(real: Loaded) -> None:
    accepted, own = real.accepted, real.own
    indices = own.columns[2:]
    assert real.received == len(own) * len(indices) == 882 * 29
    for index in indices:
        mine, theirs = accepted.filter(sub_index=index)["score"], own[index].cast(pl.Float64)
        assert mine.null_count() == theirs.null_count()
        assert mine.sum() == pytest.approx(theirs.sum(), abs=1e-9)
    assert accepted["province_code"].n_unique() == 63
    best = own.filter(pl.col("SC11") == pl.col("SC11").max()).select("year_file", "SC11").row(0)
    found = accepted.filter(sub_index="SC11").filter(pl.col("score") == pl.col("score").max()).row(0, named=True)
    assert (found["year"].year, found["score"]) == best

"""Units, their changes and their cells, as the package gives them and the door passes them."""

from datetime import date, datetime

import orjson
import polars as pl
import pytest
import shapely

from lake.connectors import SourceFormatError, package
from lake.contract import Contract
from lake.door import Admitted, admit
from lake.pseudonyms import Key
from lake.references import Units
from lake.settings import load_settings


@pytest.fixture(scope="module")
def cells(contracts: dict[str, Contract], key: Key, now: datetime) -> Admitted:
    (extract,) = package.read(contracts["admin.cells"], None, load_settings({}))
    return admit(extract.table, contracts["admin.cells"], None, key, now)


def test_units_of_today(units: Units) -> None:
    kinds = dict(units.today.group_by("kind").len().iter_rows())
    assert kinds == {"Thành phố": 7, "Tỉnh": 27, "Phường": 697, "Xã": 2611, "Đặc khu": 13}
    assert units.today["unit_code"].is_unique().all()
    communes, provinces = units.today.filter(level="commune"), units.today.filter(level="province")
    summed = communes.group_by(unit_code="province_code").agg(total=pl.col("area_km2").sum())
    assert provinces.join(summed, on="unit_code").select((pl.col("area_km2") - pl.col("total")).abs().max()).item() < 1
    assert len(communes.filter(province_code="68")) == 124
    assert provinces.filter(unit_code="75")["name"].item() == "Thành phố Đồng Nai"
    assert provinces.filter(unit_code="68")["name"].item() == "Tỉnh Lâm Đồng"
    begins = communes.select(pl.col("name").str.starts_with(pl.col("kind")).all()).item()
    assert begins, "a name begins with its kind"


def test_every_old_unit_is_handed_over_whole(units: Units) -> None:
    totals = units.changes.group_by("level", "old_code").agg(pl.col("weight").sum(), pl.len())
    assert totals.select((pl.col("weight") == 1).all()).item(), "exactly"
    assert units.changes.select((pl.col("apportioned") == (pl.col("weight") < 1)).all()).item()
    assert units.changes.select((pl.col("apportioned") == (pl.col("weight_by") != "whole")).all()).item()
    bases = units.changes.filter("apportioned").group_by("level").agg(pl.col("weight_by").unique())
    assert dict(bases.iter_rows()) == {"commune": ["area"], "province": ["equal"]}
    assert units.changes["weight"].min() > 0
    assert dict(totals.group_by("level").len().iter_rows())["province"] == 63 + 20
    assert len(totals.filter(level="commune")) > 10_000
    assert set(units.changes["new_code"]) <= set(units.today["unit_code"])
    merger = date(2025, 7, 1)
    assert set(units.changes.filter(level="commune")["effective_date"]) == {merger}
    provinces = units.changes.filter(pl.col("effective_date") == merger, level="province")
    assert provinces["old_code"].n_unique() == 63
    former = units.changes.filter(pl.col("effective_date") < merger)
    split = former.filter("apportioned").group_by("old_name").agg(pl.col("new_code").sort())
    assert dict(split.iter_rows())["Thuận Hải"] == ["56", "68"], "Ninh Thuận and Bình Thuận"
    assert former.filter(old_name="Hà Tây").select("old_code", "new_code", "weight").rows() == [("28", "01", 1.0)]
    assert set(provinces.filter(new_code="68")["old_code"]) == {"60", "67", "68"}, "Bình Thuận, Đắk Nông, Lâm Đồng"
    assert provinces.filter(old_code="01", new_code="01")["weight"].to_list() == [1.0], "the unchanged are there too"


def test_every_former_commune_tells_its_district(units: Units) -> None:
    communes = units.changes.filter(level="commune")
    assert communes["old_district_code"].null_count() == communes["old_district_name"].null_count() == 0
    names = communes.group_by("old_district_code").agg(pl.col("old_district_name").unique())
    assert 690 < len(names) < 710 and (names["old_district_name"].list.len() == 1).all()
    of_dalat = communes.filter(old_district_code="672")
    assert of_dalat["old_district_name"].unique().to_list() == ["Thành phố Đà Lạt"]
    assert of_dalat["old_province_code"].unique().to_list() == ["68"]
    assert units.changes.filter(level="province")["old_district_code"].is_null().all()


def test_a_cell_around_every_commune(cells: Admitted, units: Units) -> None:
    assert cells.quarantined.is_empty()
    communes = units.today.filter(level="commune")
    assert set(cells.accepted["unit_code"]) == set(communes["unit_code"])
    rings = [orjson.loads(ring) for ring in cells.accepted["ring"]]
    assert all(ring[0] == ring[-1] and len(ring) > 3 for ring in rings)
    shapes = {
        code: shapely.Polygon(ring)
        for code, ring in zip(cells.accepted["unit_code"], rings, strict=True)
    }  # fmt: skip
    own = communes.filter(province_code="68")
    for code, longitude, latitude in own.select("unit_code", "longitude", "latitude").iter_rows():
        assert shapes[code].contains(shapely.Point(longitude, latitude)), f"{code} holds its centre"
    territory = [shapes[code] for code in own["unit_code"]]
    overlap = sum(shape.area for shape in territory) - shapely.union_all(territory).area
    assert abs(overlap) < 1e-3 * sum(shape.area for shape in territory), "cells do not overlap"


def test_a_table_that_is_not_there(contracts: dict[str, Contract]) -> None:
    source = {"protocol": "package", "package": "vietnamadminunits", "table": "rivers"}
    contract = contracts["admin.units"].model_copy(update={"source": source})
    with pytest.raises(SourceFormatError, match=r"admin\.units: no table 'rivers'.*known are .*cells"):
        list(package.read(contract, None, load_settings({})))

"""Units by code and by name, of today and of their time."""

import os
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from lake.contract import UnitReference
from lake.references import Units

SHARED = Path(os.environ.get("KHO_SHARED", Path(__file__).parents[2].parent / "shared"))
BY_CODE, BY_NAME = UnitReference(level="commune"), UnitReference(level="province", by="name")
BY_NAME_AT = UnitReference(level="province", by="name", at="month")
BEFORE, AFTER = date(2020, 1, 1), date(2025, 7, 1)


def codes(units: Units, reference: UnitReference, *values: str | None, at: date | None = None) -> list[str | None]:
    series = pl.Series(values, dtype=pl.String())
    return units.resolve(series, reference, None if at is None else pl.Series([at] * len(values))).to_list()


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("Ho Chi Minh", "79"),
        ("TP. Hồ Chí Minh", "79"),
        ("TP.HCM", "79"),
        ("Hà Nội\t", "01"),
        ("Thủ đô Hà Nội", "01"),
        ("Bà Rịa–Vũng Tàu", "77"),
        ("ba ria - vung tau", "77"),
        ("Thừa Thiên - Huế", "46"),
        ("Tỉnh Đắk Nông", "67"),
        ("ĐẮK NÔNG", "67"),
        ("Atlantis", None),
        ("", None),
        (None, None),
    ],
)
def test_names_of_the_time_before_the_merger(units: Units, name: str | None, code: str | None) -> None:
    assert codes(units, BY_NAME_AT, name, at=BEFORE) == [code]


def test_the_date_decides_which_units_there_were(units: Units) -> None:
    assert codes(units, BY_NAME_AT, "Lâm Đồng", "Đắk Nông", at=BEFORE) == ["68", "67"]
    assert codes(units, BY_NAME_AT, "Lâm Đồng", "Đắk Nông", at=AFTER) == ["68", None]
    assert codes(units, BY_NAME, "Lâm Đồng", "Đắk Nông") == ["68", "68"], "without a date by the crosswalk"


def test_a_code_of_an_older_commune_becomes_its_only_successor(units: Units) -> None:
    changes, today = units.changes.filter(level="commune"), set(units.today["unit_code"])
    gone = changes.filter(~pl.col("old_code").is_in(list(today)))
    whole = gone.filter(~pl.col("apportioned")).row(0, named=True)
    split = gone.filter("apportioned").row(0, named=True)
    assert codes(units, BY_CODE, whole["old_code"]) == [whole["new_code"]]
    assert codes(units, BY_CODE, split["old_code"], "99999") == [None, None]
    dated = UnitReference(level="commune", at="day")
    assert codes(units, dated, split["old_code"], at=BEFORE) == [split["old_code"]]


def test_zeros_that_a_spreadsheet_ate(units: Units) -> None:
    assert codes(units, BY_CODE, "4") == ["00004"]
    assert codes(units, UnitReference(level="province"), "1") == ["01"]


def test_communes_by_name_are_those_of_the_province_served(units: Units) -> None:
    by_name = UnitReference(level="commune", by="name")
    communes = units.today.filter(level="commune")
    own = communes.filter(province_code="68")
    shared = set(own["short_name"]) & set(communes.filter(pl.col("province_code") != "68")["short_name"])
    alike = own.filter(pl.col("short_name").is_in(list(shared)) & pl.col("short_name").is_unique())
    assert len(alike) > 5
    assert codes(units, by_name, *alike["name"]) == alike["unit_code"].to_list()
    old = units.changes.filter(~pl.col("apportioned"), level="commune", old_province_code="67")
    merged = old.join(own.select(new_code="unit_code"), on="new_code").filter(pl.col("old_name").is_unique())
    gone = merged.filter(~pl.col("old_name").is_in(units.today["name"].to_list()))
    found = codes(units, by_name, *gone["old_name"])
    right = [a for a, b in zip(found, gone["new_code"], strict=True) if a == b]
    assert len(right) > 10, "communes of a province that was merged in are its own, too"
    everywhere = Units(units.today, units.changes)
    assert set(codes(everywhere, by_name, *alike["short_name"])) == {None}, "of several units none is meant"


def test_accents_tell_units_apart_that_differ_by_nothing_else() -> None:
    today = pl.DataFrame(
        {
            "unit_code": ["00001", "00002"],
            "level": ["commune"] * 2,
            "province_code": ["68"] * 2,
            "short_name": ["Tân Hòa", "Tân Hoa"],
        }
    )
    changes = pl.DataFrame(
        schema=dict.fromkeys(
            ("level", "old_code", "new_code", "old_name", "former_name", "old_province_code"), pl.String()
        )
    )
    units = Units(today, changes, "68")
    by_name = UnitReference(level="commune", by="name")
    assert codes(units, by_name, "xã Tân Hòa", "Xã Tân Hoa", "Tân Hoà", "Tan Hoa") == ["00001", "00002", None, None]


def test_every_spelling_of_the_63_provinces_in_public_files(units: Units) -> None:
    path = SHARED / "data/admin_vn/province_crosswalk_63_to_34.csv"
    if not path.exists():
        pytest.skip(f"{path} is not here")
    table = pl.read_csv(path, infer_schema=False)
    expected = table["provinceCode"].str.zfill(2)
    spellings = [name for name in table.columns if name.endswith("_name") or name == "province"]
    for column in spellings:
        named = table.with_columns(expected=expected).filter(pl.col(column).is_not_null())
        found = codes(units, BY_NAME_AT, *named[column].str.strip_chars(), at=BEFORE)
        assert found == named["expected"].to_list(), column
    new = table.select("newProvince", "newProvinceCode").unique(maintain_order=True)
    assert len(new) == 34
    assert codes(units, BY_NAME_AT, *new["newProvince"], at=AFTER) == new["newProvinceCode"].to_list()


def test_a_name_given_beside_a_code_is_the_codes(units: Units) -> None:
    names = pl.Series(["Phường Xuân Hương - Đà Lạt", "xuan huong da lat", "Phường Phan Thiết", None, "Xã Nào Đó", "X"])
    codes = pl.Series(["24781", "24781", "24781", "24781", None, "99999"])
    assert units.agrees(names, codes).to_list() == [True, True, False, True, True, True]
    ((code, former),) = units.changes.filter(level="commune").select("new_code", "old_name").head(1).rows()
    assert units.agrees(pl.Series([former]), pl.Series([code])).to_list() == [True], "an old sign over the door"


@pytest.mark.parametrize("spelling", ["{}", "XÃ {}", "phường  {} "])
def test_the_name_of_every_unit_agrees_with_its_code_and_hardly_with_another(units: Units, spelling: str) -> None:
    communes = units.today.filter(level="commune", province_code="68").sort("unit_code")
    names = pl.Series([spelling.format(name) for name in communes["short_name"]])
    assert units.agrees(names, communes["unit_code"]).all()
    others = communes["unit_code"].shift(1, fill_value=communes["unit_code"][-1])
    assert units.agrees(names, others).sum() < 0.1 * len(names), "only where an older commune was divided among both"

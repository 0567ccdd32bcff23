"""Reference data that comes in an installed Python package."""

import sqlite3
from collections.abc import Callable, Iterator
from datetime import date
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import orjson
import polars as pl
import shapely

from lake.apportionment import area_shares, exact_shares, read_box
from lake.connectors.base import Extract, SourceFormatError, Window
from lake.contract import Contract
from lake.former_provinces import former_provinces
from lake.settings import Settings

MERGER = date(2025, 7, 1)
CELL_RADIUS = 0.16  # degrees: how far from the centres the cells may reach at the province's edge
# Đồng Nai became a centrally-run city on 2026-04-30 (30/2026/QH16); the package still has it as a province.
CITIES_SINCE = {"75": date(2026, 4, 30)}
# The ten communes that became wards with it, as in the list of units of July 2026: 697 wards, 2,611 communes.
WARDS_SINCE = dict.fromkeys(
    ("25270", "25357", "25363", "26116", "26170", "26248", "26326", "26368", "26425", "26485"), date(2026, 4, 30)
)

# Names before an earlier renaming, as old files still use them (Huế: 175/2024/QH15).
FORMER_NAMES = {"46": "Tỉnh Thừa Thiên Huế"}


def read(contract: Contract, window: Window | None, settings: Settings) -> Iterator[Extract]:
    """The table of the package that the contract names. Raises SourceFormatError if there is none."""
    package, name = contract.source["package"], contract.source["table"]
    table = TABLES.get((package, name))
    if table is None:
        known = ", ".join(f"{p}: {t}" for p, t in TABLES)
        raise SourceFormatError(f"{contract.dataset}: no table {name!r} of package {package!r}; known are {known}")
    yield Extract(table(_database(contract, package)))


def _database(contract: Contract, package: str) -> Path:
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise SourceFormatError(f"{contract.dataset}: the package {package} is not installed")
    return Path(spec.origin).parent / "data" / "dataset.db"


def _query(database: Path, sql: str) -> pl.DataFrame:
    connection = sqlite3.connect(f"file:{database}?mode=ro&immutable=1", uri=True)
    try:
        return pl.read_database(sql, connection, infer_schema_length=None)
    finally:
        connection.close()


def _units(database: Path) -> pl.DataFrame:
    """Provinces and communes in force. A province's centre is the mean of its communes' centres."""
    communes = _query(
        database,
        """select wardCode as unit_code, 'commune' as level, provinceCode as province_code, ward as name,
           wardShort as short_name, wardAreaKm2 as area_km2, wardLat as latitude,
           wardLon as longitude, province, provinceShort from admin_units""",
    )
    # the kind is taken from the name, because the package's own column contradicts it in four cases
    kind = pl.col("name").str.extract(r"^(Xã|Phường|Đặc khu) ")
    is_ward = pl.col("unit_code").is_in(list(WARDS_SINCE))
    communes = communes.with_columns(kind=pl.when(is_ward).then(pl.lit("Phường")).otherwise(kind))
    communes = communes.with_columns(name=pl.col("kind") + " " + pl.col("short_name"))
    provinces = communes.group_by("province_code", "province", "provinceShort").agg(
        pl.col("area_km2").sum(), pl.col("latitude").mean(), pl.col("longitude").mean()
    )
    city = pl.col("province_code").is_in(list(CITIES_SINCE)) | pl.col("province").str.starts_with("Thành phố")
    provinces = provinces.with_columns(
        unit_code="province_code",
        level=pl.lit("province"),
        short_name="provinceShort",
        kind=pl.when(city).then(pl.lit("Thành phố")).otherwise(pl.lit("Tỉnh")),
    ).with_columns(name=pl.col("kind") + " " + pl.col("short_name"))
    columns = [
        "unit_code",
        "level",
        "province_code",
        "name",
        "short_name",
        "kind",
        "area_km2",
        "latitude",
        "longitude",
    ]
    return (
        pl.concat([provinces.select(columns), communes.select(columns)])
        .with_columns(valid_from=pl.lit(MERGER))
        .sort("unit_code")
    )


def _unit_changes(database: Path) -> pl.DataFrame:
    """Units dissolved on 2025-07-01, provinces dissolved before, and those that took them over.

    A split unit goes by the estimated share of its area, else in equal shares, flagged.
    """
    converter = orjson.loads((database.parent / "converter_2025.json").read_bytes())
    old = _query(
        database,
        """select provinceCode as old_province_code, province as old_province, wardCode as old_code, ward as old_name,
           provinceKey || '_' || districtKey || '_' || coalesce(wardKey, '') as old_key,
           provinceKey as old_province_key, districtCode as old_district_code, district as old_district_name,
           wardBounds as box
           from admin_units_legacy""",
    )
    new = _query(
        database,
        """select provinceKey as province_key, wardKey as ward_key, provinceCode as new_province_code,
           wardCode as new_code, wardLat as latitude, wardLon as longitude from admin_units""",
    )
    provinces = _pairs(
        (new_key, old_key) for new_key, old_keys in converter["DICT_PROVINCE"].items() for old_key in old_keys
    )
    province_changes = (
        provinces.join(new.select("province_key", "new_province_code").unique(), left_on="new", right_on="province_key")
        .join(
            old.select("old_province_code", "old_province", "old_province_key").unique(),
            left_on="old",
            right_on="old_province_key",
        )
        .select(
            pl.lit("province").alias("level"),
            pl.col("old_province_code").alias("old_code"),
            pl.col("old_province").alias("old_name"),
            "old_province_code",
            pl.lit(None, pl.String()).alias("old_district_code"),
            pl.lit(None, pl.String()).alias("old_district_name"),
            pl.col("new_province_code").alias("new_code"),
        )
    )
    pairs = [
        (f"{province}/{ward}", old_key)
        for province, wards in converter["DICT_PROVINCE_WARD_NO_DIVIDED"].items()
        for ward, old_keys in wards.items()
        for old_key in old_keys
    ] + [
        (f"{province}/{successor['newWardKey']}", old_key)
        for province, wards in converter["DICT_PROVINCE_WARD_DIVIDED"].items()
        for old_key, parts in wards.items()
        for successor in parts
    ]
    communes = _pairs(iter(pairs)).join(
        new.select(pl.concat_str("province_key", pl.lit("/"), "ward_key").alias("new"), "new_code"), on="new"
    )
    commune_changes = communes.join(
        old.filter(pl.col("old_code").is_not_null()), left_on="old", right_on="old_key"
    ).select(pl.lit("commune").alias("level"), *province_changes.columns[1:])
    boxes = dict(old.select("old_code", "box").drop_nulls().iter_rows())
    centres = {code: (lat, lon) for code, lat, lon in new.select("new_code", "latitude", "longitude").iter_rows()}
    merged = _weighed(pl.concat([province_changes, commune_changes]).unique(), boxes, centres).with_columns(
        former_name=pl.when(pl.col("level") == "province").then(
            pl.col("old_code").replace_strict(FORMER_NAMES, default=None, return_dtype=pl.String())
        ),
        effective_date=pl.lit(MERGER),
    )
    everything = pl.concat([merged, former_provinces(merged)], how="diagonal")
    return everything.sort("level", "old_code", "new_code")


def _weighed(changes: pl.DataFrame, boxes: dict[str, str], centres: dict[str, tuple[float, float]]) -> pl.DataFrame:
    """Changes with weight, weight_by and apportioned. boxes: of old communes; centres: of today's."""
    heirs = changes.group_by("level", "old_code", maintain_order=True).agg(pl.col("new_code").sort())
    rows: list[tuple[str, str, str, float, str]] = []
    for level, old_code, codes in heirs.iter_rows():
        box = read_box(boxes.get(old_code)) if level == "commune" and len(codes) > 1 else None
        shares = area_shares(box, [centres.get(code) for code in codes])
        way = "whole" if len(codes) == 1 else "area" if shares else "equal"
        weights = shares or exact_shares([1.0] * len(codes))
        rows += [(level, old_code, code, weight, way) for code, weight in zip(codes, weights, strict=True)]
    keys = ["level", "old_code", "new_code"]
    weights_of = pl.DataFrame(rows, schema=[*keys, "weight", "weight_by"], orient="row")
    return changes.join(weights_of, on=keys).with_columns(apportioned=pl.col("weight_by") != "whole")


def _pairs(pairs: Iterator[tuple[str, str]]) -> pl.DataFrame:
    return pl.DataFrame(list(pairs), schema={"new": pl.String(), "old": pl.String()}, orient="row")


def _cells(database: Path) -> pl.DataFrame:
    """Voronoi cells of the communes' centres, province by province, cut to a band around the centres."""
    communes = _query(
        database,
        "select wardCode as unit_code, provinceCode as province, wardLon as x, wardLat as y from admin_units "
        "where wardLat is not null order by wardCode",
    )
    tables = [_province_cells(part) for part in communes.partition_by("province", maintain_order=True)]
    return pl.concat(tables).sort("unit_code", "part")


def _province_cells(communes: pl.DataFrame) -> pl.DataFrame:
    points = shapely.points(communes["x"].to_numpy(), communes["y"].to_numpy())
    outline = shapely.union_all(shapely.buffer(points, CELL_RADIUS)).buffer(CELL_RADIUS).buffer(-1.2 * CELL_RADIUS)
    cells = shapely.get_parts(shapely.voronoi_polygons(shapely.MultiPoint(points), extend_to=outline))
    tree = shapely.STRtree(cells)
    at_point, at_cell = tree.query(points, predicate="within")
    shapes = shapely.intersection(cells[at_cell], outline)
    parts, owners = shapely.get_parts(shapes, return_index=True)
    codes = communes["unit_code"].to_numpy()[at_point]
    rings = [orjson.dumps(np.round(shapely.get_coordinates(p.exterior), 4).tolist()).decode() for p in parts]
    frame = pl.DataFrame({"unit_code": codes[owners], "ring": rings})
    return frame.select("unit_code", pl.int_range(pl.len()).over("unit_code").alias("part"), "ring")


TABLES: dict[tuple[str, str], Callable[[Path], pl.DataFrame]] = {
    ("vietnamadminunits", "units"): _units,
    ("vietnamadminunits", "unit_changes"): _unit_changes,
    ("vietnamadminunits", "cells"): _cells,
}

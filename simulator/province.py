"""The simulated province: Lâm Đồng since 2025-07-01, its 124 communes and the three old provinces they come from.

Codes, names, areas and centres are the official ones (package `vietnamadminunits`); populations are made up, scaled to
the population each old province had at the merger.
"""

import json
import sqlite3
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

PROVINCE_CODE = "68"
PROVINCE_KEY = "tinhlamdong"
PROVINCE_NAME = "Lâm Đồng"
# Old provinces in the spelling of the health department's archive, with persons at the merger.
OLD_PROVINCES = {"68": ("Lâm Đồng", 1_550_000), "67": ("Đắk Nông", 750_000), "60": ("Bình Thuận", 1_573_000)}
MERGER = np.datetime64("2025-07-01")

_PACKAGE = find_spec("vietnamadminunits")  # its files are read, its code (which loads pandas) is not
if _PACKAGE is None or _PACKAGE.origin is None:
    raise ImportError("the package vietnamadminunits is not installed")
_DATA = Path(_PACKAGE.origin).parent / "data"
_UNITS_SEED = 68  # populations belong to the province, not to a run: they do not follow the seed of a run


def read_communes(communes: int | list[str] | None = None) -> pl.DataFrame:
    """The province's communes by code.

    communes: a number of communes (the first ones by code) or their codes; None for all 124.
    Columns: code, name, kind (Xã, Phường, Đặc khu), latitude, longitude, area_km2, old_province (code), population,
    old_codes (list: dissolved communes that went into this one whole and whose code no commune bears today).
    Raises ValueError if a code is not one of the province's.
    """
    units = _all_communes()
    if communes is None:
        return units
    if isinstance(communes, int):
        if not 1 <= communes <= len(units):
            raise ValueError(f"communes is {communes}; expected 1 to {len(units)}")
        # Spread over the three old provinces, which own ranges of codes.
        return units[np.linspace(0, len(units) - 1, communes).round().astype(int).tolist()]
    if unknown := sorted(set(communes) - set(units["code"])):
        raise ValueError(f"no communes of province {PROVINCE_CODE}: {', '.join(unknown)}")
    return units.filter(pl.col("code").is_in(communes))


def neighbour_weights(units: pl.DataFrame, nearest: int = 6) -> NDArray[np.float64]:
    """How much each commune is exposed to each other one: rows sum to 1 over the nearest communes, by distance."""
    n = len(units)
    if n == 1:
        return np.ones((1, 1))
    latitude = np.radians(units["latitude"].to_numpy())
    longitude = np.radians(units["longitude"].to_numpy())
    north = (latitude[:, None] - latitude[None, :]) * 6371
    east = (longitude[:, None] - longitude[None, :]) * 6371 * np.cos(latitude.mean())
    distance = np.hypot(north, east)
    np.fill_diagonal(distance, np.inf)
    count = min(nearest, n - 1)
    reach = np.sort(distance, axis=1)[:, count - 1 : count]
    weights = np.where(distance <= reach, 1 / np.maximum(distance, 3.0), 0.0)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), dtype=np.float64)


def _all_communes() -> pl.DataFrame:
    with sqlite3.connect(f"file:{_DATA / 'dataset.db'}?mode=ro", uri=True) as database:
        units = pl.read_database(
            "select wardCode as code, ward as name, wardType as kind, wardLat as latitude, wardLon as longitude, "
            f"wardAreaKm2 as area_km2, wardKey as key from admin_units where provinceCode = '{PROVINCE_CODE}'",
            database,
        )
        legacy = pl.read_database(
            "select provinceKey || '_' || districtKey || '_' || wardKey as old_key, wardCode as old_code, "
            "provinceCode as old_province from admin_units_legacy where provinceCode in ('60', '67', '68')",
            database,
        )
        codes_today = pl.read_database("select wardCode as code from admin_units", database)["code"]
    conversion = json.loads((_DATA / "converter_2025.json").read_text(encoding="utf-8"))
    merged = conversion["DICT_PROVINCE_WARD_NO_DIVIDED"][PROVINCE_KEY]
    origin = (
        pl.DataFrame({"key": list(merged), "old_key": list(merged.values())})
        .explode("old_key")
        .join(legacy, on="old_key")
    )
    old_codes = (
        origin.filter(~pl.col("old_code").is_in(codes_today.implode()))
        .group_by("key")
        .agg(pl.col("old_code").sort().alias("old_codes"))
    )
    old_province = origin.group_by("key").agg(pl.col("old_province").mode().sort().first())
    units = (
        units.join(old_province, on="key", how="left")
        .join(old_codes, on="key", how="left")
        .with_columns(
            pl.col("old_province").fill_null(PROVINCE_CODE),
            pl.col("old_codes").fill_null(pl.lit([], dtype=pl.List(pl.String))),
        )
        .drop("key")
        .unique("code")
        .sort("code")
    )
    rng = np.random.default_rng(_UNITS_SEED)
    typical = units["kind"].replace_strict({"Phường": 1.5, "Xã": 1.0, "Đặc khu": 1.0}, default=1.0)
    size = pl.Series("size", typical.to_numpy() * rng.lognormal(0, 0.35, len(units)))
    target = pl.col("old_province").replace_strict({code: persons for code, (_, persons) in OLD_PROVINCES.items()})
    return (
        units.with_columns(size)
        .with_columns(
            (pl.col("size") / pl.col("size").sum().over("old_province") * target)
            .round()
            .cast(pl.Int64)
            .alias("population")
        )
        .drop("size")
    )

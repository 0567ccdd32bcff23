"""Bad observations of known kinds and rates, planted beside the good ones."""

from pathlib import Path

import polars as pl

from simulator.stations import BROKEN_NAME, BROKEN_UNIT, Network, datastream_id
from simulator.truth import draw_kinds

BAD_OBSERVATIONS = {
    "missing_result": "result",
    "out_of_range": "result",
    "exact_duplicate": "@iot.id",
    "wrong_type": "result",
    "unknown_commune": "Thing.properties.maXa",
    "interval_reversed": "phenomenonTime",
    "stale": "phenomenonTime",
    "name_mismatch": "Thing.properties.tenXa",
}


def plant_bad_observations(good: pl.DataFrame, seed: int) -> pl.DataFrame:
    """Bad rows beside the good ones, at half past an hour where no good one is, or equal to a good one."""
    kinds = list(BAD_OBSERVATIONS)
    drawn = draw_kinds(good["result_at"], kinds, seed + 6, {})
    nothing = pl.lit(None, pl.Float64)
    bad = pl.col("bad")
    never = bad != "exact_duplicate"
    half_past = pl.duration(minutes=30)
    stale = pl.duration(days=400)
    copies = (
        good.with_columns(drawn, text=pl.lit(None, pl.String))
        .filter(bad.is_not_null())
        .with_columns(
            id=pl.col("id") + 500_000_000_000,
            datastream=pl.when(bad == "unknown_commune")
            .then(datastream_id(BROKEN_UNIT, 0))
            .when(bad == "name_mismatch")
            .then(datastream_id(BROKEN_NAME, 0))
            .otherwise("datastream"),
            phenomenon_at=pl.when(bad == "stale")
            .then(pl.col("phenomenon_at") + half_past - stale)
            .when(never)
            .then(pl.col("phenomenon_at") + half_past)
            .otherwise("phenomenon_at"),
            minutes=pl.when(bad == "interval_reversed").then(-60).when(never).then(0).otherwise("minutes"),
            result=pl.when(bad.is_in(["missing_result", "wrong_type"]))
            .then(nothing)
            .when(bad == "out_of_range")
            .then(-9999.0)
            .when(bad.is_in(["unknown_commune", "name_mismatch"]))  # what is wrong with them is their station alone
            .then(pl.col("result") % 10 + 15)
            .otherwise("result"),
            text=pl.when(bad == "wrong_type").then(pl.lit("lỗi cảm biến")),
            corrected_at=pl.when(~never).then("corrected_at"),
            corrected_result=pl.when(~never).then("corrected_result"),
        )
        .unique(["datastream", "phenomenon_at"], keep="first", maintain_order=True)
    )
    untouched = good.with_columns(text=pl.lit(None, pl.String), bad=pl.lit(None, pl.String))
    return pl.concat([untouched, copies.select(untouched.columns)])


def write_bad_observations(folder: Path, network: Network, made: pl.DataFrame) -> None:
    """Write bad_observations.parquet: record_id (datastream|time), kind, field, commune_code, bad_from."""
    communes = {identity: network.things[thing]["properties"]["maXa"] for identity, (thing, _) in network.owner.items()}  # type: ignore[index]
    zone = "Asia/Ho_Chi_Minh"
    moment = pl.col("phenomenon_at").dt.replace_time_zone(zone).dt.convert_time_zone("UTC")
    made.filter(pl.col("bad").is_not_null()).select(
        pl.format("{}|{}", "datastream", moment.dt.strftime("%Y-%m-%dT%H:%M:%SZ")).alias("record_id"),
        pl.col("bad").alias("kind"),
        pl.col("bad").replace_strict(BAD_OBSERVATIONS).alias("field"),
        pl.col("datastream").replace_strict(communes).alias("commune_code"),
        pl.col("result_at").dt.replace_time_zone(zone).dt.convert_time_zone("UTC").alias("bad_from"),
    ).write_parquet(folder / "bad_observations.parquet")

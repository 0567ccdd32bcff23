"""Bad field reports and bad lines of damage, of known kinds and rates, planted beside the good ones."""

from datetime import timedelta
from pathlib import Path

import polars as pl

from simulator.truth import draw_kinds

BAD_REPORTS = {
    "missing_required": "su_viec.linh_vuc",
    "out_of_range": "su_viec.vi_tri",
    "exact_duplicate": "ma_phieu",
    "short_citizen_number": "don_vi.so_dinh_danh",
    "unknown_commune": "don_vi.ma_xa",
    "submitted_before_observed": "su_viec.thoi_diem",
    "stale": "su_viec.thoi_diem",
    "name_mismatch": "don_vi.ten_xa",
}
BAD_ITEMS = {
    "missing_required": "so_luong",
    "out_of_range": "so_luong",
    "wrong_type": "so_luong",
    "unknown_kind": "loai",
    "unit_mismatch": "don_vi_tinh",
}
UNKNOWN_COMMUNE = "99999"
WRONG_NAME = "Phường Hàng Bạc"  # of another province


def plant_bad_reports(good: pl.DataFrame, seed: int) -> pl.DataFrame:
    """Adds `bad` (kind, null for good rows) and, beside good reports, bad ones, which count no damage.

    A duplicate is one report sent twice by a phone with a poor connection: two submissions, one report number.
    """
    if good.is_empty():
        return good.with_columns(bad=pl.lit(None, pl.String))
    bad = pl.col("bad")
    copies = (
        good.with_columns(draw_kinds(good["submitted_at"], list(BAD_REPORTS), seed + 8, {}, 120))
        .filter(bad.is_not_null())
        .with_columns(
            id=pl.col("id").str.replace("-a", "-b", literal=True),
            code=pl.when(bad == "exact_duplicate")
            .then("code")
            .otherwise(
                pl.concat_str(
                    pl.col("code").str.head(-3), (pl.col("code").str.tail(3).cast(pl.Int64) + 500).cast(pl.String)
                )
            ),
            category=pl.when(bad != "missing_required").then("category"),
            longitude=pl.when(bad == "out_of_range").then(0.0).otherwise("longitude"),  # a phone without satellites
            latitude=pl.when(bad == "out_of_range").then(0.0).otherwise("latitude"),
            officer=pl.when(bad == "short_citizen_number").then(pl.col("officer").str.head(9)).otherwise("officer"),
            shown_code=pl.when(bad == "unknown_commune").then(pl.lit(UNKNOWN_COMMUNE)).otherwise("shown_code"),
            commune_name=pl.when(bad == "name_mismatch").then(pl.lit(WRONG_NAME)).otherwise("commune_name"),
            observed_at=pl.when(bad == "stale")
            .then(pl.col("observed_at") - timedelta(days=400))
            .when(bad == "submitted_before_observed")
            .then(pl.col("submitted_at") + timedelta(hours=30))
            .otherwise("observed_at"),
            items=pl.col("items").list.head(0),
        )
    )
    return pl.concat([good.with_columns(bad=pl.lit(None, pl.String)), copies.select(*good.columns, "bad")])


def plant_bad_items(good: pl.DataFrame, seed: int) -> pl.DataFrame:
    """The reports with bad lines behind their good ones."""
    lines = good.select("id", "submitted_at", pl.col("items").alias("item")).explode("item")
    lines = lines.filter(pl.col("item").is_not_null())
    if lines.is_empty():
        return good
    fields = list(lines["item"].struct.fields)
    kinds = draw_kinds(lines["submitted_at"], list(BAD_ITEMS), seed + 9, {}, 75)
    bad = pl.col("bad")
    spoilt = (
        lines.select(pl.col("id").alias("owner"), "item")
        .unnest("item")
        .with_columns(kinds)
        .filter(bad.is_not_null())
        .with_columns(
            id=pl.concat_str(pl.col("id").str.head(-8), pl.lit("b"), pl.col("id").str.tail(7)),
            quantity=pl.when(bad == "out_of_range")
            .then(pl.lit("-9999"))
            .when(bad == "wrong_type")
            .then(pl.lit("vài chục"))
            .when(bad != "missing_required")
            .then("quantity"),
            kind=pl.when(bad == "unknown_kind").then(pl.lit("khac")).otherwise("kind"),
            unit=pl.when(bad == "unit_mismatch")
            .then(pl.when(pl.col("kind") == "duong").then(pl.lit("con")).otherwise(pl.lit("m")))
            .otherwise("unit"),
        )
        .group_by("owner", maintain_order=True)
        .agg(pl.struct(fields).alias("spoilt"))
    )
    return (
        good.join(spoilt, left_on="id", right_on="owner", how="left", maintain_order="left")
        .with_columns(items=pl.concat_list("items", pl.col("spoilt").fill_null([])))
        .drop("spoilt")
    )


def write_bad_reports(folder: Path, made: pl.DataFrame) -> None:
    """Write what tests look for.

    bad_field_reports.parquet (record_id: report number) and bad_field_items.parquet (record_id: the line's id): kind,
    field, commune_code, bad_from. field_identifiers.parquet: record_id, kind, identifier as written, planted_from.
    """
    since = pl.col("submitted_at").dt.replace_time_zone("Asia/Ho_Chi_Minh").dt.convert_time_zone("UTC")
    folder.mkdir(parents=True, exist_ok=True)
    made.filter(pl.col("bad").is_not_null()).select(
        pl.col("code").alias("record_id"),
        pl.col("bad").alias("kind"),
        pl.col("bad").replace_strict(BAD_REPORTS).alias("field"),
        "commune_code",
        since.alias("bad_from"),
    ).write_parquet(folder / "bad_field_reports.parquet")
    lines = made.select("commune_code", "submitted_at", pl.col("items").alias("item")).explode("item").unnest("item")
    lines.filter(pl.col("bad").is_not_null()).select(
        pl.col("id").alias("record_id"),
        pl.col("bad").alias("kind"),
        pl.col("bad").replace_strict(BAD_ITEMS).alias("field"),
        "commune_code",
        since.alias("bad_from"),
    ).write_parquet(folder / "bad_field_items.parquet")
    made.filter(pl.col("identifier").is_not_null()).select(
        pl.col("code").alias("record_id"),
        pl.col("identifier_kind").alias("kind"),
        "identifier",
        since.alias("planted_from"),
    ).write_parquet(folder / "field_identifiers.parquet")

"""The health department's case register as a table of the database, mistakes included."""

from dataclasses import dataclass
from datetime import datetime

import polars as pl

from simulator.cases import state_at
from simulator.office_calendar import local_naive
from simulator.shown_tables import Changes

READER = "nguoi_doc"  # may only read, as an outside system should
_COLUMNS = {
    "ma_ca_benh": "text", "ma_xa": "text", "so_dinh_danh": "text", "ho_ten": "text", "nam_sinh": "integer",
    "gioi_tinh": "text", "ma_benh": "text", "phan_loai": "text", "ngay_khoi_phat": "date",
    "ngay_bao_cao": "timestamptz", "cap_nhat_luc": "timestamptz",
}  # fmt: skip


@dataclass(frozen=True)
class CaseTable:
    """The line list as public.ca_benh."""

    cases: pl.DataFrame
    place: str = "public.ca_benh"
    reader: str = READER
    key: str = "ma_ca_benh"
    updated: str = "cap_nhat_luc"

    @property
    def columns(self) -> dict[str, str]:
        return _COLUMNS

    def changes(self, since: datetime | None, now: datetime) -> Changes:
        """The cases that changed after `since` (None: all) until `now`, both aware."""
        known = state_at(self.cases.lazy(), local_naive(now))
        if since is not None:
            known = known.filter(pl.col("updated_at") > local_naive(since))
        rows = _table_rows(known)
        return Changes(rows, rows[self.key].unique())


def _table_rows(cases: pl.LazyFrame) -> pl.DataFrame:
    def when(kind: str, mistake: pl.Expr, column: str) -> pl.Expr:
        return pl.when(pl.col("bad") == kind).then(mistake).otherwise(pl.col(column))

    zone = "Asia/Ho_Chi_Minh"
    onset = pl.col("onset_date")
    disease = (
        pl.when(pl.col("bad") == "missing_required")
        .then(pl.lit(None, pl.String))
        .when(pl.col("bad") == "unknown_disease")
        .then(pl.lit("sot_la"))
        .otherwise("disease")
    )
    early = onset.cast(pl.Datetime("us")) - pl.duration(days=3)
    return cases.select(
        pl.col("case_id").alias("ma_ca_benh"),
        when("unknown_commune", pl.lit("99999"), "commune_code").alias("ma_xa"),
        when("short_citizen_number", pl.col("citizen_number").str.head(11), "citizen_number").alias("so_dinh_danh"),
        pl.col("name").alias("ho_ten"),
        when("birth_year_out_of_range", pl.lit(1875), "birth_year").cast(pl.Int32).alias("nam_sinh"),
        pl.col("sex").alias("gioi_tinh"),
        disease.alias("ma_benh"),
        when("unknown_classification", pl.lit("F0"), "classification").alias("phan_loai"),
        when("future_date", onset + pl.duration(days=3652), "onset_date").alias("ngay_khoi_phat"),
        when("reported_before_onset", early, "reported_at")
        .dt.replace_time_zone(zone)
        .dt.convert_time_zone("UTC")
        .alias("ngay_bao_cao"),
        pl.col("updated_at").dt.replace_time_zone(zone).dt.convert_time_zone("UTC").alias("cap_nhat_luc"),
    ).collect()

"""The dossier system's rows as its API gives them: Vietnamese field names, times with +07:00, mistakes included."""

from datetime import date, datetime, timedelta

import polars as pl

from simulator.dossiers import state_at
from simulator.office_calendar import local_naive

# A JSON field may hold a number in one row and text in the next, a column may not: this number is replaced by the
# text in the finished page.
TEXT_FOR_NUMBER = -987654321
TEXT_IN_JSON = (f'"soLanBoSung":{TEXT_FOR_NUMBER}', '"soLanBoSung":"hai lần"')

_TIME = "%Y-%m-%dT%H:%M:%S+07:00"
BAD_LOADS = ("invalid", "flood", "thin")


def dossier_rows(
    lives: pl.DataFrame,
    now: datetime,
    since: datetime | None,
    before: datetime | None,
    bad_loads: dict[date, str],
) -> pl.DataFrame:
    """Rows with since ≤ last change < before, by last change and number, as known at `now` (all aware).

    bad_loads: local day → "invalid" (most rows unusable), "flood" (five times the rows) or "thin" (a tenth of them).
    """
    frame = state_at(lives.lazy(), local_naive(now))
    if since is not None:
        frame = frame.filter(pl.col("updated_at") >= local_naive(since))
    if before is not None:
        frame = frame.filter(pl.col("updated_at") < local_naive(before))
    rows = _with_mistakes(frame).sort("updated_at", "dossier_id").collect()
    for day, kind in bad_loads.items():
        rows = _spoil(rows, day, kind)
    return rows.select(
        pl.col("dossier_id").alias("maHoSo"),
        pl.col("commune_code").alias("maXa"),
        pl.col("procedure_code").alias("maThuTuc"),
        pl.col("citizen_number").alias("soDinhDanh"),
        pl.col("name").alias("hoTen"),
        pl.col("phone").alias("soDienThoai"),
        pl.col("channel").alias("kenhNop"),
        pl.col("received_at").dt.strftime(_TIME).alias("ngayTiepNhan"),
        pl.when(pl.col("bad") == "wrong_type_date")
        .then(pl.lit("chờ xác minh"))
        .otherwise(pl.col("due_at").dt.strftime(_TIME))
        .alias("ngayHenTra"),
        pl.col("finished_at").dt.strftime(_TIME).alias("ngayHoanThanh"),
        pl.col("returned_at").dt.strftime(_TIME).alias("ngayTraKetQua"),
        pl.col("stopped_at").dt.strftime(_TIME).alias("ngayDungTuChoi"),
        pl.col("waiting_hours").alias("soGioChoBoSung"),
        pl.col("supplement_requests").alias("soLanBoSung"),
        pl.col("status").alias("trangThai"),
        pl.col("synchronised").alias("daDongBo"),
        pl.col("synchronised_at").dt.strftime(_TIME).alias("thoiDiemDongBo"),
        pl.col("fee_thousand_vnd").alias("phiLePhi"),
        pl.col("paid_online").alias("thanhToanTrucTuyen"),
        pl.col("digitised").alias("soHoaHoSo"),
        pl.col("result_electronic").alias("ketQuaDienTu"),
        pl.col("result_shared").alias("luuKetQuaDungChung"),
        pl.col("certified_copies").alias("soBanSaoChungThuc"),
        pl.col("e_certified_copies").alias("soBanSaoChungThucDienTu"),
        pl.col("data_reused").alias("taiSuDungDuLieu"),
        pl.col("population_data_used").alias("khaiThacDuLieuDanCu"),
        pl.col("rating").alias("mucDoHaiLong"),
        pl.col("updated_at").dt.strftime(_TIME).alias("capNhatLuc"),
    )


def _with_mistakes(frame: pl.LazyFrame) -> pl.LazyFrame:
    def when(kind: str, mistake: pl.Expr, column: str) -> pl.Expr:
        return pl.when(pl.col("bad") == kind).then(mistake).otherwise(pl.col(column)).alias(column)

    ten_years = pl.duration(days=3652)
    received = pl.col("received_at")
    finished = pl.col("finished_at")
    wrong = frame.with_columns(
        when("unknown_commune", pl.lit("99999"), "commune_code"),
        when("short_citizen_number", pl.col("citizen_number").str.head(11), "citizen_number"),
        when("missing_required", pl.lit(None, pl.String), "procedure_code"),
        when("unknown_channel", pl.lit("fax"), "channel"),
        when("unknown_status", pl.lit("dang_luan_chuyen"), "status"),
        when("wrong_type_number", pl.lit(TEXT_FOR_NUMBER, pl.Int64), "supplement_requests"),
        when("future_date", received + ten_years, "received_at"),
        pl.when(pl.col("bad") == "future_date")
        .then(pl.col("due_at") + ten_years)
        .when(pl.col("bad") == "due_before_received")
        .then(received - timedelta(days=3))
        .otherwise("due_at")
        .alias("due_at"),
        pl.when((pl.col("bad") == "finished_before_received") & finished.is_not_null())
        .then(received - timedelta(days=2))
        .otherwise(finished)
        .alias("finished_at"),
    )
    twice = pl.when(pl.col("bad") == "exact_duplicate").then(2).otherwise(1)
    return wrong.with_columns(twice.alias("copies")).select(pl.all().repeat_by("copies").explode()).drop("copies")


def _spoil(rows: pl.DataFrame, day: date, kind: str) -> pl.DataFrame:
    if kind not in BAD_LOADS:
        raise ValueError(f"{kind!r} is no kind of bad load; expected one of {', '.join(BAD_LOADS)}")
    of_day = pl.col("updated_at").dt.date() == day
    number = pl.col("dossier_id").str.tail(2).cast(pl.Int64)
    if kind == "invalid":
        return rows.with_columns(
            pl.when(of_day & (number < 85)).then(pl.lit("99999")).otherwise("commune_code").alias("commune_code")
        )
    if kind == "thin":
        return rows.filter(~of_day | (number < 10))
    copies = [
        rows.filter(of_day).with_columns(
            # serials of a month begin with its number: 9 in front belongs to no month
            pl.concat_str(pl.col("dossier_id").str.head(12), pl.lit(f"9{i}"), pl.col("dossier_id").str.tail(7)).alias(
                "dossier_id"
            )
        )
        for i in range(1, 5)
    ]
    return pl.concat([rows, *copies]).sort("updated_at", "dossier_id")

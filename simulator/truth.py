"""What is planted: bad rows of known kinds and rates. Only tests read the answers, from `<home>/truth`."""

import json
from datetime import date, datetime
from pathlib import Path

import numpy as np
import polars as pl

BAD_SHARE = 0.003  # of all rows, over all kinds together

BAD_DOSSIERS = {
    "unknown_commune": "maXa",
    "future_date": "ngayTiepNhan",
    "short_citizen_number": "soDinhDanh",
    "missing_required": "maThuTuc",
    "wrong_type_date": "ngayHenTra",
    "wrong_type_number": "soLanBoSung",
    "due_before_received": "ngayHenTra",
    "finished_before_received": "ngayHoanThanh",
    "unknown_channel": "kenhNop",
    "unknown_status": "trangThai",
    "exact_duplicate": "maHoSo",
}
BAD_CASES = {
    "unknown_commune": "ma_xa",
    "future_date": "ngay_khoi_phat",
    "short_citizen_number": "so_dinh_danh",
    "missing_required": "ma_benh",
    "unknown_disease": "ma_benh",
    "unknown_classification": "phan_loai",
    "birth_year_out_of_range": "nam_sinh",
    "reported_before_onset": "ngay_bao_cao",
    "exact_duplicate": "ma_ca_benh",
}


def plant_bad_dossiers(lives: pl.DataFrame, seed: int) -> pl.DataFrame:
    """Adds `bad` (kind, null for good rows) and `bad_from` (when the desk first shows it wrong). Every kind occurs."""
    can = {kind: lives["finished_at"].is_not_null() for kind in ("finished_before_received",)}
    bad = draw_kinds(lives["received_at"], list(BAD_DOSSIERS), seed, can)
    return lives.with_columns(bad).with_columns(
        pl.when(pl.col("bad") == "finished_before_received")
        .then("finished_at")
        .when(pl.col("bad").is_not_null())
        .then("received_at")
        .alias("bad_from")
    )


def plant_bad_cases(cases: pl.DataFrame, seed: int) -> pl.DataFrame:
    """The cases with bad ones added, never in place of good ones, so that clean totals still reconcile.

    Adds `bad` (kind) and `bad_from`. An exact duplicate is one more row equal to a good one.
    """
    drawn = draw_kinds(cases["reported_at"], list(BAD_CASES), seed + 1, {})
    copies = cases.with_columns(drawn).filter(pl.col("bad").is_not_null())
    is_copy = pl.col("bad") == "exact_duplicate"
    copies = copies.with_columns(
        pl.when(is_copy).then("case_id").otherwise(pl.concat_str("case_id", pl.lit("B"))).alias("case_id"),
        # another person: a good row and its bad neighbour share place and time alone
        pl.when(is_copy)
        .then("citizen_number")
        .otherwise(
            pl.concat_str(pl.col("citizen_number").str.head(6), pl.col("citizen_number").str.tail(6).str.reverse())
        )
        .alias("citizen_number"),
        pl.col("reported_at").alias("bad_from"),
    )
    good = cases.with_columns(pl.lit(None, pl.String).alias("bad"), pl.lit(None, pl.Datetime("us")).alias("bad_from"))
    return pl.concat([good, copies]).sort("reported_at", "case_id", "bad", nulls_last=False)


def draw_kinds(times: pl.Series, kinds: list[str], seed: int, can: dict[str, pl.Series], among: int = 400) -> pl.Series:
    """Kind by row (null: good), drawn month by month so that a later run plants the same; times must be sorted.

    Among the first rows (`among`) every kind is forced to occur once, so that small worlds hold them all; one after the
    other, so that no day of the first ones is spoilt by many at once.
    """
    share = BAD_SHARE / len(kinds)
    months = times.dt.truncate("1mo")
    counts = months.value_counts(name="rows").sort(months.name)
    draws = [np.random.default_rng([seed, 40, first.year, first.month]).random(n) for first, n in counts.iter_rows()]
    drawn = np.concatenate(draws)
    kind = np.where(drawn < BAD_SHARE, np.minimum((drawn / share).astype(np.int64), len(kinds) - 1), -1)
    possible = {index: can[name].to_numpy() for index, name in enumerate(kinds) if name in can}
    for index, fits in possible.items():
        kind = np.where((kind == index) & ~fits, -1, kind)
    order = np.random.default_rng([seed, 41]).permutation(min(len(times), among))
    turn = order * len(kinds) // max(len(order), 1)
    for index in range(len(kinds)):
        own_first = np.concatenate([order[turn == index], order[turn != index]])
        free = own_first[(kind[own_first] < 0) & (possible[index][own_first] if index in possible else True)]
        kind[free[:1]] = index
    return pl.Series("bad", [*kinds, None]).gather(np.where(kind < 0, len(kinds), kind))


def write_truth(folder: Path, dossiers: pl.DataFrame, cases: pl.DataFrame, facts: dict[str, object]) -> None:
    """Write bad_dossiers.parquet, bad_cases.parquet (record_id, kind, field, commune_code, bad_from), truth.json."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, frame, key, fields in (
        ("bad_dossiers", dossiers, "dossier_id", BAD_DOSSIERS),
        ("bad_cases", cases, "case_id", BAD_CASES),
    ):
        frame.filter(pl.col("bad").is_not_null()).select(
            pl.col(key).alias("record_id"),
            pl.col("bad").alias("kind"),
            pl.col("bad").replace_strict(fields).alias("field"),
            "commune_code",
            pl.col("bad_from").dt.replace_time_zone("Asia/Ho_Chi_Minh").dt.convert_time_zone("UTC"),
        ).write_parquet(folder / f"{name}.parquet")
    (folder / "truth.json").write_text(
        json.dumps(facts, ensure_ascii=False, indent=1, default=_as_text), encoding="utf-8"
    )


def _as_text(value: object) -> str:
    if isinstance(value, date | datetime):
        return value.isoformat()
    raise TypeError(f"{type(value)} is not JSON")


def bad_rows(home: Path, source: str, now: datetime) -> pl.DataFrame:
    """The rows of a source that are bad as shown at `now` (aware): record_id, kind, field, commune_code, bad_from.

    source: "dossiers", "cases" or one of `simulator.tables`.
    """
    return pl.read_parquet(home / "truth" / f"bad_{source}.parquet").filter(pl.col("bad_from") <= now)

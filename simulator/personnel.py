"""The department of home affairs' monthly count of the communes' officers; some communes have far too few."""

from datetime import date

import numpy as np
import polars as pl

from simulator import bad_records as bad
from simulator.ability import digital_skill, understaffed
from simulator.arrivals import months_between, with_corrections, with_serials
from simulator.monthly_snapshots import last_day, published

MISTAKES = [
    bad.missing("so_bien_che"),
    bad.outlier("so_bien_che", 9_000),
    bad.duplicate("ma_ban_ghi"),
    bad.misspelt("so_bao_cao"),
    bad.unknown_commune("ma_xa"),
    bad.Mistake("cross_field", "so_mot_cua", pl.col("so_co_mat") + 1),
    bad.Mistake("stale", "ngay_chot", pl.col("ngay_chot") - pl.duration(days=800)),
    bad.other_name("ten_xa"),
]


def generate_officers(units: pl.DataFrame, start: date, end: date, seed: int, scale: float) -> pl.DataFrame:
    """Posts, officers and equipment by month and commune; all versions. Scale changes nothing."""
    posts, few = _posts(units, seed), understaffed(units, seed)
    usual = np.random.default_rng([seed, 92]).normal(0.92, 0.03, len(units))
    skill = digital_skill(units, seed)
    frames = []
    for month in months_between(start, end):
        rng = np.random.default_rng([seed, 93, month.year, month.month])
        since_2025 = (month.year - 2025) * 12 + month.month - 1
        share = np.where(few, 0.64, usual) + rng.normal(0, 0.015, len(units))
        present = np.minimum(np.round(posts * share).astype(np.int64), posts)
        at_desk = np.maximum(2, np.round(present * np.where(few, 0.12, 0.18)).astype(np.int64))
        trained = 1 / (1 + np.exp(-(0.1 + 0.5 * skill + 0.03 * since_2025)))
        frame = pl.DataFrame(
            {
                "thang": pl.Series([month]).gather(np.zeros(len(units), dtype=np.int64)),
                "ngay_chot": pl.Series([last_day(month)]).gather(np.zeros(len(units), dtype=np.int64)),
                "so_bao_cao": pl.Series([f"BC{month:%Y%m}"]).gather(np.zeros(len(units), dtype=np.int64)),
                "ma_xa": units["code"],
                "ten_xa": units["name"],
                "so_bien_che": posts,
                "so_co_mat": present,
                "so_mot_cua": at_desk,
                "so_da_tap_huan_so": np.round(present * trained).astype(np.int64),
                "so_may_tinh": np.round(present * np.where(few, 0.8, 0.95)).astype(np.int64),
                "mang_on_dinh": pl.Series(["có", "không"]).gather((rng.random(len(units)) < 0.06 - 0.02 * skill) * 1),
                "cap_nhat_luc": published(rng, len(units), month, seed),
            }
        )
        frame = with_serials(frame, "ma_ban_ghi", f"NL-{month:%Y%m}-")
        frames.append(with_corrections(rng, frame, "cap_nhat_luc", 0.02, (5, 30), _one_post_more))
    return bad.plant(pl.concat(frames), "ma_ban_ghi", "cap_nhat_luc", "ma_xa", MISTAKES, seed, 11)


def _one_post_more(rows: pl.DataFrame) -> pl.DataFrame:
    """A post that was forgotten."""
    return rows.with_columns(pl.col("so_bien_che") + 1)


def _posts(units: pl.DataFrame, seed: int) -> np.ndarray:
    """Posts of a commune since the merger: some thirty and more with its people."""
    spread = np.random.default_rng([seed, 94]).normal(0, 2, len(units))
    return np.round(30 + units["population"].to_numpy() / 2_600 + spread).astype(np.int64)

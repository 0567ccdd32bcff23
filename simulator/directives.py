"""The province's system of assigned tasks: what was directed to whom, until when, and how far it is."""

from datetime import date

import numpy as np
import polars as pl

from simulator import bad_records as bad
from simulator import office_calendar as calendar
from simulator.arrivals import micro, months_between, places, with_serials

TASKS_A_MONTH = 400 / 24
DELETED_SHARE = 0.04  # entered by mistake and erased, without a trace in the source
# indicator, what is to be done, target
_GOALS = [
    ("one_stop_on_time_ratio", "Nâng tỷ lệ giải quyết hồ sơ đúng hạn", 95.0),
    ("one_stop_timeliness_score", "Khắc phục điểm tiến độ giải quyết hồ sơ thấp", 19.0),
    ("disease_cases", "Khống chế ổ dịch, giảm số ca mắc mới", 20.0),
    ("disease_incidence", "Giảm tỷ lệ mới mắc sốt xuất huyết", 40.0),
    ("data_accepted_share", "Chấn chỉnh chất lượng dữ liệu báo cáo", 99.0),
]
_HOW = ["trước kỳ họp giao ban", "theo kết luận của Chủ tịch UBND tỉnh", "theo kiến nghị của cử tri",
        "sau đợt kiểm tra công vụ", "theo cảnh báo của Trung tâm điều hành", "trong quý này"]  # fmt: skip

MISTAKES = [
    bad.missing("ma_chi_tieu"),
    bad.outlier("tien_do", 250),
    bad.duplicate("ma_nhiem_vu"),
    bad.misspelt("so_van_ban"),
    bad.unknown_commune("ma_don_vi"),
    bad.Mistake("cross_field", "han_hoan_thanh", pl.col("ngay_giao") - pl.duration(days=10)),
    bad.Mistake("stale", "ngay_giao", pl.col("ngay_giao") - pl.duration(days=1500)),
    bad.other_name("ten_don_vi"),
]


def generate_tasks(units: pl.DataFrame, start: date, end: date, seed: int, scale: float) -> pl.DataFrame:
    """Tasks as assigned, as they progress, are given more time, are done; all versions.

    `_deleted` marks the version with which a task vanishes from the source.
    """
    frames = [_month(units, month, seed, scale) for month in months_between(start, end)]
    return bad.plant(pl.concat(frames), "ma_nhiem_vu", "cap_nhat_luc", "ma_don_vi", MISTAKES, seed, 7)


def _month(units: pl.DataFrame, month: date, seed: int, scale: float) -> pl.DataFrame:
    rng = np.random.default_rng([seed, 80, month.year, month.month])
    n = max(3, rng.poisson(TASKS_A_MONTH * scale))
    first = np.datetime64(month) + np.sort(rng.integers(0, 28, n)).astype("timedelta64[D]")
    given = calendar.add_working_days(first, np.zeros(n, dtype=np.int64))
    allowed = rng.choice([10, 15, 22, 33, 44], n)
    goal, unit = rng.integers(0, len(_GOALS), n), rng.integers(0, len(units), n)
    place = places(units, unit)
    target = np.array([one[2] for one in _GOALS])[goal] * rng.uniform(0.9, 1.0, n)
    what, how = (
        pl.Series([one[1] for one in _GOALS]).gather(goal),
        pl.Series(_HOW).gather(rng.integers(0, len(_HOW), n)),
    )
    tasks = pl.DataFrame(
        {
            "so_van_ban": pl.Series(rng.integers(100, 9000, n)).cast(pl.String) + f"/{month.year}/TB-UBND",
            "noi_dung": what + " " + how,
            "ma_chi_tieu": pl.Series([one[0] for one in _GOALS]).gather(goal),
            "ma_don_vi": place["code"],
            "ten_don_vi": place["name"],
            "gia_tri_muc_tieu": np.round(target, 1),
            "ngay_giao": pl.Series(given),
            "han_hoan_thanh": pl.Series(calendar.add_working_days(given, allowed)),
        }
    )
    return _lives(rng, with_serials(tasks, "ma_nhiem_vu", f"NV-{month:%Y%m}-"), given, allowed)


def _lives(rng: np.random.Generator, tasks: pl.DataFrame, given: calendar.Times, allowed: np.ndarray) -> pl.DataFrame:
    """The versions of the tasks: what happens to each, in the order of time."""
    n = len(tasks)
    effort = np.maximum(2, allowed * rng.lognormal(0.0, 0.45, n))  # working days the task really takes
    again = pl.Series("_again", calendar.add_working_days(given, allowed + np.maximum(5, allowed // 2)))

    def event(days: np.ndarray, progress: np.ndarray, state: str, where: np.ndarray | None = None) -> pl.DataFrame:
        moment = calendar.at(calendar.add_working_days(given, days.astype(np.int64)), calendar.office_seconds(rng, n))
        told = tasks.with_columns(
            again,
            pl.Series("tien_do", np.clip(np.round(progress), 0, 100).astype(np.int64)),
            pl.lit(state).alias("trang_thai"),
            pl.lit(int(state == "extended"), pl.Int64).alias("so_lan_gia_han"),
            micro(moment).alias("cap_nhat_luc"),
            pl.lit(state == "deleted").alias("_deleted"),
        )
        return told if where is None else told.filter(pl.Series(where))

    none = np.zeros(n)
    extended = effort > allowed * 1.25
    deadline = np.where(extended, allowed + np.maximum(5, allowed // 2), allowed)
    deleted = rng.random(n) < DELETED_SHARE
    deleted[: int(tasks["ngay_giao"][0].month % 4 == 0)] = True  # a small province has some, too
    parts = [
        event(none, none, "assigned"),
        *(event(np.ceil(effort * part), 100 * part + rng.normal(0, 4, n), "in_progress") for part in (0.3, 0.6, 0.85)),
        event(allowed - 1, none, "extended", extended),
        event(deadline + 1, none, "overdue", effort > deadline + 1),
        event(np.ceil(effort) + 1, none + 100, "done"),
        event(rng.integers(2, 7, n), none, "deleted", deleted),
    ]
    life = pl.concat(parts).sort("ma_nhiem_vu", "cap_nhat_luc").unique(["ma_nhiem_vu", "cap_nhat_luc"], keep="last")
    of_task = pl.col("ma_nhiem_vu")
    life = life.sort("ma_nhiem_vu", "cap_nhat_luc").with_columns(
        pl.col("tien_do", "so_lan_gia_han").cum_max().over(of_task),
        pl.col("_deleted").cast(pl.Int8).cum_sum().over(of_task).alias("_ends"),
    )
    return (
        life.filter(pl.col("_deleted") | (pl.col("_ends") == 0))
        .with_columns(
            pl.when(pl.col("so_lan_gia_han") > 0).then("_again").otherwise("han_hoan_thanh").alias("han_hoan_thanh")
        )
        .drop("_again", "_ends")
    )

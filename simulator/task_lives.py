"""What happens to assigned tasks: progress, more time, overdue, done; and how some are made to look better."""

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from simulator import office_calendar as calendar
from simulator.arrivals import Whole, micro


@dataclass(frozen=True)
class Fates:
    """By task, whether: it was entered by mistake and vanishes; its due date is moved after it had passed, without an
    extension; it is reported done after a few days, before anything can have moved."""

    deleted: NDArray[np.bool_]
    edited: NDArray[np.bool_]
    hurried: NDArray[np.bool_]


def lives(
    rng: np.random.Generator, tasks: pl.DataFrame, given: calendar.Times, allowed: Whole, to: Fates
) -> pl.DataFrame:
    """The versions of the tasks, in the order of time.

    tasks: as assigned, without state. given: working days of assignment. allowed: working days until due, 2 or more.
    Adds tien_do, trang_thai, so_lan_gia_han, cap_nhat_luc and `_deleted`.
    """
    n = len(tasks)
    more = np.maximum(5, allowed // 2)  # working days that an extension gives
    again = pl.Series("_again", calendar.add_working_days(given, allowed + more))
    effort = np.maximum(2, allowed * rng.lognormal(0.0, 0.45, n))  # working days the task really takes
    effort = np.where(to.edited, allowed + more - 2, effort)
    effort = np.where(to.hurried, np.minimum(allowed - 1, 3), effort)

    def event(
        days: np.ndarray, progress: np.ndarray, state: str, where: np.ndarray | None = None, moved: bool = False
    ) -> pl.DataFrame:
        moment = calendar.at(calendar.add_working_days(given, days.astype(np.int64)), calendar.office_seconds(rng, n))
        told = tasks.with_columns(
            again,
            pl.Series("tien_do", np.clip(np.round(progress), 0, 100).astype(np.int64)),
            pl.lit(state).alias("trang_thai"),
            pl.lit(int(state == "extended"), pl.Int64).alias("so_lan_gia_han"),
            micro(moment).alias("cap_nhat_luc"),
            pl.lit(state == "deleted").alias("_deleted"),
            pl.lit(int(moved), pl.Int8).alias("_moved"),
        )
        return told if where is None else told.filter(pl.Series(where))

    none = np.zeros(n)
    extended = (effort > allowed * 1.25) & ~to.edited
    deadline = np.where(extended, allowed + more, allowed)
    parts = [
        event(none, none, "assigned"),
        *(event(np.ceil(effort * part), 100 * part + rng.normal(0, 4, n), "in_progress") for part in (0.3, 0.6, 0.85)),
        event(np.maximum(1, allowed - 1), none, "extended", extended, moved=True),
        event(deadline + 1, none, "overdue", effort > deadline + 1),
        event(allowed + 2, none, "in_progress", to.edited, moved=True),
        event(np.ceil(effort) + 1, none + 100, "done"),
        event(rng.integers(2, 7, n), none, "deleted", to.deleted),
    ]
    of_task = pl.col("ma_nhiem_vu")
    life = pl.concat(parts).sort("ma_nhiem_vu", "cap_nhat_luc").unique(["ma_nhiem_vu", "cap_nhat_luc"], keep="last")
    life = life.sort("ma_nhiem_vu", "cap_nhat_luc").with_columns(
        pl.col("tien_do", "so_lan_gia_han", "_moved").cum_max().over(of_task),
        pl.col("_deleted").cast(pl.Int8).cum_sum().over(of_task).alias("_ends"),
    )
    return (
        life.filter(pl.col("_deleted") | (pl.col("_ends") == 0))
        .with_columns(pl.when(pl.col("_moved") > 0).then("_again").otherwise("han_hoan_thanh").alias("han_hoan_thanh"))
        .drop("_again", "_ends", "_moved")
    )

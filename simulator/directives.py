"""The province's system of assigned tasks: what was directed to whom, until when, and how far it is."""

from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import numpy as np
import polars as pl

from simulator import bad_records as bad
from simulator import budget, petitions
from simulator import office_calendar as calendar
from simulator.arrivals import Whole, months_between, places, with_serials
from simulator.task_lives import Fates, lives

TASKS_A_MONTH = 400 / 24
DELETED_SHARE = 0.04  # entered by mistake and erased, without a trace in the source
GAMED_SHARE = 0.04  # of the tasks, for each of the two ways to make them look better
# Indicator, what is to be done, from which to which value a target lies.
_GOALS = [
    ("one_stop_on_time_ratio", "Nâng tỷ lệ giải quyết hồ sơ đúng hạn", 92.0, 98.0),
    ("budget_revenue_ratio", "Đẩy nhanh tiến độ thu ngân sách nhà nước", 96.0, 106.0),
    ("investment_disbursed_full", "Đẩy nhanh giải ngân vốn đầu tư công", 88.0, 98.0),
    ("health_insurance_coverage", "Tăng tỷ lệ bao phủ bảo hiểm y tế", 93.0, 96.0),
    ("petitions_on_time_ratio", "Giải quyết đơn thư, phản ánh đúng hạn", 85.0, 95.0),
    ("poverty_rate", "Giảm tỷ lệ hộ nghèo", 1.5, 4.0),
    ("data_accepted_share", "Chấn chỉnh chất lượng dữ liệu báo cáo", 98.5, 99.8),
    ("disease_incidence", "Giảm tỷ lệ mới mắc sốt xuất huyết", 15.0, 45.0),
]  # fmt: skip
INDICATORS = [goal[0] for goal in _GOALS]
# Of these the year's target is reached by its end only: how much of it is asked for grows with the share of the year.
_OVER_THE_YEAR = {"budget_revenue_ratio": 1.0, "investment_disbursed_full": 1.4}
# Nothing of the province moves these within days, and no episode does: a task done at once has not moved them.
_STEADY = {"one_stop_on_time_ratio": 98.0, "health_insurance_coverage": 97.0, "poverty_rate": 1.0}
_HOW = ["trước kỳ họp giao ban", "theo kết luận của Chủ tịch UBND tỉnh", "theo kiến nghị của cử tri",
        "sau đợt kiểm tra công vụ", "theo cảnh báo của Trung tâm điều hành", "trong quý này"]  # fmt: skip
_ANSWERS = pl.Schema(
    {"given": pl.Date(), "unit": pl.Int64(), "goal": pl.Int64(), "allowed": pl.Int64(), "planted": pl.String()}
)

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

    `_deleted` marks the version with which a task vanishes from the source, `_planted` what tests know of a task.
    """
    answers = _answers(units, start, end, seed)
    frames = [_month(units, month, answers, seed, scale) for month in months_between(start, end)]
    return bad.plant(pl.concat(frames), "ma_nhiem_vu", "cap_nhat_luc", "ma_don_vi", MISTAKES, seed, 7)


def planted_tasks(tasks: pl.DataFrame) -> dict[str, list[dict[str, Any]]]:
    """The facts for truth.json. The province does not answer to its tasks: what was done without any movement is in
    directives_done_unmoved for certain, and other tasks that were done may have moved as little."""
    good = tasks.filter(pl.col("_bad").is_null(), pl.col("_planted").is_not_null()).sort("cap_nhat_luc")
    moved = pl.col("han_hoan_thanh") != pl.col("han_hoan_thanh").first()
    known = good.group_by(pl.col("ma_nhiem_vu").alias("task_id"), maintain_order=True).agg(
        pl.col("ma_don_vi").first().alias("commune_code"),
        pl.col("ma_chi_tieu").first().alias("indicator_code"),
        pl.col("ngay_giao").first().alias("assigned_on"),
        pl.col("cap_nhat_luc").filter(moved).first().alias("due_moved_at"),
        pl.col("cap_nhat_luc").filter(pl.col("trang_thai") == "done").first().alias("done_at"),
        pl.col("_planted").first().str.extract(r" (.*)$").alias("episode"),
        pl.col("_planted").first().str.extract(r"^(\S+)").alias("kind"),
    )
    kinds = ("edited_due", "done_unmoved", "after_shocks", "after_waves")
    return {f"directives_{kind}": known.filter(kind=kind).sort("task_id").drop("kind").to_dicts() for kind in kinds}


def target_of(goal: Whole, due: calendar.Times, draw: np.ndarray) -> np.ndarray:
    """A target that the indicator can have on its due day. goal: rows of _GOALS. draw: 0 to 1."""
    low, high = (np.array([one[edge] for one in _GOALS])[goal] for edge in (2, 3))
    year = due.astype("datetime64[Y]")
    passed = (due.astype("datetime64[D]") - year.astype("datetime64[D]")).astype(int) / 365.25
    power = np.array([_OVER_THE_YEAR.get(one[0], 0.0) for one in _GOALS])[goal]
    return np.asarray(np.round((low + (high - low) * draw) * np.maximum(passed, 0.02) ** power, 1))


def _answers(units: pl.DataFrame, start: date, end: date, seed: int) -> pl.DataFrame:
    """The tasks that answer planted episodes, one for each commune that was struck; by _ANSWERS."""
    longest = timedelta(days=70)  # from the first day of an episode to its task
    shocks = budget.plan_shocks(units, start - longest, end, seed)
    waves = petitions.plan_waves(units, start - longest, end, seed)
    waves = waves.with_columns(communes=pl.concat_list("commune_code"))
    number = {code: row for row, code in enumerate(units["code"])}
    rows = []
    for kind, episodes, indicator, after, allowed in (
        ("after_shocks", shocks, "budget_revenue_ratio", (20, 35), 33),
        ("after_waves", waves, "petitions_on_time_ratio", (12, 24), 22),
    ):
        for episode in episodes.iter_rows(named=True):  # a handful
            first = episode["from_day"]
            rng = np.random.default_rng([seed, 83, first.year, first.month, allowed])
            for code in episode["communes"]:
                day = np.datetime64(first, "D") + int(rng.integers(*after))
                given = calendar.add_working_days(np.array([day]), np.zeros(1, dtype=np.int64))[0].item()
                rows.append((given, number[code], INDICATORS.index(indicator), allowed, f"{kind} {episode['episode']}"))
    return pl.DataFrame(rows, schema=_ANSWERS, orient="row")


def _month(units: pl.DataFrame, month: date, answers: pl.DataFrame, seed: int, scale: float) -> pl.DataFrame:
    rng = np.random.default_rng([seed, 80, month.year, month.month])
    n = max(3, rng.poisson(TASKS_A_MONTH * scale))
    first = np.datetime64(month) + np.sort(rng.integers(0, 28, n)).astype("timedelta64[D]")
    given = calendar.add_working_days(first, np.zeros(n, dtype=np.int64))
    allowed = rng.choice([10, 15, 22, 33, 44], n)
    goal, unit = rng.integers(0, len(_GOALS), n), rng.integers(0, len(units), n)
    deleted, edited, hurried = _fates(rng, month, n)
    goal = np.where(hurried, rng.choice([INDICATORS.index(one) for one in _STEADY], n), goal)
    planted = np.where(edited, "edited_due", np.where(hurried, "done_unmoved", ""))

    mine = answers.filter(pl.col("given").dt.month_start() == month)
    given = np.concatenate([given, mine["given"].to_numpy().astype("datetime64[D]")])
    goal, unit, allowed = (
        np.concatenate([here, mine[name].to_numpy()])
        for name, here in (("goal", goal), ("unit", unit), ("allowed", allowed))
    )
    planted = np.concatenate([planted, mine["planted"].to_numpy().astype(str)])
    deleted, edited, hurried = (np.append(one, np.zeros(len(mine), dtype=bool)) for one in (deleted, edited, hurried))
    n += len(mine)

    due = calendar.add_working_days(given, allowed)
    ambitious = np.array([_STEADY.get(code, np.nan) for code in INDICATORS])[goal]
    target = np.where(hurried, ambitious, target_of(goal, due, rng.random(n)))
    place = places(units, unit)
    what = pl.Series([one[1] for one in _GOALS]).gather(goal)
    how = pl.Series(_HOW).gather(rng.integers(0, len(_HOW), n))
    never = pl.Series([None] * n, dtype=pl.String)
    tasks = pl.DataFrame(
        {
            "so_van_ban": pl.Series(rng.integers(100, 9000, n)).cast(pl.String) + f"/{month.year}/TB-UBND",
            "noi_dung": what + " " + how,
            "ma_chi_tieu": pl.Series(INDICATORS).gather(goal),
            "ma_don_vi": place["code"],
            "ten_don_vi": place["name"],
            "gia_tri_muc_tieu": target,
            "ngay_giao": pl.Series(given),
            "han_hoan_thanh": pl.Series(due),
            "ma_de_xuat": never,  # these were never proposed: leaders assigned them of their own accord
            "ban_so_lieu": never,
            "ly_do_tu_choi": never,
            "_planted": pl.Series(planted.astype(object), dtype=pl.String).replace("", None),
        }
    )
    tasks = with_serials(tasks, "ma_nhiem_vu", f"NV-{month:%Y%m}-")
    return lives(rng, tasks, given, allowed, Fates(deleted, edited, hurried))


def _fates(rng: np.random.Generator, month: date, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Which tasks are deleted, edited, hurried; a small province has some of each in every four months, too."""
    drawn = rng.random(n)
    edges = np.cumsum([0.0, DELETED_SHARE, GAMED_SHARE, GAMED_SHARE])
    fates = [(drawn >= low) & (drawn < high) for low, high in pairwise(edges)]
    turn = month.month % 4
    if turn < len(fates):
        for index, fate in enumerate(fates):
            fate[0] = index == turn
    return fates[0], fates[1], fates[2]

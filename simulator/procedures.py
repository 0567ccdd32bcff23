"""The desks' monthly report of their procedures: public and up to date or not, on line, paid for, with which data."""

from datetime import date

import numpy as np
import polars as pl

from simulator import bad_records as bad
from simulator import office_calendar as calendar
from simulator.ability import digital_skill
from simulator.arrivals import months_between, with_corrections, with_serials
from simulator.monthly_snapshots import NO_DAY, STALE, head, last_day, published
from simulator.procedure_catalogue import PROCEDURES

_DECIDED = np.datetime64("2024-03-01")  # the first of the decisions that announced the procedures
_DAYS_TO_PUBLISH, _DAYS_TO_UPDATE = 5, 5  # working days
_CHANGES_EVERY = 9  # months between two changes of a procedure
# shares of an ordinary commune in January 2025
_LEVELS = {
    "published": 0.92, "updated": 0.85, "complete": 0.90, "online": 0.72, "full": 0.55, "payment": 0.70, "paid": 0.62,
    "population": 0.65,
}  # fmt: skip
_GROWTH = 0.03  # of the log odds a month

MISTAKES = [
    bad.missing("tenThuTuc"),
    bad.outlier("phiLePhi", 9_000_000),
    bad.duplicate("maBanGhi"),
    NO_DAY,
    bad.unknown_commune("maXa"),
    bad.Mistake("cross_field", "hanCongKhai", pl.col("ngayCongBo") - pl.duration(days=20)),
    STALE,
    bad.other_name("tenXa"),
]


def generate_procedures(units: pl.DataFrame, start: date, end: date, seed: int, scale: float) -> pl.DataFrame:
    """Every procedure of every commune by the month; all versions. Scale changes nothing.

    A commune that once published a procedure or put it on line does not take it back.
    """
    draws = np.random.default_rng([seed, 90]).random((len(_LEVELS), len(units), len(PROCEDURES)))
    frames = [_month(units, month, draws, seed) for month in months_between(start, end)]
    return bad.plant(pl.concat(frames), "maBanGhi", "capNhatLuc", "maXa", MISTAKES, seed, 10)


def _month(units: pl.DataFrame, month: date, draws: np.ndarray, seed: int) -> pl.DataFrame:
    rng = np.random.default_rng([seed, 91, month.year, month.month])
    shape = (len(units), len(PROCEDURES))
    growth = _GROWTH * ((month.year - 2025) * 12 + month.month - 1)
    skill = digital_skill(units, seed)[:, None]
    own = dict(zip(_LEVELS, draws, strict=True))

    def holds(name: str, draw: np.ndarray | None = None) -> np.ndarray:
        """What stays once it is so, or with draws of its own is so this month."""
        odds = np.log(_LEVELS[name] / (1 - _LEVELS[name])) + 0.6 * skill + growth
        return np.asarray((own[name] if draw is None else draw) < 1 / (1 + np.exp(-odds)))

    eligible, fee, identifies = (
        np.broadcast_to(np.array([getattr(one, name) for one in PROCEDURES]), shape)
        for name in ("eligible", "fee", "identifies")
    )
    decided, publish_due, published_on = _publication(shape, own["published"], holds("published"), month)
    update_due, updated_on = _updates(rng, shape, month, holds("updated", rng.random(shape)))
    online = eligible & holds("online")
    offered = (fee > 0) & online & holds("payment")
    unit, procedure = (axis.ravel() for axis in np.indices(shape))
    frame = pl.DataFrame(
        {
            **head(units, unit, month),
            "maThuTuc": pl.Series([one.code for one in PROCEDURES]).gather(procedure),
            "tenThuTuc": pl.Series([one.name for one in PROCEDURES]).gather(procedure),
            "linhVuc": pl.Series([one.field for one in PROCEDURES]).gather(procedure),
            "ngayCongBo": pl.Series(decided.ravel()),
            "hanCongKhai": pl.Series(publish_due.ravel()),
            "ngayCongKhai": pl.Series(published_on.ravel()),
            "hanCapNhat": pl.Series(update_due.ravel()),
            "ngayCapNhatNoiDung": pl.Series(updated_on.ravel()),
            "noiDungDayDu": holds("complete").ravel(),
            "duDieuKienTrucTuyen": eligible.ravel(),
            "mucDoTrucTuyen": pl.Series(["none", "partial", "full"]).gather(
                np.where(online, 1 + holds("full"), 0).ravel()
            ),
            "coPhiLePhi": (fee > 0).ravel(),
            "phiLePhi": fee.ravel(),
            "choThanhToanTrucTuyen": offered.ravel(),
            "coThanhToanTrucTuyen": (offered & holds("paid", rng.random(shape))).ravel(),
            "canDuLieuDanCu": identifies.ravel(),
            "khaiThacDuLieuDanCu": (identifies & holds("population")).ravel(),
            "capNhatLuc": published(rng, len(units), month, seed)[unit],
        }
    )
    frame = with_serials(frame, "maBanGhi", f"TT-{month:%Y%m}-")
    return with_corrections(rng, frame, "capNhatLuc", 0.01, (5, 30), _completed)


def _completed(rows: pl.DataFrame) -> pl.DataFrame:
    """What was found to be complete after all."""
    return rows.with_columns(noiDungDayDu=pl.lit(True))


def _publication(
    shape: tuple[int, int], draw: np.ndarray, in_time: np.ndarray, month: date
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """When each procedure was announced, when it had to be public and when it was, as known at the month's end.

    Half of what is not public in time comes weeks later, the rest never.
    """
    after = np.broadcast_to(np.arange(shape[1]) % 8 * 75, shape).astype("timedelta64[D]")
    decided = _DECIDED + after
    due = calendar.add_working_days(decided.ravel(), np.full(decided.size, _DAYS_TO_PUBLISH)).reshape(shape)
    days = np.where(in_time, (draw * 97 % 1 * _DAYS_TO_PUBLISH), 20 + 60 * (draw * 31 % 1)).astype("timedelta64[D]")
    done = np.where(in_time | (draw * 53 % 1 < 0.5), np.minimum(decided + days, np.where(in_time, due, decided + days)),
                    np.datetime64("NaT", "D"))  # fmt: skip
    return decided, due, np.where(done <= np.datetime64(last_day(month)), done, np.datetime64("NaT", "D"))


def _updates(
    rng: np.random.Generator, shape: tuple[int, int], month: date, in_time: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """By when the procedures that were changed this month must be brought up to date, and when they were."""
    number = month.year * 12 + month.month
    changed = (np.arange(shape[1]) * 5 + number) % _CHANGES_EVERY == 0
    first = np.full(shape, np.datetime64(month) + np.timedelta64(9, "D"))
    due = calendar.add_working_days(first.ravel(), np.full(first.size, _DAYS_TO_UPDATE)).reshape(shape)
    done = np.where(in_time, first + rng.integers(0, 3, shape).astype("timedelta64[D]"), due + np.timedelta64(4, "D"))
    never = np.datetime64("NaT", "D")
    return np.where(changed[None, :], due, never), np.where(changed[None, :], done, never)

"""The inspectorate's register of complaints, denunciations and feedback, with a wave of complaints in every quarter."""

from datetime import date
from pathlib import Path

import numpy as np
import polars as pl

from simulator import bad_records as bad
from simulator import office_calendar as calendar
from simulator.arrivals import Whole, arrivals, citizens, micro, months_between, places, with_serials
from simulator.episodes import plan_episodes, touching
from simulator.petition_texts import IDENTIFIERS, compose, identifiers, neighbours_copy, with_identifier
from simulator.petition_topics import TOPICS

PETITIONS_A_DAY = 20.0
IDENTIFIER_SHARE = 0.15  # of the letters, an identifier is written into the text
WITHDRAWN_SHARE = 0.03
WAVE_DAYS = 28
COPIED_SHARE = 0.4  # of a wave's letters: neighbours send the text of its first one
RETURNING_SHARE = (
    0.3  # of the letters that are not the month's first of their commune and topic: its sender wrote again
)
_KINDS = ["complaint", "denunciation", "feedback"]
_TOPIC_SHARE = np.array([30, 16, 18, 14, 13, 9]) / 100
_WAVE_TOPICS = ["environment", "land", "infrastructure", "social_policy"]

MISTAKES = [
    bad.missing("ngay_nhan"),
    bad.outlier("so_nguoi_ky", -4),
    bad.duplicate("ma_don"),
    bad.misspelt("so_dinh_danh"),
    bad.unknown_commune("ma_xa"),
    bad.Mistake("cross_field", "han_giai_quyet", pl.col("ngay_nhan").dt.date() - pl.duration(days=10)),
    bad.long_ago("ngay_nhan"),
    bad.other_name("ten_xa"),
]


def plan_waves(units: pl.DataFrame, start: date, end: date, seed: int) -> pl.DataFrame:
    """The planted waves: episodes and their topic."""
    waves = plan_episodes(units, start, end, [seed, 81], 3, WAVE_DAYS)
    number = (waves["draw"] * len(_WAVE_TOPICS)).floor().cast(pl.Int64)
    return waves.with_columns(pl.Series(_WAVE_TOPICS).gather(number).alias("topic"))


def generate_petitions(units: pl.DataFrame, start: date, end: date, seed: int, scale: float) -> pl.DataFrame:
    """Petitions as received, assigned, resolved or withdrawn; all versions.

    `_topic`, `_wave` (episode), `_copied` (the text is that of the wave's first letter of the month) and `_identifier`,
    `_identifier_kind` (planted into the text) are what tests know.
    """
    waves = plan_waves(units, start, end, seed)
    frames = [_month(units, month, touching(waves, month), seed, scale) for month in months_between(start, end)]
    return bad.plant(pl.concat(frames), "ma_don", "cap_nhat_luc", "ma_xa", MISTAKES, seed, 8)


def write_petition_truth(folder: Path, petitions: pl.DataFrame) -> None:
    """Write petitions.parquet: petition_id, topic, wave, copied, identifier_kind, identifier; one row a petition."""
    petitions.unique("ma_don", keep="first", maintain_order=True).select(
        pl.col("ma_don").alias("petition_id"),
        pl.col("_topic").alias("topic"),
        pl.col("_wave").alias("wave"),
        pl.col("_copied").alias("copied"),
        pl.col("_identifier_kind").alias("identifier_kind"),
        pl.col("_identifier").alias("identifier"),
    ).write_parquet(folder / "petitions.parquet")


def _month(units: pl.DataFrame, month: date, waves: pl.DataFrame, seed: int, scale: float) -> pl.DataFrame:
    rng = np.random.default_rng([seed, 82, month.year, month.month])
    unit, day = arrivals(rng, units, month, PETITIONS_A_DAY * scale, 0.15)
    topic = rng.choice(len(TOPICS), len(unit), p=_TOPIC_SHARE)
    wave_unit, wave_day, wave_topic, wave = _planted(rng, waves)
    names = pl.concat([pl.Series([None] * len(unit), dtype=pl.String), wave])
    unit, day, topic = (np.concatenate(pair) for pair in ((unit, wave_unit), (day, wave_day), (topic, wave_topic)))
    n = len(unit)
    denounced = topic == list(TOPICS).index("misconduct")
    kind = np.where(denounced, 1, np.where(rng.random(n) < 0.4, 0, 2))
    sender, place = citizens(rng, units, unit, 32), places(units, unit)
    planted = np.where(rng.random(n) < IDENTIFIER_SHARE, rng.integers(0, len(IDENTIFIERS), n), -1)
    someone = citizens(rng, units, unit, 34)  # a neighbour, a driver: not always the sender
    told = identifiers(rng, planted, someone)
    first, copied, returning = _repeated([seed, 86, month.year, month.month], unit, day, topic, names)
    sender = sender[np.where(returning, first, np.arange(n))]
    text = compose(rng, topic, place["name"])
    text = with_identifier(rng, neighbours_copy(rng, text, first, copied), planted, told)
    received = calendar.at(day, calendar.office_seconds(rng, n))
    allowed = np.array([30, 45, 10])[kind]
    due = calendar.add_working_days(day, allowed)
    days_taken = np.maximum(1, allowed * rng.lognormal(-0.25, 0.5, n)).astype(np.int64)
    assigned = calendar.at(calendar.add_working_days(day, rng.integers(1, 4, n)), calendar.office_seconds(rng, n))
    resolved = calendar.at(calendar.add_working_days(day, days_taken + 4), calendar.office_seconds(rng, n))
    withdrawn = calendar.at(calendar.add_working_days(day, rng.integers(4, 6, n)), calendar.office_seconds(rng, n))
    given_up = rng.random(n) < WITHDRAWN_SHARE
    never = pl.Series([None], dtype=pl.Datetime("us")).gather(np.zeros(n, dtype=np.int64))
    frame = pl.DataFrame(
        {
            "loai_don": pl.Series(_KINDS).gather(kind),
            "so_dinh_danh": sender["citizen_number"],
            "ho_ten": sender["name"],
            "so_nguoi_ky": np.where(rng.random(n) < 0.85, 1, rng.integers(2, 60, n)),
            "ma_xa": place["code"],
            "ten_xa": place["name"],
            "noi_dung": text,
            "ngay_nhan": micro(received),
            "han_giai_quyet": pl.Series(due),
            "ngay_giai_quyet": never,
            "ngay_rut_don": never,
            "danh_gia": pl.Series([None], dtype=pl.String).gather(np.zeros(n, dtype=np.int64)),
            "trang_thai": np.full(n, "received"),
            "cap_nhat_luc": micro(received),
            "_topic": pl.Series(list(TOPICS)).gather(topic),
            "_wave": names,
            "_copied": copied,
            "_identifier_kind": pl.Series([*IDENTIFIERS, None]).gather(
                np.where(planted < 0, len(IDENTIFIERS), planted)
            ),
            "_identifier": told.set(pl.Series(planted < 0), None),
            "_rating": _ratings(kind == _KINDS.index("feedback"), resolved, due, [seed, 83, month.year, month.month]),
            "_assigned": micro(assigned),
            "_resolved": micro(resolved),
            "_withdrawn": micro(withdrawn).set(pl.Series(~given_up), None),
        }
    ).sort("cap_nhat_luc", "ma_xa", "so_dinh_danh")
    frame = with_serials(frame, "ma_don", f"DT-{month:%Y%m}-")
    second = frame.with_columns(trang_thai=pl.lit("assigned"), cap_nhat_luc=pl.col("_assigned"))
    kept = frame.filter(pl.col("_withdrawn").is_null())
    third = kept.with_columns(
        trang_thai=pl.lit("resolved"),
        ngay_giai_quyet=pl.col("_resolved"),
        danh_gia=pl.col("_rating"),
        cap_nhat_luc=pl.col("_resolved"),
    )
    gone = frame.filter(pl.col("_withdrawn").is_not_null()).with_columns(
        trang_thai=pl.lit("withdrawn"), ngay_rut_don=pl.col("_withdrawn"), cap_nhat_luc=pl.col("_withdrawn")
    )
    return pl.concat([frame, second, third, gone]).drop("_assigned", "_resolved", "_withdrawn", "_rating")


def _repeated(
    seed: list[int], unit: Whole, day: calendar.Times, topic: Whole, wave: pl.Series
) -> tuple[Whole, np.ndarray, np.ndarray]:
    """Of each letter the month's first of its commune, topic and wave; whether it has its text, or its sender."""
    letters = pl.DataFrame({"unit": unit, "topic": topic, "wave": wave, "day": day}).with_row_index()
    first = letters.select(pl.col("index").sort_by("day").first().over("unit", "topic", "wave")).to_series()
    chance = np.random.default_rng(seed).random(len(letters))
    later, planted = first.to_numpy() != np.arange(len(letters)), wave.is_not_null().to_numpy()
    return first.to_numpy(), later & planted & (chance < COPIED_SHARE), later & ~planted & (chance < RETURNING_SHARE)


def _ratings(is_feedback: np.ndarray, resolved: calendar.Times, due: calendar.Times, seed: list[int]) -> pl.Series:
    """What senders of feedback think of the answer, where they say it; who waited too long is rarely satisfied."""
    rng = np.random.default_rng(seed)
    n = len(is_feedback)
    satisfied = np.where(resolved.astype("datetime64[D]") <= due.astype("datetime64[D]"), 0.86, 0.4)
    mood = rng.random(n)
    kind = np.where(mood < satisfied, 0, np.where(mood < satisfied + 0.5 * (1 - satisfied), 1, 2))
    kind = np.where(is_feedback & (rng.random(n) < 0.45), kind, 3)
    return pl.Series(["satisfied", "neutral", "dissatisfied", None], dtype=pl.String).gather(kind)


def _planted(rng: np.random.Generator, waves: pl.DataFrame) -> tuple[np.ndarray, calendar.Times, np.ndarray, pl.Series]:
    """Commune, day, topic and episode of the waves' letters: about two a working day whatever the scale."""
    per_day = rng.poisson(2.2, (len(waves), WAVE_DAYS))
    wave, after = (axis.ravel() for axis in np.indices(per_day.shape))
    wave, after = np.repeat(wave, per_day.ravel()), np.repeat(after, per_day.ravel())
    first = waves["from_day"].to_numpy().astype("datetime64[D]")
    day = calendar.add_working_days(first[wave] + after.astype("timedelta64[D]"), np.zeros(len(wave), dtype=np.int64))
    number = waves["topic"].replace_strict({name: i for i, name in enumerate(TOPICS)}, return_dtype=pl.Int64)
    return waves["unit"].to_numpy()[wave], day, number.to_numpy()[wave], waves["episode"].gather(wave)

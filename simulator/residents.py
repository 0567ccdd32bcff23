"""The population database's monthly snapshots, and the social insurance's: what a commune's people are by the month."""

from datetime import date

import numpy as np
import polars as pl

from simulator import bad_records as bad
from simulator.arrivals import months_between, with_corrections, with_serials
from simulator.monthly_snapshots import NO_DAY, STALE, head, published

BASE = date(2019, 1, 1)  # where the balance of births, deaths and moves begins
AGE_BANDS = [f"{i * 5}-{i * 5 + 4}" for i in range(17)] + ["85+"]
_SHARE = np.array([7.6, 7.8, 7.9, 7.5, 7.2, 7.6, 8.1, 8.0, 7.3, 6.6, 6.0, 5.3, 4.6, 3.5, 2.1, 1.3, 0.9, 0.7])
_DEATHS = np.array([2.6, 0.4, 0.4, 0.7, 1.0, 1.2, 1.5, 2.0, 2.8, 4.0, 5.8, 8.2, 12, 18, 29, 47, 80, 160])  # ‰ a year
_BIRTHS = np.array([0, 0, 0, 30, 115, 125, 85, 40, 10, 1, 0, 0, 0, 0, 0, 0, 0, 0])  # ‰ of women a year
_MOVES = np.array([4, 3, 3, 14, 26, 22, 13, 8, 5, 4, 3, 3, 2, 2, 2, 2, 2, 2]) / 12_000  # of residents a month
_INSURANCE = {
    "health": (1.0, 0.905, 0.945),
    "social_compulsory": (0.52, 0.17, 0.21),
    "social_voluntary": (0.52, 0.03, 0.06),
}

RESIDENT_MISTAKES = [
    bad.missing("soNguoi"),
    bad.outlier("soNguoi", 9_000_000),
    bad.duplicate("maBanGhi"),
    NO_DAY,
    bad.unknown_commune("maXa"),
    bad.Mistake("cross_field", "soChet", pl.col("soNguoi") + 5),
    STALE,
    bad.other_name("tenXa"),
]
INSURANCE_MISTAKES = [
    bad.missing("soNguoiThamGia"),
    bad.outlier("danSo", 9_000_000),
    bad.duplicate("maBanGhi"),
    NO_DAY,
    bad.unknown_commune("maXa"),
    bad.Mistake("cross_field", "soNguoiThamGia", pl.col("danSo") + 1),
    STALE,
    bad.other_name("tenXa"),
]


def generate_residents(units: pl.DataFrame, start: date, end: date, seed: int, scale: float) -> pl.DataFrame:
    """Residents by month, commune, age band and sex with the month's births, deaths and moves; all versions.

    In every commune residents = those of the month before + births − deaths + moves in − moves out. Scale changes
    nothing: a snapshot has as many rows as there are cells. Months before 2019 are not known.
    """
    months = [month for month in months_between(BASE, end) if month >= BASE]
    sexes = np.array([0.502, 0.498])
    people = units["population"].to_numpy()[:, None, None] * 0.945 * (_SHARE / _SHARE.sum())[None, :, None] * sexes
    there = np.round(people).astype(np.int64)
    growth = (
        np.random.default_rng([seed, 70]).normal(1.0, 0.25, len(units)).clip(0.3)[:, None, None]
    )  # towns draw people
    frames = []
    for month in months:
        rng = np.random.default_rng([seed, 70, month.year, month.month])
        women = there[:, :, 0] * _BIRTHS[None, :] / 12_000
        season = 1 + 0.08 * np.cos(2 * np.pi * (month.month - 9.5) / 12)
        born = rng.poisson(women.sum(axis=1, keepdims=True) * season * np.array([0.475, 0.525]))
        births = np.zeros_like(there)
        births[:, 0, :] = born
        deaths = np.minimum(rng.poisson(there * _DEATHS[None, :, None] / 12_000), there)
        after_tet = 1.6 if month.month in (2, 3) else 1.0
        moved_in = rng.poisson(there * _MOVES[None, :, None] * growth)
        moved_out = np.minimum(rng.poisson(there * _MOVES[None, :, None] * after_tet), there - deaths)
        grown = np.minimum(rng.poisson(there / 60), there - deaths - moved_out)
        grown[:, -1, :] = 0
        there = there + births - deaths + moved_in - moved_out - grown
        there[:, 1:, :] += grown[:, :-1, :]
        if month >= start.replace(day=1):
            frames.append(_snapshot(rng, units, month, there, births, deaths, moved_in, moved_out, seed))
    return bad.plant(pl.concat(frames), "maBanGhi", "capNhatLuc", "maXa", RESIDENT_MISTAKES, seed, 0)


def _snapshot(
    rng: np.random.Generator,
    units: pl.DataFrame,
    month: date,
    there: np.ndarray,
    births: np.ndarray,
    deaths: np.ndarray,
    moved_in: np.ndarray,
    moved_out: np.ndarray,
    seed: int,
) -> pl.DataFrame:
    unit, band, sex = (axis.ravel() for axis in np.indices(there.shape))
    frame = pl.DataFrame(
        {
            **head(units, unit, month),
            "nhomTuoi": pl.Series(AGE_BANDS).gather(band),
            "gioiTinh": np.where(sex == 0, "Nữ", "Nam"),
            "soNguoi": there.ravel(),
            "soSinh": births.ravel(),
            "soChet": deaths.ravel(),
            "soChuyenDen": moved_in.ravel(),
            "soChuyenDi": moved_out.ravel(),
            "capNhatLuc": published(rng, len(units), month, seed)[unit],
        }
    )
    frame = with_serials(frame, "maBanGhi", f"DC-{month:%Y%m}-")

    def recounted(rows: pl.DataFrame) -> pl.DataFrame:
        """Deaths are registered late."""
        return rows.with_columns(pl.min_horizontal(pl.col("soChet") + 1, "soNguoi").alias("soChet"))

    return with_corrections(rng, frame, "capNhatLuc", 0.01, (5, 30), recounted)


def generate_insurance(units: pl.DataFrame, start: date, end: date, seed: int, scale: float) -> pl.DataFrame:
    """Persons insured by month, commune and kind, with the population they are a share of; all versions."""
    kinds = list(_INSURANCE)
    at_first, base, goal = (np.array([_INSURANCE[kind][i] for kind in kinds]) for i in range(3))
    liking = np.random.default_rng([seed, 71]).normal(0, 0.02, (len(units), len(kinds)))
    frames = []
    for month in months_between(start, end):
        rng = np.random.default_rng([seed, 71, month.year, month.month])
        years = (month.year - 2024) + (month.month - 1) / 12
        share = base + (goal - base) * np.clip(years / 4, -0.5, 1.5) + liking * base
        share = (
            share - (0.012 if month.month in (1, 2) else 0.0) * base
        )  # cards of poor households are renewed in spring
        population = units["population"].to_numpy()[:, None] * 1.009 ** (years - 1.5) * at_first[None, :]
        persons = np.round(population).astype(np.int64)
        insured = rng.binomial(persons, np.clip(share, 0.005, 0.985))
        unit, kind = (axis.ravel() for axis in np.indices(insured.shape))
        frame = pl.DataFrame(
            {
                **head(units, unit, month),
                "loaiBaoHiem": pl.Series(kinds).gather(kind),
                "soNguoiThamGia": insured.ravel(),
                "danSo": persons.ravel(),
                "capNhatLuc": published(rng, len(units), month, seed)[unit],
            }
        )
        frame = with_serials(frame, "maBanGhi", f"BH-{month:%Y%m}-")
        frames.append(with_corrections(rng, frame, "capNhatLuc", 0.02, (5, 30), _three_more))
    return bad.plant(pl.concat(frames), "maBanGhi", "capNhatLuc", "maXa", INSURANCE_MISTAKES, seed, 1)


def _three_more(rows: pl.DataFrame) -> pl.DataFrame:
    """Who was insured in time and entered late."""
    return rows.with_columns(pl.min_horizontal(pl.col("soNguoiThamGia") + 3, "danSo").alias("soNguoiThamGia"))

"""Everything the upstream systems will ever show, generated once and kept as Parquet in `<home>/generated`."""

import hashlib
import json
import shutil
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import numpy as np
import polars as pl

from simulator import budget, cases, dossiers, tables, truth
from simulator.ability import plan_late_commune, understaffed
from simulator.epidemics import weekly_cases
from simulator.office_calendar import local_naive
from simulator.province import read_communes
from simulator.weather import monthly_weather

_FORMAT = 6  # raise when the generated columns change
_MONTHS_AHEAD = 4  # generated beyond the present, so that time can pass
ARCHIVE_START = date(2011, 1, 1)


@dataclass(frozen=True)
class World:
    """Generated columns. fingerprint names the generation; start is the first day of the line list and the dossiers."""

    fingerprint: str
    start: date
    dossiers: pl.DataFrame
    cases: pl.DataFrame
    months: pl.DataFrame  # old_province, disease, month, cases, population, weather
    tables: dict[str, pl.DataFrame]  # all versions of the plain registers, by the names in simulator.tables


def open_world(
    home: Path, now: datetime, seed: int, months: int, communes: int | list[str] | None, scale: float
) -> World:
    """The world of these parameters, generated unless the home holds one that still covers `now` (aware).

    Raises ValueError if a parameter makes no sense.
    """
    if months < 1 or scale <= 0:
        raise ValueError(f"months is {months} and scale is {scale}; both must be positive")
    today = local_naive(now).date()
    parameters: dict[str, object] = {
        "format": _FORMAT,
        "seed": seed,
        "months": months,
        "communes": communes,
        "scale": scale,
    }
    key = hashlib.sha256(json.dumps(parameters).encode()).hexdigest()[:12]
    folder = home / "generated"
    for kept in sorted(folder.glob(f"{key}-*/complete"), reverse=True):
        anchor = date.fromisoformat(kept.parent.name.removeprefix(f"{key}-"))
        if anchor <= today < _month_after(anchor, _MONTHS_AHEAD):
            return _read(kept.parent, home, _month_after(anchor, -months))
    for outlived in folder.glob(f"{key}-*"):
        shutil.rmtree(outlived)
    chosen = folder / f"{key}-{today.isoformat()}"
    chosen.mkdir(parents=True)
    _generate(chosen, parameters, today, communes)
    return _read(chosen, home, _month_after(today, -months))


def _read(folder: Path, home: Path, start: date) -> World:
    shutil.copytree(folder / "truth", home / "truth", dirs_exist_ok=True)
    frames = {name: pl.read_parquet(folder / f"{name}.parquet") for name in ("dossiers", "cases", "months")}
    registers = {name: pl.read_parquet(folder / "tables" / f"{name}.parquet") for name in tables.TABLES}
    return World(folder.name, start, **frames, tables=registers)


def _generate(folder: Path, parameters: dict[str, object], anchor: date, communes: int | list[str] | None) -> None:
    seed, months, scale = int(str(parameters["seed"])), int(str(parameters["months"])), float(str(parameters["scale"]))
    units = read_communes(communes)
    start, end = _month_after(anchor, -months), _month_after(anchor, _MONTHS_AHEAD + 1)
    run_in = [_month_after(start, -1 + i) for i in range((end.year - start.year) * 12 + end.month - start.month + 1)]
    late = plan_late_commune(units, start, anchor, seed)
    lives = dossiers.generate_dossiers(units, run_in, seed, scale, late)
    # Work begun before the start goes on into it, so that the first days are as busy as the later ones.
    lives = lives.filter(pl.max_horizontal("received_at", *dossiers.EVENTS) >= datetime(start.year, start.month, 1))
    lives = truth.plant_bad_dossiers(lives, seed)

    weather = monthly_weather(np.datetime64(end), seed)
    weekly = weekly_cases(units, weather, np.datetime64(end), seed, scale)
    onsets = cases.draw_onsets(weekly, seed)
    outbreak = cases.plan_outbreak(units, onsets, anchor, seed)
    listed = truth.plant_bad_cases(cases.line_list(units, onsets, outbreak, start, end, seed), seed)
    months_frame = _months(units, pl.concat([onsets, outbreak]), weather, end)

    lives.write_parquet(folder / "dossiers.parquet")
    listed.write_parquet(folder / "cases.parquet")
    months_frame.write_parquet(folder / "months.parquet")
    registers = tables.generate_tables(units, start, end, seed, scale)
    (folder / "tables").mkdir()
    for name, versions in registers.items():
        versions.write_parquet(folder / "tables" / f"{name}.parquet")
    planted = tables.write_truth(folder / "truth", units, registers, start, end, seed)
    facts = _facts(parameters, units, lives, listed, outbreak, start, anchor)
    of_desks = {
        "late_commune": {"commune_code": late.commune_code, "from_month": late.from_month},
        "planted_correction": _newest_correction(units, start, anchor, seed),
        "understaffed_communes": units["code"].filter(pl.Series(understaffed(units, seed))).to_list(),
    }
    truth.write_truth(folder / "truth", lives, listed, {**facts, **planted, **of_desks})
    (folder / "complete").touch()


def _months(units: pl.DataFrame, onsets: pl.DataFrame, weather: pl.DataFrame, end: date) -> pl.DataFrame:
    """Cases, population and weather by old province, disease and month, zero where there was no case."""
    provinces = units.group_by("old_province").agg(pl.col("population").sum()).sort("old_province")
    grid = (
        weather.filter(pl.col("month") >= ARCHIVE_START, pl.col("month") < end)
        .join(provinces, on="old_province")
        .join(pl.DataFrame({"disease": cases.DISEASES}), how="cross")
    )
    years_to_merger = (pl.col("month") - date(2025, 7, 1)).dt.total_days() / 365.25
    return (
        grid.join(cases.monthly_counts(units, onsets), on=["old_province", "disease", "month"], how="left")
        .with_columns(
            pl.col("cases").fill_null(0),
            (pl.col("population") * (1.009**years_to_merger)).round().cast(pl.Int64).alias("population"),
        )
        .drop("wetness")
        .sort("old_province", "disease", "month")
    )


def _facts(
    parameters: dict[str, object],
    units: pl.DataFrame,
    lives: pl.DataFrame,
    listed: pl.DataFrame,
    outbreak: pl.DataFrame,
    start: date,
    anchor: date,
) -> dict[str, object]:
    commune = units.row(outbreak["unit"][0], named=True)
    weeks = outbreak.group_by(pl.col("onset").dt.truncate("1w").alias("week")).agg(pl.len().alias("cases")).sort("week")
    real = listed.filter(pl.col("bad").is_null(), pl.col("final_class") != "discarded")
    return {
        "parameters": parameters,
        "anchor": anchor,
        "start": start,
        "communes": units["code"].to_list(),
        "outbreak": {
            "commune_code": commune["code"],
            "commune_name": commune["name"],
            "disease": "dengue",
            "weeks": weeks["week"].to_list(),
            "planted_cases": weeks["cases"].to_list(),
        },
        "bad_dossiers": dict(lives["bad"].drop_nulls().value_counts().sort("bad").iter_rows()),
        "bad_cases": dict(listed["bad"].drop_nulls().value_counts().sort("bad").iter_rows()),
        "dossiers": len(lives),
        "cases": len(real),
    }


def _newest_correction(units: pl.DataFrame, start: date, anchor: date, seed: int) -> dict[str, object] | None:
    """The last correction of the budget's revenue before the anchor, None in a world that is too young for one."""
    corrections = budget.plan_corrections(units, start, anchor, seed)
    past = corrections.filter(pl.col("corrected_at") < datetime(anchor.year, anchor.month, anchor.day))
    return {"dataset": "finance.budget_revenue", **past.row(-1, named=True)} if len(past) else None


def _month_after(day: date, months: int) -> date:
    """First day of the month `months` after (or before) the day's month."""
    index = day.year * 12 + day.month - 1 + months
    return date(index // 12, index % 12 + 1, 1)

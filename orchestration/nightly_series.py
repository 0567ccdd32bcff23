"""The registered series of a night: their past from the warehouse, one load of their forecasts if any changed."""

import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from lake.code_version import code_version
from lake.ledger import Entry
from lake.staging import write_table
from models_ml.series_items import GeneralSeries
from models_ml.series_registry import GENERAL, AnySeries, Source, read_series, series_file
from orchestration.progress import report

if TYPE_CHECKING:
    from models_ml.kept_scores import Scores
    from orchestration.nightly_models import Night

SCORES = "series_scores.npz"  # below home; computed again if it is gone
NO_ITEM = "total"


class Incomplete(RuntimeError):
    """Some of what a load holds could not be made anew; the rest is."""


def write_registry(series: Sequence[AnySeries], folder: Path) -> None:
    """What dbt reads of the registry: `series.parquet`, a row a series and audience, and names of their items."""
    rows = [
        (one.code, one.title, one.measured_in, one.frequency, audience) for one in series for audience in one.audience
    ]
    names = [(one.code, item, name) for one in series for item, name in one.item_names.items()]
    for table, told, columns in (
        ("series", rows, ("series", "title", "measured_in", "frequency", "audience")),
        ("series_items", names, ("series", "item", "name_vi")),
    ):
        write_table(pl.DataFrame(told, dict.fromkeys(columns, pl.String()), orient="row"), folder / f"{table}.parquet")


def registered(night: "Night", told_by: str) -> list[AnySeries]:
    """The series of the registry that one dataset tells."""
    return [one for one in read_series(series_file(night.settings.env)) if one.told_by == told_by]


def past_sql(series: AnySeries) -> str:
    """The past of a series by item, unit_code and period, as its source has it."""
    source, length = series.source, "month" if series.frequency == "year" else series.frequency
    value = f"sum({source.value})" if source.value else "count(*)"
    weather = [f"max({name}) as {name}" for name in series.covariates]
    item = f"coalesce(nullif(cast({source.item} as varchar), ''), '{NO_ITEM}')" if source.item else f"'{NO_ITEM}'"
    return (
        f"select {item} as item, "
        f"{source.unit} as unit_code, cast(date_trunc('{length}', {source.period}) as date) as period, "
        f"{', '.join([f'cast({value} as double) as value', *weather])} "
        f"from {source.table}{_where(source)} group by 1, 2, 3 order by 1, 2, 3"
    )


def _where(source: Source) -> str:
    told = [f"{name} = '{value.replace(chr(39), 2 * chr(39))}'" for name, value in source.where.items()]
    return f" where {' and '.join(told)}" if told else ""


def series_forecasts(night: "Night", communes: pl.DataFrame) -> Iterator[Entry]:
    """One load of the month with the forecasts of all general series, where they are not those that are there.

    A series that fails keeps its rows of the night before; Incomplete names it when the load of the others is written.
    """
    from models_ml.series_forecasts import SCHEMA, tell
    from models_ml.workers import worker_pool

    kept = night.kept(GENERAL)
    month = night.today.replace(day=1)
    ours = kept.filter(told_in=month).select(SCHEMA.names())
    scores = read_scores(night.settings.home / SCORES)
    tables, failed = [SCHEMA.to_frame()], {}
    with worker_pool() as pool:  # its processes start with the first fit
        for one in registered(night, GENERAL):
            assert isinstance(one, GeneralSeries)  # what else is told by a dataset of its own
            own = {key: score for key, score in scores.items() if key[0].startswith(f"{one.code}/")}
            try:
                told = tell(one, night.query(past_sql(one)), communes, night.today, ours, own, code_version(), pool)
            except Exception as error:  # the other series are told all the same
                failed[one.code] = f"{one.code}: {type(error).__name__}: {error}"
                tables.append(ours.filter(series=one.code))
                continue
            scores = {key: score for key, score in scores.items() if key not in own} | told.scores
            tables.append(told.rows)
            if told.computed:
                report(f"series {one.code}: {told.computed} items forecast anew")
    rows = pl.concat(tables).sort(night.contracts[GENERAL].key)
    if not rows.equals(ours.sort(night.contracts[GENERAL].key)):
        yield night.write(GENERAL, rows, month)
        write_scores(night.settings.home / SCORES, scores)
    if failed:
        raise Incomplete("; ".join(failed.values()))


def read_scores(path: Path) -> "Scores":
    """What was kept of former backtests; nothing if it is not there or cannot be read."""
    try:
        with np.load(path) as kept:
            return {(name.rpartition("|")[0], name.rpartition("|")[2]): kept[name] for name in kept.files}
    except (OSError, ValueError, zipfile.BadZipFile):
        return {}


def write_scores(path: Path, scores: "Scores") -> None:
    """Keep them for the nights to come."""
    partial = path.with_name(f".{path.name}")
    named = {f"{place}|{fingerprint}": score for (place, fingerprint), score in scores.items()}
    with partial.open("wb") as file:
        np.savez_compressed(file, **named)  # type: ignore[arg-type]  # its stubs take names for options
    partial.replace(path)

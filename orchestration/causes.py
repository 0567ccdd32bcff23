"""Why a figure is told differently by two snapshots: loads that count in one alone, other code, another registry."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import polars as pl

from lake.contract import Contract
from lake.ledger import load_of
from lake.settings import Settings
from lake.snapshots import open_published
from lake.store import list_paths, open_store, read_tables

CAUSES = ("loads", "loads_taken_out", "code", "registry")
MOMENT = "moment"  # nothing else differs: a period that went on, a source that grew old
EARLIER_MONTHS = 12  # sums since the year's beginning, growth and stocks that are carried on look back
QUALITY = "quality"  # the theme of indicators that count what was read of every dataset, refused rows too
REFUSED = "refused "  # before the name of a dataset: its refused rows
TOUCH = pl.Schema({"load_id": pl.String(), "dataset": pl.String(), "unit_code": pl.String(), "month": pl.Date()})


def explain(
    settings: Settings, contracts: dict[str, Contract], old: str, new: str, differing: pl.DataFrame
) -> pl.DataFrame:
    """The differing figures with what may have changed them.

    differing: `base_code`, `unit_code`, `period_start` and whatever else. Adds `causes` (codes of CAUSES, or MOMENT
    alone), `loads` and `earlier_loads`. Loads are those that brought, changed or removed rows of the indicator's
    datasets that the figure's unit has in its month; `earlier_loads` such with rows of the months before alone. Where
    no row can be told to be of the unit, all loads of the datasets that changed a row are named.
    """
    before, after = _told(settings, old), _told(settings, new)
    changed = before["loads"].join(after["loads"], on=["load_id", "dataset"], how="full", coalesce=True, suffix="_new")
    arrived = pl.col("standing_new").fill_null(False)
    changed = changed.with_columns(arrived=arrived, stood=pl.col("standing").fill_null(False)).filter(
        pl.col("arrived") != pl.col("stood")
    )
    both = set(before["loads"].filter("standing")["load_id"]) & set(after["loads"].filter("standing")["load_id"])
    inputs = _inputs(contracts, before["registry"], after["registry"])
    asked = set(inputs.filter(pl.col("base_code").is_in(differing["base_code"].unique().to_list()))["dataset"])
    touches = [
        _touches(settings, contracts[dataset], mine, both, before["loads"], after["loads"])
        for (dataset,), mine in changed.sort("load_id").partition_by("dataset", as_dict=True).items()
        if dataset in contracts and dataset in asked
    ]
    touches += [
        _refused(settings, contracts[dataset], mine)
        for (dataset,), mine in changed.sort("load_id").partition_by("dataset", as_dict=True).items()
        if dataset in contracts and f"{REFUSED}{dataset}" in asked
    ]
    found = pl.concat([pl.DataFrame(schema=TOUCH), *touches]).unique()
    numbered = differing.with_row_index("_figure")
    reached = numbered.select("_figure", "base_code", "unit_code", "period_start").join(inputs, on="base_code")
    reached = reached.join(found, on="dataset", suffix="_of_row")
    of_unit = (pl.col("unit_code_of_row") == pl.col("unit_code")) | (pl.col("unit_code").str.len_chars() == 2)
    this_month = pl.col("month").is_null() | (pl.col("month") == pl.col("period_start"))
    earlier = pl.col("month").is_between(
        pl.col("period_start").dt.offset_by(f"-{EARLIER_MONTHS}mo"), pl.col("period_start"), closed="left"
    )
    named = (
        reached.group_by("_figure")
        .agg(
            pl.col("load_id").filter(of_unit & this_month).unique().sort().alias("loads"),
            pl.col("load_id").filter(of_unit & earlier).unique().sort().alias("earlier_loads"),
            pl.col("load_id").filter(pl.col("unit_code_of_row").is_null()).unique().sort().alias("anywhere"),
        )
        .with_columns(earlier_loads=pl.col("earlier_loads").list.set_difference("loads").list.sort())
        .with_columns(
            loads=pl.when((pl.col("loads").list.len() == 0) & (pl.col("earlier_loads").list.len() == 0))
            .then("anywhere")
            .otherwise("loads")
        )
    )
    gone = changed.filter(~pl.col("arrived"))["load_id"].to_list()
    other_rows = _differing_rows(before["registry"], after["registry"])
    nothing = pl.lit([], dtype=pl.List(pl.String()))
    answered = numbered.join(named, on="_figure", how="left").with_columns(
        loads=pl.col("loads").fill_null(nothing), earlier_loads=pl.col("earlier_loads").fill_null(nothing)
    )
    every = pl.concat_list("loads", "earlier_loads")
    is_gone = every.list.eval(pl.element().is_in(gone))
    causes = {
        "loads": (~is_gone.list.all()) & (every.list.len() > 0),
        "loads_taken_out": is_gone.list.any(),
        "code": pl.lit(before["code_version"] != after["code_version"]),
        "registry": pl.col("base_code").is_in(other_rows),
    }
    flags = [pl.when(causes[name]).then(pl.lit(name)) for name in CAUSES]
    told = pl.concat_list(flags).list.drop_nulls()
    return (
        answered.with_columns(causes=told)
        .with_columns(
            causes=pl.when(pl.col("causes").list.len() == 0)
            .then(pl.lit([MOMENT], dtype=pl.List(pl.String())))
            .otherwise("causes")
        )
        .sort("_figure")
        .drop("_figure", "anywhere")
    )


def _told(settings: Settings, snapshot: str) -> dict[str, Any]:
    """What a snapshot tells of the loads and the registry it was built from."""
    with open_published(settings, snapshot) as reader:
        version = reader.execute("select code_version from leaders.main.snapshot_info").fetchone()
        return {
            "loads": reader.sql("select load_id, dataset, day, standing from leaders.main.mart_load").pl(),
            "registry": reader.sql("select * from leaders.main.dim_indicator").pl(),
            "code_version": version[0] if version else None,
        }


def _inputs(contracts: Iterable[str], *registries: pl.DataFrame) -> pl.DataFrame:
    """base_code, dataset: what an indicator was computed from by either registry."""
    listed = pl.concat([one.select("indicator_code", "theme", "inputs") for one in registries])
    named = listed.select(base_code="indicator_code", dataset=pl.col("inputs").fill_null("").str.split(";"))
    every = pl.DataFrame({"dataset": [f"{REFUSED}{one}" for one in contracts]})
    counting = listed.filter(pl.col("theme") == QUALITY).select(base_code="indicator_code").join(every, how="cross")
    return pl.concat([named.explode("dataset"), counting]).unique()


def _refused(settings: Settings, contract: Contract, changed: pl.DataFrame) -> pl.DataFrame:
    """By TOUCH the units whose rows these loads refused, in the months of the loads."""
    store = open_store(settings)
    of_load = {load_of(path): path for path in list_paths(store, f"quarantine/{contract.dataset.replace('.', '/')}/")}
    there = [of_load[one] for one in changed["load_id"] if one in of_load]
    empty = pl.DataFrame(schema={"_load_id": pl.String(), "unit_code": pl.String()})
    rows = pl.concat([empty, *(table.select(empty.columns) for table in read_tables(store, there))])
    days = changed.select("load_id", day=pl.coalesce("day_new", "day"))
    return rows.join(days, left_on="_load_id", right_on="load_id").select(
        load_id="_load_id",
        dataset=pl.lit(f"{REFUSED}{contract.dataset}"),
        unit_code="unit_code",
        month=pl.col("day").dt.month_start(),
    )


def _differing_rows(before: pl.DataFrame, after: pl.DataFrame) -> list[str]:
    """Indicators that the two registries do not tell alike."""
    if before.columns != after.columns:
        return sorted({*before["indicator_code"], *after["indicator_code"]})
    rows: Callable[[pl.DataFrame, pl.DataFrame], pl.DataFrame] = lambda one, other: one.join(  # noqa: E731
        other, on=one.columns, how="anti", nulls_equal=True
    )
    return sorted({*rows(before, after)["indicator_code"], *rows(after, before)["indicator_code"]})


def _touches(
    settings: Settings,
    contract: Contract,
    changed: pl.DataFrame,
    both: set[str],
    before: pl.DataFrame,
    after: pl.DataFrame,
) -> pl.DataFrame:
    """By TOUCH the units and months of rows that differ because of these loads; null for what a row does not tell.

    A row that a load brings as another one brought it before is no difference.
    """
    store = open_store(settings)
    place = f"raw/{contract.dataset.replace('.', '/')}/"
    paths = {
        Path(path).stem: path for path in list_paths(store, place)
    }  # objects at the end of their retention are gone
    columns = [name for name in contract.row_schema if name != "_load_id"]

    def rows(loads: list[str]) -> pl.DataFrame:
        there = [paths[one] for one in loads if one in paths]
        empty = pl.DataFrame(schema=contract.row_schema)
        read = pl.concat([empty, *read_tables(store, there)], how="diagonal_relaxed").select(list(contract.row_schema))
        return read.cast(dict(contract.row_schema))  # type: ignore[arg-type]  # kept under a former contract

    mine = rows(changed["load_id"].to_list())
    known = pl.concat([before, after]).filter(pl.col("dataset") == contract.dataset).unique("load_id")
    stood = known.filter(pl.col("load_id").is_in(both))["load_id"].to_list()
    if contract.mode != "stream":
        stood = _replaced(contract, changed, known, both)
    others = rows(sorted(stood))
    differing = mine.join(others, on=columns, how="anti", nulls_equal=True)
    if contract.mode != "stream" and len(changed):  # what the newest load does not hold any more
        newest = changed["load_id"].max()
        lost = others.join(mine, on=columns, how="anti", nulls_equal=True)
        differing = pl.concat([differing, lost.with_columns(_load_id=pl.lit(newest))])
    return _places(contract, differing)


def _replaced(contract: Contract, changed: pl.DataFrame, known: pl.DataFrame, both: set[str]) -> list[str]:
    """The loads that counted for the partitions of the changed ones: the newest that stand in both snapshots."""
    same = known.filter(pl.col("load_id").is_in(both))
    if contract.mode == "full":
        return [one for one in [same["load_id"].max()] if isinstance(one, str)]
    same = same.filter(pl.col("day").is_in(changed["day"].unique().to_list()))
    return same.group_by("day").agg(pl.col("load_id").max())["load_id"].to_list()


def _places(contract: Contract, rows: pl.DataFrame) -> pl.DataFrame:
    """Units and months of rows, a line each; any date of a row but that of its last change may be what counts."""
    unit = pl.col(contract.unit_column) if contract.unit_column else pl.lit(None, pl.String())
    dates = [
        pl.col(name).dt.convert_time_zone("Asia/Ho_Chi_Minh").dt.date()
        if isinstance(dtype, pl.Datetime)
        else pl.col(name)
        for name, dtype in contract.row_schema.items()
        if dtype.is_temporal() and name not in (contract.updated_at, contract.removed_column)
    ]
    months = pl.concat_list(dates).list.drop_nulls() if dates else pl.lit([], dtype=pl.List(pl.Date()))
    return (
        rows.select(
            load_id="_load_id", dataset=pl.lit(contract.dataset), unit_code=unit.cast(pl.String()), month=months
        )
        .explode("month")
        .with_columns(pl.col("month").dt.month_start())
        .unique()
        .select(list(TOUCH))
    )

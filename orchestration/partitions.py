"""The days and months of the datasets, and which of them have to be read."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import dagster as dg
import polars as pl

from lake.contract import Contract
from lake.settings import TIME_ZONE, Settings, SettingsError
from lake.windows import local_midnight, partition_end, partition_start

FIRST_MONTH = date(1990, 1, 1)  # monthly files reach far back
BACKFILL_MONTHS = 24
DEEP_LOOKBACK = timedelta(days=366)
NEAR_DAYS = 3  # a gap so small is read over: one pass costs less than two

Days = tuple[date, date] | None


def backfill_start(settings: Settings, now: datetime) -> date:
    """The first day that is looked back to: a first day of a month, told by KHO_BACKFILL_MONTHS at the first start.

    It is kept below KHO_HOME, since partitions must not move. Raises SettingsError.
    """
    kept = settings.home / "first_day"
    if kept.exists():
        return date.fromisoformat(kept.read_text().strip())
    told = settings.env.get("KHO_BACKFILL_MONTHS", str(BACKFILL_MONTHS))
    if not told.isdigit():
        raise SettingsError(f"KHO_BACKFILL_MONTHS is {told!r}; expected a whole number of months such as 24")
    today = now.astimezone(TIME_ZONE).date()
    month = today.year * 12 + today.month - 1 - int(told)
    first = date(month // 12, month % 12 + 1, 1)
    keep_start(settings, first)
    return first


def keep_start(settings: Settings, first: date) -> None:
    """Look back to this day from now on."""
    settings.home.mkdir(parents=True, exist_ok=True)
    partial = settings.home / ".first_day"
    partial.write_text(first.isoformat())
    partial.replace(settings.home / "first_day")


def definition(contract: Contract, first: date) -> dg.PartitionsDefinition | None:
    """Dagster's partitions of a dataset; the running day or month is one of them."""
    zone = str(TIME_ZONE)
    if contract.tier == "derived":  # computed as a whole, beside unpartitioned dbt
        return None
    if contract.partition == "daily":
        return dg.DailyPartitionsDefinition(start_date=first.isoformat(), timezone=zone, end_offset=1)
    if contract.partition == "monthly":
        return dg.MonthlyPartitionsDefinition(start_date=FIRST_MONTH.isoformat(), timezone=zone, end_offset=1)
    return None


def days_between(contract: Contract, first: date, last: date) -> list[date]:
    """The partitions of a dataset from one day to another."""
    if contract.partition == "monthly":
        return pl.date_range(first.replace(day=1), last, "1mo", eager=True).to_list()
    return pl.date_range(first, last, "1d", eager=True).to_list()


def pending(contract: Contract, index: pl.DataFrame, first: date, now: datetime) -> list[date]:
    """The partitions without an accepted load read after their end, and always the running one.

    Those that the source may still change (`lookback_days`) are read again once a day, a year back once a month.

    index: the ledger by `lake.ledger.INDEX_SCHEMA`. So a missed night, a source that was down and a load that was
    rejected or taken out (even if its predecessor stands) are all asked for again.
    """
    days = days_between(contract, first, now.astimezone(TIME_ZONE).date())
    every = index.filter(pl.col("dataset") == contract.dataset)
    mine = every.filter(pl.col("standing") & (pl.col("load_id") == pl.col("load_id").max().over("day")))
    read_at = dict(mine.group_by("day").agg(pl.col("started_at").max()).iter_rows())
    today = local_midnight(now.astimezone(TIME_ZONE).date())
    again = {timedelta(days=contract.lookback_days): today, DEEP_LOOKBACK: today.replace(day=1)}

    def whole(day: date) -> bool:
        end = partition_end(contract, day)
        if day not in read_at or read_at[day] < end:
            return False
        return not contract.lookback_days or all(read_at[day] >= at for far, at in again.items() if end > today - far)

    return [day for day in days if not whole(day)]


def spans(days: Iterable[date], near: int = NEAR_DAYS) -> list[tuple[date, date]]:
    """Days as ranges, small gaps read over."""
    found: list[tuple[date, date]] = []
    for day in sorted(days):
        if found and day - found[-1][1] <= timedelta(days=near):
            found[-1] = (found[-1][0], day)
        else:
            found.append((day, day))
    return found


@dataclass(frozen=True)
class IngestRun:
    """One Dagster run that reads sources: datasets that share a range of days (None: no partitions)."""

    job: str
    datasets: tuple[str, ...]
    days: Days

    @property
    def tags(self) -> dict[str, str]:
        """The tags by which Dagster knows the range."""
        if self.days is None:
            return {}
        return {
            "dagster/asset_partition_range_start": self.days[0].isoformat(),
            "dagster/asset_partition_range_end": self.days[1].isoformat(),
        }


def job_of(contract: Contract) -> str:
    """The job that reads a dataset: one kind of partitions a job."""
    if contract.partition == "monthly":
        return "ingest_monthly"
    return "ingest_hourly" if contract.schedule == "hourly" else "ingest_daily"


def plan(
    contracts: Iterable[Contract], index: pl.DataFrame, first: date, now: datetime, asked: Days = None
) -> list[IngestRun]:
    """The runs that bring these datasets up to date, reference data first.

    asked: these days and no others, of datasets that have days.
    """
    wanted: dict[tuple[bool, str, Days], list[str]] = {}
    for contract in contracts:
        for days in _ranges(contract, index, first, now, asked):
            wanted.setdefault((contract.tier != "reference", job_of(contract), days), []).append(contract.dataset)
    order = ["ingest_daily", "ingest_monthly", "ingest_hourly"]
    keys = sorted(wanted, key=lambda key: (key[0], order.index(key[1]), key[2] or (date.min, date.min)))
    return [IngestRun(job, tuple(sorted(wanted[later, job, days])), days) for later, job, days in keys]


def never_loaded(contracts: Iterable[Contract], index: pl.DataFrame) -> list[Contract]:
    """The datasets of which nothing was accepted yet."""
    loaded = set(index.filter("standing")["dataset"])
    return [one for one in contracts if one.dataset not in loaded]


def due_hourly(contracts: Iterable[Contract], index: pl.DataFrame) -> list[Contract]:
    """What an hourly refresh reads: hourly sources, new files, and what was never loaded."""
    every = list(contracts)
    missing = {one.dataset for one in never_loaded(every, index)}
    return [one for one in every if one.schedule == "hourly" or one.protocol == "files" or one.dataset in missing]


def _ranges(contract: Contract, index: pl.DataFrame, first: date, now: datetime, asked: Days) -> list[Days]:
    if contract.partition == "none":
        return [None]
    if contract.protocol == "files":  # what is new in the folder is read, whatever its months
        running = partition_start(contract, now.astimezone(TIME_ZONE).date())
        return [(running, running)]
    if asked:
        days = days_between(contract, *asked)
        return [(days[0], days[-1])]
    near = 31 * NEAR_DAYS if contract.partition == "monthly" else NEAR_DAYS
    return list(spans(pending(contract, index, first, now), near))

"""Days, partitions and the windows that sources are asked for; days are Vietnamese ones."""

from datetime import date, datetime, time, timedelta

import polars as pl

from lake.connectors import Window
from lake.contract import Contract
from lake.settings import TIME_ZONE

OVERLAP = timedelta(hours=2)  # clock skew and late commits at the source


def local_day(now: datetime) -> date:
    return now.astimezone(TIME_ZONE).date()


def local_days(values: pl.Series) -> pl.Series:
    """The Vietnamese day of moments; dates stay."""
    if isinstance(values.dtype, pl.Datetime):
        return values.dt.convert_time_zone(str(TIME_ZONE)).dt.date()
    return values


def local_midnight(day: date) -> datetime:
    """The first moment of a Vietnamese day."""
    return datetime.combine(day, time(), TIME_ZONE)


def partition_start(contract: Contract, day: date) -> date:
    """The first day of the partition that holds a day."""
    return day.replace(day=1) if contract.partition == "monthly" else day


def partition_end(contract: Contract, day: date) -> datetime:
    """The first moment after the partition that begins with `day`."""
    first = partition_start(contract, day)
    if contract.partition == "monthly":
        return local_midnight((first + timedelta(days=32)).replace(day=1))
    return local_midnight(first + timedelta(days=1))


def is_complete(contract: Contract, day: date, now: datetime) -> bool:
    """Whether the partition that begins with `day` is over, and its reports are due where they tell of a month."""
    due = timedelta(hours=contract.delivery.due_hours if contract.delivery and contract.partition == "monthly" else 0)
    return partition_end(contract, day) + due <= now


def read_window(contract: Contract, days: list[date] | None) -> Window | None:
    """What to ask a source for so that these partitions are whole."""
    if not days or contract.mode == "full":
        return None
    overlap = OVERLAP if contract.mode == "stream" else timedelta()
    return Window(local_midnight(min(days)) - overlap, partition_end(contract, max(days)))

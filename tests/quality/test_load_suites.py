"""Loads are judged as a whole: by size, refused rows, units and means."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from lake.contract import Contract, Delivery, LoadRules
from lake.profile import Judged, count, profile
from lake.settings import TIME_ZONE
from lake.windows import is_complete
from quality.load_suites import judge

MONDAY = date(2026, 9, 7)


def contract(**rules: Any) -> Contract:
    columns = [
        {"name": "key", "type": "text", "label": "Khóa", "description": "Key"},
        {"name": "unit", "type": "text", "label": "Đơn vị", "description": "Unit"},
        {"name": "size", "type": "number", "label": "Cỡ", "description": "Size"},
        {"name": "at", "type": "timestamp", "label": "Lúc", "description": "When"},
    ]
    return Contract.model_validate(
        {
            "dataset": "test.rows",
            "title": "Bản ghi thử",
            "description": "Rows",
            "tier": "derived",
            "owner": "nobody",
            "mode": "stream",
            "partition": "daily",
            "schedule": "none",
            "source": {"protocol": "derived"},
            "key": ["key"],
            "updated_at": "at",
            "unit_column": "unit",
            "columns": columns,
            "load": LoadRules(**rules),
        }
    )


def load(name: str, day: date, rows: int, units: int = 10, quarantined: int = 0, size: float = 1.0) -> Judged:
    frame = pl.DataFrame(
        {"key": [str(n) for n in range(rows)], "unit": [str(n % units) for n in range(rows)], "size": [size] * rows}
    ).with_columns(at=pl.lit(None, pl.Datetime("us", "UTC")))
    return count(contract(means={"size": (0, 1)}), name, day, frame, quarantined, True)


def former_mondays(received: int = 1000, units: int = 10) -> pl.DataFrame:
    return pl.DataFrame(
        [(MONDAY - timedelta(weeks=n), received, units) for n in range(8, 0, -1)],
        schema={"day": pl.Date(), "received": pl.Int64(), "units": pl.Int64()},
        orient="row",
    )


def test_many_loads_are_judged_at_once_each_with_its_own_reasons() -> None:
    rules = contract(volume=(0.5, 3), max_quarantined_share=0.1, coverage=0.7, means={"size": (0.5, 2)})
    loads = [
        load("good", MONDAY, 1000),
        load("small", MONDAY + timedelta(weeks=1), 200),
        load("dirty", MONDAY + timedelta(weeks=2), 900, quarantined=300),
        load("partial", MONDAY + timedelta(weeks=3), 1000, units=4),
        load("shifted", MONDAY + timedelta(weeks=4), 1000, size=9.5),
        load("huge", MONDAY + timedelta(weeks=5), 5000, units=3, size=9.5),
    ]
    verdicts = {one.load_id: one for one in judge(rules, profile(rules, loads, former_mondays()))}
    assert [name for name, one in verdicts.items() if one.status == "accepted"] == ["good"]
    assert verdicts["small"].reasons == [
        "Số bản ghi (200) bất thường so với mức thường gặp (1000); chấp nhận từ 0.5 đến 3 lần"
    ]
    assert verdicts["dirty"].reasons == ["Tỷ lệ bản ghi bị từ chối 25.0% (300/1200) vượt giới hạn 10%"]
    assert verdicts["partial"].reasons == ["Chỉ 4 đơn vị gửi số liệu, thường có 10; cần ít nhất 70%"]
    assert verdicts["shifted"].reasons == ["Trung bình của size là 9.50, ngoài khoảng 0.5–2"]
    assert len(verdicts["huge"].reasons) == 3


@pytest.mark.parametrize(("may_be_empty", "status"), [(True, "accepted"), (False, "rejected")])
def test_first_loads_have_nothing_to_be_compared_with(may_be_empty: bool, status: str) -> None:
    rules = contract(may_be_empty=may_be_empty, coverage=0.7)
    empty = former_mondays().clear()
    assert [one.status for one in judge(rules, profile(rules, [load("empty", MONDAY, 0)], empty))] == [status]
    assert [one.status for one in judge(rules, profile(rules, [load("first", MONDAY, 7)], empty))] == ["accepted"]


@pytest.mark.parametrize(
    ("partition", "now", "refused"),
    [
        ("monthly", "2026-12-01 03:00", False),  # the month is over, and its reports come in the first days of the next
        ("monthly", "2026-12-10 23:00", False),
        ("monthly", "2026-12-11 01:00", True),
        ("daily", "2026-11-01 23:00", False),
        ("daily", "2026-11-02 01:00", True),
    ],
)
def test_few_rows_mean_nothing_before_they_are_due(partition: str, now: str, refused: bool) -> None:
    rules = contract(coverage=0.7).model_copy(update={"partition": partition, "delivery": Delivery(due_hours=240)})
    first, at = date(2026, 11, 1), datetime.fromisoformat(now).replace(tzinfo=TIME_ZONE)
    history = pl.DataFrame(
        [(first - timedelta(weeks=4 * n), 1000, 10) for n in range(8, 0, -1)],
        schema={"day": pl.Date(), "received": pl.Int64(), "units": pl.Int64()},
        orient="row",
    )
    if partition == "daily":  # a Sunday; offices are closed
        first, at = first + timedelta(days=1), at + timedelta(days=1)
        history = history.with_columns(pl.col("day") + timedelta(days=1))
    nothing = replace(load("now", first, 0), units_reporting=0, complete=is_complete(rules, first, at))
    (verdict,) = judge(rules, profile(rules, [nothing], history))
    assert (verdict.status == "rejected") is refused, verdict.reasons

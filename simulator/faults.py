"""Faults of the upstream systems, switched from outside: each function takes what `simulator.server.start` returned."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Any

import httpx
import openpyxl

from simulator.server import Running


def state(running: Running) -> dict[str, Any]:
    """now, faults, bad_loads, database_running, requests (answers by table)."""
    return _answer(httpx.get(f"{running.admin.url}/admin", headers=_headers(running), timeout=30))


def switch_on(
    running: Running, kind: str, times: int | None = None, table: str | None = None, seconds: float = 1.0
) -> None:
    """Spoil web services' answers.

    The connection: down, 500, half_json, cut, 401 (an expired token), 429 (seconds: Retry-After), latency (seconds).
    The rows: repeated_page (the page before once more), duplicate_delivery (every row twice), out_of_order,
    late_commit (what changed last in the window is not there yet), clock_skew (update times are 90 minutes ahead),
    renamed_column and retyped_column (a column that must be there has another name, or words for values).

    times: how many answers, None until clear(). table: of this table alone, of the gateway, of the stations
    (Observations, Datastreams, sensorthings for the root of their service), of the officers' app (Submissions), of
    the assignment system (drafts) or of the AI platform (ai_platform); None: of all. Raises RuntimeError for
    another kind.
    """
    _post(running, "faults", {"kind": kind, "times": times, "table": table, "seconds": seconds})


def clear(running: Running) -> None:
    """Switch off all faults of the gateway; bad loads and the database stay as they are."""
    _post(running, "faults", {"kind": "none"})


@contextmanager
def fault(running: Running, kind: str, **how: Any) -> Iterator[None]:
    """switch_on for the length of a with-block."""
    switch_on(running, kind, **how)
    try:
        yield
    finally:
        clear(running)


def plant_bad_load(running: Running, day: date, kind: str = "invalid") -> None:
    """Spoil the dossiers last changed on a local day.

    kind: invalid (85 % with an unknown commune), flood (five times the rows), thin (a tenth of the rows).
    """
    _post(running, "bad_loads", {"day": day.isoformat(), "kind": kind})


def mend(running: Running, day: date) -> None:
    """The desk has corrected the day: its rows are as they should be again."""
    _post(running, "bad_loads", {"day": day.isoformat(), "kind": None})


def spoil_table(running: Running, place: str, column: str, kind: str) -> None:
    """Change a table of the databases: renamed_column, retyped_column, duplicate_delivery, late_commit, clock_skew.

    place: schema.table. column: the one renamed or retyped.
    """
    _post(running, "tables", {"place": place, "column": column, "kind": kind})


def mend_tables(running: Running) -> None:
    """All tables are as they should be again."""
    _post(running, "tables", {"kind": None})


def stop_database(running: Running) -> None:
    """Stop PostgreSQL; the ticker leaves it alone until start_database."""
    _post(running, "database", {"running": False})


def start_database(running: Running) -> None:
    """Start PostgreSQL again and bring it up to the clock."""
    _post(running, "database", {"running": True})


def set_clock(running: Running, now: datetime | None, frozen: bool = False) -> None:
    """Move the upstream systems to another time (aware; None: the machine's); all sources follow before it returns."""
    _post(running, "clock", {"now": now.isoformat() if now else None, "frozen": frozen})


def expire_tokens(running: Running, seconds: float | None = None) -> None:
    """Forget all tokens given out; new ones live `seconds` if given."""
    _post(running, "tokens", {} if seconds is None else {"seconds": seconds})


def decide_draft(running: Running, proposal_id: str, what: str, **how: object) -> None:
    """Have the assignment system decide a draft at once; its table follows before it returns.

    what: assign (as it is), edit (how: target, due_on as text; else less, and later), decline (how: reason), done (its
    task is reported done). Raises RuntimeError for a draft that is unknown or cannot become that.
    """
    _post(running, "drafts", {"proposal_id": proposal_id, "what": what, **how})


def drop_broken_spreadsheet(running: Running, month: str = "2026-01") -> Path:
    """Put an Excel report without its column of cases into the drop folder; returns its path."""
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["Tháng", "Đơn vị", "Bệnh", "Dân số"])
    sheet.append([month, "Lâm Đồng", "Sốt xuất huyết", 3_900_000])
    path = Path(running.env["HEALTH_DROP_FOLDER"]) / f"cdc_monthly_{month}_thieu_cot.xlsx"
    book.save(path)
    return path


def _headers(running: Running) -> dict[str, str]:
    return {"Authorization": f"Bearer {running.admin.token}"}


def _post(running: Running, what: str, body: dict[str, Any]) -> dict[str, Any]:
    return _answer(httpx.post(f"{running.admin.url}/admin/{what}", json=body, headers=_headers(running), timeout=60))


def _answer(response: httpx.Response) -> dict[str, Any]:
    if response.status_code != 200:
        raise RuntimeError(f"the stand-in systems refused: {response.text}")
    return dict(response.json())

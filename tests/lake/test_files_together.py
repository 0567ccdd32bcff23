"""Small files go through the door together: the same loads, row for row, as if each had come alone."""

import io
import os
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lake.connectors import SourceFormatError
from lake.contract import Contract
from lake.door import admit
from lake.ledger import Entry, entries
from lake.loads import Verdict, ingest
from lake.settings import Settings, load_settings
from lake.store import open_store, read

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
COLUMNS = [
    {"name": "id", "type": "text", "required": True},
    {"name": "day", "type": "date", "required": True, "not_future": True},
    {"name": "share", "type": "number"},
    {"name": "rate", "type": "number", "unit": "%"},
    {"name": "cases", "type": "integer", "range": [0, 5000]},
    {"name": "citizen", "type": "text", "protect": "pseudonym"},
    {"name": "note", "type": "text", "protect": "free_text"},
]
# how a number is meant can hang on the numbers beside it in the same file, and on no others
NUMBERS = st.sampled_from(["", "1.234", "12,5", "85%", "0,5%", "1,234.5", "7", "x", "-3", "1.234.567"])
ROW = st.tuples(
    st.sampled_from(["a", "b", "", "ệ"]),
    st.sampled_from(["2026-07-01", "02/07/2026", "2027-01-01", "none"]),
    NUMBERS,
    NUMBERS,
    NUMBERS,
    st.sampled_from(["", "068190001234", "a"]),
    st.sampled_from(["", "Gọi 0912345678", "a"]),
)
NAMES = [str(column["name"]) for column in COLUMNS]
CSV = st.lists(ROW, min_size=1, max_size=5).map(
    lambda rows: ("csv", pl.DataFrame(rows, NAMES, orient="row").write_csv(separator=";").encode())
)


def parquet(rows: list[tuple[str, int, float]]) -> tuple[str, bytes]:
    buffer = io.BytesIO()
    pl.DataFrame(
        {
            "id": [name for name, _, _ in rows],
            "day": [datetime(2026, 7, day).date() for _, day, _ in rows],
            "share": [share for _, _, share in rows],
            "rate": [share for _, _, share in rows],
            "cases": [day for _, day, _ in rows],
            "citizen": ["068190001234"] * len(rows),
            "note": [name for name, _, _ in rows],
            "unknown": [name for name, _, _ in rows],
        }
    ).write_parquet(buffer)
    return "parquet", buffer.getvalue()


TYPED = st.lists(st.tuples(st.sampled_from("ab"), st.integers(1, 3), st.floats(0, 9)), max_size=4).map(parquet)
BROKEN = st.sampled_from([("csv", b"id;day\na;2026-07-01\n"), ("csv", b"nothing"), ("parquet", b"PAR1")])


@pytest.fixture
def dropped(make_contract: Callable[..., Contract]) -> Callable[..., Contract]:
    def build(**fields: object) -> Contract:
        kept = {"mode": "period", "partition": "daily", "period": "day", **fields}
        return make_contract(COLUMNS, source={"protocol": "files", "folder": "${DROP}", "patterns": ["*"]}, **kept)

    return build


def told(loads: list[Entry], installation: Settings) -> list[object]:
    """All that is known of loads, their rows among it, but for their names."""
    store = open_store(installation)

    def rows(path: str | None) -> list[object]:
        return pl.read_parquet(io.BytesIO(read(store, path))).drop("_load_id").rows() if path else []

    return [
        (one.status, one.day, one.received, one.reasons, one.reason_counts, one.drift, one.units, one.profile,
         one.sources, rows(one.object), rows(one.quarantine_object), rows(one.text_object))
        for one in loads
    ]  # fmt: skip


def accept(contract: Contract, profiles: pl.DataFrame) -> list[Verdict]:
    return [Verdict(load_id, "accepted", []) for load_id in profiles["load_id"]]


def read_all(contract: Contract, files: list[tuple[str, bytes]], part_rows: int) -> tuple[list[object], str, int]:
    """What the loads of files are, why files were refused, and how often the door was passed."""
    with TemporaryDirectory() as folder:
        for number, (suffix, content) in enumerate(files):
            path = Path(folder) / "drop" / f"{number}.{suffix}"
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(content)
            os.utime(path, (time.time() - 60 + number,) * 2)
        installation = load_settings({"KHO_HOME": f"{folder}/home", "DROP": f"{folder}/drop"})
        installation.pseudonym_key_file.parent.mkdir(parents=True, exist_ok=True)
        installation.pseudonym_key_file.write_text("11" * 32)
        why = ""
        with patch("lake.extracts.PART_ROWS", part_rows), patch("lake.loads.admit", wraps=admit) as passed:
            try:
                ingest(contract, None, installation, accept, NOW)
            except SourceFormatError as error:
                why = str(error)
        return told(entries(open_store(installation)), installation), why, passed.call_count


@settings(
    max_examples=40, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)  # fmt: skip
@given(
    files=st.lists(CSV | TYPED | BROKEN, min_size=2, max_size=6, unique=True),
    fields=st.sampled_from(
        [
            {},
            {"partition": "monthly", "key": ["id", "day"]},
            {"mode": "full", "partition": "none", "period": None},
            {"checks": [{"name": "few", "expression": "cases < share", "message": "Sai"}]},
        ]
    ),
)
def test_files_read_together_are_loads_of_their_own(
    dropped: Callable[..., Contract], files: list[tuple[str, bytes]], fields: dict[str, object]
) -> None:
    contract = dropped(**fields)
    together, why, _ = read_all(contract, files, 1000)
    alone, why_alone, _ = read_all(contract, files, 1)
    assert together == alone
    assert why == why_alone


def test_files_of_one_kind_pass_the_door_once(dropped: Callable[..., Contract]) -> None:
    header = "id;day;share;rate;cases;citizen;note\n"
    texts = [f"{header}a;2026-07-0{day};1,5;;{day};;\na;2026-07-0{day};1,5;;{day};;\n" for day in (1, 2, 2, 3)]
    texts[2] = texts[2].replace("1,5", "1.500")  # a later edition of the day before, written otherwise
    files = [("csv", text.encode()) for text in texts]
    loads, why, passed = read_all(dropped(), files, 1000)
    assert (len(loads), why, passed) == (4, "", 1)
    assert read_all(dropped(), files, 1)[2] == 4


def test_a_file_that_cannot_be_judged_is_refused_alone_by_its_name(dropped: Callable[..., Contract]) -> None:
    header = "id;day;share;rate;cases;citizen\n"  # `note` is missing
    files = [("csv", f"{header}a;2026-07-0{day};1,5;;{day};\n".encode()) for day in (1, 2)]
    loads, why, _ = read_all(dropped(), [*files, parquet([("a", 3, 1.0)])], 1000)
    assert [one[0] for one in loads] == ["accepted", "rejected", "rejected"]  # type: ignore[index]
    assert "0.csv: " in why and "1.csv: " in why and "2.parquet" not in why

"""The ledger: one entry a load, created once. The entry is the commit point.

`docs/lake-format.md` specifies the paths and fields.
"""

import secrets
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import orjson
import polars as pl
from obstore.store import ObjectStore

from lake.contract import Contract
from lake.pseudonyms import UnknownKey, load_key
from lake.settings import Settings, SettingsError
from lake.store import delete, delete_unfinished, list_older, list_paths, object_url, put_once, read_many

FORMAT = 1


class LedgerError(ValueError):
    """The ledger cannot do what was asked; the message says why."""


@dataclass(frozen=True)
class Entry:
    """What is known of one load. Times are UTC in ISO 8601; `day` is the first day of its partition.

    received = accepted + quarantined. `reasons` are Vietnamese sentences, `reason_counts` codes of quarantined rows.
    units: those that delivered rows, refused ones too, where the contract says when they are due.
    kind: `sweep` for a load that says which keys the source has no more. A source is `name` and `sha256` of a file
    and `parts`, the number of loads that this run made of it: fewer entries than that mean a run that was killed,
    whose file is read again. Its `skipped` counts the rows that by the contract are no records, such as totals.
    """

    load_id: str
    dataset: str
    status: Literal["accepted", "rejected"]
    province: str
    day: str
    received: int
    accepted: int
    quarantined: int
    contract_sha256: str
    key_id: str
    code_version: str
    started_at: str
    finished_at: str
    window_from: str | None = None
    window_to: str | None = None
    object: str | None = None
    quarantine_object: str | None = None
    text_object: str | None = None
    kind: Literal["rows", "sweep"] = "rows"
    units: list[str] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    reason_counts: dict[str, int] = field(default_factory=dict)
    drift: list[str] = field(default_factory=list)
    profile: dict[str, Any] = field(default_factory=dict)
    sources: list[dict[str, Any]] = field(default_factory=list)
    format: int = FORMAT


FIELDS = {field.name for field in fields(Entry)}

# One row a load as it stood at `as_of`. `url` is what DuckDB reads; `standing`: accepted and not taken out until
# then; `current`: what counts by the contract's mode.
INDEX_SCHEMA = pl.Schema(
    {
        "load_id": pl.String(),
        "dataset": pl.String(),
        "title": pl.String(),
        "mode": pl.String(),
        "status": pl.String(),
        "kind": pl.String(),
        "standing": pl.Boolean(),
        "current": pl.Boolean(),
        "province": pl.String(),
        "day": pl.Date(),
        "window_from": pl.Datetime("us", "UTC"),
        "window_to": pl.Datetime("us", "UTC"),
        "object": pl.String(),
        "quarantine_object": pl.String(),
        "text_object": pl.String(),
        "url": pl.String(),
        "quarantine_url": pl.String(),
        "units": pl.String(),
        "reasons": pl.String(),
        "reason_counts": pl.String(),
        "drift": pl.String(),
        "profile": pl.String(),
        "sources": pl.String(),
        "received": pl.Int64(),
        "accepted": pl.Int64(),
        "quarantined": pl.Int64(),
        "contract_sha256": pl.String(),
        "key_id": pl.String(),
        "code_version": pl.String(),
        "started_at": pl.Datetime("us", "UTC"),
        "finished_at": pl.Datetime("us", "UTC"),
        "rejected_at": pl.Datetime("us", "UTC"),
        "rejected_reason": pl.String(),
        "as_of": pl.Datetime("us", "UTC"),
    }
)


def new_load_ids(count: int, now: datetime) -> list[str]:
    """Sortable, unique names of loads: UTC time to the microsecond and a short id of the run."""
    run = secrets.token_hex(3)
    start = now.astimezone(UTC)
    return [f"{start + timedelta(microseconds=n):%Y%m%dT%H%M%S%f}Z-{run}" for n in range(count)]


def load_time(load_id: str) -> datetime:
    """The UTC time in a load's name. Raises LedgerError."""
    try:
        return datetime.strptime(load_id.split("-")[0], "%Y%m%dT%H%M%S%fZ").replace(tzinfo=UTC)
    except ValueError:
        raise LedgerError(f"{load_id!r} is no load: expected a name such as 20261123T201500123456Z-a1b2c3") from None


def entry_path(dataset: str, load_id: str) -> str:
    """Where the entry of a load lies."""
    return f"ledger/{dataset.replace('.', '/')}/{load_id}.json"


def load_of(path: str) -> str:
    """The load that a path in the lake belongs to: an object, an entry, or a note beside one."""
    return path[path.rfind("/") + 1 :].partition(".")[0]


def encode(entry: Entry) -> bytes:
    """An entry as it is stored."""
    return orjson.dumps(entry, option=orjson.OPT_INDENT_2)


def decode(content: bytes) -> Entry:
    """An entry as it was stored; fields of later formats are ignored. Raises LedgerError."""
    try:
        return Entry(**{name: value for name, value in orjson.loads(content).items() if name in FIELDS})
    except (ValueError, TypeError, AttributeError) as error:
        raise LedgerError(f"no ledger entry: {error}") from None


def _read_entries(store: ObjectStore, paths: list[str]) -> list[Entry]:
    """Entries by their paths; an empty file is what a power cut leaves of one that was never confirmed.

    Raises LedgerError naming the file that is none.
    """
    found = []
    for path, content in zip(paths, read_many(store, paths), strict=True):
        try:
            found += [decode(content)] if content else []
        except LedgerError as error:
            raise LedgerError(f"{path}: {error}; bring it back from a copy, or take it away and read again") from None
    return found


def commit(store: ObjectStore, entry: Entry) -> None:
    """Create the entry: from here on the load counts. Raises AlreadyExists."""
    put_once(store, entry_path(entry.dataset, entry.load_id), encode(entry))


def _listing(store: ObjectStore, dataset: str | None) -> tuple[list[str], list[str]]:
    """Paths of entries and of later rejections, of one dataset or of all."""
    prefix = "ledger/" + (dataset.replace(".", "/") + "/" if dataset else "")
    paths = [path for path in list_paths(store, prefix) if path.endswith(".json")]
    rejections = [path for path in paths if ".rejected-" in path]
    return [
        path for path in paths if path.count(".", path.rfind("/")) == 1
    ], rejections  # others note what was rewritten


def entries(store: ObjectStore, dataset: str | None = None, as_of: datetime | None = None) -> list[Entry]:
    """Entries in the order of their loads, as they were first written; later rejections are in `read_index`."""
    paths, _ = _listing(store, dataset)
    if as_of is not None:
        paths = [path for path in paths if load_time(load_of(path)) <= as_of]
    return sorted(_read_entries(store, paths), key=lambda entry: entry.load_id)


def reject(store: ObjectStore, load_id: str, reason: str, now: datetime) -> str:
    """Take an accepted load out; its predecessor comes back. Returns the dataset.

    Raises LedgerError if no such load is known.
    """
    load_time(load_id)
    paths, rejections = _listing(store, None)
    found = [path for path in paths if load_of(path) == load_id]
    if not found:
        raise LedgerError(f"no load {load_id} in the ledger; `kho loads` lists the newest")
    if any(load_of(path) == load_id for path in rejections):
        raise LedgerError(f"load {load_id} was taken out before and does not count")
    stamp = f"{now.astimezone(UTC):%Y%m%dT%H%M%S%fZ}"
    content = orjson.dumps({"load_id": load_id, "rejected_at": now.astimezone(UTC).isoformat(), "reason": reason})
    put_once(store, found[0].removesuffix(".json") + f".rejected-{stamp}.json", content)
    return ".".join(found[0].split("/")[1:3])


def _index_row(entry: Entry) -> dict[str, Any]:
    row = {name: getattr(entry, name) for name in FIELDS if name in INDEX_SCHEMA}
    for name in ("units", "reasons", "reason_counts", "drift", "profile", "sources"):
        row[name] = orjson.dumps(getattr(entry, name)).decode()
    return row


def _as_frame(rows: list[dict[str, Any]]) -> pl.DataFrame:
    texts = {name: pl.String() if dtype.is_temporal() else dtype for name, dtype in INDEX_SCHEMA.items()}
    frame = pl.DataFrame(rows, schema=texts)
    times = [name for name, dtype in INDEX_SCHEMA.items() if isinstance(dtype, pl.Datetime)]
    return frame.with_columns(
        pl.col("day").str.to_date(), *(pl.col(name).str.to_datetime(time_unit="us", time_zone="UTC") for name in times)
    )


def read_index(
    settings: Settings, store: ObjectStore, contracts: dict[str, Contract], as_of: datetime | None = None
) -> pl.DataFrame:
    """The ledger as a table by INDEX_SCHEMA, as it stood at `as_of`.

    contracts: the datasets to tell of. Entries never change, so those in the former index file are taken from there
    and only new ones are read.
    """
    entry_paths, rejection_paths = _listing(store, next(iter(contracts)) if len(contracts) == 1 else None)
    known = pl.DataFrame(schema=INDEX_SCHEMA)
    if settings.ledger_index.exists():
        former = pl.read_parquet(settings.ledger_index)
        if former.schema == INDEX_SCHEMA:
            present = [load_of(path) for path in entry_paths]
            known = former.filter(pl.col("load_id").is_in(present))
    have = set(known["load_id"])
    wanted = {entry_path(dataset, "").rpartition("/")[0] for dataset in contracts}
    unread = [path for path in entry_paths if load_of(path) not in have and path.rpartition("/")[0] in wanted]
    frame = pl.concat([known, _as_frame([_index_row(entry) for entry in _read_entries(store, unread)])])
    rejections = pl.DataFrame(
        [orjson.loads(content) for content in read_many(store, rejection_paths)],
        schema={"load_id": pl.String(), "rejected_at": pl.String(), "reason": pl.String()},
    ).with_columns(pl.col("rejected_at").str.to_datetime(time_unit="us", time_zone="UTC"))
    if as_of is not None:
        frame = frame.filter(pl.col("load_id") < f"{as_of.astimezone(UTC):%Y%m%dT%H%M%S%fZ}~")
        rejections = rejections.filter(pl.col("rejected_at") <= as_of)
    rejections = rejections.sort("rejected_at").group_by("load_id").first()
    titles = pl.DataFrame(
        [(c.dataset, c.title, c.mode) for c in contracts.values()],
        schema={"dataset": pl.String(), "title": pl.String(), "mode": pl.String()},
        orient="row",
    )
    frame = (
        frame.drop("title", "mode", "rejected_at", "rejected_reason", "as_of")
        .join(rejections.rename({"reason": "rejected_reason"}), on="load_id", how="left")
        .join(titles, on="dataset", how="inner")  # a dataset without a contract is not read any more
        .with_columns(standing=(pl.col("status") == "accepted") & pl.col("rejected_at").is_null())
    )
    root = object_url(settings, "")
    frame = frame.with_columns(
        url=pl.lit(root) + pl.col("object"), quarantine_url=pl.lit(root) + pl.col("quarantine_object")
    )
    partition = pl.when(pl.col("mode") == "full").then(pl.lit(None, pl.Date())).otherwise(pl.col("day"))
    newest = pl.col("load_id").filter(pl.col("standing")).max().over("dataset", "province", partition)
    current = pl.col("standing") & ((pl.col("mode") == "stream") | (pl.col("load_id") == newest))
    frame = frame.with_columns(current=current.fill_null(False)).with_columns(
        as_of=pl.lit(as_of or datetime.now(UTC)).cast(pl.Datetime("us", "UTC"))
    )
    return frame.select(list(INDEX_SCHEMA)).sort("load_id")


def expect_key(settings: Settings, store: ObjectStore, contracts: dict[str, Contract]) -> None:
    """Raises SettingsError if the newest load was made with a key that is no part of the key file's.

    With another key the same person would be somebody else from now on.
    """
    index = read_index(settings, store, contracts)
    made_with = index.sort("load_id")["key_id"].to_list()[-1:]
    path = settings.pseudonym_key_file
    if not made_with:
        return
    told = f"the lake's pseudonyms were made with the key {made_with[0]}, and {path} "
    if not path.exists():
        raise SettingsError(f"{told}is not there: bring the key back from its copy")
    try:
        load_key(settings).after(made_with[0])
    except UnknownKey:
        raise SettingsError(f"{told}is another key: bring the key back from its copy") from None


def write_index(
    settings: Settings, store: ObjectStore, contracts: dict[str, Contract], as_of: datetime | None = None
) -> Path:
    """Write the Parquet index of the ledger that SQL reads; returns its path."""
    frame = read_index(settings, store, contracts, as_of)
    settings.home.mkdir(parents=True, exist_ok=True)
    partial = settings.ledger_index.with_suffix(f".{secrets.token_hex(4)}")  # two may write at once
    frame.write_parquet(partial)
    partial.replace(settings.ledger_index)
    return settings.ledger_index


def sweep_orphans(store: ObjectStore, older_than: timedelta, now: datetime) -> list[str]:
    """Remove objects that no entry names and that are old enough not to be a load in progress; returns their paths."""
    # objects first: what is committed in between must be seen as committed
    old = [
        path
        for prefix in ("raw/", "quarantine/", "restricted/")
        for path in list_older(store, prefix, now - older_than)
    ]
    committed = {load_of(path) for path in _listing(store, None)[0]} if old else set()
    orphans = [path for path in old if load_of(path) not in committed]
    delete(store, orphans)
    delete_unfinished(store, now - older_than)
    return orphans

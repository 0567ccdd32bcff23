"""A load from its source to its ledger entry: read, door, object, verdict, entry.

The object is written before the verdict and the entry after it, so a run killed anywhere leaves
at worst an object that no entry names.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from functools import partial
from typing import Any, Literal

import polars as pl
from obstore.store import ObjectStore

from lake.code_version import code_version
from lake.connectors import Extract, SourceFile, SourceFormatError, Window
from lake.contract import Contract
from lake.current import read_units
from lake.door import QUARANTINE_SCHEMA, Admitted, Seen, admit
from lake.extracts import PART_ROWS, alike, read_extracts
from lake.ledger import Entry, encode, entry_path, new_load_ids, read_index
from lake.pieces import Packed, Packer, Piece, Written, encode_rows, unpacked
from lake.profile import count, profile
from lake.pseudonyms import load_key
from lake.settings import Settings
from lake.store import open_store, put_many
from lake.windows import is_complete, local_day, local_days, partition_start, read_window

BELIEVED = date(1900, 1, 1), date(2199, 12, 31)  # a period outside is a slip of the pen and goes to the nearest
TELL_EVERY = 100  # objects written
ENCODERS = 2  # pieces turned into objects side by side


@dataclass(frozen=True)
class Verdict:
    """What the quality rules say of one load; `reasons` are Vietnamese sentences."""

    load_id: str
    status: Literal["accepted", "rejected"]
    reasons: list[str]


Judge = Callable[[Contract, pl.DataFrame], list[Verdict]]
Progress = Callable[[str], None]


@dataclass(frozen=True)
class Run:
    """What the loads of one run have in common."""

    contract: Contract
    settings: Settings
    store: ObjectStore
    key_id: str
    window: Window | None
    started: datetime
    now: datetime
    progress: Progress | None = None
    kind: Literal["rows", "sweep"] = "rows"


def ingest(
    contract: Contract,
    days: list[date] | None,
    settings: Settings,
    judge: Judge,
    now: datetime,
    progress: Progress | None = None,
) -> list[Entry]:
    """Read a range of partitions (None: all there is) in one pass and commit one load a partition.

    days: first days of partitions; those between them are read too. A partition without a row gets an entry too, and
    files give loads for whatever partitions they hold. progress: told in words how far it is.
    Returns the entries in the order of their loads. Raises SourceError if the source cannot be read now,
    SourceFormatError if what it delivers is not what the contract says (a rejected entry tells so); files
    that can be read are committed before.
    """
    store = open_store(settings)
    key = load_key(settings)
    run = Run(contract, settings, store, key.key_id, read_window(contract, days), datetime.now(UTC), now, progress)
    units = read_units(settings) if any(column.unit_reference for column in contract.columns) else None
    pieces: list[Piece] = []
    seen = None if contract.protocol == "files" else Seen()
    refused: list[Refused] = []
    parted = False

    def enter(table: pl.DataFrame, parts: pl.Series | None) -> Admitted:
        return admit(table, contract, units, key, now, seen, parts)

    with Packer() as packer:
        for extracts in read_extracts(contract, run.window, settings, partial(_tell, run)):
            for extract, found in zip(extracts, _through_the_door(run, extracts, days, enter), strict=True):
                parted = parted or (seen is not None and len(extract.table) >= PART_ROWS)
                if isinstance(found, Refused):
                    refused.append(found)
                elif parted:
                    packer.add(found)
                else:
                    pieces += found
        packer.wait()
    packed = packer.packed
    asked = days or ([] if pieces or packed else [partition_start(contract, local_day(now))])
    there = {*(piece.day for piece in pieces), *packed}
    if contract.protocol != "files" and not refused:
        pieces += _empty(contract, [day for day in asked if day not in there])
    every: list[Piece | Packed] = [*pieces, *packed.values()]
    written = commit_pieces(run, sorted(every, key=lambda piece: piece.day), refused, judge)
    if refused:
        raise SourceFormatError("; ".join(one.reason for one in refused))
    return written


def write_derived(
    contract: Contract,
    frame: pl.DataFrame,
    settings: Settings,
    judge: Judge,
    now: datetime,
    empty_day: date | None = None,
) -> Entry:
    """Commit what we computed ourselves as one load of a derived dataset, through the same door.

    frame: the contract's columns, of one partition. empty_day: of the partition that a frame without rows stands for;
    today unless told otherwise.
    Raises SourceFormatError if a column is missing and ValueError if a row is refused or the rows are of several
    periods: then the fault is in our code.
    """
    key = load_key(settings)
    run = Run(contract, settings, open_store(settings), key.key_id, None, datetime.now(UTC), now)
    admitted = admit(frame, contract, None, key, now)
    if len(admitted.quarantined):
        row = admitted.quarantined.row(0, named=True)
        raise ValueError(f"{contract.dataset}: {len(admitted.quarantined)} rows refused, first {row}")
    at = contract.period or contract.updated_at
    days = local_days(admitted.accepted[at]) if at else pl.Series([], dtype=pl.Date())
    day = partition_start(contract, days[0] if len(days) else empty_day or local_day(now))
    if contract.mode == "period" and any(partition_start(contract, other) != day for other in days.unique()):
        raise ValueError(f"{contract.dataset}: rows of several periods in one load; write one load a period")
    piece = Piece(day, admitted.accepted, _without_time(admitted.quarantined), [], None)
    return commit_pieces(run, [piece], [], judge)[0]


@dataclass(frozen=True)
class Refused:
    """A file or answer that could not be read at all."""

    file: SourceFile | None
    reason: str


def _tell(run: Run, text: str) -> None:
    if run.progress:
        run.progress(f"{run.contract.dataset}{' keys' if run.kind == 'sweep' else ''}: {text}")


def _tell_some(run: Run, written: int) -> None:
    if written % TELL_EVERY == 0:
        _tell(run, f"{written:,} objects written")


Enter = Callable[[pl.DataFrame, pl.Series | None], Admitted]


def _through_the_door(
    run: Run, extracts: Sequence[Extract], days: list[date] | None, enter: Enter
) -> list[list[Piece] | Refused]:
    """The pieces of each extract, or why it was refused; those that are alike pass together."""
    found: dict[int, list[Piece] | Refused] = {}
    for places in alike(extracts):
        files = [extracts[place].file for place in places]
        try:
            for place in places:
                if (error := extracts[place].error) is not None:
                    raise error
            if len(places) == 1:
                told = _partitions(run, enter(extracts[places[0]].table, None), files, days)
            else:
                tables = [extracts[place].table for place in places]
                told = _partitions(run, enter(pl.concat(tables), _numbered(tables)), files, days)
            found |= zip(places, told, strict=True)
        except SourceFormatError as error:
            if len(places) == 1:
                found[places[0]] = _refused(files[0], error)
            else:  # each tells what is wrong with it
                alone = (_through_the_door(run, [extracts[place]], days, enter)[0] for place in places)
                found |= zip(places, alone, strict=True)
    return [found[place] for place in range(len(extracts))]


def _numbered(tables: Sequence[pl.DataFrame]) -> pl.Series:
    """For each row of the tables together the number of its own."""
    numbers = pl.Series(range(len(tables)), dtype=pl.UInt32())
    return pl.select(numbers.repeat_by(pl.Series([len(table) for table in tables]))).to_series().explode()


def _refused(file: SourceFile | None, error: SourceFormatError) -> Refused:
    unnamed = file is not None and file.name not in str(error)
    return Refused(file, f"{file.name}: {error}" if file and unnamed else str(error))


def _partitions(
    run: Run, admitted: Admitted, files: Sequence[SourceFile | None], days: list[date] | None
) -> list[list[Piece]]:
    """For each file one piece a partition; what is no file counts as one.

    Of a stream, rows of the overlap go to the first one asked for; rows whose time cannot be read go to the last.
    """
    contract = run.contract
    at = contract.updated_at if contract.mode == "stream" else contract.period
    last = max(days) if days else local_day(run.now)
    earliest, latest = (min(days) if days else BELIEVED[0], last) if contract.mode == "stream" else BELIEVED

    def parted(
        rows: pl.DataFrame, times: pl.Series | None, parts: pl.Series | None, latest: date
    ) -> dict[tuple[int, date], pl.DataFrame]:
        day = pl.repeat(local_day(run.now), len(rows), dtype=pl.Date(), eager=True)
        if times is not None:
            day = local_days(times).fill_null(last).clip(earliest, latest)
            if contract.partition == "monthly":
                day = day.dt.month_start()
        keys = [day.alias("_day")] if parts is None else [parts.alias("_part"), day.alias("_day")]
        names = [key.name for key in keys]
        found = rows.with_columns(keys).partition_by(names, as_dict=True, include_key=False, maintain_order=True)
        return {(0 if parts is None else key[0], key[-1]): part for key, part in found.items()}

    times = admitted.accepted[at] if at else None
    accepted = parted(admitted.accepted, times, admitted.accepted_parts, latest)
    texts = {} if admitted.texts is None else parted(admitted.texts, times, admitted.accepted_parts, latest)
    quarantined, refused_at = _without_time(admitted.quarantined), admitted.quarantined["_at"] if at else None
    refused = parted(quarantined, refused_at, admitted.quarantined_parts, max(last, local_day(run.now)))
    there = {*accepted, *refused} if at else {(number, local_day(run.now)) for number in range(len(files))}
    none, nothing = admitted.accepted.clear(), quarantined.clear()
    pieces: list[list[Piece]] = [[] for _ in files]
    for place in sorted(there):
        number, day = place
        kept = texts.get(place, None if at or admitted.texts is None else admitted.texts.clear())
        rows = accepted.get(place, none), refused.get(place, nothing)
        pieces[number].append(Piece(day, *rows, admitted.drift, files[number], kept))
    return pieces


def _without_time(quarantined: pl.DataFrame) -> pl.DataFrame:
    return quarantined.select(list(QUARANTINE_SCHEMA))


def _empty(contract: Contract, days: list[date]) -> list[Piece]:
    """Pieces without rows; they share their tables, because to make one takes longer than all else of such a load."""
    rows, refused = pl.DataFrame(schema=contract.row_schema), pl.DataFrame(schema=QUARANTINE_SCHEMA)
    return [Piece(day, rows, refused, [], None) for day in days]


def commit_pieces(run: Run, pieces: Sequence[Piece | Packed], refused: list[Refused], judge: Judge) -> list[Entry]:
    """Objects, then verdicts, then entries."""
    contract = run.contract
    ids = new_load_ids(len(pieces) + len(refused), run.started)
    named = list(zip(ids[: len(pieces)], pieces, strict=True))
    place = f"{contract.dataset.replace('.', '/')}/province={run.settings.province}"
    paths = {load_id: f"{place}/day={piece.day}/{load_id}.parquet" for load_id, piece in named}
    written: list[Written] = []
    with ThreadPoolExecutor(ENCODERS) as pool:
        encoded = pool.map(lambda one: _encoded(run, one[0], one[1], paths[one[0]]), named)
        put_many(run.store, _noted(encoded, written), lambda done: _tell_some(run, done))
    profiles = profile(contract, [one.judged for one in written], _history(run))
    verdicts = {verdict.load_id: verdict for verdict in judge(contract, profiles)} if named else {}
    known = {row["load_id"]: row for row in profiles.to_dicts()}
    files = Counter(one.file.sha256 for one in written if one.file)
    entries = [_entry(run, one, known[one.judged.load_id], verdicts[one.judged.load_id], files) for one in written]
    entries += [_refusal(run, load_id, one) for load_id, one in zip(ids[len(pieces) :], refused, strict=True)]
    put_many(run.store, ((entry_path(contract.dataset, entry.load_id), encode(entry)) for entry in entries))
    received, quarantined = sum(one.received for one in entries), sum(one.quarantined for one in entries)
    _tell(run, f"{received:,} rows received, {quarantined:,} quarantined, loads committed: {len(entries):,}")
    return entries


def _noted(
    encoded: Iterator[tuple[Written, list[tuple[str, bytes]]]], written: list[Written]
) -> Iterator[tuple[str, bytes]]:
    """Paths and contents, a piece after the other; what is to be known of each is added to `written`."""
    for known, objects in encoded:
        yield from objects
        written.append(known)


def _encoded(run: Run, load_id: str, one: Piece | Packed, path: str) -> tuple[Written, list[tuple[str, bytes]]]:
    """What is known of a piece, and the paths and contents of its objects."""
    contract = run.contract
    piece = unpacked(one)
    tables = {"raw": piece.accepted, "quarantine": piece.quarantined, "restricted": piece.texts}
    objects = {
        f"{prefix}/{path}": encode_rows(rows.with_columns(_load_id=pl.lit(load_id)), run.key_id)
        for prefix, rows in tables.items()
        if rows is not None and len(rows)
    }
    complete = is_complete(contract, piece.day, run.now)
    judged = count(contract, load_id, piece.day, piece.accepted, len(piece.quarantined), complete)
    refused = _reason_counts(piece.quarantined) if len(piece.quarantined) else {}
    places = {place.partition("/")[0]: place for place in objects}
    units = _delivering(contract, piece)
    return Written(judged, places, refused, units, piece.drift, piece.file), list(objects.items())


def _reason_counts(quarantined: pl.DataFrame) -> dict[str, int]:
    codes = quarantined["reasons"].explode().drop_nulls().value_counts().sort("reasons")
    return dict(codes.iter_rows())


def _history(run: Run) -> pl.DataFrame:
    """Day, rows received and units reporting of the dataset's standing loads, oldest first."""
    index = read_index(run.settings, run.store, {run.contract.dataset: run.contract})
    return index.filter(pl.col("standing") & (pl.col("kind") == "rows")).select(
        "day", "received", units=pl.col("profile").str.json_path_match("$.units_reporting").cast(pl.Int64)
    )


def _entry(run: Run, one: Written, known: dict[str, Any], verdict: Verdict, files: Counter[str]) -> Entry:
    judged = one.judged
    return Entry(
        **_common(run, judged.load_id),
        status=verdict.status,
        reasons=verdict.reasons,
        day=judged.day.isoformat(),
        received=judged.accepted + judged.quarantined,
        accepted=judged.accepted,
        quarantined=judged.quarantined,
        object=one.objects.get("raw"),
        quarantine_object=one.objects.get("quarantine"),
        text_object=one.objects.get("restricted"),
        reason_counts=one.reason_counts,
        drift=one.drift,
        units=one.units,
        profile={name: value for name, value in known.items() if name not in ("load_id", "day")},
        sources=[{**asdict(one.file), "parts": files[one.file.sha256]}] if one.file else [],
    )


def _delivering(contract: Contract, piece: Piece) -> list[str]:
    """The units that rows came from, also such rows as were refused."""
    if contract.delivery is None or contract.unit_column is None:
        return []
    units = pl.concat([piece.accepted[contract.unit_column], piece.quarantined["unit_code"]])
    return sorted(units.drop_nulls().unique().to_list())


def _refusal(run: Run, load_id: str, one: Refused) -> Entry:
    return Entry(
        **_common(run, load_id),
        status="rejected",
        reasons=[f"Không đọc được dữ liệu nguồn: {one.reason}"],
        day=local_day(run.now).isoformat(),
        received=0,
        accepted=0,
        quarantined=0,
        sources=[{**asdict(one.file), "parts": 1}] if one.file else [],
    )


def _common(run: Run, load_id: str) -> dict[str, Any]:
    return {
        "load_id": load_id,
        "dataset": run.contract.dataset,
        "kind": run.kind,
        "province": run.settings.province,
        "contract_sha256": run.contract.sha256,
        "key_id": run.key_id,
        "code_version": code_version(),
        "window_from": run.window and run.window.start.astimezone(UTC).isoformat(),
        "window_to": run.window and run.window.end.astimezone(UTC).isoformat(),
        "started_at": run.started.isoformat(),
        "finished_at": datetime.now(UTC).isoformat(),
    }

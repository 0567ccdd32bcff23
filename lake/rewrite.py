"""The only place that changes objects of the lake: erasure of persons, new pseudonym keys, the end of retention.

Everything is told before it is done, and can be done again: a run that was killed is finished by the next one. Rows go
or are re-keyed; paths, load ids and entries stay, with a note beside the entry that holds counts and never values.
"""

import hashlib
import io
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import polars as pl
from obstore.store import ObjectStore

from lake.contract import Contract
from lake.ledger import entry_path, read_index, reject
from lake.pieces import KEY_ID, encode_rows
from lake.pseudonyms import Key, add_secret, advance, load_key
from lake.settings import Settings
from lake.store import AlreadyExists, list_paths, open_store, put_once, read, read_many, remove, replace

PSEUDONYM = r"\b[0-9a-f]{64}\b"
AT_ONCE = 64  # objects in memory

Progress = Callable[[str], None]


class RewriteError(ValueError):
    """What was asked cannot be done; the message says why."""


@dataclass(frozen=True)
class Erasure:
    """One request. fingerprints: SHA-256 of the pseudonyms under the key named; they find rows and tell no person."""

    erasure_id: str
    asked_at: str
    asked_by: str
    reason: str
    key_id: str
    fingerprints: list[str]


@dataclass(frozen=True)
class Objects:
    """What one load wrote, as it is now; None for what it did not write."""

    load_id: str
    key_id: str
    rows: pl.DataFrame | None
    quarantined: pl.DataFrame | None
    texts: pl.DataFrame | None


def erase(
    settings: Settings,
    contracts: dict[str, Contract],
    pseudonyms: list[str],
    asked_by: str,
    reason: str,
    now: datetime,
    progress: Progress | None = None,
) -> pl.DataFrame:
    """Remove every row of these persons from the lake; returns dataset, load_id, rows, quarantined, texts touched.

    Marts and published files have to be built again after. Raises RewriteError if one is no pseudonym.
    """
    if wrong := [one for one in pseudonyms if not (len(one) == 64 and set(one) <= set("0123456789abcdef"))]:
        raise RewriteError(f"{len(wrong)} of what was given is no pseudonym: expected 64 hexadecimal digits each")
    store, moment = open_store(settings), now.astimezone(UTC)
    fingerprints = sorted(_fingerprint(one) for one in set(pseudonyms))
    name = hashlib.sha256("".join(fingerprints).encode()).hexdigest()[:8]
    erasure = Erasure(
        f"{moment:%Y%m%dT%H%M%S%fZ}-{name}",
        moment.isoformat(),
        asked_by,
        reason,
        load_key(settings).key_id,
        fingerprints,
    )
    put_once(store, f"erasures/{erasure.erasure_id}.json", orjson.dumps(asdict(erasure), option=orjson.OPT_INDENT_2))
    return _apply(settings, contracts, [erasure], progress)


def replay_erasures(
    settings: Settings, contracts: dict[str, Contract], progress: Progress | None = None
) -> pl.DataFrame:
    """Apply every erasure of the list again, after a restore brought old objects back; returns what was touched."""
    store = open_store(settings)
    listed = [Erasure(**orjson.loads(content)) for content in read_many(store, list_paths(store, "erasures/"))]
    return _apply(settings, contracts, listed, progress)


def rotate_key(settings: Settings, contracts: dict[str, Contract], progress: Progress | None = None) -> int:
    """Add a secret to the key and advance all history to it; returns the objects rewritten."""
    add_secret(settings)
    return finish_rotation(settings, contracts, progress)


def finish_rotation(settings: Settings, contracts: dict[str, Contract], progress: Progress | None = None) -> int:
    """Advance what an earlier key made; returns the objects rewritten, 0 where nothing was left to do."""
    store, key = open_store(settings), load_key(settings)
    rewritten = 0
    for contract, loads in _protected_loads(settings, store, contracts):
        stale = loads.filter(pl.col("key_id") != key.key_id)
        if stale.is_empty():  # as in almost every refresh: nothing need be looked for
            continue
        done = {Path(path).name.split(".")[0] for path in _notes(store, contract, f".rekeyed-{key.key_id}")}
        for one in _objects(store, contract, stale.filter(~pl.col("load_id").is_in(done))):
            chain = key.after(one.key_id)
            if chain:
                rewritten += _write(settings, store, contract, _advanced(one, contract, chain), key.key_id)
            _note(store, contract, one.load_id, f"rekeyed-{key.key_id}", {"key_id": key.key_id})
            _tell(progress, contract, f"{rewritten:,} objects re-keyed", rewritten)
    return rewritten


def expire(settings: Settings, contracts: dict[str, Contract], now: datetime) -> int:
    """Remove what was kept for as long as its contract says; returns the objects removed.

    Restricted texts go by the time of their load. Loads of old partitions are taken out of the ledger before their
    objects go; the newest load of a dataset without partitions stays whatever its age.
    """
    store = open_store(settings)
    removed = 0
    index = read_index(settings, store, contracts)
    there = {path for prefix in ("raw/", "quarantine/", "restricted/") for path in list_paths(store, prefix)}
    for contract in contracts.values():
        loads = index.filter(pl.col("dataset") == contract.dataset)
        before = now - timedelta(days=contract.retention.text_days)
        old = loads.filter(pl.col("started_at") < before)["text_object"].drop_nulls().to_list()
        gone = [path for path in old if path in there]
        if contract.retention.months is not None and contract.partition != "none":
            limit = pl.lit(now.date()).dt.offset_by(f"-{contract.retention.months}mo")
            outlived = loads.filter(pl.col("day") < limit)
            for load_id in outlived.filter(pl.col("rejected_at").is_null())["load_id"]:
                reject(store, load_id, "Hết thời hạn lưu trữ", now)
            named = [*outlived["object"].drop_nulls(), *outlived["quarantine_object"].drop_nulls()]
            gone += [path for path in named if path in there]
        remove(settings, store, gone)
        removed += len(gone)
    return removed


def _apply(
    settings: Settings, contracts: dict[str, Contract], erasures: list[Erasure], progress: Progress | None
) -> pl.DataFrame:
    store, key = open_store(settings), load_key(settings)
    touched = []
    for contract, loads in _protected_loads(settings, store, contracts):
        for one in _objects(store, contract, loads):
            left = one
            for erasure in erasures:
                left = _without(left, contract, erasure, key)
            counts = {
                name: _height(getattr(one, name)) - _height(getattr(left, name))
                for name in ("rows", "quarantined", "texts")
            }
            if any(counts.values()):
                note = {**counts, "erased_at": datetime.now(UTC).isoformat()}
                _note(store, contract, one.load_id, f"erased-{erasures[-1].erasure_id}", note)
                _write(settings, store, contract, left, one.key_id)
                touched.append({"dataset": contract.dataset, "load_id": one.load_id, **counts})
            _tell(progress, contract, f"{len(touched):,} loads rewritten", len(touched))
    schema = {"dataset": pl.String(), "load_id": pl.String()} | dict.fromkeys(
        ("rows", "quarantined", "texts"), pl.Int64()
    )
    return pl.DataFrame(touched, schema=schema)


def _protected_loads(
    settings: Settings, store: ObjectStore, contracts: dict[str, Contract]
) -> Iterable[tuple[Contract, pl.DataFrame]]:
    """The datasets with pseudonyms and all their loads, whether they count or not."""
    index = read_index(settings, store, contracts)
    for contract in contracts.values():
        if _pseudonym_columns(contract):
            yield contract, index.filter(pl.col("dataset") == contract.dataset)


def _pseudonym_columns(contract: Contract) -> list[str]:
    return [column.name for column in contract.columns if column.protect == "pseudonym"]


def _objects(store: ObjectStore, contract: Contract, loads: pl.DataFrame) -> Iterable[Objects]:
    """What the loads wrote and is still there, some at a time."""
    places = {"object": "raw", "quarantine_object": "quarantine", "text_object": "restricted"}
    if loads.is_empty():
        return
    folder = contract.dataset.replace(".", "/")
    there = {path for prefix in places.values() for path in list_paths(store, f"{prefix}/{folder}/")}
    for part in loads.iter_slices(AT_ONCE):
        wanted = [path for name in places for path in part[name].drop_nulls() if path in there]
        content = dict(zip(wanted, read_many(store, wanted), strict=True))
        for load_id, entry_key, *paths in part.select("load_id", "key_id", *places).iter_rows():
            made = [_decoded(content.get(path), entry_key) for path in paths]
            # one key, unless a rotation was killed between two objects of a load
            for key_id in sorted({key_id for _, key_id in made if key_id}):
                yield Objects(load_id, key_id, *(table if key == key_id else None for table, key in made))


def _decoded(content: bytes | None, entry_key: str) -> tuple[pl.DataFrame | None, str]:
    """The table and the key of its pseudonyms, which objects of older code do not tell."""
    if content is None:
        return None, ""
    key_id = pl.read_parquet_metadata(io.BytesIO(content)).get(KEY_ID, entry_key)
    return pl.read_parquet(io.BytesIO(content)), key_id


def _without(one: Objects, contract: Contract, erasure: Erasure, key: Key) -> Objects:
    """The objects without the rows of an erasure; for one asked under a later key, pseudonyms are advanced to it."""
    later, erased = key.after(one.key_id), key.after(erasure.key_id)
    if len(erased) > len(later):
        return one  # made since with a later key: what was to be erased was so before
    chain = later[: len(later) - len(erased)]
    wanted = set(erasure.fingerprints)

    def meant(values: pl.Series) -> pl.Series:
        distinct = values.unique().drop_nulls()
        forms = advance(distinct, chain) if chain else distinct
        hits = [value for value, form in zip(distinct, forms, strict=True) if _fingerprint(form) in wanted]
        return values.is_in(hits).fill_null(False)

    rows, quarantined, texts = one.rows, one.quarantined, one.texts
    if rows is not None:
        gone = rows.select(
            pl.any_horizontal(meant(rows[name]) for name in _pseudonym_columns(contract) if name in rows.columns)
        ).to_series()
        if texts is not None:
            texts = texts.join(rows.filter(gone), on=contract.key, how="anti", nulls_equal=True)
        rows = rows.filter(~gone)
    if quarantined is not None:
        found = (
            quarantined.select("row", "record_id")
            .with_row_index()
            .with_columns(
                pseudonyms=pl.concat_str("row", "record_id", separator=" ", ignore_nulls=True).str.extract_all(
                    PSEUDONYM
                )
            )
            .explode("pseudonyms", empty_as_null=True)
        )
        bad = found.filter(meant(found["pseudonyms"]))["index"].unique()
        quarantined = quarantined.with_row_index().filter(~pl.col("index").is_in(bad.implode())).drop("index")
    return Objects(one.load_id, one.key_id, rows, quarantined, texts)


def _advanced(one: Objects, contract: Contract, chain: tuple[bytes, ...]) -> Objects:
    """The same objects with the pseudonyms of a later key."""
    rows, quarantined = one.rows, one.quarantined
    if rows is not None:
        names = [name for name in _pseudonym_columns(contract) if name in rows.columns]
        rows = rows.with_columns(advance(rows[name], chain).alias(name) for name in names)
    texts = one.texts
    if texts is not None:
        keys = [name for name in _pseudonym_columns(contract) if name in texts.columns]
        texts = texts.with_columns(advance(texts[name], chain).alias(name) for name in keys)
    if quarantined is not None:
        quarantined = quarantined.with_columns(
            _advanced_within(quarantined[name], chain).alias(name) for name in ("row", "record_id")
        )
    return Objects(one.load_id, one.key_id, rows, quarantined, texts)


def _advanced_within(texts: pl.Series, chain: tuple[bytes, ...]) -> pl.Series:
    """Texts in which every pseudonym is advanced."""
    former = texts.str.extract_all(PSEUDONYM).explode(empty_as_null=True).drop_nulls().unique()
    if former.is_empty():
        return texts
    return texts.str.replace_many(former.to_list(), advance(former, chain).to_list())


def _write(settings: Settings, store: ObjectStore, contract: Contract, one: Objects, key_id: str) -> int:
    """Put the objects in their former places; returns how many."""
    index_place = entry_path(contract.dataset, one.load_id)
    entry = orjson.loads(read(store, index_place))
    places = {"object": one.rows, "quarantine_object": one.quarantined, "text_object": one.texts}
    written = 0
    for name, table in places.items():
        if table is not None:
            replace(settings, store, entry[name], encode_rows(table, key_id))
            written += 1
    return written


def _notes(store: ObjectStore, contract: Contract, ending: str) -> list[str]:
    place = f"ledger/{contract.dataset.replace('.', '/')}/"
    return [path for path in list_paths(store, place) if ending in path]


def _note(store: ObjectStore, contract: Contract, load_id: str, what: str, content: dict[str, object]) -> None:
    """A note beside the entry of a load; one that is there was written by a run that was killed."""
    path = entry_path(contract.dataset, load_id).removesuffix(".json") + f".{what}.json"
    try:
        put_once(store, path, orjson.dumps({"load_id": load_id, **content}))
    except AlreadyExists:
        return


def _fingerprint(pseudonym: str) -> str:
    return hashlib.sha256(pseudonym.encode()).hexdigest()


def _height(table: pl.DataFrame | None) -> int:
    return 0 if table is None else len(table)


def _tell(progress: Progress | None, contract: Contract, text: str, count: int) -> None:
    if progress and count and count % 100 == 0:
        progress(f"{contract.dataset}: {text}")

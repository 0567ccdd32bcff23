"""OGC SensorThings API 1.1: Observations of a window, with station, property and unit of their Datastreams.

`source` of the contract: `url` and `path` of the service root, `auth` as for REST (optional), `window` (resultTime,
the default, finds what comes late or is corrected; phenomenonTime), `size` of a page, `units` (see
`lake.connectors.datastreams.unit_table`), `data_array: false` for a server that speaks the data array badly,
`count: false` for one that only estimates its counts.

Columns that a contract can name as `source`: `id`, `phenomenonTime` (of an interval its start), `phenomenonTimeEnd`,
`resultTime`, `result` (in the contract's unit), `unit`, `resultDelivered`, `unitDelivered`, `Datastream.id`,
`Datastream.…`, `Thing.…`, `ObservedProperty.…`, `Sensor.…`, `Location.longitude`, `Location.latitude`, `Location.…`
by dotted path, such as `Thing.properties.maXa`.

A unit that the contract does not know is never guessed and loses no row: see `in_contract_units`.
"""

import re
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from operator import methodcaller
from typing import Any
from urllib.parse import quote

import httpx
import orjson
import polars as pl

from lake.connectors.base import Extract, SourceError, SourceFormatError, Window, setting
from lake.connectors.datastreams import catalogue, in_contract_units, unit_table
from lake.connectors.rest import AHEAD, LATER, TIMEOUT, Session
from lake.contract import Contract
from lake.settings import Settings

SIZE = 10_000  # observations asked for at once; a server may give fewer
WINDOWS = ("resultTime", "phenomenonTime")
FIELDS = ("id", "phenomenonTime", "resultTime", "result")
SKIP = re.compile(r"((?:\$|%24)skip=)(\d+)")
OWNER = re.compile(r"Datastreams\('?(.+?)'?\)")
DATASTREAMS = {"$expand": "Thing($expand=Locations),ObservedProperty,Sensor", "$top": "1000"}


def read(contract: Contract, window: Window | None, settings: Settings) -> Iterator[Extract]:
    """Pages of Observations as extracts, by time and id.

    Raises SourceError (down, 429, 5xx, broken JSON after retries; rows that moved while they were read),
    SourceFormatError (refused, no such protocol, a contract that cannot be used).
    """
    source = contract.source
    root = setting(settings, source["url"]).rstrip("/") + source.get("path", "")
    unit_table(contract)  # a mistake in it is told before anything is asked
    limits = httpx.Limits(max_connections=AHEAD)
    with httpx.Client(timeout=TIMEOUT, limits=limits, trust_env=False) as client:
        session = Session(client, contract, settings)
        asked = _question(contract, window, _has_data_array(session, root))
        known = catalogue(contract, _datastreams(session, root))
        ids: list[pl.Series] = []
        counts: list[int] = []
        for body in _pages(session, _address(f"{root}/Observations", asked), AHEAD):
            if isinstance(body.get("@iot.count"), int):
                counts.append(body["@iot.count"])
            observations = _observations(contract, body)
            if not len(observations):
                continue
            if not observations["Datastream"].is_in(known["Datastream"].implode()).all():  # one began meanwhile
                known = catalogue(contract, _datastreams(session, root))
            ids.append(observations["id"])
            yield Extract(in_contract_units(observations, known, contract))
        _nothing_moved(contract, ids, counts)


def _question(contract: Contract, window: Window | None, data_array: bool) -> dict[str, str]:
    source = contract.source
    by = source.get("window", WINDOWS[0])
    if by not in WINDOWS:
        raise SourceFormatError(f"{contract.dataset}: window {by!r} in the contract; expected {' or '.join(WINDOWS)}")
    asked = {"$select": ",".join(FIELDS), "$orderby": f"{by} asc,id asc", "$top": str(source.get("size", SIZE))}
    if source.get("count", True):
        asked["$count"] = "true"
    if window is not None:
        asked["$filter"] = f"{by} ge {_moment(window.start)} and {by} lt {_moment(window.end)}"
    if data_array:
        return {**asked, "$resultFormat": "dataArray"}
    return {**asked, "$expand": "Datastream($select=id)"}


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _address(url: str, asked: dict[str, str]) -> str:
    # written out here: a blank as + instead of %20 is not understood everywhere
    return f"{url}?{'&'.join(f'{name}={quote(value)}' for name, value in asked.items())}"


def _has_data_array(session: Session, root: str) -> bool:
    """Whether the service says that it speaks the data array extension, whose pages are a third as large."""
    body = session.get(root, None)
    if not isinstance(body, dict) or not isinstance(body.get("value"), list):
        raise SourceFormatError(f"{session.contract.dataset}: url and path of the contract are no SensorThings service")
    about = body.get("serverSettings")
    conformance = about.get("conformance") if isinstance(about, dict) else None
    spoken = any("/data-array" in str(uri) for uri in conformance or [])
    return spoken and bool(session.contract.source.get("data_array", True))


def _datastreams(session: Session, root: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for body in _pages(session, _address(f"{root}/Datastreams", DATASTREAMS), 1):
        found += _entities(session.contract, body)
    return found


def _pages(session: Session, url: str, depth: int) -> Iterator[dict[str, Any]]:
    """All pages of a list. `@iot.nextLink` decides what follows.

    Where it pages by $skip, up to `depth` pages are asked for while the former ones are decoded; an answer is taken
    only if the page before it links to exactly that address.
    """
    ahead: deque[tuple[str, Future[Any]]] = deque()
    pool = ThreadPoolExecutor(depth)
    seen = {url}
    skipped = 0
    try:
        body = session.get(url, None)
        while (following := _next_link(session, body, url)) is not None:
            if following in seen:
                raise SourceFormatError(
                    f"{session.contract.dataset}: the pages go round in a circle; tell the source's owner"
                )
            seen.add(following)
            found = SKIP.search(following)
            step, skipped = (int(found[2]) - skipped, int(found[2])) if found else (0, skipped)
            if ahead and ahead[0][0] != following:
                while ahead:
                    ahead.popleft()[1].cancel()
            links = [following]
            if step > 0:
                links += [SKIP.sub(rf"\g<1>{skipped + step * n}", following) for n in range(1, depth)]
            ahead.extend((link, pool.submit(session.get, link, None)) for link in links[len(ahead) :])
            yield body
            body = ahead.popleft()[1].result()
        yield body
    finally:
        if depth > 1:
            session.stopped.set()  # pages past the end need not be waited for
        pool.shutdown(cancel_futures=True)


def _next_link(session: Session, body: Any, url: str) -> str | None:
    """Where the next page is; None at the end. Raises SourceFormatError if it is on another server."""
    if not isinstance(body, dict):
        raise SourceFormatError(f"{session.contract.dataset}: an answer is no object with a list `value`")
    link = body.get("@iot.nextLink")
    if not link:
        return None
    home, target = httpx.URL(url), httpx.URL(url).join(str(link))
    if (target.scheme, target.host, target.port) != (home.scheme, home.host, home.port):
        raise SourceFormatError(  # the token is meant for one server
            f"{session.contract.dataset}: the next page is on another server ({target.host}); not followed. "
            "The service may not know its own address (serviceRootUrl)"
        )
    return str(target)


def _entities(contract: Contract, body: dict[str, Any]) -> list[dict[str, Any]]:
    rows = body.get("value")
    if not isinstance(rows, list) or set(map(type, rows)) - {dict}:
        raise SourceFormatError(f"{contract.dataset}: an answer has no list of objects at `value`")
    return rows


def _observations(contract: Contract, body: dict[str, Any]) -> pl.DataFrame:
    """A page, plain or as data arrays: id, Datastream, phenomenonTime, phenomenonTimeEnd, resultTime, result."""
    rows = _entities(contract, body)
    if rows and "dataArray" in rows[0]:
        columns = _from_data_arrays(contract, rows)
    else:
        columns = {name: list(map(methodcaller("get", name), rows)) for name in FIELDS[1:]}
        columns["id"] = list(map(methodcaller("get", "@iot.id"), rows))
        try:
            columns["Datastream"] = list(
                map(methodcaller("get", "@iot.id"), map(methodcaller("get", "Datastream"), rows))
            )
        except AttributeError:
            raise SourceFormatError(
                f"{contract.dataset}: Observations come without their Datastream; does the server know $expand?"
            ) from None
    table = pl.DataFrame(
        {name: (_result if name == "result" else _texts)(columns[name]) for name in (*FIELDS, "Datastream")}
    )
    times = table["phenomenonTime"].str.split_exact("/", 1).struct
    return table.with_columns(times.field("field_0").alias("phenomenonTime"), phenomenonTimeEnd=times.field("field_1"))


def _from_data_arrays(contract: Contract, groups: list[dict[str, Any]]) -> dict[str, list[Any]]:
    """Columns of all groups, one after the other; a group holds rows of one Datastream."""
    columns: dict[str, list[Any]] = {name: [] for name in (*FIELDS, "Datastream")}
    for group in groups:
        owner = OWNER.search(str(group.get("Datastream@iot.navigationLink")))
        rows = group.get("dataArray") or []
        names = ["id" if name == "@iot.id" else name for name in group.get("components") or []]
        try:
            values = dict(zip(names, zip(*rows, strict=True), strict=True)) if rows else {}
        except (TypeError, ValueError):
            raise SourceFormatError(f"{contract.dataset}: a data array does not fit its components") from None
        if owner is None or (rows and not {"id", "phenomenonTime", "result"} <= set(values)):
            raise SourceFormatError(
                f"{contract.dataset}: a data array lacks its Datastream, or id, phenomenonTime or result among its "
                "components; set data_array: false in the contract"
            )
        for name in FIELDS if rows else ():
            columns[name] += values.get(name, [None] * len(rows))
        columns["Datastream"] += [owner[1]] * len(rows)
    return columns


def _texts(values: list[Any]) -> pl.Series:
    kinds = set(map(type, values)) - {type(None)}
    if kinds <= {str}:
        return pl.Series(values, dtype=pl.String)
    if kinds <= {int}:
        return pl.Series(values, dtype=pl.Int64).cast(pl.String)
    return pl.Series(list(map(_text, values)), dtype=pl.String)


def _result(values: list[Any]) -> pl.Series:
    """Numbers; if anything else is among them, all as text."""
    if set(map(type, values)) <= {int, float, type(None)}:
        return pl.Series(values, dtype=pl.Float64, strict=False)
    return pl.Series(list(map(_text, values)), dtype=pl.String)


def _text(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else orjson.dumps(value).decode()


def _nothing_moved(contract: Contract, ids: list[pl.Series], counts: list[int]) -> None:
    """A row that is corrected while pages are read leaves its place, and another one slips between two pages.

    Then it comes twice, or the server's count falls; a list that ends early is shorter than the count. Such a
    reading is thrown away. What is added at the end meanwhile does no harm. Raises SourceError.
    """
    read_ids = pl.concat(ids) if ids else pl.Series([], dtype=pl.String)
    if (
        read_ids.n_unique() < len(read_ids)
        or len(read_ids) < max(counts, default=0)
        or min(counts, default=0) < (counts[0] if counts else 0)
    ):
        raise SourceError(f"{contract.dataset}: observations changed while their pages were read; {LATER}")

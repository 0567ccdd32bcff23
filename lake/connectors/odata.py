"""ODK Central's OData service: the submissions of a form, or the rows of one of its repeat groups.

`source` of the contract: `url` of the server, `project`, `form`, `auth` (`email` and `password`; optional),
`table` (`Submissions`, the default, or `Submissions.<repeat>` with its groups, as the service document names it), and
`size` of a page.

Columns that a contract can name as `source`: the form's fields by dotted path (`group.field`), of a point
`<field>.longitude`, `<field>.latitude`, `<field>.altitude` and `<field>.accuracy`; `__id`; `__system.submissionDate`,
`__system.reviewState` and its other fields; `updatedAt`, the last edit or review, or else the submission. On a repeat
table the fields of the repeat, `__id`, `__Submissions-id`, and all columns of the parent as `parent.…`.

A rejected submission is a row like any other, with its review state.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import httpx
import orjson
import polars as pl

from lake.connectors.base import Extract, SourceError, SourceFormatError, Window, setting, setting_names
from lake.connectors.rest import LATER, TIMEOUT, TOKEN_SECONDS, NoSuchPage, Session
from lake.contract import Contract
from lake.settings import Settings

SIZE = 1000  # submissions asked for at once
ROOT = "Submissions"
PARENT = "parent"
ANSWERED = "__system/submissionDate", "__system/updatedAt"
# what the server says about every submission, beside what the form asks; no drift if a contract leaves it out
ABOUT = ("__system.", "meta.", f"{PARENT}.")


class UserSession(Session):
    """A session of a web user: e-mail and password for a token that lives until a moment."""

    def _renew(self) -> None:
        """Get a token. Raises SourceError, SourceFormatError when the user is refused."""
        auth = self.contract.source["auth"]
        user = {name: setting(self.settings, auth[name]) for name in ("email", "password")}
        url = f"{_server(self.contract, self.settings)}/v1/sessions"
        answer = self._send(lambda: self.client.post(url, json=user))
        names = setting_names(auth["email"], auth["password"])
        body = self._granted(answer, f"the user ({answer.status_code}); check {names}")
        lacking = "a session is opened without a token; check url in the contract"
        self._keep(body.get("token"), lacking, _life(body))


def read(contract: Contract, window: Window | None, settings: Settings) -> Iterator[Extract]:
    """Pages of submissions, or of one repeat group's rows, as extracts.

    Raises SourceError (down, 429, 5xx, broken JSON after retries; a list that ended early), SourceFormatError (refused,
    no such project, form or table).
    """
    source = contract.source
    table = source.get("table", ROOT)
    project, form = (quote(setting(settings, str(source[name])), safe="") for name in ("project", "form"))
    service = f"{_server(contract, settings)}/v1/projects/{project}/forms/{form}.svc"
    asked = {"$top": str(source.get("size", SIZE)), "$count": "true"}
    if window is not None:
        asked["$filter"] = _within(window)
    with httpx.Client(timeout=TIMEOUT, trust_env=False) as client:
        session = UserSession(client, contract, settings)
        if table != ROOT:
            _must_serve(session, service, table)
            # Rows of a repeat know neither when their submission was edited nor its review. With their parents they
            # come in one answer that is of one moment; two lists read one after the other may contradict each other.
            asked["$expand"] = "*"
        ids: list[pl.Series] = []
        counts: list[int] = []
        for body in _pages(session, f"{service}/{ROOT}?{'&'.join(f'{k}={quote(v)}' for k, v in asked.items())}"):
            if isinstance(body.get("@odata.count"), int):
                counts.append(body["@odata.count"])
            submissions = _submissions(contract, body)
            if not len(submissions):
                continue
            ids.append(submissions["__id"])
            if window is not None:
                submissions = _not_moved_on(submissions, window)
            rows = submissions if table == ROOT else _repeat(submissions, table)
            if len(rows):
                yield Extract(_asked_for(rows, contract))
        _nothing_lacks(contract, ids, counts)


def _server(contract: Contract, settings: Settings) -> str:
    return setting(settings, contract.source["url"]).rstrip("/")


def _life(session: dict[str, Any]) -> float:
    """Seconds that a session lives, by the server's own clock where it tells both ends."""
    try:
        end = datetime.fromisoformat(str(session.get("expiresAt")))
        start = datetime.fromisoformat(str(session["createdAt"])) if "createdAt" in session else datetime.now(UTC)
        return max((end - start).total_seconds(), 0.0)
    except (ValueError, TypeError):
        return TOKEN_SECONDS


def _within(window: Window) -> str:
    """A submission that nobody edited or reviewed has no updatedAt yet: its submission counts as its last change."""
    start, end = (
        moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        for moment in (window.start, window.end)
    )
    return " or ".join(f"({field} ge {start} and {field} lt {end})" for field in ANSWERED)


def _must_serve(session: Session, service: str, table: str) -> None:
    """Raises SourceFormatError if the form has no such repeat group; otherwise it would just look empty."""
    body = _object(session, service)
    tables = [str(one.get("name")) for one in body.get("value") or [] if isinstance(one, dict)]
    if table not in tables:
        raise SourceFormatError(
            f"{session.contract.dataset}: the form has no table {table}; it has {', '.join(tables)}. "
            "Mend table in the contract"
        )


def _object(session: Session, url: str) -> dict[str, Any]:
    try:
        body = session.get(url, None)
    except NoSuchPage:
        raise SourceFormatError(
            f"{session.contract.dataset}: no such project, form or table (404), or the user may not see it; "
            "check url, project and form in the contract"
        ) from None
    if not isinstance(body, dict) or not isinstance(body.get("value"), list):
        raise SourceFormatError(f"{session.contract.dataset}: an answer is no object with a list `value`")
    return body


def _pages(session: Session, url: str) -> Iterator[dict[str, Any]]:
    """All pages, the newest submissions first; `@odata.nextLink` tells where the list goes on."""
    home, link, seen = httpx.URL(url), url, {url}
    while True:
        body = _object(session, link)
        yield body
        if not body.get("@odata.nextLink"):
            return
        target = home.join(str(body["@odata.nextLink"]))
        if (target.scheme, target.host, target.port) != (home.scheme, home.host, home.port):
            raise SourceFormatError(  # the token is meant for one server
                f"{session.contract.dataset}: the next page is on another server ({target.host}); not followed. "
                "The server may not know its own address"
            )
        link = str(target)
        if link in seen:
            raise SourceFormatError(
                f"{session.contract.dataset}: the pages go round in a circle; tell the source's owner"
            )
        seen.add(link)


def _submissions(contract: Contract, body: dict[str, Any]) -> pl.DataFrame:
    """The submissions of a page, by dotted path; repeat groups stay lists."""
    if not body["value"]:
        return pl.DataFrame()
    try:
        # values of one field that differ in type become text, so that the door can judge each of them
        rows = _flat(pl.read_json(orjson.dumps(body["value"]), infer_schema_length=None))
    except (pl.exceptions.PolarsError, TypeError):
        raise SourceFormatError(
            f"{contract.dataset}: a field is a group in one submission and a value in another; "
            "look at the versions of the form"
        ) from None
    if lacking := {"__id", "__system.submissionDate"} - set(rows.columns):
        raise SourceFormatError(f"{contract.dataset}: submissions come without {', '.join(sorted(lacking))}")
    moments = [pl.col(f"__system.{name}") for name in ("updatedAt", "submissionDate") if f"__system.{name}" in rows]
    return rows.with_columns(pl.coalesce(moment.cast(pl.String) for moment in moments).alias("updatedAt"))


def _not_moved_on(submissions: pl.DataFrame, window: Window) -> pl.DataFrame:
    """Without what was changed again after the window: another window holds it, and it would look like a late row."""
    changed = pl.col("updatedAt").str.to_datetime("%+", strict=False, time_unit="us", time_zone="UTC")
    start, end = window.start.astimezone(UTC), window.end.astimezone(UTC)
    return submissions.filter(changed.is_between(start, end, closed="left").fill_null(True))


def _flat(rows: pl.DataFrame) -> pl.DataFrame:
    """Groups as columns by dotted path, points as their coordinates; without links that only lead elsewhere."""
    while nested := [name for name, dtype in rows.schema.items() if isinstance(dtype, pl.Struct)]:
        points = [name for name in nested if {"type", "coordinates"} <= set(rows[name].struct.fields)]
        rows = rows.with_columns(_coordinates(rows[name]) for name in points).unnest(nested, separator=".")
    return rows.select(name for name in rows.columns if "@odata." not in name)


def _coordinates(points: pl.Series) -> pl.Series:
    """GeoJSON as longitude, latitude, altitude and accuracy; what is no point has none."""
    frame = points.struct.unnest()
    is_point = pl.col("type") == "Point"
    listed = isinstance(frame.schema["coordinates"], pl.List) and frame.schema["coordinates"].inner.is_numeric()
    parts = {
        name: pl.when(is_point).then(pl.col("coordinates").list.get(place, null_on_oob=True))
        if listed
        else pl.lit(None)
        for place, name in enumerate(("longitude", "latitude", "altitude"))
    }
    about = frame.schema.get("properties")
    fields = [field.name for field in about.fields] if isinstance(about, pl.Struct) else []
    accuracy = pl.col("properties").struct.field("accuracy") if "accuracy" in fields else pl.lit(None)
    named = [value.alias(name) for name, value in {**parts, "accuracy": accuracy}.items()]
    return (
        frame.with_columns(named)
        .select(pl.struct(value.meta.output_name() for value in named))
        .to_series()
        .alias(points.name)
    )


def _repeat(submissions: pl.DataFrame, table: str) -> pl.DataFrame:
    """The rows of a repeat group with their submission as `parent.…`; of a repeat within a repeat those of all."""
    rows = submissions.rename(lambda name: f"{PARENT}.{name}")
    prefix, path, above = f"{PARENT}.", table.removeprefix(f"{ROOT}."), ROOT
    while path:
        lists = [
            name.removeprefix(prefix)
            for name, dtype in rows.schema.items()
            if name.startswith(f"{PARENT}.") == bool(prefix)
            and isinstance(dtype, pl.List)
            and isinstance(dtype.inner, pl.Struct)
        ]
        found = next((name for name in lists if f"{path}.".startswith(f"{name}.")), None)
        if found is None:  # nobody filled it in
            return pl.DataFrame()
        repeated = rows.select(
            pl.col(f"^{PARENT}\\..*$") if above == ROOT else pl.col(f"^({PARENT}\\.|__Submissions).*$"),
            pl.col(f"{prefix}__id").alias(f"__{above.replace('.', '-')}-id"),
            pl.col(f"{prefix}{found}").alias("_row"),
        ).drop(f"{prefix}{found}", strict=False)
        repeated = repeated.explode("_row").filter(pl.col("_row").is_not_null())
        own = _flat(repeated.select("_row").unnest("_row"))
        kept = repeated.drop("_row")
        rows = pl.concat([kept, own.drop(kept.columns, strict=False)], how="horizontal")
        prefix, above, path = "", f"{above}.{found}", path[len(found) + 1 :]
    return rows


def _asked_for(rows: pl.DataFrame, contract: Contract) -> pl.DataFrame:
    """What the contract names, and the fields of the form that it does not: these are drift, to be told."""
    asked = {name for column in contract.columns for name in column.source_names}
    protocol = {"__id", "updatedAt"}
    # of a group or point that nobody on this page filled in, its fields are not known
    hollow = [name for name, dtype in rows.schema.items() if dtype == pl.Null and name not in asked]
    unknown = [name for name in asked - set(rows.columns) if name.startswith(tuple(f"{one}." for one in hollow))]
    rows = rows.with_columns(pl.lit(None).alias(name) for name in unknown)
    rows = rows.drop(one for one in hollow if any(name.startswith(f"{one}.") for name in unknown))
    return rows.select(
        name
        for name, dtype in rows.schema.items()
        if name in asked
        or not (
            name in protocol
            or name.startswith((*ABOUT, "__Submissions-"))
            or isinstance(dtype, pl.List)  # a repeat group is a table of its own
            or _is_coordinate(name, rows)
        )
    )


def _is_coordinate(name: str, rows: pl.DataFrame) -> bool:
    base, _, part = name.rpartition(".")
    return part in ("altitude", "accuracy", "longitude", "latitude") and f"{base}.longitude" in rows.columns


def _nothing_lacks(contract: Contract, ids: list[pl.Series], counts: list[int]) -> None:
    """A list that ended early is shorter than the server's count, one whose pages overlap holds a submission twice.

    What is submitted meanwhile comes before the first page and waits for the next run. Raises SourceError.
    """
    read_ids = pl.concat(ids) if ids else pl.Series([], dtype=pl.String)
    if read_ids.n_unique() < len(read_ids) or len(read_ids) < min(counts, default=0):
        raise SourceError(f"{contract.dataset}: submissions changed while their pages were read; {LATER}")

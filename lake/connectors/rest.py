"""REST with JSON answers, OAuth2 client credentials and paging."""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import httpx
import orjson
import polars as pl

from lake.connectors.base import Extract, SourceError, SourceFormatError, Window, retrying, setting, setting_names
from lake.contract import Contract
from lake.settings import Settings

AHEAD = 4  # pages asked for while the former ones are decoded
TIMEOUT = httpx.Timeout(60, connect=5)
RENEW_BEFORE = 30.0  # seconds before its end that a token is renewed, but not before half its life
TOKEN_SECONDS = 300.0  # for a server that does not say
LATER = "it is asked again by the next run"


class NoSuchPage(SourceFormatError):
    """The source knows no such address: past the last page this is the end, anywhere else a fault."""


@dataclass
class Session:
    """A client with a token for one source; pages are asked for by several threads."""

    client: httpx.Client
    contract: Contract
    settings: Settings
    stopped: threading.Event = field(default_factory=threading.Event)
    token: str = ""
    token_ends: float = 0
    renewing: threading.Lock = field(default_factory=threading.Lock)

    def get(self, url: str, params: dict[str, Any] | None) -> Any:
        """One decoded answer, tried again while the source is down."""
        for attempt in retrying(self.settings, self.stopped):
            with attempt:
                return self._get_once(url, params)
        raise AssertionError("unreachable: retrying re-raises")

    def _get_once(self, url: str, params: dict[str, Any] | None) -> Any:
        return self.decoded(self.good(self.ask("GET", url, params=params)))

    def ask(self, method: str, url: str, **what: Any) -> httpx.Response:
        """One answer, whatever its status. Raises SourceError if there is none, SourceFormatError if we are refused."""
        token = self._valid_token()
        answer = self._send(lambda: self.client.request(method, url, headers=_bearer(token), **what))
        if answer.status_code == 401 and token:  # ended early on the server's side
            token = self._valid_token(refused=token)
            answer = self._send(lambda: self.client.request(method, url, headers=_bearer(token), **what))
        return answer

    def _valid_token(self, refused: str = "") -> str:
        """A token that is not about to end, and not the one that was refused; "" for a source without any."""
        if "auth" not in self.contract.source:
            return ""
        with self.renewing:
            if self.token == refused or time.monotonic() > self.token_ends:
                self._renew()
            return self.token

    def _renew(self) -> None:
        """Get a token. Raises SourceError, SourceFormatError when the client is refused."""
        auth = self.contract.source["auth"]
        url = setting(self.settings, auth["token_url"])
        form = {
            "grant_type": "client_credentials",
            "client_id": setting(self.settings, auth["client_id"]),
            "client_secret": setting(self.settings, auth["client_secret"]),
        }
        answer = self._send(lambda: self.client.post(url, data=form))
        names = setting_names(auth["client_id"], auth["client_secret"])
        lacking = "the token address answers without access_token; check token_url"
        body = self._granted(answer, f"the client's credentials ({answer.status_code}); check {names}")
        seconds = body.get("expires_in")
        life = float(seconds) if isinstance(seconds, int | float) and seconds > 0 else TOKEN_SECONDS
        self._keep(body.get("access_token"), lacking, life)

    def _granted(self, answer: httpx.Response, refused: str) -> dict[str, Any]:
        """What a log-in is answered with. refused: what the source refuses if it does, and what to check."""
        if answer.status_code in (400, 401, 403):
            raise SourceFormatError(f"{self.contract.dataset}: the source refuses {refused}")
        body = self.decoded(self.good(answer))
        return body if isinstance(body, dict) else {}

    def _keep(self, token: object, lacking: str, life: float) -> None:
        """Use this token for as long as it lives, in seconds. lacking: what is told if there is none."""
        self.token = str(token or "")
        if not self.token:
            raise SourceFormatError(f"{self.contract.dataset}: {lacking}")
        self.token_ends = time.monotonic() + life - min(RENEW_BEFORE, life / 2)

    def _send(self, request: Callable[[], httpx.Response]) -> httpx.Response:
        dataset = self.contract.dataset
        try:
            return request()
        except (httpx.InvalidURL, httpx.UnsupportedProtocol):
            raise SourceFormatError(
                f"{dataset}: no http address; mend {setting_names(self.contract.source['url'])}"
            ) from None
        except httpx.HTTPError as error:
            raise SourceError(f"{dataset}: the source does not answer ({type(error).__name__}); {LATER}") from None

    def good(self, answer: httpx.Response) -> httpx.Response:
        """The answer, if it is one. Raises SourceError for faults that pass, SourceFormatError for others."""
        status = answer.status_code
        place = f"{self.contract.dataset}: {answer.request.url.path}"
        if status == 501:  # not a fault that passes: the server does not know what it was asked
            raise SourceFormatError(
                f"{place} answers 501: it does not speak what the contract asks; check window and paging"
            )
        if status == 429 or status >= 500:
            after = answer.headers.get("Retry-After", "")
            raise SourceError(f"{place} answers {status}; {LATER}", float(after) if after.isdecimal() else 0)
        if status in (401, 403):
            raise SourceFormatError(f"{place} refuses the token ({status}); check the client's rights")
        if status == 404:
            raise NoSuchPage(f"{place} is not there (404); check url and path in the contract")
        if status >= 300:
            raise SourceFormatError(f"{place} answers {status}; check url, path and paging in the contract")
        return answer

    def decoded(self, answer: httpx.Response) -> Any:
        """What the answer's JSON says. Raises SourceError if half of it is missing."""
        try:
            return orjson.loads(answer.content)
        except orjson.JSONDecodeError:
            raise SourceError(
                f"{self.contract.dataset}: {answer.request.url.path} answers with incomplete or broken JSON "
                f"({len(answer.content)} bytes); {LATER}"
            ) from None


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"} if token else {}


def read(contract: Contract, window: Window | None, settings: Settings) -> Iterator[Extract]:
    """Pages of a REST source as extracts with the source's column names.

    A nested object's fields are columns named `object.field`, if the contract names any of them so.
    Raises SourceError (down, 429, 5xx, broken JSON after retries), SourceFormatError (refused, no records).
    """
    source = contract.source
    url = setting(settings, source["url"]).rstrip("/") + source["path"]
    params: dict[str, Any] = {}
    if window is not None and (ask := source.get("window")):
        params = {ask["from_param"]: window.start.isoformat(), ask["to_param"]: window.end.isoformat()}
    style = source.get("paging", {}).get("style")
    pages = {"page": _by_number, "cursor": _by_cursor, "next_link": _by_link, None: _single}.get(style)
    if pages is None:
        raise SourceFormatError(f"{contract.dataset}: paging style {style!r}; expected page, cursor or next_link")
    limits = httpx.Limits(max_connections=AHEAD)
    with httpx.Client(timeout=TIMEOUT, limits=limits, trust_env=False) as client:
        for body in pages(Session(client, contract, settings), url, params):
            table = _table(contract, _records(contract, body))
            if len(table):
                yield Extract(table)


def _single(session: Session, url: str, params: dict[str, Any]) -> Iterator[Any]:
    yield session.get(url, params)


def _by_number(session: Session, url: str, params: dict[str, Any]) -> Iterator[Any]:
    """Page numbers from 1; the next pages are asked for while one is decoded.

    A server may keep its pages smaller than we ask, so a short page is not the end. That is an empty page, an
    address that is not there, or the former page once more.
    """
    contract, paging = session.contract, session.contract.source["paging"]
    size = int(paging["size"])

    def page(number: int) -> Any:
        try:
            return session.get(url, {**params, paging["page_param"]: number, paging["size_param"]: size})
        except NoSuchPage:
            if number == 1:
                raise
            return None

    body = page(1)
    records = _records(contract, body)
    # after a short first page there is most often nothing: look for one more, not for four
    depth = AHEAD if len(records) >= size else 1
    ahead: deque[Future[Any]] = deque()
    numbers = count(2)
    pool = ThreadPoolExecutor(AHEAD)
    try:
        while records:
            while len(ahead) < depth:
                ahead.append(pool.submit(page, next(numbers)))
            yield body
            body, former = ahead.popleft().result(), records
            records = [] if body is None else _records(contract, body)
            if records and records == former:
                if len(records) >= size:
                    raise SourceFormatError(
                        f"{contract.dataset}: two full pages are the same; check page_param in the contract"
                    )
                return
    finally:
        session.stopped.set()  # pages past the end need not be waited for
        pool.shutdown(cancel_futures=True)


def _by_cursor(session: Session, url: str, params: dict[str, Any]) -> Iterator[Any]:
    paging = session.contract.source["paging"]
    seen: set[str] = set()
    asked = {**params, paging["size_param"]: paging["size"]} if "size" in paging else dict(params)
    while True:
        body = session.get(url, asked)
        yield body
        cursor = _following(session, body, paging.get("next", "next_cursor"))
        if cursor is None or (cursor in seen and not _records(session.contract, body)):
            return
        _no_loop(session, cursor, seen)
        asked = {**asked, paging["cursor_param"]: cursor}


def _by_link(session: Session, url: str, params: dict[str, Any]) -> Iterator[Any]:
    paging = session.contract.source["paging"]
    asked: dict[str, Any] | None = {**params, paging["size_param"]: paging["size"]} if "size" in paging else params
    home, link, seen = httpx.URL(url), url, {url}
    while True:
        body = session.get(link, asked)
        yield body
        following = _following(session, body, paging.get("next", "next"))
        if following is None:
            return
        target = httpx.URL(link).join(following)
        if (target.scheme, target.host, target.port) != (home.scheme, home.host, home.port):
            raise SourceFormatError(  # the token is meant for one server
                f"{session.contract.dataset}: the next page is on another server ({target.host}); not followed"
            )
        link, asked = str(target), None
        _no_loop(session, link, seen)


def _following(session: Session, body: Any, path: str) -> str | None:
    """What leads to the next page, at a dotted path; None at the end."""
    for name in path.split("."):
        if not isinstance(body, dict):
            raise SourceFormatError(
                f"{session.contract.dataset}: the answer is no object with {path!r}; check paging in the contract"
            )
        body = body.get(name)
        if body is None:
            return None
    return str(body) or None


def _no_loop(session: Session, place: str, seen: set[str]) -> None:
    if place in seen:
        raise SourceFormatError(f"{session.contract.dataset}: the pages go round in a circle; tell the source's owner")
    seen.add(place)


def _records(contract: Contract, body: Any) -> list[dict[str, Any]]:
    """The rows of an answer, at the dotted path `records`."""
    path = contract.source.get("records", "")
    for name in filter(None, path.split(".")):
        body = body.get(name) if isinstance(body, dict) else None
    if not isinstance(body, list):
        raise SourceFormatError(f"{contract.dataset}: the answer has no list at {path or 'its top'!r}; see records")
    return body


def _table(contract: Contract, rows: list[dict[str, Any]]) -> pl.DataFrame:
    """Rows as a table; a column of mixed types becomes text, so that the door can judge each value."""
    if not rows:
        return pl.DataFrame()
    if any(type(row) is not dict for row in rows):
        raise SourceFormatError(f"{contract.dataset}: the answer's list holds something else than objects")
    asked = {name for column in contract.columns for name in column.source_names}
    try:
        return _unnested(pl.DataFrame(rows, infer_schema_length=None, strict=True), asked)
    except (pl.exceptions.PolarsError, TypeError, OverflowError):
        names = list(dict.fromkeys([name for row in rows for name in row] + [name for name in asked if "." in name]))
        return pl.DataFrame(
            {name: pl.Series([_text(_reached(row, name)) for row in rows], dtype=pl.String()) for name in names}
        )


def _reached(row: dict[str, Any], name: str) -> Any:
    """The value of a column, or of a field inside one, as `object.field`."""
    value: Any = row
    for step in [name] if name in row else name.split("."):
        value = value.get(step) if isinstance(value, dict) else None
    return value


def _unnested(table: pl.DataFrame, asked: set[str]) -> pl.DataFrame:
    """Objects that the contract reaches into by `object.field`, as columns of that name."""
    while nested := [
        name
        for name, dtype in table.schema.items()
        if isinstance(dtype, pl.Struct) and any(source.startswith(f"{name}.") for source in asked)
    ]:
        table = table.unnest(nested, separator=".")
    return table


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return orjson.dumps(value).decode()

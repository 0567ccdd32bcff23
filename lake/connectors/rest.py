"""REST with JSON answers, OAuth2 client credentials and paging."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import httpx
import orjson
import polars as pl
from tenacity import RetryCallState

from lake.connectors.base import Extract, SourceError, SourceFormatError, Window, retrying, setting
from lake.contract import Contract
from lake.settings import Settings

AHEAD = 4  # pages asked for while the former ones are decoded
TIMEOUT = httpx.Timeout(60, connect=5)
RENEW_BEFORE = 30  # seconds before its end that a token is renewed


@dataclass
class Session:
    """A client with a token for one source."""

    client: httpx.Client
    contract: Contract
    settings: Settings
    token: str = ""
    token_ends: float = 0
    waits: dict[str, float] = field(default_factory=dict)

    def renew(self) -> None:
        """Get a token. Raises SourceError, SourceFormatError when the client is refused."""
        auth = self.contract.source["auth"]
        url = setting(self.settings, auth["token_url"])
        form = {
            "grant_type": "client_credentials",
            "client_id": setting(self.settings, auth["client_id"]),
            "client_secret": setting(self.settings, auth["client_secret"]),
        }
        answer = self._send(lambda: self.client.post(url, data=form))
        if answer.status_code in (400, 401, 403):
            raise SourceFormatError(
                f"{self.contract.dataset}: the source refuses the client's credentials ({answer.status_code}); "
                f"check the settings named in the contract under auth: {auth['client_id']}, {auth['client_secret']}"
            )
        body = self._json(self._good(answer))
        self.token = str(body.get("access_token", "")) if isinstance(body, dict) else ""
        if not self.token:
            raise SourceFormatError(f"{self.contract.dataset}: {auth['token_url']} answers without access_token")
        self.token_ends = time.monotonic() + float(body.get("expires_in", 300))

    def get(self, url: str, params: dict[str, Any] | None) -> Any:
        """One decoded answer, tried again while the source is down."""
        for attempt in retrying(self.settings):
            with attempt:
                self._wait(attempt.retry_state)
                return self._get_once(url, params)
        raise AssertionError("unreachable: retrying re-raises")

    def _wait(self, state: RetryCallState) -> None:
        """Honour Retry-After of the former answer, if it asked for more than the growing wait."""
        if state.attempt_number > 1:
            time.sleep(min(self.waits.pop("retry_after", 0), 60))

    def _get_once(self, url: str, params: dict[str, Any] | None) -> Any:
        if "auth" not in self.contract.source:
            return self._json(self._good(self._send(lambda: self.client.get(url, params=params))))
        if time.monotonic() > self.token_ends - RENEW_BEFORE:
            self.renew()
        answer = self._send(lambda: self.client.get(url, params=params, headers=self._bearer()))
        if answer.status_code == 401:  # ended early on the server's side
            self.renew()
            answer = self._send(lambda: self.client.get(url, params=params, headers=self._bearer()))
        return self._json(self._good(answer))

    def _bearer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    def _send(self, request: Callable[[], httpx.Response]) -> httpx.Response:
        try:
            return request()
        except httpx.HTTPError as error:
            raise SourceError(
                f"{self.contract.dataset}: the source does not answer ({type(error).__name__}); "
                "it is asked again by the next run"
            ) from None

    def _good(self, answer: httpx.Response) -> httpx.Response:
        place = f"{self.contract.dataset}: {answer.request.url.path}"
        if answer.status_code == 429 or answer.status_code >= 500:
            after = answer.headers.get("Retry-After", "")
            self.waits["retry_after"] = float(after) if after.isdigit() else 0
            raise SourceError(f"{place} answers {answer.status_code}; it is asked again by the next run")
        if answer.status_code in (401, 403):
            raise SourceFormatError(f"{place} refuses the token ({answer.status_code}); check the client's rights")
        if answer.status_code >= 400:
            raise SourceFormatError(f"{place} answers {answer.status_code}; check path and paging in the contract")
        return answer

    def _json(self, answer: httpx.Response) -> Any:
        try:
            return orjson.loads(answer.content)
        except orjson.JSONDecodeError:
            raise SourceError(
                f"{self.contract.dataset}: {answer.request.url.path} answers with incomplete or broken JSON "
                f"({len(answer.content)} bytes); it is asked again by the next run"
            ) from None


def read(contract: Contract, window: Window | None, settings: Settings) -> Iterator[Extract]:
    """Pages of a REST source as extracts with the source's column names.

    Raises SourceError (down, 429, 5xx, broken JSON after retries), SourceFormatError (refused, no records).
    """
    source = contract.source
    url = setting(settings, source["url"]).rstrip("/") + source["path"]
    params: dict[str, Any] = {}
    if window is not None and (ask := source.get("window")):
        params = {ask["from_param"]: window.start.isoformat(), ask["to_param"]: window.end.isoformat()}
    limits = httpx.Limits(max_connections=AHEAD)
    with httpx.Client(timeout=TIMEOUT, limits=limits, trust_env=False) as client:
        session = Session(client, contract, settings)
        style = source.get("paging", {}).get("style")
        pages = {"page": _by_number, "cursor": _by_cursor, "next_link": _by_link, None: _single}.get(style)
        if pages is None:
            raise SourceFormatError(f"{contract.dataset}: paging style {style!r}; expected page, cursor or next_link")
        for body in pages(session, url, params):
            table = _table(contract, body)
            if len(table):
                yield Extract(table)


def _single(session: Session, url: str, params: dict[str, Any]) -> Iterator[Any]:
    yield session.get(url, params)


def _by_number(session: Session, url: str, params: dict[str, Any]) -> Iterator[Any]:
    """Page numbers from 1; the next pages are asked for while one is decoded. The last one is not full."""
    paging = session.contract.source["paging"]
    size = int(paging["size"])

    def page(number: int) -> Any:
        return session.get(url, {**params, paging["page_param"]: number, paging["size_param"]: size})

    first = page(1)
    yield first
    if len(_records(session.contract, first)) < size:
        return
    with ThreadPoolExecutor(AHEAD) as pool:
        ahead: list[Future[Any]] = [pool.submit(page, number) for number in range(2, 2 + AHEAD)]
        number = 2 + AHEAD
        while True:
            body = ahead.pop(0).result()
            ahead.append(pool.submit(page, number))
            number += 1
            yield body
            if len(_records(session.contract, body)) < size:
                for future in ahead:
                    future.cancel()
                return


def _by_cursor(session: Session, url: str, params: dict[str, Any]) -> Iterator[Any]:
    paging = session.contract.source["paging"]
    cursor: str | None = None
    while True:
        asked = {**params, paging["size_param"]: paging["size"]}
        if cursor:
            asked[paging["cursor_param"]] = cursor
        body = session.get(url, asked)
        yield body
        following = body.get(paging.get("next", "next_cursor"))
        if not following or following == cursor:
            return
        cursor = following


def _by_link(session: Session, url: str, params: dict[str, Any]) -> Iterator[Any]:
    paging = session.contract.source["paging"]
    asked: dict[str, Any] | None = {**params, paging["size_param"]: paging["size"]} if "size" in paging else params
    link: str | None = url
    seen: set[str] = set()
    while link and link not in seen:
        seen.add(link)
        body = session.get(link, asked)
        yield body
        asked = None
        following = body.get(paging.get("next", "next"))
        link = str(httpx.URL(link).join(following)) if following else None


def _records(contract: Contract, body: Any) -> list[dict[str, Any]]:
    """The rows of an answer, at the dotted path `records`."""
    path = contract.source.get("records", "")
    for name in filter(None, path.split(".")):
        body = body.get(name) if isinstance(body, dict) else None
    if not isinstance(body, list):
        raise SourceFormatError(f"{contract.dataset}: the answer has no list at {path or 'its top'!r}; see records")
    return body


def _table(contract: Contract, body: Any) -> pl.DataFrame:
    """Rows as a table; a column of mixed types becomes text, so that the door can judge each value."""
    rows = _records(contract, body)
    if not rows:
        return pl.DataFrame()
    try:
        return pl.DataFrame(rows, infer_schema_length=None, strict=True)
    except (pl.exceptions.PolarsError, TypeError, OverflowError):
        names = list(dict.fromkeys(name for row in rows for name in row))
        return pl.DataFrame(
            {name: pl.Series([_text(row.get(name)) for row in rows], dtype=pl.String()) for name in names}
        )


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return orjson.dumps(value).decode()

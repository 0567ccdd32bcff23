"""The data-sharing gateway: REST JSON behind OAuth2 client credentials, with paging by page, cursor or next link."""

import asyncio
import base64
import gzip
import hmac
import secrets
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from urllib.parse import parse_qsl, urlencode

import polars as pl
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from simulator.clock import Clock
from simulator.extra_tables import extra_rows, find_table, table_names
from simulator.office_calendar import local_naive
from simulator.one_stop import dossier_rows
from simulator.result_sets import (
    Cursor,
    Query,
    QueryError,
    ResultSets,
    encode_page,
    read_cursor,
    write_cursor,
)
from simulator.spoilt_rows import OF_ANSWERS, OF_PAGES, SKEW, WORDS, committed, page_of, renamed, shuffled
from simulator.tables import GATEWAY_TABLES, TABLES, gateway_rows

MAX_PAGE_SIZE = 10_000
FAULTS = ("down", "500", "half_json", "cut", "401", "429", "latency", *OF_ANSWERS, *OF_PAGES)
_TIME = "%Y-%m-%dT%H:%M:%S%:z"


@dataclass
class Fault:
    """A fault switched on. times: answers it still spoils, None until switched off. seconds: delay or Retry-After."""

    kind: str
    times: int | None = None
    table: str | None = None
    seconds: float = 1.0


@dataclass
class Gateway:
    """State of the gateway; the admin interface changes faults, bad_loads and tokens."""

    home: Path
    clock: Clock
    dossiers: pl.DataFrame
    registers: dict[str, pl.DataFrame]  # by the names in simulator.tables
    client_id: str
    client_secret: str
    token_seconds: float = 600.0
    faults: list[Fault] = field(default_factory=list)
    bad_loads: dict[date, str] = field(default_factory=dict)
    tokens: dict[str, float] = field(default_factory=dict)  # token -> monotonic end
    requests: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.result_sets = ResultSets(self._load)

    def _load(self, query: Query, as_of: datetime) -> pl.DataFrame:
        if query.table == "dossiers":
            return dossier_rows(self.dossiers, as_of, query.since, query.before, self.bad_loads)
        if name := GATEWAY_TABLES.get(query.table):
            since, before = (moment and local_naive(moment) for moment in (query.since, query.before))
            return gateway_rows(self.registers[name], TABLES[name], local_naive(as_of), since, before)
        path = find_table(self.home, query.table)
        if path is None:
            raise QueryError(f"there is no table {query.table}")
        try:
            return extra_rows(path, as_of, query.since, query.before)
        except (ValueError, OSError, pl.exceptions.PolarsError) as error:
            raise QueryError(str(error)) from None


def token_route(gateway: Gateway) -> Route:
    """POST /oauth2/token: tokens that every web service of the province takes."""

    async def token(request: Request) -> Response:
        if answer := await spoil(gateway, "token"):
            return answer
        form = dict(parse_qsl((await request.body()).decode(errors="replace")))
        client, secret = _basic(request) or (form.get("client_id", ""), form.get("client_secret", ""))
        if form.get("grant_type") != "client_credentials":
            return JSONResponse({"error": "unsupported_grant_type"}, 400)
        known = hmac.compare_digest(client.encode(), gateway.client_id.encode())
        if not (known & hmac.compare_digest(secret.encode(), gateway.client_secret.encode())):
            return JSONResponse({"error": "invalid_client"}, 401, {"WWW-Authenticate": "Basic"})
        value = secrets.token_urlsafe(32)
        now = time.monotonic()
        gateway.tokens = {kept: end for kept, end in gateway.tokens.items() if end > now}
        gateway.tokens[value] = now + gateway.token_seconds
        about = {"access_token": value, "token_type": "Bearer", "expires_in": int(gateway.token_seconds)}
        return JSONResponse(about, headers={"Cache-Control": "no-store"})

    return Route("/oauth2/token", token, methods=["POST"])


def create_app(gateway: Gateway) -> Starlette:
    """The gateway's web application: POST /oauth2/token, GET /api/v1/, GET /api/v1/<table>."""

    async def tables(request: Request) -> Response:
        return refuse_token(gateway, request) or JSONResponse({"tables": _names(gateway)})

    async def rows(request: Request) -> Response:
        table = request.path_params["table"]
        gateway.requests[table] = gateway.requests.get(table, 0) + 1
        spoilt = await spoil(gateway, table)
        if spoilt is not None:
            return spoilt
        if refused := refuse_token(gateway, request):
            return refused
        if table not in ("dossiers", *GATEWAY_TABLES) and find_table(gateway.home, table) is None:
            return JSONResponse({"error": "not_found", "message": f"there is no table {table}"}, 404)
        try:
            body = await asyncio.to_thread(_page, gateway, request, table)
        except QueryError as error:
            return JSONResponse({"error": "invalid_request", "message": str(error)}, 400)
        return await answer(gateway, request, table, body)

    return Starlette(
        routes=[
            token_route(gateway),
            Route("/api/v1/", tables),
            Route("/api/v1/{table}", rows),
        ]
    )


def _names(gateway: Gateway) -> list[str]:
    return ["dossiers", *GATEWAY_TABLES, *table_names(gateway.home)]


def _page(gateway: Gateway, request: Request, table: str) -> bytes:
    asked = request.query_params
    size = _whole(asked.get("page_size", "1000"), "page_size", MAX_PAGE_SIZE)
    since, before = "updated_since", "updated_before"
    if table in GATEWAY_TABLES and TABLES[GATEWAY_TABLES[table]].by_period:
        since, before = "period_from", "period_before"
    spoilt = {kind for kind in (*OF_ANSWERS, *OF_PAGES) if take(gateway, kind, table)}
    moments = [_moment(asked.get(since), since), _moment(asked.get(before), before)]
    if "clock_skew" in spoilt:  # it compares with what its clock said
        moments = [moment and moment - SKEW for moment in moments]
    query = Query(table, *moments)
    if asked.get("cursor"):
        cursor = read_cursor(asked["cursor"])
        as_of, start = cursor.as_of, cursor.offset
    else:
        page = _whole(asked.get("page", "1"), "page", 10_000_000)
        as_of, start = gateway.result_sets.moment_of(query, page, gateway.clock.now()), (page - 1) * size
    rows = _spoil_rows(gateway.result_sets.rows(query, as_of), spoilt, query.before or as_of)
    following = write_cursor(Cursor(as_of, start + size)) if start + size < len(rows) else None
    link = None
    if following is not None:
        kept = {name: value for name, value in asked.items() if name not in ("page", "cursor")}
        link = str(request.url.replace(query=urlencode({**kept, "cursor": following})))
    about: dict[str, object] = {
        "page": start // size + 1,
        "page_size": size,
        "total": len(rows),
        "total_pages": -(-len(rows) // size),
        "as_of": as_of.isoformat(),
        "next_cursor": following,
        "next": link,
    }
    shown = page_of(rows, start, size, spoilt)
    return encode_page(shown, 0, len(shown), about)


def _spoil_rows(rows: pl.DataFrame, kinds: set[str], before: datetime) -> pl.DataFrame:
    """The rows with faults of the source's program."""
    updated = "capNhatLuc" if "capNhatLuc" in rows.columns else rows.columns[-1] if len(rows) else ""
    if "late_commit" in kinds and len(rows):
        rows = committed(rows, rows[updated].str.to_datetime(_TIME, time_zone="UTC"), before)
    if "clock_skew" in kinds and len(rows):
        ahead = rows[updated].str.to_datetime(_TIME, time_zone="Asia/Ho_Chi_Minh") + SKEW
        rows = rows.with_columns(ahead.dt.strftime(_TIME).alias(updated))
    if "out_of_order" in kinds:
        rows = shuffled(rows)
    unit = next((name for name in rows.columns if name == "maXa"), "")
    if "retyped_column" in kinds:
        rows = rows.with_columns(pl.lit(WORDS).alias(updated) if updated else [])
    if "renamed_column" in kinds and unit:
        rows = rows.rename({unit: renamed(unit)})
    return rows


def refuse_token(gateway: Gateway, request: Request) -> Response | None:
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and gateway.tokens.get(value, 0.0) > time.monotonic():
        return None
    return _unauthorized()


def _unauthorized() -> Response:
    headers = {"WWW-Authenticate": 'Bearer error="invalid_token"'}
    return JSONResponse({"error": "invalid_token", "message": "the token is missing, unknown or expired"}, 401, headers)


async def spoil(gateway: Gateway, table: str) -> Response | None:
    """The faulty answer, if a fault is on that needs no rows."""
    if fault := take(gateway, "latency", table):
        await asyncio.sleep(fault.seconds)
    if take(gateway, "500", table):
        return JSONResponse({"error": "internal_error"}, 500)
    if take(gateway, "401", table):
        return _unauthorized()
    if fault := take(gateway, "429", table):
        return JSONResponse({"error": "too_many_requests"}, 429, {"Retry-After": str(round(fault.seconds))})
    return None


def take(gateway: Gateway, kind: str, table: str) -> Fault | None:
    """The fault of that kind that strikes this answer, counted down."""
    for fault in gateway.faults:
        if fault.kind == kind and fault.table in (None, table) and not (table == "token" and kind in ("500", "429")):
            if fault.times is not None:
                fault.times -= 1
                if fault.times <= 0:
                    gateway.faults.remove(fault)
            return fault
    return None


async def answer(
    gateway: Gateway, request: Request, table: str, body: bytes, headers: dict[str, str] | None = None
) -> Response:
    """The body as JSON, packed if the reader takes it so; half of it or cut off while such a fault is on."""
    if take(gateway, "half_json", table):
        return Response(body[: len(body) // 2], media_type="application/json")
    if take(gateway, "cut", table):
        return _cut_off(body)
    about = dict(headers or {})
    if "gzip" in request.headers.get("accept-encoding", ""):
        body = await asyncio.to_thread(gzip.compress, body, 1)
        about["Content-Encoding"] = "gzip"
    return Response(body, media_type="application/json", headers=about)


def _cut_off(body: bytes) -> Response:
    """An answer that promises its whole length and breaks off in the middle."""

    async def half() -> AsyncIterator[bytes]:
        yield body[: len(body) // 2]

    return StreamingResponse(half(), media_type="application/json", headers={"Content-Length": str(len(body))})


def _basic(request: Request) -> tuple[str, str] | None:
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        client, _, secret = base64.b64decode(value).decode().partition(":")
    except ValueError:
        return None
    return client, secret


def _whole(text: str, name: str, largest: int) -> int:
    if not text.isdigit() or not 1 <= int(text) <= largest:
        raise QueryError(f"{name} must be a whole number from 1 to {largest}")
    return int(text)


def _moment(text: str | None, name: str) -> datetime | None:
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text.replace(" ", "+"))  # a + in a query that was not escaped
    except ValueError:
        raise QueryError(f"{name} must be an ISO 8601 time") from None
    if moment.tzinfo is None:
        raise QueryError(f"{name} needs a time zone such as +07:00")
    return moment.astimezone(UTC)

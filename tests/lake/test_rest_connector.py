"""REST against a real server on loopback that pages in every style and fails in every way."""

import gzip
import socket
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

import orjson
import polars as pl
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from lake.connectors import SourceError, SourceFormatError, Window, rest
from lake.contract import Contract
from lake.settings import Settings, SettingsError
from tests.conftest import serve

COLUMNS = [{"name": "id", "type": "integer"}, {"name": "name", "type": "text", "optional": True}]
SECRET = "the-secret-of-the-client"
PEOPLE = [{"id": n, "name": f"người {n}", "citizen": f"{68_190_000_000 + n:012d}"} for n in range(1, 24)]


@dataclass
class Upstream:
    """What the server answers, and what it was asked."""

    rows: list[dict[str, Any]] = field(default_factory=lambda: list(PEOPLE))
    largest_page: int = 1000
    past_the_end: str = "empty"  # or 404, or last: the last page again
    spoil: Callable[[int], Response | None] = lambda number: None  # by the number of the request, from 1
    token_seconds: object = 300
    tokens: list[str] = field(default_factory=list)
    valid: set[str] = field(default_factory=set)
    asked: list[dict[str, str]] = field(default_factory=list)
    address: str = ""
    next_host: str = ""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def number(self, request: Request) -> int:
        with self.lock:
            self.asked.append(dict(request.query_params))
            return len(self.asked)

    def page(self, request: Request) -> Response:
        if (spoilt := self.spoil(self.number(request))) is not None:
            return spoilt
        if request.headers.get("authorization", "").removeprefix("Bearer ") not in self.valid:
            return json_answer({"error": "invalid_token"}, 401)
        asked = request.query_params
        size = min(int(asked.get("size", 5)), self.largest_page)
        start = int(asked["cursor"]) if "cursor" in asked else (int(asked.get("page", 1)) - 1) * size
        if start >= len(self.rows) and self.past_the_end == "404":
            return json_answer({"error": "no such page"}, 404)
        if start >= len(self.rows) and self.past_the_end == "last":
            start = (len(self.rows) - 1) // size * size
        following = start + size if start + size < len(self.rows) else None
        link = f"{self.next_host}/rows?cursor={following}&size={size}" if following is not None else None
        body = {"body": {"rows": self.rows[start : start + size]}, "next_cursor": following, "next": link}
        content = gzip.compress(orjson.dumps(body))
        return Response(content, media_type="application/json", headers={"Content-Encoding": "gzip"})

    async def token(self, request: Request) -> Response:
        form = parse_qs((await request.body()).decode())
        if form.get("client_secret") != [SECRET]:
            return json_answer({"error": "invalid_client"}, 401)
        self.tokens.append(f"token-{len(self.tokens)}")
        self.valid = {self.tokens[-1]}
        return json_answer({"access_token": self.tokens[-1], "expires_in": self.token_seconds}, 200)


def json_answer(body: object, status: int, **headers: str) -> Response:
    return Response(
        orjson.dumps(body),
        status,
        media_type="application/json",
        headers={name.replace("_", "-"): value for name, value in headers.items()},
    )


@pytest.fixture(scope="module")
def server() -> Iterator[Upstream]:
    upstream = Upstream()
    app = Starlette(
        routes=[
            Route("/rows", lambda request: upstream.page(request)),
            Route("/token", upstream.token, methods=["POST"]),
            Route("/plain", lambda request: json_answer([{"id": 1}], 200)),
        ]
    )
    with serve(app) as address:
        upstream.address = address
        yield upstream


@pytest.fixture
def upstream(server: Upstream) -> Upstream:
    fresh = Upstream(address=server.address)
    for name in vars(fresh):
        setattr(server, name, getattr(fresh, name))
    return server


@pytest.fixture
def settings(upstream: Upstream, installation: Callable[..., Settings]) -> Settings:
    return installation(UP_URL=upstream.address, UP_ID="we", UP_SECRET=SECRET)


@pytest.fixture
def source(make_contract: Callable[..., Contract]) -> Callable[..., Contract]:
    def build(style: str | None = "page", columns: list[dict[str, Any]] = COLUMNS, **changes: Any) -> Contract:
        paging = {"style": style, "page_param": "page", "cursor_param": "cursor", "size_param": "size", "size": 5}
        auth = {"token_url": "${UP_URL}/token", "client_id": "${UP_ID}", "client_secret": "${UP_SECRET}"}
        fields = {"protocol": "rest", "url": "${UP_URL}", "path": "/rows", "records": "body.rows", "auth": auth}
        if style:
            fields["paging"] = paging
        return make_contract(columns, source={**fields, **changes})

    return build


def read(contract: Contract, settings: Settings, window: Window | None = None) -> pl.DataFrame:
    tables = [extract.table for extract in rest.read(contract, window, settings)]
    return pl.concat(tables) if tables else pl.DataFrame()


@pytest.mark.parametrize("style", ["page", "cursor", "next_link"])
@pytest.mark.parametrize("rows", [0, 1, 4, 5, 6, 10, 23])
def test_every_row_once_in_every_style_of_paging(
    upstream: Upstream, settings: Settings, source: Callable[..., Contract], style: str, rows: int
) -> None:
    upstream.rows = PEOPLE[:rows]
    assert read(source(style), settings).to_dicts() == PEOPLE[:rows]
    assert len(upstream.tokens) == 1


@pytest.mark.parametrize("past_the_end", ["empty", "404", "last"])
@pytest.mark.parametrize("rows", [3, 4, 7, 9])
def test_a_server_whose_pages_are_smaller_than_we_ask(
    upstream: Upstream, settings: Settings, source: Callable[..., Contract], past_the_end: str, rows: int
) -> None:
    upstream.rows, upstream.largest_page, upstream.past_the_end = PEOPLE[:rows], 3, past_the_end
    assert read(source(), settings)["id"].to_list() == list(range(1, rows + 1))


def test_a_page_parameter_that_the_server_does_not_know(
    upstream: Upstream, settings: Settings, source: Callable[..., Contract]
) -> None:
    contract = source()
    paging = {**contract.source["paging"], "page_param": "seite"}
    with pytest.raises(SourceFormatError, match="two full pages are the same; check page_param"):
        read(source(paging=paging), settings)


def test_the_window_is_asked_for(upstream: Upstream, settings: Settings, source: Callable[..., Contract]) -> None:
    start = datetime.fromisoformat("2026-07-01T00:00:00+07:00")
    window = Window(start, start + timedelta(days=1))
    contract = source("cursor", window={"from_param": "since", "to_param": "before"})
    read(contract, settings, window)
    assert {(asked["since"], asked["before"]) for asked in upstream.asked} == {
        ("2026-07-01T00:00:00+07:00", "2026-07-02T00:00:00+07:00")
    }
    upstream.asked.clear()
    read(contract, settings)
    assert all("since" not in asked for asked in upstream.asked)


def test_a_source_without_log_in_or_pages(settings: Settings, source: Callable[..., Contract]) -> None:
    contract = source(None, path="/plain", records="")
    contract.source.pop("auth")
    assert read(contract, settings).to_dicts() == [{"id": 1}]


@pytest.mark.parametrize("seconds", [0.001, 1, None, "soon", -5])
def test_tokens_that_end_soon_or_do_not_say(
    upstream: Upstream, settings: Settings, source: Callable[..., Contract], seconds: object
) -> None:
    upstream.token_seconds = seconds
    assert len(read(source("cursor"), settings)) == len(PEOPLE)


def test_a_token_that_the_server_forgot_is_renewed_once(
    upstream: Upstream, settings: Settings, source: Callable[..., Contract]
) -> None:
    def forget(number: int) -> None:
        if number == 3:
            upstream.valid = set()

    upstream.spoil = forget
    assert len(read(source(), settings)) == len(PEOPLE)
    assert len(upstream.tokens) == 2, "by one thread for all"


def test_a_token_that_never_works(upstream: Upstream, settings: Settings, source: Callable[..., Contract]) -> None:
    upstream.spoil = lambda number: json_answer({}, 401)
    with pytest.raises(SourceFormatError, match=r"made\.up: /rows refuses the token \(401\)"):
        read(source(), settings)
    assert len(upstream.asked) == 2


def test_a_wrong_secret(
    installation: Callable[..., Settings], upstream: Upstream, source: Callable[..., Contract]
) -> None:
    settings = installation(UP_URL=upstream.address, UP_ID="we", UP_SECRET="not-it-at-all")
    with pytest.raises(
        SourceFormatError, match=r"refuses the client's credentials \(401\); check UP_ID, UP_SECRET"
    ) as e:
        read(source(), settings)
    assert "not-it-at-all" not in str(e.value)
    assert upstream.asked == []


def fault(kind: str) -> Response:
    body = orjson.dumps({"body": {"rows": PEOPLE[:5]}})
    return {
        "500": json_answer({"detail": PEOPLE}, 500),
        "503": json_answer({}, 503, Retry_After="0"),
        "429": json_answer({}, 429, Retry_After="1"),
        "half": Response(body[: len(body) // 2], media_type="application/json"),
        "empty": Response(b"", media_type="application/json"),
        "broken gzip": Response(gzip.compress(body)[:-30], headers={"Content-Encoding": "gzip"}),
        "cut": Response(body[:20], headers={"Content-Length": str(len(body))}),
    }[kind]


FAULTS = ["500", "503", "429", "half", "empty", "broken gzip", "cut"]


@pytest.mark.parametrize("kind", FAULTS)
def test_a_fault_that_passes(
    upstream: Upstream, settings: Settings, source: Callable[..., Contract], kind: str
) -> None:
    upstream.spoil = lambda number: fault(kind) if number in (1, 4) else None
    assert read(source("cursor"), settings)["id"].to_list() == list(range(1, 24))


@pytest.mark.parametrize("kind", [kind for kind in FAULTS if kind != "429"])
def test_a_fault_that_stays(upstream: Upstream, settings: Settings, source: Callable[..., Contract], kind: str) -> None:
    upstream.spoil = lambda number: fault(kind) if number > 2 else None
    with pytest.raises(SourceError, match=r"^made\.up: .*it is asked again by the next run$") as caught:
        read(source("cursor"), settings)
    told = "".join(traceback.format_exception(caught.value))
    for secret in (SECRET, *upstream.tokens, *(person["citizen"] for person in PEOPLE)):
        assert secret not in told


def test_a_fault_within_pages_that_are_asked_for_ahead(
    upstream: Upstream, settings: Settings, source: Callable[..., Contract]
) -> None:
    upstream.spoil = lambda number: fault("500") if number > 2 else None
    with pytest.raises(SourceError, match="answers 500"):
        read(source(), settings)


def test_a_wait_that_the_source_asks_for(
    upstream: Upstream, settings: Settings, source: Callable[..., Contract]
) -> None:
    upstream.spoil = lambda number: fault("429") if number == 1 else None
    began = time.monotonic()
    read(source(), settings)
    assert time.monotonic() - began >= 1


def test_a_source_that_is_switched_off(installation: Callable[..., Settings], source: Callable[..., Contract]) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        settings = installation(UP_URL=f"http://127.0.0.1:{nobody.getsockname()[1]}", UP_ID="we", UP_SECRET=SECRET)
        with pytest.raises(SourceError, match=r"the source does not answer \(Connect\w+\)"):
            read(source(), settings)


@pytest.mark.parametrize("address", ["gateway.example", "http://gateway:port", "ftp://gateway"])
def test_an_address_that_is_none(
    installation: Callable[..., Settings], source: Callable[..., Contract], address: str
) -> None:
    with pytest.raises(SourceFormatError, match="no http address; mend UP_URL"):
        read(source(), installation(UP_URL=address, UP_ID="we", UP_SECRET=SECRET))


def test_a_setting_that_is_missing(installation: Callable[..., Settings], source: Callable[..., Contract]) -> None:
    with pytest.raises(SettingsError, match="UP_URL is not set"):
        read(source(), installation())


@pytest.mark.parametrize(
    ("answer", "status", "message"),
    [
        ({"body": {"rows": {}}}, 200, r"no list at 'body\.rows'"),
        ([], 200, r"no list at 'body\.rows'"),
        ({"body": {"rows": [1, 2]}}, 200, "something else than objects"),
        ({"body": {"rows": [{"id": 1}, None]}}, 200, "something else than objects"),
        ({}, 404, r"/rows is not there \(404\)"),
        ({}, 400, r"/rows answers 400; check url, path and paging"),
        ({}, 302, r"/rows answers 302"),
        ({}, 403, r"/rows refuses the token \(403\)"),
    ],
)
def test_answers_that_people_must_look_at(
    upstream: Upstream,
    settings: Settings,
    source: Callable[..., Contract],
    answer: object,
    status: int,
    message: str,
) -> None:
    upstream.spoil = lambda number: json_answer(answer, status)
    with pytest.raises(SourceFormatError, match=message):
        read(source(), settings)


@pytest.mark.parametrize(("style", "next_name"), [("cursor", "next_cursor"), ("next_link", "next")])
def test_pages_that_go_round(
    upstream: Upstream, settings: Settings, source: Callable[..., Contract], style: str, next_name: str
) -> None:
    upstream.spoil = lambda number: json_answer({"body": {"rows": PEOPLE[:5]}, next_name: "/rows?cursor=5"}, 200)
    with pytest.raises(SourceFormatError, match="go round in a circle"):
        read(source(style), settings)
    upstream.spoil = lambda number: json_answer([1], 200)
    with pytest.raises(SourceFormatError, match=r"no list at|no object with"):
        read(source(style), settings)


def test_the_token_is_not_taken_to_another_server(
    upstream: Upstream, settings: Settings, source: Callable[..., Contract]
) -> None:
    upstream.next_host = "http://elsewhere.example"
    with pytest.raises(SourceFormatError, match=r"on another server \(elsewhere\.example\); not followed"):
        read(source("next_link"), settings)
    upstream.next_host = upstream.address
    assert len(read(source("next_link"), settings)) == len(PEOPLE)


def test_a_paging_style_that_is_none(settings: Settings, source: Callable[..., Contract]) -> None:
    with pytest.raises(SourceFormatError, match="paging style 'pages'; expected page, cursor or next_link"):
        read(source("pages"), settings)


def test_columns_of_mixed_types_are_left_to_the_door(
    upstream: Upstream, settings: Settings, source: Callable[..., Contract]
) -> None:
    rows = b'[{"id":1},{"id":"two","name":true},{"id":3.5,"name":["x"]},{"id":18446744073709551615,"name":null}]'
    upstream.spoil = lambda number: Response(b'{"body":{"rows":' + rows + b"}}")
    assert read(source("cursor"), settings).rows() == [
        ("1", None),
        ("two", "true"),
        ("3.5", '["x"]'),
        ("18446744073709551615", None),
    ]


def test_fields_of_nested_objects(upstream: Upstream, settings: Settings, source: Callable[..., Contract]) -> None:
    columns = [
        {"name": "id", "type": "integer"},
        {"name": "commune", "source": "place.commune.code", "type": "text"},
        {"name": "extra", "source": "details", "type": "text"},
    ]
    upstream.rows = [{"id": 1, "place": {"commune": {"code": "24829"}, "x": 1}, "details": {"a": 1}}]
    table = read(source(columns=columns), settings)
    assert table.select("id", "place.commune.code").rows() == [(1, "24829")]
    assert "details" in table.columns, "what the contract takes as a whole stays one"
    upstream.rows = [*upstream.rows, {"id": "mixed", "place": {"commune": None}}]
    mixed = read(source(columns=columns), settings)
    assert mixed.select("id", "place.commune.code").rows() == [("1", "24829"), ("mixed", None)]

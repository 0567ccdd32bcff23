"""ODK Central's OData against a real server on loopback whose submissions are made by hand, and which fails."""

import gzip
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import polars as pl
import pytest
from hypothesis import HealthCheck, given, strategies
from hypothesis import settings as hypothesis_settings
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from lake.connectors import SourceError, SourceFormatError, Window, odata
from lake.contract import Contract, ContractError, read_contract
from lake.door import admit
from lake.extracts import stack
from lake.pseudonyms import Key
from lake.settings import Settings
from tests.conftest import serve

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)
COLUMNS: list[dict[str, Any]] = [
    {"name": "report", "source": "__id", "type": "text", "required": True},
    {"name": "matter", "source": "group.inner.matter", "type": "text"},
    {"name": "longitude", "source": "group.place.longitude", "type": "number"},
    {"name": "latitude", "source": "group.place.latitude", "type": "number"},
    {"name": "state", "source": "__system.reviewState", "type": "text", "values": ["approved", "rejected", "edited"]},
    {"name": "changed", "source": "updatedAt", "type": "timestamp", "required": True},
]
LINES: list[dict[str, Any]] = [
    {"name": "line", "source": "__id", "type": "text", "required": True},
    {"name": "report", "source": "__Submissions-id", "type": "text", "required": True},
    {"name": "quantity", "type": "number"},
    {"name": "matter", "source": "parent.group.inner.matter", "type": "text"},
    {"name": "state", "source": "parent.__system.reviewState", "type": "text"},
    {"name": "changed", "source": "parent.updatedAt", "type": "timestamp", "required": True},
]


def moment(hours: float) -> str:
    return (NOON + timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def submission(number: int, edited: float | None = None, state: str | None = None, **group: Any) -> dict[str, Any]:
    """A submission of the hour `number`, edited at another hour, with as many lines as its number's last digit."""
    lines = [
        {"__id": f"{number}-{n}", "quantity": n, "tools": [{"__id": f"{number}-{n}-t"}]} for n in range(number % 10)
    ]
    changed = None if edited is None else moment(edited)
    return {
        "__id": f"uuid:{number}",
        "__system": {"submissionDate": moment(number), "updatedAt": changed, "reviewState": state, "edits": 0},
        "meta": {"instanceID": f"uuid:{number}"},
        "group": {
            "inner": {"matter": f"việc {number}"},
            "place": {"type": "Point", "coordinates": [108.44, 11.94, 0], "properties": {"accuracy": 4.2}},
            "line@odata.navigationLink": f"Submissions('uuid%3A{number}')/group/line",
            "line": lines,
            **group,
        },
    }


@dataclass
class Upstream:
    """What the server answers, and what it was asked."""

    rows: list[dict[str, Any]] = field(default_factory=lambda: [submission(n) for n in range(23, 0, -1)])
    largest_page: int = 1000
    lose_link: bool = False
    repeat_page: bool = False
    next_host: str = ""
    circle: bool = False
    life: float = 600
    before: Callable[[int], Response | None] = lambda number: None  # by the number of the page, from 1
    session: Callable[[], Response | None] = lambda: None
    sessions: int = 0
    tokens: set[str] = field(default_factory=set)
    asked: list[dict[str, str]] = field(default_factory=list)
    address: str = ""

    async def log_in(self, request: Request) -> Response:
        if (spoilt := self.session()) is not None:
            return spoilt
        if await request.json() != {"email": "a@b.vn", "password": "đúng"}:
            return answer({"code": 401.2}, 401)
        self.sessions += 1
        self.tokens = {f"token-{self.sessions}"}
        ends = {"createdAt": moment(0), "expiresAt": (NOON + timedelta(seconds=self.life)).isoformat()}
        return answer({"token": f"token-{self.sessions}", **ends})

    def allows(self, request: Request) -> bool:
        return request.headers.get("authorization", "").removeprefix("Bearer ") in self.tokens

    def service(self, request: Request) -> Response:
        if not self.allows(request):
            return answer({"code": 401.2}, 401)
        if request.path_params["form"] != "mẫu 1":
            return answer({"code": 404.1}, 404)
        names = ("Submissions", "Submissions.group.line", "Submissions.group.line.tools")
        return answer({"value": [{"name": name, "kind": "EntitySet", "url": name} for name in names]})

    def submissions(self, request: Request) -> Response:
        asked = dict(request.query_params)
        self.asked.append(asked)
        if (spoilt := self.before(len(self.asked))) is not None:
            return spoilt
        if not self.allows(request):
            return answer({"code": 401.2}, 401)
        rows = self.rows
        limits = re.findall(r"\(__system/(\w+) ge (\S+) and __system/\1 lt ([^\s)]+)\)", asked.get("$filter", ""))
        if limits:
            rows = [r for r in rows if any(a <= (r["__system"][name] or "") < b for name, a, b in limits)]
        if asked.get("$expand") != "*":
            rows = [{**r, "group": {k: v for k, v in r["group"].items() if k != "line"}} for r in rows]
        top = min(int(asked.get("$top", 100)), self.largest_page)
        start = int(asked.get("$skiptoken", "x0")[1:], 16)
        page = rows[start : start + top]
        body: dict[str, Any] = {"value": page, "@odata.count": len(rows)}
        if start + top < len(rows) and not self.lose_link:
            following = 0 if self.circle else start + (top // 2 if self.repeat_page else top)
            kept = "&".join(f"{k}={v}".replace(" ", "%20") for k, v in asked.items() if k != "$skiptoken")
            path = request.url.path.replace(" ", "%20")
            body["@odata.nextLink"] = f"{self.next_host or self.address}{path}?{kept}&$skiptoken=x{following:x}"
        return answer(body)


def answer(body: object, status: int = 200, **headers: str) -> Response:
    packed = {"Content-Encoding": "gzip", **{name.replace("_", "-"): value for name, value in headers.items()}}
    return Response(gzip.compress(orjson.dumps(body)), status, media_type="application/json", headers=packed)


@pytest.fixture(scope="module")
def server() -> Iterator[Upstream]:
    upstream = Upstream()

    async def log_in(request: Request) -> Response:
        return await upstream.log_in(request)

    app = Starlette(
        routes=[
            Route("/v1/sessions", log_in, methods=["POST"]),
            Route("/v1/projects/3/forms/{form}.svc", lambda request: upstream.service(request)),
            Route("/v1/projects/3/forms/{form}.svc/Submissions", lambda request: upstream.submissions(request)),
        ]
    )
    with serve(app) as address:
        upstream.address = address
        yield upstream


def renew(server: Upstream) -> Upstream:
    fresh = Upstream(address=server.address)
    for name in vars(fresh):
        setattr(server, name, getattr(fresh, name))
    return server


@pytest.fixture
def upstream(server: Upstream) -> Upstream:
    return renew(server)


@pytest.fixture
def settings(upstream: Upstream, installation: Callable[..., Settings]) -> Settings:
    return installation(UP_URL=upstream.address, UP_PASSWORD="đúng")


@pytest.fixture
def source(make_contract: Callable[..., Contract]) -> Callable[..., Contract]:
    def build(columns: list[dict[str, Any]] = COLUMNS, **changes: Any) -> Contract:
        user = {"email": "a@b.vn", "password": "${UP_PASSWORD}"}
        fields = {"protocol": "odata", "url": "${UP_URL}", "project": 3, "form": "mẫu 1", "size": 5, "auth": user}
        return make_contract(columns, source={**fields, **changes})

    return build


def read(contract: Contract, settings: Settings, window: Window | None = None) -> pl.DataFrame:
    tables = [extract.table for extract in odata.read(contract, window, settings)]
    return stack(tables) if tables else pl.DataFrame()


@hypothesis_settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(
    rows=strategies.integers(0, 30),
    largest=strategies.integers(1, 12),
    size=strategies.integers(1, 12),
    lines=strategies.booleans(),
)
def test_what_arrives_is_what_the_server_holds(
    server: Upstream,
    installation: Callable[..., Settings],
    source: Callable[..., Contract],
    rows: int,
    largest: int,
    size: int,
    lines: bool,
) -> None:
    upstream = renew(server)
    upstream.rows, upstream.largest_page = [submission(n) for n in range(rows, 0, -1)], largest
    contract = source(LINES, table="Submissions.group.line", size=size) if lines else source(size=size)
    found = read(contract, installation(UP_URL=upstream.address, UP_PASSWORD="đúng"))
    held = [line for row in upstream.rows for line in row["group"]["line"]] if lines else upstream.rows
    assert (found["__id"].to_list() if held else []) == [row["__id"] for row in held]
    assert all(asked.get("$expand") == ("*" if lines else None) for asked in upstream.asked)


def test_new_and_edited_ones_are_found_and_what_moved_on_is_left(
    upstream: Upstream, settings: Settings, source: Callable[..., Contract]
) -> None:
    upstream.rows = [
        submission(10, 40, "approved"),  # edited after the window
        submission(3),
        submission(2, 3.5, "rejected"),
        submission(-400, 2.5, "edited"),
        submission(-500),
    ]
    start = datetime.fromisoformat("2026-07-01T21:00:00+07:00")  # two hours after noon in UTC
    for contract in (source(), source(LINES, table="Submissions.group.line")):
        found = read(contract, settings, Window(start, start + timedelta(hours=2)))
        name = "__id" if contract.source.get("table") is None else "__Submissions-id"
        assert set(found[name]) == {"uuid:3", "uuid:2"} | ({"uuid:-400"} if name == "__id" else set())
    assert upstream.asked[0]["$filter"] == (
        "(__system/submissionDate ge 2026-07-01T14:00:00.000Z and __system/submissionDate lt 2026-07-01T16:00:00.000Z)"
        " or (__system/updatedAt ge 2026-07-01T14:00:00.000Z and __system/updatedAt lt 2026-07-01T16:00:00.000Z)"
    )
    found = read(source(), settings, Window(start - timedelta(hours=6), start + timedelta(hours=40)))
    assert dict(found.select("__id", "updatedAt").iter_rows()) == {
        "uuid:10": moment(40), "uuid:3": moment(3), "uuid:2": moment(3.5), "uuid:-400": moment(2.5),
    }  # fmt: skip
    assert found.filter(pl.col("__id") == "uuid:2")["__system.reviewState"].to_list() == ["rejected"]


def test_groups_and_points_are_reached_by_dotted_path(
    upstream: Upstream, settings: Settings, source: Callable[..., Contract], key: Key
) -> None:
    upstream.rows = [
        submission(4, place=None),
        submission(3, place={"type": "Point", "coordinates": [108.5, 12.0]}, inner=None),
        submission(2, unknown="0912345678", inner={"matter": 7}),
        submission(1, state="approved"),
    ]
    table = read(source(size=1), settings)
    assert table.select("group.place.longitude", "group.place.latitude", "group.inner.matter").rows() == [
        (None, None, "việc 4"), (108.5, 12.0, None), (108.44, 11.94, "7"), (108.44, 11.94, "việc 1"),
    ]  # fmt: skip
    assert table.sort("__id").equals(read(source(), settings).sort("__id").select(table.columns))
    admitted = admit(table, source(), None, key, NOON + timedelta(days=9))
    assert (len(admitted.accepted), admitted.drift) == (4, ["group.unknown"])
    upstream.rows = [submission(n, place={"type": "LineString", "coordinates": [[1, 2], [3, 4]]}) for n in (2, 1)]
    assert read(source(), settings)["group.place.longitude"].to_list() == [None, None]
    upstream.rows = [submission(1, inner={"matter": {"deeper": 1}}), submission(2)]
    with pytest.raises(SourceFormatError, match=r"^made\.up: a field is a group in one submission and a value in"):
        read(source(), settings)


def test_lines_know_their_submission(
    upstream: Upstream, settings: Settings, source: Callable[..., Contract], key: Key
) -> None:
    upstream.rows = [submission(12, 50, "rejected"), submission(11), submission(10)]
    table = read(source(LINES, table="Submissions.group.line"), settings)
    assert table.drop("tools", strict=False).rows(named=True) == [
        {
            "__id": f"{n}-{place}", "__Submissions-id": f"uuid:{n}", "quantity": place,
            "parent.group.inner.matter": f"việc {n}", "parent.__system.reviewState": state, "parent.updatedAt": changed,
        }
        for n, place, state, changed in (
            (12, 0, "rejected", moment(50)), (12, 1, "rejected", moment(50)), (11, 0, None, moment(11)),
        )
    ]  # fmt: skip
    admitted = admit(table, source(LINES, table="Submissions.group.line"), None, key, NOON + timedelta(days=9))
    assert (len(admitted.accepted), admitted.drift) == (3, [])
    columns = [
        {"name": "tool", "source": "__id", "type": "text"},
        {"name": "line", "source": "__Submissions-group-line-id", "type": "text"},
        {"name": "report", "source": "__Submissions-id", "type": "text"},
        {"name": "changed", "source": "parent.updatedAt", "type": "text"},
    ]
    tools = read(source(columns, table="Submissions.group.line.tools"), settings)
    assert tools.select(c["source"] for c in columns).rows() == [
        ("12-0-t", "12-0", "uuid:12", moment(50)), ("12-1-t", "12-1", "uuid:12", moment(50)),
        ("11-0-t", "11-0", "uuid:11", moment(11)),
    ]  # fmt: skip
    upstream.rows = [submission(10)]
    assert not len(read(source(LINES, table="Submissions.group.line"), settings))


def test_a_token_is_renewed_before_its_end_and_when_it_is_refused(
    upstream: Upstream, settings: Settings, source: Callable[..., Contract]
) -> None:
    read(source(), settings)
    assert (upstream.sessions, len(upstream.asked)) == (1, 5)
    upstream.life = 0
    read(source(), settings)
    assert upstream.sessions == 6, "one that is about to end is not used again"

    def forget(number: int) -> None:
        if number == 3:
            upstream.tokens.clear()

    renew(upstream).before = forget
    assert len(read(source(), settings)) == 23
    assert upstream.sessions == 2
    renew(upstream)
    with pytest.raises(SourceFormatError, match=r"refuses the token \(401\)"):
        read(_without_user(source()), settings)


def _without_user(contract: Contract) -> Contract:
    return contract.model_copy(update={"source": {k: v for k, v in contract.source.items() if k != "auth"}})


FAULTS = ["500", "503", "429", "half", "cut"]


def fault(kind: str) -> Response:
    if kind == "half":
        return Response(b'{"value": [{"__id": "uuid:1", ', media_type="application/json")
    if kind == "cut":
        return Response(b'{"value": []}', headers={"Content-Length": "100"})
    return answer({"code": 500.1}, int(kind), Retry_After="0")


@pytest.mark.parametrize("kind", FAULTS)
def test_a_fault_that_passes(
    upstream: Upstream, settings: Settings, source: Callable[..., Contract], kind: str
) -> None:
    whole = read(source(), settings)
    renew(upstream).before = lambda number: fault(kind) if number in (1, 3, 4) else None
    assert read(source(), settings).equals(whole)
    answers = iter([fault(kind)])
    renew(upstream).session = lambda: next(answers, None)
    assert read(source(), settings).equals(whole)


@pytest.mark.parametrize("kind", FAULTS)
def test_a_fault_that_stays(upstream: Upstream, settings: Settings, source: Callable[..., Contract], kind: str) -> None:
    upstream.before = lambda number: fault(kind) if number > 2 else None
    with pytest.raises(SourceError, match=r"^made\.up: .*it is asked again by the next run$"):
        read(source(), settings)


@pytest.mark.parametrize("spoilt", ["lose_link", "repeat_page"])
def test_lists_that_do_not_fit_their_count_are_thrown_away(
    upstream: Upstream, settings: Settings, source: Callable[..., Contract], spoilt: str
) -> None:
    setattr(upstream, spoilt, True)
    with pytest.raises(SourceError, match="changed while their pages were read"):
        read(source(), settings)


def test_a_submission_that_comes_while_pages_are_read_waits(
    upstream: Upstream, settings: Settings, source: Callable[..., Contract]
) -> None:
    def arrive(number: int) -> None:
        if number == 2:
            upstream.rows = [*upstream.rows, submission(0)]

    upstream.before = arrive
    assert len(read(source(), settings)) == 24


@pytest.mark.parametrize(
    ("spoil", "changes", "message"),
    [
        ({"next_host": "http://127.0.0.2:9"}, {}, r"next page is on another server \(127\.0\.0\.2\); not followed"),
        ({"circle": True}, {}, "go round in a circle"),
        ({"before": lambda n: answer([])}, {}, "no object with a list `value`"),
        ({"before": lambda n: answer({"value": {}})}, {}, "no object with a list `value`"),
        ({"before": lambda n: answer({"value": [{"a": 1}]})}, {}, r"come without __id, __system\.submissionDate"),
        ({"before": lambda n: answer({}, 403)}, {}, r"refuses the token \(403\)"),
        ({"session": lambda: answer({})}, {}, "without a token; check url"),
        ({}, {"project": 4}, r"no such project, form or table \(404\)"),
        ({}, {"form": "mẫu 2", "table": "Submissions.x"}, r"no such project, form or table \(404\)"),
        ({}, {"table": "Submissions.line"}, r"no table Submissions\.line; it has Submissions, Submissions\.group"),
        ({}, {"auth": {"email": "a@b.vn", "password": "sai"}}, r"refuses the user \(401\); check the contract"),
    ],
)
def test_what_people_must_look_at(
    upstream: Upstream,
    settings: Settings,
    source: Callable[..., Contract],
    spoil: dict[str, Any],
    changes: dict[str, Any],
    message: str,
) -> None:
    for name, value in spoil.items():
        setattr(upstream, name, value)
    with pytest.raises(SourceFormatError, match=rf"^made\.up: .*{message}") as raised:
        read(source(**changes), settings)
    assert "đúng" not in str(raised.value) and "sai" not in str(raised.value)


def test_a_contract_that_says_too_little_is_told(tmp_path: Path) -> None:
    text = "source: {protocol: odata, url: x, project: 1, table: Items}\n"
    (tmp_path / "a.yaml").write_text(text)
    with pytest.raises(ContractError, match=r"(?s)form.*table|table.*form"):
        read_contract(tmp_path / "a.yaml")

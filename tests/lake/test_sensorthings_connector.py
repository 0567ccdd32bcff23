"""SensorThings against a real server on loopback whose entities are made by hand, and which fails in every way."""

import gzip
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
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

from lake.connectors import SourceError, SourceFormatError, Window, sensorthings
from lake.contract import Contract
from lake.door import admit
from lake.extracts import stack
from lake.pseudonyms import Key
from lake.settings import Settings
from tests.conftest import serve

DATA_ARRAY = "http://www.opengis.net/spec/iot_sensing/1.1/req/data-array/data-array"
UNITS = {
    "PM2.5": {"to": "µg/m³", "from": {"µg/m³": 1, "mg/m³": 1000}},
    "http://vocabulary.example/no2": {"to": "µg/m³", "from": {"µg/m³": 1, "ppb": 1.88}},
    "Nhiệt độ": {"to": "°C", "from": {"°C": 1, "K": {"offset": -273.15}, "°F": {"factor": 0.5, "offset": -16}}},
}
COLUMNS: list[dict[str, Any]] = [
    {"name": "series", "source": "Datastream.id", "type": "text", "required": True},
    {"name": "at", "source": "phenomenonTime", "type": "timestamp", "required": True},
    {"name": "until", "source": "phenomenonTimeEnd", "type": "timestamp"},
    {"name": "known_at", "source": "resultTime", "type": "timestamp"},
    {"name": "observation", "source": "id", "type": "text"},
    {"name": "result", "type": "number", "required": True},
    {"name": "unit", "type": "text", "values": ["µg/m³", "°C"]},
    {"name": "delivered", "source": "resultDelivered", "type": "text"},
    {"name": "unit_delivered", "source": "unitDelivered", "type": "text"},
    {"name": "station", "source": "Thing.name", "type": "text", "optional": True},
    {"name": "commune", "source": "Thing.properties.place.maXa", "type": "text", "optional": True},
    {"name": "property", "source": "ObservedProperty.name", "type": "text", "optional": True},
    {"name": "longitude", "source": "Location.longitude", "type": "number", "optional": True},
    {"name": "latitude", "source": "Location.latitude", "type": "number", "optional": True},
]
NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)


def moment(hours: float) -> str:
    return (NOON + timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%SZ")


def datastream(identity: object = 1, symbol: str | None = "µg/m³", name: str = "PM2.5", **unit: str) -> dict[str, Any]:
    place = {"location": {"type": "Point", "coordinates": [108.44, 11.94, 1500]}}
    return {
        "@iot.id": identity,
        "unitOfMeasurement": {"symbol": symbol, **unit},
        "Thing": {"@iot.id": 7, "name": "Trạm", "properties": {"place": {"maXa": "24781"}}, "Locations": [place]},
        "ObservedProperty": {"name": name, "definition": "http://vocabulary.example/no2" if name == "NO2" else None},
    }


def observation(number: int, result: object = 1.5, series: object = 1, at: str = "", known: str = "") -> dict[str, Any]:
    return {
        "@iot.id": number,
        "phenomenonTime": at or moment(number),
        "resultTime": known or moment(number + 1),
        "result": result,
        "Datastream": {"@iot.id": series},
    }


@dataclass
class Upstream:
    """What the server answers, and what it was asked."""

    rows: list[dict[str, Any]] = field(default_factory=lambda: [observation(n) for n in range(1, 24)])
    datastreams: list[dict[str, Any]] = field(default_factory=lambda: [datastream()])
    conformance: list[str] = field(default_factory=lambda: [DATA_ARRAY])
    largest_page: int = 1000
    opaque: bool = False  # next links do not tell what they skip
    lose_link: bool = False
    next_host: str = ""
    before: Callable[[int], Response | None] = lambda number: None  # by the number of the page, from 1
    asked: list[dict[str, str]] = field(default_factory=list)
    lists: int = 0
    address: str = ""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def root(self, request: Request) -> Response:
        return answer({"value": [], "serverSettings": {"conformance": self.conformance}})

    def things(self, request: Request) -> Response:
        self.lists += 1
        return answer({"value": self.datastreams})

    def observations(self, request: Request) -> Response:
        asked = dict(request.query_params)
        with self.lock:
            self.asked.append(asked)
            number = len(self.asked)
        if (spoilt := self.before(number)) is not None:
            return spoilt
        rows = self.rows
        if found := re.fullmatch(r"(\w+) ge (\S+) and \w+ lt (\S+)", asked.get("$filter", "")):
            limits = [text.replace(".000Z", "Z") for text in (found[2], found[3])]
            rows = [row for row in rows if limits[0] <= row[found[1]].partition("/")[0] < limits[1]]
        top = min(int(asked.get("$top", 100)), self.largest_page)
        start = int(asked.get("token", "x0")[1:], 16) if self.opaque else int(asked.get("$skip", 0))
        page = rows[start : start + top]
        body: dict[str, Any] = {"@iot.count": len(rows)} if asked.get("$count") == "true" else {}
        if start + top < len(rows) and not self.lose_link:
            there = f"token=x{start + top:x}" if self.opaque else f"$skip={start + top}"
            kept = "&".join(f"{k}={v}".replace(" ", "%20") for k, v in asked.items() if k not in ("$skip", "token"))
            body["@iot.nextLink"] = f"{self.next_host or self.address}/v1.1/Observations?{kept}&{there}"
        body["value"] = data_arrays(page) if asked.get("$resultFormat") == "dataArray" else page
        return answer(body)


def data_arrays(page: list[dict[str, Any]]) -> list[dict[str, Any]]:
    names = ["@iot.id", "phenomenonTime", "resultTime", "result"]
    series = dict.fromkeys(row["Datastream"]["@iot.id"] for row in page)
    return [
        {
            "Datastream@iot.navigationLink": f"http://x/v1.1/Datastreams({one!r})",
            "components": ["id", *names[1:]],
            "dataArray": [[row[n] for n in names] for row in page if row["Datastream"]["@iot.id"] == one],
        }
        for one in series
    ]


def answer(body: object, status: int = 200, **headers: str) -> Response:
    packed = {"Content-Encoding": "gzip", **{name.replace("_", "-"): value for name, value in headers.items()}}
    return Response(gzip.compress(orjson.dumps(body)), status, media_type="application/json", headers=packed)


@pytest.fixture(scope="module")
def server() -> Iterator[Upstream]:
    upstream = Upstream()
    app = Starlette(
        routes=[
            Route("/v1.1", lambda request: upstream.root(request)),
            Route("/v1.1/Datastreams", lambda request: upstream.things(request)),
            Route("/v1.1/Observations", lambda request: upstream.observations(request)),
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
    return installation(UP_URL=upstream.address)


@pytest.fixture
def source(make_contract: Callable[..., Contract]) -> Callable[..., Contract]:
    def build(columns: list[dict[str, Any]] = COLUMNS, **changes: Any) -> Contract:
        fields = {"protocol": "sensorthings", "url": "${UP_URL}", "path": "/v1.1", "size": 5, "units": UNITS}
        return make_contract(columns, source={**fields, **changes}, key=["series", "at"])

    return build


def read(contract: Contract, settings: Settings, window: Window | None = None) -> pl.DataFrame:
    tables = [extract.table for extract in sensorthings.read(contract, window, settings)]
    return stack(tables) if tables else pl.DataFrame()


FORMS = pytest.mark.parametrize("conformance", [[DATA_ARRAY], []], ids=["data array", "plain"])


@FORMS
@pytest.mark.parametrize("opaque", [False, True], ids=["skip", "opaque"])
@pytest.mark.parametrize("rows", [0, 1, 4, 5, 6, 10, 23])
def test_every_row_once_in_both_forms_and_with_any_next_link(
    upstream: Upstream,
    settings: Settings,
    source: Callable[..., Contract],
    conformance: list[str],
    opaque: bool,
    rows: int,
) -> None:
    upstream.rows, upstream.opaque, upstream.conformance = upstream.rows[:rows], opaque, conformance
    found = read(source(), settings)
    assert (found["id"].to_list() if rows else []) == [str(n) for n in range(1, rows + 1)]
    assert all((asked.get("$resultFormat") == "dataArray") == bool(conformance) for asked in upstream.asked)


@hypothesis_settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(
    rows=strategies.lists(strategies.tuples(strategies.integers(1, 3), strategies.floats(0, 900)), max_size=40),
    largest=strategies.integers(1, 12),
    size=strategies.integers(1, 12),
    opaque=strategies.booleans(),
    array=strategies.booleans(),
)
def test_what_arrives_is_what_the_server_holds(
    server: Upstream,
    installation: Callable[..., Settings],
    source: Callable[..., Contract],
    rows: list[tuple[int, float]],
    largest: int,
    size: int,
    opaque: bool,
    array: bool,
) -> None:
    upstream = renew(server)
    upstream.largest_page, upstream.opaque = largest, opaque
    upstream.datastreams = [datastream(n) for n in (1, 2, 3)]
    upstream.rows = [observation(n, result, series) for n, (series, result) in enumerate(rows)]
    found = read(source(size=size, data_array=array), installation(UP_URL=upstream.address))
    held = {(str(n), str(series), result) for n, (series, result) in enumerate(rows)}
    assert len(found) == len(rows)
    assert not len(found) or set(found.select("id", "Datastream.id", "result").rows()) == held


def test_the_window_is_asked_for_and_holds_what_came_late(
    upstream: Upstream, settings: Settings, source: Callable[..., Contract]
) -> None:
    late = observation(99, 7.5, at=moment(-500), known=moment(3))
    upstream.rows = [*upstream.rows[:9], late]
    start = datetime.fromisoformat("2026-07-01T21:00:00+07:00")
    window = Window(start, start + timedelta(hours=2))
    assert set(read(source(), settings, window)["id"]) == {"1", "2", "99"}
    first = upstream.asked[0]
    assert first["$filter"] == "resultTime ge 2026-07-01T14:00:00.000Z and resultTime lt 2026-07-01T16:00:00.000Z"
    assert first["$orderby"] == "resultTime asc,id asc"
    assert set(read(source(window="phenomenonTime"), settings, window)["id"]) == {"2", "3"}
    with pytest.raises(SourceFormatError, match=r"window 'updated'.*; expected resultTime or"):
        read(source(window="updated"), settings)


@FORMS
def test_what_the_datastream_says_and_intervals(
    upstream: Upstream, settings: Settings, source: Callable[..., Contract], conformance: list[str]
) -> None:
    upstream.conformance = conformance
    upstream.datastreams = [datastream("mã-1"), datastream("2", name="NO2")]
    interval = f"{moment(1)}/{moment(2)}"
    upstream.rows = [observation(1, 4, "mã-1", at=interval), observation(2, 5, "2")]
    assert read(source(), settings).sort("id").drop("Datastream.id", strict=False).rows(named=True) == [
        {
            "id": "1", "phenomenonTime": moment(1), "phenomenonTimeEnd": moment(2), "resultTime": moment(2),
            "result": 4.0, "unit": "µg/m³", "resultDelivered": 4.0, "unitDelivered": "µg/m³", "Thing.name": "Trạm",
            "Thing.properties.place.maXa": "24781", "ObservedProperty.name": "PM2.5",
            "Location.longitude": 108.44, "Location.latitude": 11.94,
        },
        {
            "id": "2", "phenomenonTime": moment(2), "phenomenonTimeEnd": None, "resultTime": moment(3),
            "result": 5.0, "unit": "µg/m³", "resultDelivered": 5.0, "unitDelivered": "µg/m³", "Thing.name": "Trạm",
            "Thing.properties.place.maXa": "24781", "ObservedProperty.name": "NO2",
            "Location.longitude": 108.44, "Location.latitude": 11.94,
        },
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("one", "delivered", "result", "unit"),
    [
        (datastream(symbol="mg/m³"), 0.0256, 25.6, "µg/m³"),
        (datastream(symbol="μg / m3"), 12.5, 12.5, "µg/m³"),  # the other letter µ
        (datastream(symbol=None, definition="mg/m³"), 0.02, 20.0, "µg/m³"),
        (datastream(symbol="ppb", name="NO2"), 10, 18.8, "µg/m³"),
        (datastream(symbol="K", name="Nhiệt độ"), 300, 26.85, "°C"),
        (datastream(symbol="°F", name="Nhiệt độ"), 212, 90.0, "°C"),
        (datastream(symbol="mg/m³"), "0.5", 500.0, "µg/m³"),
    ],
)
def test_results_are_converted_to_the_units_of_the_contract(
    upstream: Upstream,
    settings: Settings,
    source: Callable[..., Contract],
    one: dict[str, Any],
    delivered: object,
    result: float,
    unit: str,
) -> None:
    upstream.datastreams, upstream.rows = [one], [observation(1, delivered)]
    row = read(source(), settings).row(0, named=True)
    assert (float(row["result"]), row["unit"]) == (result, unit)
    assert float(row["resultDelivered"]) == float(str(delivered))
    assert row["unitDelivered"] == (one["unitOfMeasurement"]["symbol"] or "mg/m³")


@pytest.mark.parametrize(
    ("one", "found"),
    [
        (datastream(2, "mg/L"), r"PM2\.5: unit 'mg/L'; expected µg/m³, mg/m³$"),
        (datastream(2, None), r"unit None; expected"),
        (datastream(2, "µg/m³", definition="mg/m³"), "two units that contradict each other"),
        (datastream(2, "mg/L", definition="mg/m³"), r"unit 'mg/L'; expected"),
        (datastream(2, "ppb", name="O3"), "no unit, because source.units does not name the property"),
        (datastream(2, "Mg/m³"), r"unit 'Mg/m³'; expected"),
    ],
)
def test_a_unit_that_nobody_knows_is_no_guess_and_loses_no_row(
    upstream: Upstream,
    settings: Settings,
    source: Callable[..., Contract],
    key: Key,
    one: dict[str, Any],
    found: str,
) -> None:
    upstream.datastreams = [datastream(), one]
    upstream.rows = [observation(1, 3.5), observation(2, 4.5, 2), observation(3, "x", 2)]
    contract = source()
    admitted = admit(read(contract, settings), contract, None, key, NOON + timedelta(days=1))
    assert admitted.accepted["result"].to_list() == [3.5]
    assert [row["delivered"] for row in map(orjson.loads, admitted.quarantined["row"])] == ["4.5", "x"]
    assert all("missing:result" in reasons for reasons in admitted.quarantined["reasons"])
    (told,) = admitted.drift
    assert told.startswith("Datastreams(2), ") and re.search(found, told), told


def test_without_units_results_stay_as_they_are(
    upstream: Upstream, settings: Settings, source: Callable[..., Contract]
) -> None:
    upstream.datastreams = [datastream(symbol="furlong")]
    assert read(source(units=None), settings).select("result", "unit").row(0) == (1.5, "furlong")
    for wrong in ({"PM2.5": {"from": {"x": 1}}}, {"PM2.5": 1}, {"PM2.5": {"to": "x", "from": {"y": {"times": 2}}}}):
        with pytest.raises(SourceFormatError, match=r"made\.up: source\.units cannot be read"):
            read(source(units=wrong), settings)


def test_results_that_are_no_numbers_are_left_to_the_door(
    upstream: Upstream, settings: Settings, source: Callable[..., Contract], key: Key
) -> None:
    upstream.datastreams = [datastream(symbol="mg/m³")]
    results = [0.5, "lỗi", None, True, {"a": 1}, "0.25"]
    upstream.rows = [observation(n, result) for n, result in enumerate(results)]
    contract = source(size=100)
    found = read(contract, settings)
    assert found["result"].to_list() == ["500.0", "lỗi", None, "true", '{"a":1}', "250.0"]
    admitted = admit(found, contract, None, key, NOON + timedelta(days=1))
    assert admitted.accepted["result"].to_list() == [500.0, 250.0]
    assert admitted.quarantined["reasons"].to_list() == [
        ["type:result"], ["missing:result"], ["type:result"], ["type:result"],
    ]  # fmt: skip


def test_a_property_that_no_thing_bears_is_a_missing_column(
    upstream: Upstream, settings: Settings, source: Callable[..., Contract], key: Key
) -> None:
    columns = [*COLUMNS, {"name": "keeper", "source": "Thing.properties.keeper", "type": "text"}]
    contract = source(columns)
    with pytest.raises(SourceFormatError, match=r"column Thing\.properties\.keeper is missing"):
        admit(read(contract, settings), contract, None, key, NOON)


def test_places_that_are_no_points(upstream: Upstream, settings: Settings, source: Callable[..., Contract]) -> None:
    feature = datastream()
    feature["Thing"]["Locations"] = [
        {"location": {"type": "Feature", "geometry": {"type": "Point", "coordinates": [1, 2]}}}
    ]
    area, nowhere, broken = datastream(2), datastream(3), datastream(4)
    area["Thing"]["Locations"] = [{"location": {"type": "Polygon", "coordinates": [[[1, 2], [3, 4], [5, 6]]]}}]
    nowhere["Thing"] = None
    broken["Thing"]["Locations"] = [{"location": {"type": "Point", "coordinates": ["x"]}}]
    upstream.datastreams = [feature, area, nowhere, broken]
    upstream.rows = [observation(n, series=n) for n in (1, 2, 3, 4)]
    found = read(source(), settings).select("Location.longitude", "Location.latitude", "Thing.name")
    assert found.rows() == [(1.0, 2.0, "Trạm"), (None, None, "Trạm"), (None, None, None), (None, None, "Trạm")]


def test_a_datastream_that_began_while_we_read(
    upstream: Upstream, settings: Settings, source: Callable[..., Contract]
) -> None:
    upstream.rows[-1] = observation(23, series=2)

    def begin(number: int) -> None:
        upstream.datastreams = [datastream(), datastream(2, "mg/m³")]

    upstream.before = begin
    assert read(source(), settings).filter(pl.col("id") == "23")["result"].to_list() == [1500.0]
    assert upstream.lists == 2


def test_the_service_bounds_its_pages(upstream: Upstream, settings: Settings, source: Callable[..., Contract]) -> None:
    upstream.largest_page = 3
    assert read(source(), settings)["id"].to_list() == [str(n) for n in range(1, 24)]


def move(upstream: Upstream, at: int, window_left: bool) -> Callable[[int], None]:
    """A row that was read already is corrected while a later page is asked for."""

    def moved(number: int) -> None:
        if number == at:
            corrected = upstream.rows[0]
            upstream.rows = upstream.rows[1:] + ([] if window_left else [corrected])

    return moved


@pytest.mark.parametrize("window_left", [False, True], ids=["within the window", "out of it"])
def test_rows_that_move_between_pages_are_noticed(
    upstream: Upstream, settings: Settings, source: Callable[..., Contract], window_left: bool
) -> None:
    upstream.opaque, upstream.before = True, move(upstream, 3, window_left)
    with pytest.raises(SourceError, match="observations changed while their pages were read; it is asked again"):
        read(source(), settings)


def test_a_list_that_ends_too_early(upstream: Upstream, settings: Settings, source: Callable[..., Contract]) -> None:
    upstream.lose_link = True
    with pytest.raises(SourceError, match="changed while"):
        read(source(), settings)
    assert len(read(source(count=False), settings)) == 5
    assert "$count" not in upstream.asked[-1]


def fault(kind: str) -> Response:
    body = orjson.dumps({"value": [observation(n) for n in range(5)]})
    return {
        "500": answer({}, 500),
        "503": answer({}, 503, Retry_After="0"),
        "429": answer({}, 429, Retry_After="1"),
        "half": Response(body[: len(body) // 2], media_type="application/json"),
        "cut": Response(body[:20], headers={"Content-Length": str(len(body))}),
    }[kind]


FAULTS = ["500", "503", "429", "half", "cut"]


@pytest.mark.parametrize("kind", FAULTS)
def test_a_fault_that_passes(
    upstream: Upstream, settings: Settings, source: Callable[..., Contract], kind: str
) -> None:
    upstream.before = lambda number: fault(kind) if number in (1, 4) else None
    assert read(source(), settings)["id"].to_list() == [str(n) for n in range(1, 24)]


@pytest.mark.parametrize("kind", [kind for kind in FAULTS if kind != "429"])
def test_a_fault_that_stays(upstream: Upstream, settings: Settings, source: Callable[..., Contract], kind: str) -> None:
    upstream.before = lambda number: fault(kind) if number > 2 else None
    with pytest.raises(SourceError, match=r"^made\.up: .*it is asked again by the next run$"):
        read(source(), settings)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ([], "no object with a list `value`"),
        ({"value": {}}, "no list of objects at `value`"),
        ({"value": [1]}, "no list of objects at `value`"),
        ({"value": [{"@iot.id": 1}]}, "without their Datastream"),
        ({"value": [{"dataArray": [[1]], "components": ["id", "result"]}]}, "does not fit its components"),
        ({"value": [{"dataArray": [[1], [1, 2]], "components": ["id"]}]}, "does not fit its components"),
        ({"value": [{"dataArray": [[1]], "components": ["id"]}]}, "lacks its Datastream"),
    ],
)
def test_answers_that_people_must_look_at(
    upstream: Upstream, settings: Settings, source: Callable[..., Contract], body: object, message: str
) -> None:
    upstream.before = lambda number: answer(body)
    with pytest.raises(SourceFormatError, match=message):
        read(source(), settings)


def test_addresses_that_are_no_such_service(
    upstream: Upstream, settings: Settings, source: Callable[..., Contract]
) -> None:
    with pytest.raises(SourceFormatError, match=r"/v1\.0 is not there \(404\)"):
        read(source(path="/v1.0"), settings)
    upstream.next_host = "http://elsewhere.example"
    with pytest.raises(SourceFormatError, match=r"on another server \(elsewhere\.example\); not followed"):
        read(source(), settings)
    upstream.before = lambda number: answer({"value": [], "@iot.nextLink": "/v1.1/Observations?$skip=5"})
    with pytest.raises(SourceFormatError, match="go round in a circle"):
        read(source(), settings)

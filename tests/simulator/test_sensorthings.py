"""The stations' service over real HTTP, and through the lake's connector and door."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import polars as pl
import pytest

from lake.connectors import SourceError, SourceFormatError, Window, package, sensorthings
from lake.contract import Contract, load_contracts
from lake.door import Admitted, admit
from lake.extracts import stack
from lake.pseudonyms import Key
from lake.references import Units
from lake.settings import Settings, load_settings
from simulator import faults, truth
from simulator.bad_observations import BAD_OBSERVATIONS
from simulator.server import Running
from tests.simulator.conftest import NOW, new_token

KEY = Key("test", b"k" * 32)
MONTH = "resultTime ge 2026-10-31T17:00:00Z and resultTime lt 2026-11-30T17:00:00Z"
FROM, TO = datetime.fromisoformat("2026-11-01T00:00:00+07:00"), datetime.fromisoformat("2026-12-01T00:00:00+07:00")


@pytest.fixture
def service(running: Running) -> Iterator[httpx.Client]:
    """A client with a token; faults are off before and after."""
    faults.clear(running)
    with httpx.Client(base_url=running.env["SENSORS_URL"], trust_env=False, timeout=300) as client:
        with httpx.Client(base_url=running.env["ONE_STOP_URL"], trust_env=False) as gateway:
            client.headers["Authorization"] = f"Bearer {new_token(gateway, running)}"
        yield client
    faults.clear(running)


@pytest.fixture
def settings(running: Running, tmp_path: Path) -> Settings:
    return load_settings({"KHO_HOME": str(tmp_path), "KHO_RETRY_SECONDS": "0.001", **running.env})


@pytest.fixture(scope="module")
def contract() -> Contract:
    return load_contracts(load_settings({}).contracts)["iot.observations"]


@pytest.fixture(scope="module")
def units() -> Units:
    contracts = load_contracts(load_settings({}).contracts)
    tables = {}
    for name in ("admin.units", "admin.unit_changes"):
        (extract,) = package.read(contracts[name], None, load_settings({}))
        tables[name] = admit(extract.table, contracts[name], None, KEY, NOW).accepted
    return Units(tables["admin.units"], tables["admin.unit_changes"], "68")


def get(service: httpx.Client, path: str, **options: str) -> dict[str, Any]:
    answer = service.get(path, params={f"${name}": value for name, value in options.items()})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def everything(service: httpx.Client, **options: str) -> list[dict[str, Any]]:
    """All Observations, by next links."""
    body = get(service, "/Observations", **options)
    rows = list(body["value"])
    while "@iot.nextLink" in body:
        body = service.get(body["@iot.nextLink"]).json()
        rows += body["value"]
    return rows


def read(contract: Contract, settings: Settings, start: datetime = FROM, end: datetime = TO) -> pl.DataFrame:
    return stack([extract.table for extract in sensorthings.read(contract, Window(start, end), settings)])


def pass_door(table: pl.DataFrame, contract: Contract, units: Units) -> Admitted:
    return admit(table, contract, units, KEY, NOW.astimezone(UTC))


def test_the_service_says_what_it_speaks(service: httpx.Client) -> None:
    body = get(service, "")
    assert {one["name"] for one in body["value"]} == {
        "Things", "Locations", "Datastreams", "ObservedProperties", "Observations",
    }  # fmt: skip
    assert any("data-array" in uri for uri in body["serverSettings"]["conformance"])
    for one in body["value"]:
        assert "value" in service.get(one["url"]).json()


def test_entities_lead_to_each_other(service: httpx.Client) -> None:
    body = get(service, "/Datastreams", expand="Thing($expand=Locations;$select=name),ObservedProperty", top="3")
    first = body["value"][0]
    assert first["@iot.id"] == 11 and first["unitOfMeasurement"]["symbol"] in ("µg/m³", "mg/m³")
    assert first["ObservedProperty"]["name"] == "PM2.5"
    assert set(first["Thing"]) == {"name", "Locations"}
    assert len(first["Thing"]["Locations"][0]["location"]["coordinates"]) == 2
    assert len(body["value"]) == 3 and "%24skip=3" in body["@iot.nextLink"].replace("$", "%24")
    things = get(service, "/Things", count="true", expand="Locations", select="id,properties")
    assert things["@iot.count"] == len(things["value"])
    assert get(service, "/Things(1)")["properties"]["maTram"] == "TQT-001"
    assert get(service, "/Datastreams", expand="Thing/Locations")["value"][0]["Thing"]["Locations"]
    shared = get(service, "/Datastreams(11)/Observations", top="2", expand="Datastream($select=id,name)")["value"]
    assert [row["Datastream"]["@iot.id"] for row in shared] == [11, 11]


def test_the_filter_counts_and_orders(service: httpx.Client) -> None:
    rows = everything(service, filter=MONTH, top="7000", orderby="resultTime asc,id asc")
    body = get(service, "/Observations", filter=MONTH, top="0", count="true")
    assert len(rows) == body["@iot.count"] > 5000
    assert len({row["@iot.id"] for row in rows}) == len(rows)
    assert [row["resultTime"] for row in rows] == sorted(row["resultTime"] for row in rows)
    assert all("2026-10-31T17:00:00Z" <= row["resultTime"] <= "2026-11-23T07:20:00Z" for row in rows)
    for op, kept in (("ge", 2), ("gt", 1), ("le", 2), ("lt", 1)):
        at = sorted({row["resultTime"] for row in rows})[10]
        bound = f"resultTime {op} {at} and resultTime {'le' if op[0] == 'g' else 'ge'} {at}"
        assert bool(get(service, "/Observations", filter=bound)["value"]) == (kept == 2)
    by_time = (
        "phenomenonTime ge 2026-11-09T17:00:00Z and phenomenonTime lt 2026-11-10T17:00:00Z and Datastream/id eq 11"
    )
    day = everything(service, filter=by_time, orderby="phenomenonTime desc")
    assert 20 <= len(day) <= 26
    assert [row["phenomenonTime"] for row in day] == sorted((row["phenomenonTime"] for row in day), reverse=True)
    assert get(service, "/Observations", filter=f"id eq {day[0]['@iot.id']}")["value"] == [day[0]]


def test_data_arrays_hold_the_same_rows(service: httpx.Client) -> None:
    rows = everything(service, filter=MONTH, top="5000", expand="Datastream($select=id)")
    groups = everything(service, filter=MONTH, top="5000", resultFormat="dataArray")
    plain = {(r["Datastream"]["@iot.id"], r["@iot.id"], r["phenomenonTime"], str(r["result"])) for r in rows}
    packed = set()
    for group in groups:
        assert group["components"] == ["id", "phenomenonTime", "resultTime", "result"]
        assert group["dataArray@iot.count"] == len(group["dataArray"])
        owner = int(group["Datastream@iot.navigationLink"].removeprefix("Datastreams(").removesuffix(")"))
        packed |= {(owner, row[0], row[1], str(row[3])) for row in group["dataArray"]}
    assert packed == plain and len(rows) == len(plain)


@pytest.mark.parametrize(
    ("path", "options", "status"),
    [
        ("/Observations", {"filter": "result ge x"}, 400),
        ("/Observations", {"filter": "substringof('a',name)"}, 400),
        ("/Observations", {"filter": "resultTime ge 2026-11-01T00:00:00"}, 400),
        ("/Observations", {"orderby": "name"}, 400),
        ("/Observations", {"select": "name"}, 400),
        ("/Observations", {"expand": "FeatureOfInterest"}, 400),
        ("/Observations", {"resultFormat": "CSV"}, 400),
        ("/Observations", {"top": "-1"}, 400),
        ("/Observations", {"search": "a"}, 400),
        ("/Things", {"expand": "Datastreams"}, 400),
        ("/Things", {"expand": "Locations("}, 400),
        ("/Things", {"filter": "id eq 1"}, 400),
        ("/Things(77)", {}, 404),
        ("/Datastreams(77)/Observations", {}, 404),
        ("/Nothing", {}, 404),
    ],
)
def test_what_it_does_not_speak_is_told(service: httpx.Client, path: str, options: dict[str, str], status: int) -> None:
    answer = service.get(path, params={f"${name}": value for name, value in options.items()})
    assert answer.status_code == status, answer.text


def test_only_a_valid_token_opens(service: httpx.Client, running: Running) -> None:
    for path in ("", "/Things", "/Observations"):
        assert service.get(path, headers={"Authorization": "Bearer wrong"}).status_code == 401


def test_the_lake_reads_what_the_service_holds(
    service: httpx.Client, settings: Settings, contract: Contract, units: Units, running: Running
) -> None:
    table = read(contract, settings)
    assert len(table) == get(service, "/Observations", filter=MONTH, top="0", count="true")["@iot.count"]
    assert read(contract, settings).equals(table), "a window read again is the same"
    plain = contract.model_copy(update={"source": {**contract.source, "data_array": False, "size": 900}})
    assert read(plain, settings).sort("id").equals(table.sort("id"))
    admitted = pass_door(table, contract, units)
    assert len(admitted.accepted) + len(admitted.quarantined) == len(table)
    assert admitted.drift == []
    means = dict(admitted.accepted.group_by("property").agg(pl.col("result").mean()).iter_rows())
    assert 10 < means["pm25"] < means["pm10"] < 80 and 200 < means["co"] < 2000, "whatever unit it came in"
    assert set(admitted.accepted["unit"]) == {"µg/m³", "mm", "cm"}
    assert len(set(admitted.accepted["unit_delivered"])) > 4
    per_unit = admitted.accepted.group_by("property", "station_code").agg(pl.col("result").mean(), pl.len())
    spread = per_unit.filter(pl.col("property").is_in(["pm10", "o3", "no2", "so2", "co"])).group_by("property")
    assert spread.agg(ratio=pl.col("result").max() / pl.col("result").min())["ratio"].max() < 4  # type: ignore[operator]


def test_bad_observations_are_caught_and_no_good_one_is(
    settings: Settings, contract: Contract, units: Units, running: Running
) -> None:
    table = read(contract, settings, FROM - timedelta(days=400))
    bad = truth.bad_rows(running.home, "observations", NOW)
    assert 0.002 < len(bad) / len(table) < 0.004
    assert set(bad["kind"]) == set(BAD_OBSERVATIONS)
    admitted = pass_door(table, contract, units)
    refused = set(admitted.quarantined["record_id"])
    # a commune's name that is not its code's is refused where the door compares the two
    named = bad.filter(kind="name_mismatch")
    for kind in set(BAD_OBSERVATIONS) - {"name_mismatch"}:
        planted = set(bad.filter(kind=kind)["record_id"])
        assert planted <= refused, (kind, len(planted - refused))
    assert refused <= set(bad["record_id"])
    assert len(admitted.quarantined) in (len(bad), len(bad) - len(named))
    arrived = table.filter(pl.col("Thing.properties.tenXa").str.len_chars() > 0)
    assert set(named["record_id"]) <= set(
        arrived.select(pl.format("{}|{}", "Datastream.id", "phenomenonTime")).to_series()
    )


def test_what_came_late_and_what_was_corrected_is_found_by_its_result_time(
    settings: Settings, contract: Contract, running: Running
) -> None:
    made = pl.read_parquet(next((running.home / "generated").glob("*/observations.parquet"))).filter(
        pl.col("bad").is_null()
    )
    now = NOW.replace(tzinfo=None)
    start = datetime(2026, 11, 1)
    day = made.filter(
        pl.col("result_at").is_between(start, now) & (pl.col("phenomenon_at") < start - timedelta(days=1))
    )
    mended = made.filter(pl.col("corrected_at").is_between(start, now))
    assert len(day) + len(mended) > 10
    table = read(contract, settings)
    found = table.select(
        pl.col("id").cast(pl.Int64), delivered=pl.col("resultDelivered").cast(pl.Float64, strict=False)
    )
    assert set(day.filter(pl.col("corrected_at").fill_null(datetime(2030, 1, 1)) > now)["id"]) <= set(found["id"])
    both = mended.join(found, on="id")
    assert len(both) == len(mended)
    assert both["corrected_result"].equals(both["delivered"].alias("corrected_result"))
    october = read(contract, settings, FROM - timedelta(days=31), FROM)
    earlier = set(mended.filter(pl.col("result_at") < datetime(2026, 11, 1))["id"])
    assert not earlier & set(october["id"].cast(pl.Int64)), "a corrected one has moved on"


@pytest.mark.parametrize("table", ["Observations", "Datastreams", "sensorthings"])
@pytest.mark.parametrize("kind", ["latency", "429", "500", "half_json", "cut", "401"])
def test_a_fault_that_passes_loses_nothing(
    service: httpx.Client, settings: Settings, contract: Contract, running: Running, kind: str, table: str
) -> None:
    start = NOW - timedelta(days=3)
    whole = read(contract, settings, start)
    faults.switch_on(running, kind, times=1, table=table, seconds=0.01)
    assert read(contract, settings, start).equals(whole)


def test_faults_that_stay_are_told(
    service: httpx.Client, client: httpx.Client, settings: Settings, contract: Contract, running: Running
) -> None:
    for kind, message in (("500", "answers 500"), ("half_json", "broken JSON"), ("cut", "does not answer")):
        with (
            faults.fault(running, kind, table="Observations"),
            pytest.raises(SourceError, match=rf"^iot\.observations: .*{message}"),
        ):
            read(contract, settings)
    with (
        faults.fault(running, "401", table="Observations"),
        pytest.raises(SourceFormatError, match=r"refuses the token \(401\)"),
    ):
        read(contract, settings)
    with faults.fault(running, "down", table="Observations"):
        with pytest.raises(SourceError, match="does not answer"):
            read(contract, settings)
        assert client.get("/api/v1/dossiers", params={"page_size": 1}).status_code == 200, "the gateway is up"
    with faults.fault(running, "down", table="dossiers"):
        assert service.get("/Things").status_code == 200
    with faults.fault(running, "down"), pytest.raises(httpx.ConnectError):
        service.get("/Things")
    assert len(read(contract, settings))

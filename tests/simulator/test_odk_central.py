"""The officers' app over HTTP, and its reports read from there through connector and door."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import polars as pl
import pytest

from lake.connectors import SourceError, SourceFormatError, Window, odata, package
from lake.contract import Contract, load_contracts
from lake.current import read_current
from lake.door import Admitted, admit
from lake.extracts import stack
from lake.loads import Verdict, ingest
from lake.pseudonyms import Key
from lake.references import Units
from lake.settings import Settings, load_settings
from lake.sweep import sweep_keys
from simulator import faults, truth
from simulator.bad_reports import BAD_ITEMS, BAD_REPORTS
from simulator.server import Running
from tests.simulator.conftest import NOW

KEY = Key("test", (b"k" * 32,))
FROM = datetime.fromisoformat("2026-05-01T00:00:00+07:00")
TO = datetime.fromisoformat("2026-12-01T00:00:00+07:00")
SERVICE = "/v1/projects/1/forms/phan_anh_hien_truong.svc"
LINES = "Submissions.thiet_hai.hang_muc"


@pytest.fixture
def service(running: Running) -> Iterator[httpx.Client]:
    """A client with a token; faults are off before and after."""
    faults.clear(running)
    with httpx.Client(base_url=running.env["FIELD_APP_URL"], trust_env=False, timeout=300) as client:
        client.headers["Authorization"] = f"Bearer {log_in(client, running)['token']}"
        yield client
    faults.clear(running)


@pytest.fixture
def settings(running: Running, tmp_path: Path) -> Settings:
    return load_settings({"KHO_HOME": str(tmp_path), "KHO_RETRY_SECONDS": "0.001", **running.env})


@pytest.fixture(scope="module")
def contracts() -> dict[str, Contract]:
    return load_contracts(load_settings({}).contracts)


@pytest.fixture(scope="module")
def contract(contracts: dict[str, Contract]) -> Contract:
    return contracts["field.reports"]


@pytest.fixture(scope="module")
def units(contracts: dict[str, Contract]) -> Units:
    tables = {}
    for name in ("admin.units", "admin.unit_changes"):
        (extract,) = package.read(contracts[name], None, load_settings({}))
        tables[name] = admit(extract.table, contracts[name], None, KEY, NOW).accepted
    return Units(tables["admin.units"], tables["admin.unit_changes"], "68")


def log_in(client: httpx.Client, running: Running, **changes: str) -> dict[str, Any]:
    user = {"email": running.env["FIELD_APP_EMAIL"], "password": running.env["FIELD_APP_PASSWORD"], **changes}
    answer = client.post("/v1/sessions", json=user)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def get(service: httpx.Client, table: str = "Submissions", **options: str) -> dict[str, Any]:
    answer = service.get(f"{SERVICE}/{table}", params={f"${name}": value for name, value in options.items()})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def everything(service: httpx.Client, table: str = "Submissions", **options: str) -> list[dict[str, Any]]:
    body = get(service, table, **options)
    rows = list(body["value"])
    while "@odata.nextLink" in body:
        body = service.get(body["@odata.nextLink"]).json()
        rows += body["value"]
    return rows


def read(contract: Contract, settings: Settings, start: datetime = FROM, end: datetime = TO) -> pl.DataFrame:
    tables = [extract.table for extract in odata.read(contract, Window(start, end), settings)]
    return stack(tables) if tables else pl.DataFrame()


def pass_door(table: pl.DataFrame, contract: Contract, units: Units) -> Admitted:
    return admit(table, contract, units, KEY, NOW.astimezone(UTC))


def test_a_session_opens_the_service(service: httpx.Client, running: Running) -> None:
    session = log_in(service, running)
    assert session["createdAt"] < session["expiresAt"]
    tables = service.get(SERVICE).json()["value"]
    assert [one["name"] for one in tables] == ["Submissions", LINES]
    wrong = service.post("/v1/sessions", json={"email": "a@b.vn", "password": "x"})
    assert (wrong.status_code, wrong.json()["code"]) == (401, 401.2)
    assert service.post("/v1/sessions", json={"email": "a@b.vn"}).status_code == 400
    for path in (SERVICE, f"{SERVICE}/Submissions"):
        assert service.get(path, headers={"Authorization": "Bearer wrong"}).status_code == 401


@pytest.mark.parametrize("table", ["Submissions", LINES])
def test_pages_hold_every_row_once(service: httpx.Client, table: str) -> None:
    whole = get(service, table, count="true")
    assert whole["@odata.count"] == len(whole["value"]) > 30 and "@odata.nextLink" not in whole
    assert everything(service, table, top="7", count="true") == whole["value"]
    assert len({row["__id"] for row in whole["value"]}) == len(whole["value"])
    assert get(service, table, top="0")["value"] == []
    assert get(service, table, skip="5", top="2")["value"] == whole["value"][5:7]


def test_the_repeat_is_the_same_expanded_and_as_a_table(service: httpx.Client) -> None:
    whole = get(service, expand="*")["value"]
    nested = [(one["__id"], line) for one in whole for line in one["thiet_hai"]["hang_muc"]]
    assert nested == [
        (line["__Submissions-id"], {k: v for k, v in line.items() if k != "__Submissions-id"})
        for line in get(service, LINES)["value"]
    ]
    assert "hang_muc" not in get(service)["value"][0]["thiet_hai"]


def test_the_filter_is_by_what_the_server_knows(service: httpx.Client) -> None:
    whole = get(service)["value"]
    states = {one["__system"]["reviewState"] for one in whole}
    assert states == {None, "edited", "hasIssues", "rejected", "approved"}
    for state in states:
        asked = f"__system/reviewState eq {'null' if state is None else repr(state)}"
        assert get(service, filter=asked)["value"] == [r for r in whole if r["__system"]["reviewState"] == state]
    bound = "2026-09-01T00:00:00.000Z"
    for field in ("submissionDate", "updatedAt"):
        found = get(service, filter=f"__system/{field} ge {bound}")["value"]
        assert found == [r for r in whole if (r["__system"][field] or "") >= bound]
    late = get(service, filter=f"not (__system/submissionDate lt {bound}) and __system/updatedAt ne null")["value"]
    assert late == [r for r in whole if r["__system"]["submissionDate"] >= bound and r["__system"]["updatedAt"]]
    lines = get(service, LINES, filter=f"$root/Submissions/__system/submissionDate lt {bound}")["value"]
    early = {r["__id"] for r in whole if r["__system"]["submissionDate"] < bound}
    assert lines == [line for line in get(service, LINES)["value"] if line["__Submissions-id"] in early]


@pytest.mark.parametrize(
    ("path", "options", "status"),
    [
        ("/Submissions", {"filter": "ma_phieu eq 'x'"}, 400),
        ("/Submissions", {"filter": "__system/updatedAt ge yesterday"}, 400),
        ("/Submissions", {"filter": "__system/updatedAt ge 2026-11-01T00:00:00"}, 400),
        ("/Submissions", {"filter": "(__system/updatedAt eq null"}, 400),
        ("/Submissions", {"filter": "__system/updatedAt gt null"}, 400),
        ("/Submissions", {"expand": "thiet_hai"}, 400),
        (f"/{LINES}", {"expand": "*"}, 400),
        ("/Submissions", {"top": "-1"}, 400),
        ("/Submissions", {"skiptoken": "01xx"}, 400),
        ("/Submissions", {"search": "a"}, 400),
        ("/Nothing", {}, 404),
    ],
)
def test_what_it_does_not_speak_is_told(service: httpx.Client, path: str, options: dict[str, str], status: int) -> None:
    answer = service.get(f"{SERVICE}{path}", params={f"${name}": value for name, value in options.items()})
    assert answer.status_code == status, answer.text


def test_another_project_or_form_is_not_there(
    service: httpx.Client, settings: Settings, contract: Contract, running: Running
) -> None:
    assert service.get("/v1/projects/2/forms/phan_anh_hien_truong.svc").status_code == 404
    other = contract.model_copy(update={"source": {**contract.source, "form": "khong_co"}})
    with pytest.raises(SourceFormatError, match=r"no such project, form or table \(404\)"):
        read(other, settings)
    other = contract.model_copy(update={"source": {**contract.source, "table": "Submissions.khong_co"}})
    with pytest.raises(SourceFormatError, match=r"no table Submissions\.khong_co; it has Submissions, Submissions\."):
        read(other, settings)


def test_the_lake_reads_what_the_server_holds(
    service: httpx.Client, settings: Settings, contract: Contract, units: Units
) -> None:
    table = read(contract, settings)
    assert len(table) == get(service, count="true", top="1")["@odata.count"]
    assert read(contract, settings).equals(table), "a window read again is the same"
    small = contract.model_copy(update={"source": {**contract.source, "size": 9}})
    assert read(small, settings).sort("__id").equals(table.sort("__id").select(read(small, settings).columns))
    admitted = pass_door(table, contract, units)
    assert len(admitted.accepted) + len(admitted.quarantined) == len(table)
    assert admitted.drift == []
    accepted = admitted.accepted
    assert set(accepted["review_state"]) == {None, "edited", "hasIssues", "rejected", "approved"}
    assert (accepted["updated_at"] >= accepted["submitted_at"]).all()
    assert (accepted.filter(pl.col("review_state").is_null())["updated_at"]).equals(
        accepted.filter(pl.col("review_state").is_null())["submitted_at"].alias("updated_at")
    )
    assert accepted["longitude"].is_between(106, 110).all() and accepted["latitude"].is_between(10, 13).all()
    assert not accepted["officer_pseudonym"].str.contains(r"^\d{12}$").any()


def test_lines_come_with_their_report(
    service: httpx.Client, settings: Settings, contracts: dict[str, Contract], units: Units
) -> None:
    contract = contracts["field.report_items"]
    table = read(contract, settings)
    assert len(table) == get(service, LINES, count="true", top="1")["@odata.count"]
    small = contract.model_copy(update={"source": {**contract.source, "size": 9}})
    assert read(small, settings).sort("__id").equals(table.sort("__id").select(read(small, settings).columns))
    admitted = pass_door(table, contract, units)
    assert len(admitted.accepted) + len(admitted.quarantined) == len(table)
    assert admitted.drift == []
    reports = pass_door(read(contracts["field.reports"], settings), contracts["field.reports"], units).accepted
    same = ["submission_id", "report_code", "commune_code", "review_state", "submitted_at", "updated_at"]
    assert len(admitted.accepted.join(reports, on=same, nulls_equal=True)) == len(admitted.accepted)


@pytest.mark.parametrize(
    ("dataset", "source", "kinds"),
    [("field.reports", "field_reports", BAD_REPORTS), ("field.report_items", "field_items", BAD_ITEMS)],
)
def test_bad_rows_are_caught_and_no_good_one_is(
    settings: Settings,
    contracts: dict[str, Contract],
    units: Units,
    running: Running,
    dataset: str,
    source: str,
    kinds: dict[str, str],
) -> None:
    admitted = pass_door(read(contracts[dataset], settings), contracts[dataset], units)
    bad = truth.bad_rows(running.home, source, NOW)
    assert set(bad["kind"]) == set(kinds)
    assert sorted(admitted.quarantined["record_id"]) == sorted(bad["record_id"])


def test_no_identifier_stays_in_a_text(settings: Settings, contract: Contract, units: Units, running: Running) -> None:
    admitted = pass_door(read(contract, settings), contract, units)
    planted = pl.read_parquet(running.home / "truth" / "field_identifiers.parquet")
    planted = planted.filter(pl.col("planted_from") <= NOW)
    assert set(planted["kind"]) == {"phone", "citizen_number", "email", "plate", "own_number"}
    assert 0.08 < len(planted) / (len(admitted.accepted) + len(admitted.quarantined)) < 0.25
    assert admitted.texts is not None and len(admitted.texts) == len(admitted.accepted)
    texts = " ".join(admitted.texts["description"].to_list() + admitted.texts["place"].to_list())
    kept = texts + admitted.accepted.write_json() + admitted.quarantined.write_json()
    for identifier in planted["identifier"]:
        assert identifier not in kept
        digits = "".join(sign for sign in identifier if sign.isdigit())
        assert len(digits) < 9 or digits not in "".join(sign for sign in kept if sign not in " .-")
    marks = admitted.texts["description"].str.count_matches(r"\[").sum()
    assert marks == len(planted.join(admitted.accepted, left_on="record_id", right_on="report_code"))


def test_new_and_edited_reports_are_found_by_their_last_change(
    settings: Settings, contract: Contract, running: Running
) -> None:
    made = pl.read_parquet(next((running.home / "generated").glob("*/field_reports.parquet")))
    november = datetime.fromisoformat("2026-11-01T00:00:00+07:00")
    now, start = NOW.replace(tzinfo=None), november.replace(tzinfo=None)
    events = ("submitted_at", "edited_at", "reviewed_at", "mended_at", "approved_at")
    last = pl.max_horizontal(pl.when(pl.col(name) <= now).then(name) for name in events)
    known = made.filter(pl.col("submitted_at") <= now).with_columns(last=last)
    changed = known.filter(pl.col("last") >= start)
    before = changed.filter(pl.col("submitted_at") < start)
    assert len(before) and changed["edited_at"].is_not_null().any()
    assert set(read(contract, settings, november)["__id"]) == set(changed["id"])
    earlier = set(read(contract, settings, FROM, november)["__id"])
    assert earlier == set(known.filter(pl.col("last") < start)["id"]), "what was changed again has moved on"


@pytest.mark.parametrize("dataset", ["field.reports", "field.report_items"])
@pytest.mark.parametrize("kind", ["latency", "429", "500", "half_json", "cut", "401"])
def test_a_fault_that_passes_loses_nothing(
    service: httpx.Client,
    settings: Settings,
    contracts: dict[str, Contract],
    running: Running,
    kind: str,
    dataset: str,
) -> None:
    start = NOW - timedelta(days=60)
    whole = read(contracts[dataset], settings, start)
    faults.switch_on(running, kind, times=1, table="Submissions", seconds=0.01)
    assert read(contracts[dataset], settings, start).equals(whole)


def test_an_ended_token_is_renewed(
    service: httpx.Client, settings: Settings, contract: Contract, running: Running
) -> None:
    small = contract.model_copy(update={"source": {**contract.source, "size": 40}})
    pages = odata.read(small, Window(FROM, TO), settings)
    tables = [next(pages).table]
    faults.expire_tokens(running)
    tables += [extract.table for extract in pages]
    assert len(stack(tables)) == len(read(contract, settings))


def test_faults_that_stay_are_told(
    service: httpx.Client, client: httpx.Client, settings: Settings, contract: Contract, running: Running
) -> None:
    for kind, message in (("500", "answers 500"), ("half_json", "broken JSON"), ("cut", "does not answer")):
        with (
            faults.fault(running, kind, table="Submissions"),
            pytest.raises(SourceError, match=rf"^field\.reports: .*{message}"),
        ):
            read(contract, settings)
    with (
        faults.fault(running, "401", table="Submissions"),
        pytest.raises(SourceFormatError, match=r"refuses the token \(401\)"),
    ):
        read(contract, settings)
    with faults.fault(running, "down", table="Submissions"):
        with pytest.raises(SourceError, match="does not answer"):
            read(contract, settings)
        assert client.get("/api/v1/dossiers", params={"page_size": 1}).status_code == 200, "the gateway is up"
    with faults.fault(running, "down", table="Observations"):
        assert service.get(SERVICE).status_code == 200
    with faults.fault(running, "down"), pytest.raises(httpx.ConnectError):
        service.get(SERVICE)
    wrong = load_settings({**settings.env, "FIELD_APP_PASSWORD": "wrong"})
    with pytest.raises(SourceFormatError, match=r"refuses the user \(401\); check FIELD_APP_EMAIL, FIELD_APP_PASSWORD"):
        read(contract, wrong)
    assert len(read(contract, settings))


def test_loads_and_sweeps_keep_every_report_once(
    settings: Settings, contracts: dict[str, Contract], running: Running
) -> None:
    def accept(_: Contract, profiles: pl.DataFrame) -> list[Verdict]:
        return [Verdict(load_id, "accepted", []) for load_id in profiles["load_id"]]

    now = NOW.astimezone(UTC)
    for name in ("admin.units", "admin.unit_changes"):
        ingest(contracts[name], None, settings, accept, now)
    days = [date(2026, 9, 1) + timedelta(days=n) for n in range(84)]
    for name in ("field.reports", "field.report_items"):
        written = ingest(contracts[name], days, settings, accept, now)
        assert all(entry.received == entry.accepted + entry.quarantined for entry in written)
        held = read_current(settings, contracts[name])
        assert len(held) == sum(entry.accepted for entry in written) > 20
        ingest(contracts[name], days[40:50], settings, accept, now)
        again, key = read_current(settings, contracts[name]), contracts[name].key
        assert again.drop("_load_id").sort(key).equals(held.drop("_load_id").sort(key))
        assert sweep_keys(contracts[name], settings, now).accepted == 0, "nothing is gone at the source"

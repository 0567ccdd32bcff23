"""Every role at every surface of a real server: what it may see it sees, and no row of another's."""

import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, nullcontext
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import adbc_driver_postgresql.dbapi as postgres
import pytest
import yaml

from lake.settings import Settings, load_settings
from superset_assets.bundle import ASSETS
from superset_assets.client import SignedInClient, connect
from superset_assets.deploy import deploy
from superset_assets.launch import start as start_superset
from superset_assets.server.account_rules import IDLE_DAYS
from superset_assets.verify import verify
from tests.conftest import postgresql
from tests.e2e.access_surfaces import DOORS, LIMITED, ROWS, World, chart_data, communes_of, question, told, world_of
from tests.e2e.installation import Installation
from tests.e2e.visitors import Visitor, sign_in

pytestmark = [pytest.mark.e2e, pytest.mark.soak]

ROLES = ("leader", "health", "security", "home_affairs", "analyst", "data_engineer", "auditor")
SECRET = {
    "secret_health": ("health", "mart_disease_unit_week"),
    "secret_security": ("security", "mart_security_unit_month"),
}
# the rows of one-stop figures, which all departments share
SEES_ALL = {"leader", "health", "security", "home_affairs", "analyst", "data_engineer"}


@dataclass(frozen=True)
class Site:
    """A server with accounts of every role."""

    settings: Settings
    url: str
    client: SignedInClient
    folder: Path
    world: World
    communes: tuple[str, str]
    visitors: dict[str, Visitor]

    def write_users(self, units: dict[str, list[str]]) -> None:
        write_users(self.settings, units)


def write_users(settings: Settings, units: dict[str, list[str]], left_out: tuple[str, ...] = ()) -> None:
    """The province's file: a group and a person for every role, and communes with the units given."""
    groups: dict[str, Any] = {name: {"roles": [name]} for name in ROLES}
    groups |= {name: {"roles": ["commune"], "units": codes} for name, codes in units.items()}
    users = [{"username": name.replace("_", "-"), "name": "Người Thử", "groups": [name]}
             for name in groups if name not in left_out]  # fmt: skip
    (settings.home / "users.yaml").write_text(yaml.safe_dump({"groups": groups, "users": users}, allow_unicode=True))


def with_secret_datasets(folder: Path) -> Path:
    """Our dashboards and a dataset on each of the files that only a department may open."""
    shutil.copytree(ASSETS, folder, ignore=shutil.ignore_patterns("server", "__pycache__"))
    for number, (name, (database, mart)) in enumerate(SECRET.items()):
        columns = [{"column_name": "unit_code", "verbose_name": "Mã", "type": "VARCHAR"}]
        dataset = {
            "uuid": f"11111111-2222-4333-8444-00000000000{number}", "table_name": name, "database": database,
            "description": "", "reads": [mart], "sql": f"select unit_code from {mart}", "columns": columns,
        }  # fmt: skip
        (folder / "datasets" / f"{name}.yaml").write_text(yaml.safe_dump(dataset), encoding="utf-8")
    return folder


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def site(
    request: pytest.FixtureRequest, refreshed: Installation, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    base = tmp_path_factory.mktemp("access")
    shutil.copytree(refreshed.home, base / "home", symlinks=True)
    on_server = request.param == "postgresql"
    with postgresql(tmp_path_factory.mktemp("metadata")) if on_server else nullcontext("") as address:
        env = {"KHO_SUPERSET_METADATA": address}
        installation = Installation(base / "home", refreshed.sources, refreshed.months, env)
        yield from served(load_settings(installation.environment()), base)
        assert (base / "home" / "superset" / "superset.db").exists() != on_server


def served(settings: Settings, base: Path) -> Iterator[Site]:
    """A server on this installation, with a visitor of every role signed in."""
    communes = communes_of(settings)
    write_users(settings, {"commune-a": [communes[3]], "commune-b": [communes[7]], "commune-none": []})
    folder = with_secret_datasets(base / "assets")
    with start_superset(settings) as server:
        done = deploy(settings, server.url, folder)
        assert done.passed, done.problems
        client = connect(settings, server.url)
        world = world_of(settings, client, folder)
        visitors = {}
        for name in (*ROLES, "commune-a", "commune-b", "commune-none"):
            visitors[name] = let_in(settings, server.url, name)
        yield Site(settings, server.url, client, folder, world, (communes[3], communes[7]), visitors)


def let_in(settings: Settings, url: str, name: str) -> Visitor:
    """Sign in with the first password."""
    username = name.replace("_", "-")
    password = (settings.home / "secrets" / "first_passwords" / username).read_text()
    visitor = sign_in(url, username, password)
    assert visitor.signed_in, name
    return visitor


def test_nobody_sees_rows_of_another_at_any_surface(site: Site) -> None:
    """The leader asks each question first, so that whatever is remembered is the whole."""
    own = {"commune-a": {site.communes[0]}, "commune-b": {site.communes[1]}}
    order = ("leader", *(name for name in site.visitors if name != "leader"))
    leaks, table = [], []
    for surface, ask in ROWS.items():
        for name in order:
            answer = ask(site.visitors[name], site.world)
            seen = site.world.seen(told(answer))
            may = site.world.communes if name in SEES_ALL else frozenset(own.get(name, ()))
            result = f"{len(seen)} xã" if answer.ok else f"từ chối {answer.status_code}"
            table.append((surface, name, result, f"≤ {len(may)} xã", seen <= may))
            if not seen <= may:
                leaks.append((surface, name, sorted(seen - may)[:5]))
            if "Traceback (most recent call last)" in answer.text:
                leaks.append((surface, name, "stack trace"))
    print_table(table)
    assert leaks == []
    got = {(surface, name): result for surface, name, result, *_ in table}
    # the test can fail: whoever may see rows does see them
    for surface in (
        "số liệu biểu đồ",
        "mọi cột",
        "tải CSV",
        "tải XLSX",
        "dòng mẫu của tập dữ liệu",
        "giá trị của bộ lọc",
        "giao diện bản đồ",
    ):
        assert got[surface, "leader"] == f"{len(site.world.communes)} xã", (surface, got[surface, "leader"])
        assert got[surface, "commune-a"] == got[surface, "commune-b"] == "1 xã", (surface, got[surface, "commune-a"])
        assert got[surface, "commune-none"] == "0 xã", (surface, got[surface, "commune-none"])


def test_every_door_is_open_to_its_roles_alone(site: Site) -> None:
    wrong, table = [], []
    for surface, (ask, open_to) in DOORS.items():
        for name, visitor in site.visitors.items():
            answer = ask(visitor, site.world)
            opened = answer.status_code == 200 and not _empty_listing(answer.text)
            table.append((surface, name, f"{answer.status_code}", "mở" if name in open_to else "đóng",
                          opened == (name in open_to)))  # fmt: skip
            if opened != (name in open_to):
                wrong.append((surface, name, answer.status_code, answer.text[:200]))
            if "Traceback (most recent call last)" in answer.text:
                wrong.append((surface, name, "stack trace"))
    print_table(table)
    assert wrong == []
    assert verify(site.settings, site.url, site.folder) == [], "nothing was changed by trying"


def _empty_listing(text: str) -> bool:
    """A list of nothing: what was asked for exists, and this person sees none of it."""
    try:
        return bool(json.loads(text).get("count") == 0)
    except (ValueError, AttributeError):
        return False


def print_table(rows: list[tuple[str, str, str, str, bool]]) -> None:
    """Surface × person × what was answered × what was expected."""
    print()
    for surface, name, result, expected, well in rows:
        print(f"{'đạt ' if well else 'HỎNG'}  {surface:<40} {name:<14} {result:<14} {expected}")


def test_what_was_remembered_for_one_is_not_told_to_another(site: Site) -> None:
    ask = chart_data(columns=["unit_code", "rank"])
    first, again = ask(site.visitors["leader"], site.world), ask(site.visitors["leader"], site.world)
    assert again.json()["result"][0]["is_cached"], "the second answer is a remembered one"
    for name, own in zip(("commune-a", "commune-b"), site.communes, strict=True):
        assert site.world.seen(ask(site.visitors[name], site.world).text) == {own}
        assert site.world.seen(ask(site.visitors[name], site.world).text) == {own}
    assert site.world.seen(ask(site.visitors["leader"], site.world).text) == site.world.seen(first.text)


def test_a_key_of_a_remembered_answer_opens_nothing(site: Site) -> None:
    answer = chart_data()(site.visitors["leader"], site.world).json()["result"][0]
    asked = {**question(site.world.datasets[LIMITED]), "result_key": answer["cache_key"]}
    forged = site.visitors["commune-a"].post("/api/v1/chart/data", asked)
    assert site.world.seen(forged.text) <= {site.communes[0]}
    by_key = site.visitors["commune-a"].get(f"/api/v1/chart/data/{answer['cache_key']}")
    assert site.world.seen(by_key.text) == frozenset()


def test_a_unit_taken_away_is_gone_at_the_next_question(site: Site) -> None:
    a, b = site.communes
    ask, visitor = chart_data(), site.visitors["commune-a"]
    assert site.world.seen(ask(visitor, site.world).text) == {a}
    try:
        site.write_users({"commune-a": [b], "commune-b": [b], "commune-none": []})
        assert deploy(site.settings, site.url, site.folder).passed
        assert site.world.seen(ask(visitor, site.world).text) == {b}
        write_users(site.settings, {"commune-a": [a], "commune-b": [b], "commune-none": []}, left_out=("commune-a",))
        done = deploy(site.settings, site.url, site.folder)
        assert done.passed and "account commune-a" in done.removed
        refused = ask(visitor, site.world)
        assert refused.status_code in (401, 403, 302) or "login" in refused.url, refused.text[:200]
        assert site.world.seen(refused.text) == frozenset()
    finally:
        site.write_users({"commune-a": [a], "commune-b": [b], "commune-none": []})
        assert deploy(site.settings, site.url, site.folder).passed
    assert site.world.seen(ask(let_in(site.settings, site.url, "commune-a"), site.world).text) == {a}


def test_a_name_made_of_sql_gives_no_rows(site: Site) -> None:
    """Such a name cannot stand in the province's file; made by hand on the server it sees nothing and is named."""
    roles = {one["name"]: one["id"] for one in site.client.all_of("security/roles")}
    username, password = "x' OR '1'='1", "Mat-khau-thu-1"
    made = site.client.post(f"{site.client.base_url}/security/users/", json={
        "username": username, "first_name": "x", "last_name": "x", "email": "x@localhost", "active": True,
        "password": password, "roles": [roles["commune"]]})  # fmt: skip
    assert made.status_code == 201, made.text
    visitor = sign_in(site.url, username, password)
    assert visitor.signed_in
    answer = chart_data()(visitor, site.world)
    assert answer.status_code == 200 and site.world.seen(answer.text) == frozenset()
    assert any(username in problem for problem in verify(site.settings, site.url, site.folder))
    assert deploy(site.settings, site.url, site.folder).passed
    assert not sign_in(site.url, username, password).signed_in, "the deployment closes what the file does not know"


def test_three_deployments_leave_the_same_objects_with_the_same_numbers(site: Site) -> None:
    kinds = ("database", "dataset", "chart", "dashboard", "security/roles", "rowlevelsecurity", "security/users")
    states = []
    for _ in range(3):
        assert deploy(site.settings, site.url, site.folder).passed
        states.append({kind: sorted((one["id"], one.get("uuid") or one.get("name")) for one in site.client.all_of(kind))
                       for kind in kinds})  # fmt: skip
    assert states[0] == states[1] == states[2]
    assert len(states[0]["rowlevelsecurity"]) == 1


def test_a_chart_changed_by_hand_is_named_and_put_right(site: Site) -> None:
    chart = next(site.client.all_of("chart"))
    changed = site.client.put(f"{site.client.base_url}/chart/{chart['id']}", json={"slice_name": "Sửa tay"})
    assert changed.status_code == 200, changed.text
    assert any("Sửa tay" in problem for problem in verify(site.settings, site.url, site.folder))
    assert deploy(site.settings, site.url, site.folder).passed
    assert verify(site.settings, site.url, site.folder) == []


def test_changes_of_rights_by_hand_are_named_and_undone(site: Site) -> None:
    client, base = site.client, site.client.base_url
    rule = next(client.all_of("rowlevelsecurity"))
    roles = {one["name"]: one["id"] for one in client.all_of("security/roles")}
    people = {one["username"]: one["id"] for one in client.all_of("security/users")}
    # a change of the clause alone clears roles and tables: everybody would see all
    client.put(f"{base}/rowlevelsecurity/{rule['id']}", json={"clause": "1 = 1"})
    client.post(f"{base}/rowlevelsecurity/", json={
        "name": "Sửa tay", "filter_type": "Regular", "tables": [site.world.datasets[LIMITED]],
        "roles": [roles["commune"]], "clause": "1 = 1"})  # fmt: skip
    pairs = {one["permission"]["name"]: one["id"] for one in client.all_of("security/permissions-resources")}
    there = client.ask(f"security/roles/{roles['commune']}/permissions/")["result"]
    kept = [one["id"] for one in there if one["permission_name"] != "can_csv"]
    chosen = {"permission_view_menu_ids": [*kept, pairs["can_sqllab"]]}
    client.post(f"{base}/security/roles/{roles['commune']}/permissions", json=chosen)
    client.post(f"{base}/security/roles/", json={"name": "sua_tay"})
    client.put(f"{base}/security/users/{people['commune-a']}", json={"roles": [roles["commune"], roles["leader"]]})
    client.post(f"{base}/security/users/", json={
        "username": "sua-tay", "first_name": "x", "last_name": "x", "email": "sua@localhost", "active": True,
        "password": "Mat-khau-thu-1", "roles": [roles["leader"]]})  # fmt: skip
    problems = verify(site.settings, site.url, site.folder)
    for named in (
        "clause is 1 = 1",
        "datasets is []",
        "roles without limit is []",
        "row rule Sửa tay: not in the code",
        "role commune: has can_sqllab",
        "role commune: lacks can_csv",
        "role sua_tay: not in the code",
        "user commune-a: has the role leader",
        "user sua-tay: not in the file of users",
    ):
        assert any(named in problem for problem in problems), (named, problems)
    assert deploy(site.settings, site.url, site.folder).passed
    assert verify(site.settings, site.url, site.folder) == []
    assert site.world.seen(chart_data()(site.visitors["commune-a"], site.world).text) == {site.communes[0]}


def test_every_sign_in_question_and_export_stands_in_the_audit_log(site: Site) -> None:
    sign_in(site.url, "leader", "sai-mat-khau")
    chart_data(form="csv")(site.visitors["commune-a"], site.world)
    text = "".join(path.read_text() for path in (site.settings.home / "logs" / "audit").glob("*.jsonl"))
    lines = [json.loads(line) for line in text.splitlines()]
    assert any(one["kind"] == "sign-in" and one["user"] == "leader" and not one["refused"] for one in lines)
    assert any(one["kind"] == "sign-in" and one["user"] == "leader" and one["refused"] for one in lines)
    assert any(one["kind"] == "export" and one["user"] == "commune-a" for one in lines)
    assert any(
        one["kind"] == "query" and one["user"] == "analyst" and "mart_indicator" in one["asked"] for one in lines
    )
    passwords = [path.read_text() for path in (site.settings.home / "secrets" / "first_passwords").iterdir()]
    assert not [one for one in [*passwords, "sai-mat-khau", "Mat-khau-thu-1"] if one in text], "no password in the log"
    assert site.visitors["auditor"].get("/api/v1/log/").json()["count"] > 0


def test_a_person_put_back_into_the_file_is_let_in_again(site: Site) -> None:
    a, b = site.communes
    units = {"commune-a": [a], "commune-b": [b], "commune-none": []}
    write_users(site.settings, units, left_out=("leader",))
    assert "account leader" in deploy(site.settings, site.url, site.folder).removed
    site.write_users(units)
    assert any(
        told == "user leader: is closed, the file names it" for told in verify(site.settings, site.url, site.folder)
    )
    assert deploy(site.settings, site.url, site.folder).passed
    assert let_in(site.settings, site.url, "leader").signed_in


def test_an_account_that_nobody_used_for_45_days_is_closed_at_the_next_try(site: Site) -> None:
    earlier = let_in(site.settings, site.url, "analyst")
    unused(site.settings, "analyst", IDLE_DAYS - 1)
    assert let_in(site.settings, site.url, "analyst").signed_in
    unused(site.settings, "analyst", IDLE_DAYS + 1)
    password = (site.settings.home / "secrets" / "first_passwords" / "analyst").read_text()
    assert not sign_in(site.url, "analyst", password).signed_in
    assert earlier.get("/api/v1/me/").status_code == 401, "a session from before is over, too"
    assert deploy(site.settings, site.url, site.folder).passed, "it stays closed, and that is no difference"
    assert not sign_in(site.url, "analyst", password).signed_in
    person = next(one for one in site.client.all_of("security/users") if one["username"] == "analyst")
    assert not person["active"]
    site.client.ask_to("put", f"security/users/{person['id']}", {"active": True}, "opening the account by hand")
    assert sign_in(site.url, "analyst", password).signed_in
    unused(site.settings, "admin", 10 * IDLE_DAYS)
    assert next(connect(site.settings, site.url).all_of("security/users")), "the administrator always"


def unused(settings: Settings, username: str, days: int) -> None:
    """Set the account's sign-in, making and change back by so many days, in the metadata itself."""
    when = (datetime.now() - timedelta(days=days)).isoformat(sep=" ", timespec="microseconds")
    columns = ", ".join(f"{column} = '{when}'" for column in ("last_login", "created_on", "changed_on"))
    address = settings.env["KHO_SUPERSET_METADATA"]
    store = postgres.connect(address) if address else sqlite3.connect(settings.home / "superset" / "superset.db")
    with closing(store) as connection, closing(connection.cursor()) as cursor:
        cursor.execute(f"update ab_user set {columns} where username = '{username}'")
        connection.commit()

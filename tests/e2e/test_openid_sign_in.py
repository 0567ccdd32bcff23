"""Single sign-on against an OpenID Connect server: who is let in, to which rows, and whose word counts for nothing."""

import base64
import json
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import requests
import yaml

from lake.settings import Settings, load_settings
from simulator.sign_on import ANSWER_FAULTS, FAULTS, Person, SignOn, create_sign_on
from superset_assets.bundle import ASSETS
from superset_assets.client import SignedInClient, connect
from superset_assets.deploy import deploy
from superset_assets.launch import BIN, password_file
from superset_assets.launch import start as start_superset
from superset_assets.screenshot import signed_in_browser, window
from superset_assets.server.session_limit import MARK
from superset_assets.verify import verify
from tests.conftest import serve
from tests.e2e.access_surfaces import World, chart_data, communes_of, world_of
from tests.e2e.installation import Installation
from tests.e2e.visitors import WAIT, Visitor, arrived, new_session, sign_in_at_directory

pytestmark = [pytest.mark.e2e, pytest.mark.soak]

TITLE = "Tài khoản chưa được giao quyền xem"
PASSWORD = "mat-khau-cua-thu-muc"
PEOPLE = {
    "chu-tich": ["lanh-dao"],
    "xa-a": ["xa-a"],
    "xa-khac": ["xa-b"],
    "nguoi-la": ["nhom-la", "Admin", "leader", "unit_24820"],  # groups that are none of ours
    "khong-nhom": [],
    "luan-chuyen": ["lanh-dao"],
}


@dataclass(frozen=True)
class Site:
    """A server whose people are those of the directory. commune: the one that group xa-a is of."""

    settings: Settings
    url: str
    sign_on: SignOn
    client: SignedInClient
    world: World
    commune: str

    def let_in(self, name: str) -> Visitor:
        """Sign in and be let in."""
        visitor = sign_in_at_directory(self.url, name, PASSWORD)
        assert visitor.signed_in, name
        return visitor

    def rows(self, visitor: Visitor) -> frozenset[str]:
        """The communes whose rows this person is told."""
        return self.world.seen(chart_data()(visitor, self.world).text)

    def told_nothing(self, name: str) -> bool:
        """Sign in, and be told on the first page whom to ask, and nothing else anywhere."""
        visitor = sign_in_at_directory(self.url, name, PASSWORD)
        first, listed = visitor.get("/"), visitor.get("/api/v1/dashboard/")
        assert first.status_code == listed.status_code == 403, (first.status_code, listed.status_code)
        assert TITLE in first.text and TITLE in listed.json()["message"]
        assert [role["name"] for role in self.accounts()[name]["roles"]] == ["Public"]
        visitor.get("/logout/")
        assert visitor.get("/api/v1/dashboard/").status_code == 401
        return self.rows(visitor) == frozenset()

    def accounts(self) -> dict[str, dict[str, Any]]:
        """The server's accounts by name."""
        return {one["username"]: one for one in self.client.all_of("security/users")}


@pytest.fixture(scope="module")
def site(refreshed: Installation, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    home = tmp_path_factory.mktemp("openid") / "home"
    shutil.copytree(refreshed.home, home, symlinks=True)
    sign_on = SignOn("", "kho-tinh", "bi-mat-cua-kho", {n: Person(PASSWORD, groups) for n, groups in PEOPLE.items()})
    with serve(create_sign_on(sign_on)) as sign_on.url:
        env = {
            "KHO_SUPERSET_AUTH": "oidc",
            "KHO_OIDC_ISSUER": sign_on.url,
            "KHO_OIDC_CLIENT_ID": sign_on.client_id,
            "KHO_OIDC_CLIENT_SECRET": sign_on.client_secret,
        }
        settings = load_settings(Installation(home, refreshed.sources, refreshed.months, env).environment())
        first, second = communes_of(settings)[:2]
        groups = {
            "lanh-dao": {"roles": ["leader"]},
            "xa-a": {"roles": ["commune"], "units": [first]},
            "xa-b": {"roles": ["commune"], "units": [second]},
        }
        (home / "users.yaml").write_text(yaml.safe_dump({"groups": groups}), encoding="utf-8")
        with start_superset(settings) as server:
            sign_on.redirects.add(f"{server.url}/oauth-authorized/tinh")
            done = deploy(settings, server.url)
            assert done.passed, done.problems
            client = connect(settings, server.url)
            yield Site(settings, server.url, sign_on, client, world_of(settings, client, ASSETS), first)


@pytest.fixture(autouse=True)
def as_it_was(site: Site) -> Iterator[None]:
    """The directory spoils nothing after a test, and everybody is in their groups again."""
    yield
    site.sign_on.spoil, site.sign_on.groups_in_token = None, True
    site.sign_on.people |= {name: Person(PASSWORD, groups) for name, groups in PEOPLE.items()}


@pytest.mark.parametrize("in_token", [True, False], ids=["groups in the token", "groups on the page"])
def test_the_groups_of_the_directory_are_roles_and_rows(site: Site, in_token: bool) -> None:
    site.sign_on.groups_in_token = in_token
    assert site.rows(site.let_in("chu-tich")) == site.world.communes
    assert site.rows(site.let_in("xa-a")) == {site.commune}
    for name in ("nguoi-la", "khong-nhom"):
        assert site.told_nothing(name)


def test_a_wrong_password_at_the_directory_lets_nobody_in(site: Site) -> None:
    assert not sign_in_at_directory(site.url, "chu-tich", "sai").signed_in


def test_a_group_taken_away_is_a_role_taken_away_at_the_next_sign_in(site: Site) -> None:
    assert site.rows(site.let_in("luan-chuyen")) == site.world.communes
    site.sign_on.people["luan-chuyen"].groups = ["xa-a"]
    assert site.rows(site.let_in("luan-chuyen")) == {site.commune}
    site.sign_on.people["luan-chuyen"].groups = []
    assert site.told_nothing("luan-chuyen")


def test_a_session_ends_an_hour_after_its_sign_in(site: Site) -> None:
    visitor = site.let_in("chu-tich")
    assert site.rows(_later(site, visitor, 3500)) == site.world.communes
    late = _later(site, visitor, 3700)
    assert late.get("/api/v1/me/").status_code == 401
    assert site.rows(late) == frozenset()


def _later(site: Site, visitor: Visitor, seconds: int) -> Visitor:
    """The same session as it will be: its mark, which the server signed, is set back by the server's own key."""
    code = (
        "import os, sys; from flask import Flask; from flask.sessions import SecureCookieSessionInterface as Sessions;"
        "app = Flask('x'); app.secret_key = os.environ['KEY'];"
        "signer = Sessions().get_signing_serializer(app); kept = signer.loads(sys.argv[1]);"
        f"kept['{MARK}'] -= {seconds}; print(signer.dumps(kept))"
    )
    key = (site.settings.home / "secrets" / "superset_secret_key").read_text().strip()
    command = [str(BIN / "python"), "-c", code, visitor.session.cookies["session"]]
    made = subprocess.run(command, env={"KEY": key}, capture_output=True, text=True, check=True).stdout.strip()
    session = new_session()
    session.cookies.set("session", made)
    return Visitor(site.url, visitor.username, session, True, visitor.token)


@pytest.mark.parametrize(
    ("name", "claims"),
    [
        ("admin", {}),
        ("Admin", {}),
        ("x1", {"preferred_username": "ADMIN"}),
        ("x2", {"preferred_username": " admin "}),
        ("x3", {"preferred_username": "", "sub": "admin"}),
        ("x4", {"preferred_username": "x' OR '1'='1"}),
        ("x5", {"email": "admin@localhost"}),
    ],
)
def test_nobody_of_the_directory_becomes_the_administrator(site: Site, name: str, claims: dict[str, str]) -> None:
    before = site.accounts()
    site.sign_on.people[name] = Person(PASSWORD, ["lanh-dao"], claims)
    assert not sign_in_at_directory(site.url, name, PASSWORD).signed_in
    now = site.accounts()
    assert now.keys() == before.keys(), "no account was made"
    kept = ("roles", "email", "first_name", "last_name", "active", "login_count")
    assert {part: now["admin"][part] for part in kept} == {part: before["admin"][part] for part in kept}


@pytest.mark.parametrize("fault", [*FAULTS, *ANSWER_FAULTS])
def test_a_token_that_is_not_the_directorys_for_us_and_now_lets_nobody_in(site: Site, fault: str) -> None:
    site.sign_on.groups_in_token = fault != "page of another person"
    assert site.rows(site.let_in("chu-tich")) == site.world.communes, "unspoilt it does"
    site.sign_on.spoil = fault
    assert not sign_in_at_directory(site.url, "chu-tich", PASSWORD).signed_in


def test_the_way_back_is_good_once_and_for_the_browser_that_set_out(site: Site) -> None:
    session = new_session()
    asked = session.get(f"{site.url}/login/tinh", timeout=WAIT)
    form = {"username": "chu-tich", "password": PASSWORD}
    back = session.post(asked.url, data=form, timeout=WAIT, allow_redirects=False).headers["Location"]
    for stranger in (back, f"{site.url}/oauth-authorized/tinh?code=x&state=y", f"{site.url}/oauth-authorized/khac"):
        other = new_session()
        other.get(stranger, timeout=WAIT)
        assert not arrived(site.url, "chu-tich", other).signed_in
    # a browser that set out itself is not led into another's account
    other = new_session()
    other.get(f"{site.url}/login/tinh", timeout=WAIT)
    other.get(back, timeout=WAIT)
    assert not arrived(site.url, "chu-tich", other).signed_in
    session.get(back, timeout=WAIT)
    assert arrived(site.url, "chu-tich", session).signed_in
    session.get(f"{site.url}/logout/", timeout=WAIT)
    session.get(back, timeout=WAIT)
    assert not arrived(site.url, "chu-tich", session).signed_in, "the same answer again"


def test_a_password_lets_in_the_administrator_alone(site: Site) -> None:
    roles = {one["name"]: one["id"] for one in site.client.all_of("security/roles")}
    person = {"username": "tu-truoc", "first_name": "x", "last_name": "x", "email": "truoc@localhost", "active": True,
              "password": PASSWORD, "roles": [roles["leader"]]}  # fmt: skip
    site.client.ask_to("post", "security/users/", person, "making an account")
    admin = password_file(site.settings).read_text().strip()
    for name, password, door, expected in (
        ("tu-truoc", PASSWORD, "/api/v1/security/login", 401),
        ("truoc@localhost", PASSWORD, "/api/v1/security/login", 401),
        ("admin@localhost", admin, "/api/v1/security/login", 401),
        ("admin", admin, "/api/v1/security/login", 200),
        ("tu-truoc", PASSWORD, "/machine-sign-in", 401),
        ("admin", "sai", "/machine-sign-in", 401),
        ("admin", admin, "/machine-sign-in", 204),
    ):
        session = new_session()
        body = {"username": name, "password": password, "provider": "db"}
        assert session.post(f"{site.url}{door}", json=body, timeout=WAIT).status_code == expected, (name, door)
        assert arrived(site.url, name, session).signed_in == (expected == 204)
        body["provider"] = "ldap"
        assert requests.post(f"{site.url}/api/v1/security/login", json=body, timeout=WAIT).status_code == 401


def test_a_token_of_the_api_outlives_no_session(site: Site) -> None:
    body = {"username": "admin", "password": password_file(site.settings).read_text().strip(), "provider": "db"}
    given = requests.post(f"{site.url}/api/v1/security/login", json={**body, "refresh": True}, timeout=WAIT).json()
    for name, seconds in (("access_token", 900), ("refresh_token", 3600)):
        claims = json.loads(base64.urlsafe_b64decode(given[name].split(".")[1] + "=="))
        assert claims["exp"] - claims["iat"] == seconds, name


def test_roles_that_no_group_gives_are_named_and_taken(site: Site) -> None:
    site.let_in("chu-tich")
    roles = {one["name"]: one["id"] for one in site.client.all_of("security/roles")}
    body = {"roles": [roles["leader"], roles["Admin"], roles[f"unit_{site.commune}"]]}
    site.client.ask_to("put", f"security/users/{site.accounts()['chu-tich']['id']}", body, "giving roles by hand")
    named = [one for one in verify(site.settings, site.url) if one.startswith("user chu-tich: has the role ")]
    assert len(named) == 2, named
    done = deploy(site.settings, site.url)
    assert done.passed and "roles of account chu-tich" in done.removed
    assert {one["name"] for one in site.accounts()["chu-tich"]["roles"]} == {"leader", "Public"}


def test_a_unit_taken_from_a_group_is_gone_at_once_and_the_new_one_comes_with_the_next_sign_in(site: Site) -> None:
    file = site.settings.home / "users.yaml"
    before = file.read_text(encoding="utf-8")
    other = next(code for code in sorted(site.world.communes, reverse=True) if code != site.commune)
    visitor = site.let_in("xa-a")
    try:
        file.write_text(before.replace(site.commune, other), encoding="utf-8")
        assert deploy(site.settings, site.url).passed
        assert site.rows(visitor) == frozenset()
        assert site.rows(site.let_in("xa-a")) == {other}
    finally:
        file.write_text(before, encoding="utf-8")
        assert deploy(site.settings, site.url).passed


def test_people_of_the_file_get_no_account_and_no_password(site: Site) -> None:
    file = site.settings.home / "users.yaml"
    before = file.read_text(encoding="utf-8")
    try:
        person = {"username": "trong-tep", "groups": ["lanh-dao"]}
        file.write_text(before + yaml.safe_dump({"users": [person]}), encoding="utf-8")
        assert deploy(site.settings, site.url).passed
        assert "trong-tep" not in site.accounts()
        assert not (site.settings.home / "secrets" / "first_passwords").exists()
    finally:
        file.write_text(before, encoding="utf-8")


def test_pages_can_be_drawn_and_nothing_was_changed_by_trying(site: Site) -> None:
    with signed_in_browser(site.settings, site.url) as (browser, state):
        page = window(browser, storage_state=state).new_page()
        answer = page.goto(f"{site.url}/superset/dashboard/tong-quan-tinh/")
        assert answer.status == 200 and "/login" not in page.url
    assert verify(site.settings, site.url) == []


def test_a_person_goes_from_the_log_in_page_through_the_directory_to_their_own_page(site: Site) -> None:
    with signed_in_browser(site.settings, site.url) as (browser, _):
        page = window(browser).new_page()
        page.goto(f"{site.url}/login/", wait_until="networkidle")
        page.get_by_role("link", name="Đăng nhập bằng").or_(page.get_by_role("button", name="Đăng nhập bằng")).click()
        page.wait_for_url(f"{site.sign_on.url}/authorize*")
        page.fill("input[name=username]", "xa-a")
        page.fill("input[name=password]", PASSWORD)
        page.click("button")
        page.wait_for_url("**/superset/dashboard/xa-toi/**")


def test_every_sign_in_by_the_directory_stands_in_the_audit_log(site: Site) -> None:
    site.let_in("chu-tich")
    site.sign_on.spoil = "another key"
    assert not sign_in_at_directory(site.url, "chu-tich", PASSWORD).signed_in
    text = "".join(path.read_text() for path in (site.settings.home / "logs" / "audit").glob("*.jsonl"))
    lines = [one for one in map(json.loads, text.splitlines()) if one["path"] == "/oauth-authorized/tinh"]
    assert any(one["user"] == "chu-tich" and not one["refused"] for one in lines)
    assert lines[-1]["refused"] and lines[-1]["kind"] == "sign-in"
    assert "code=" not in text and PASSWORD not in text, "nothing that would let somebody in"

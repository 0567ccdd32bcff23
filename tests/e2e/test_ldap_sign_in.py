"""Single sign-on against an LDAP server: who is let in, to which rows, and whose word counts for nothing."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import requests
import yaml

from lake.settings import Settings, load_settings
from superset_assets.bundle import ASSETS
from superset_assets.client import connect
from superset_assets.deploy import deploy
from superset_assets.launch import password_file
from superset_assets.launch import start as start_superset
from tests.e2e.access_surfaces import World, chart_data, communes_of, world_of
from tests.e2e.directory_server import SUFFIX, Directory, directory
from tests.e2e.installation import Installation
from tests.e2e.visitors import WAIT, Visitor, sign_in

pytestmark = [pytest.mark.e2e, pytest.mark.ldap]

PASSWORD = "mat-khau-cua-thu-muc"
PEOPLE = ("chu-tich", "xa-a", "nguoi-la", "luan-chuyen", "admin")
GROUPS = {"lanh-dao": ["chu-tich", "luan-chuyen", "admin"], "xa-a": ["xa-a", "luan-chuyen"], "nhom-la": ["nguoi-la"]}


@dataclass(frozen=True)
class Site:
    """A server whose people are those of the directory. commune: the one that group xa-a is of."""

    settings: Settings
    url: str
    directory: Directory
    world: World
    commune: str

    def rows(self, visitor: Visitor) -> frozenset[str]:
        """The communes whose rows this person is told."""
        return self.world.seen(chart_data()(visitor, self.world).text)


@pytest.fixture(scope="module")
def site(refreshed: Installation, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    home = tmp_path_factory.mktemp("ldap") / "home"
    shutil.copytree(refreshed.home, home, symlinks=True)
    people = dict.fromkeys(PEOPLE, PASSWORD) | {"kho": "bi-mat-cua-kho"}
    with directory(tmp_path_factory.mktemp("slapd"), people, GROUPS) as server, pytest.MonkeyPatch.context() as patch:
        patch.setenv("LDAPTLS_CACERT", str(server.certificate))
        env = {
            "KHO_SUPERSET_AUTH": "ldap",
            "KHO_LDAP_SERVER": server.url,
            "KHO_LDAP_SEARCH": f"ou=nguoi,{SUFFIX}",
            "KHO_LDAP_BIND_USER": server.person("kho"),
            "KHO_LDAP_BIND_PASSWORD": "bi-mat-cua-kho",
        }
        settings = load_settings(Installation(home, refreshed.sources, refreshed.months, env).environment())
        commune = communes_of(settings)[0]
        groups = {
            server.group("lanh-dao"): {"roles": ["leader"]},
            server.group("xa-a"): {"roles": ["commune"], "units": [commune]},
        }
        (home / "users.yaml").write_text(yaml.safe_dump({"groups": groups}), encoding="utf-8")
        with start_superset(settings) as superset:
            done = deploy(settings, superset.url)
            assert done.passed, done.problems
            world = world_of(settings, connect(settings, superset.url), ASSETS)
            yield Site(settings, superset.url, server, world, commune)


def test_the_groups_of_the_directory_are_roles_and_rows(site: Site) -> None:
    assert site.rows(sign_in(site.url, "chu-tich", PASSWORD)) == site.world.communes
    assert site.rows(sign_in(site.url, "Xa-A", PASSWORD)) == {site.commune}
    stranger = sign_in(site.url, "nguoi-la", PASSWORD)
    assert stranger.get("/").status_code == 403 and site.rows(stranger) == frozenset()


def test_a_group_taken_away_is_a_role_taken_away_at_the_next_sign_in(site: Site) -> None:
    assert site.rows(sign_in(site.url, "luan-chuyen", PASSWORD)) == site.world.communes
    site.directory.take_out("lanh-dao", "luan-chuyen")
    assert site.rows(sign_in(site.url, "luan-chuyen", PASSWORD)) == {site.commune}


@pytest.mark.parametrize(
    ("name", "password"),
    [
        *(("admin", PASSWORD), ("Admin", PASSWORD), ("ADMIN ", PASSWORD), ("admin\u200b", PASSWORD)),
        *(("chu-tich", "sai"), ("chu-tich", ""), ("chu-tich", "\x00"), ("khong-co", PASSWORD)),
        *(("*", PASSWORD), ("chu-t*", PASSWORD), ("chu-tich)(uid=*", PASSWORD)),
    ],
)
def test_nobody_else_is_let_in(site: Site, name: str, password: str) -> None:
    assert sign_in(site.url, "chu-tich", PASSWORD).signed_in
    assert not sign_in(site.url, name, password).signed_in
    for provider in ("ldap", "db"):
        body = {"username": name, "password": password, "provider": provider}
        answer = requests.post(f"{site.url}/api/v1/security/login", json=body, timeout=WAIT)
        assert answer.status_code in (400, 401), (provider, answer.status_code)


def test_the_administrators_password_opens_the_door_of_the_machine_alone(site: Site) -> None:
    password = password_file(site.settings).read_text().strip()
    assert not sign_in(site.url, "admin", password).signed_in
    assert connect(site.settings, site.url).ask("security/users/")["count"] > 0

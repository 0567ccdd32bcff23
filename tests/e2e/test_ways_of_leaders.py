"""The ways that people go on the pages, click by click, on the figures of a demo.

KHO_PICTURES names a folder that keeps what they saw.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import duckdb
import pytest
import yaml

from lake.settings import Settings, load_settings
from superset_assets.deploy import deploy
from superset_assets.launch import start as start_superset
from superset_assets.page_faults import english
from superset_assets.screenshot import PHONE
from tests.conftest import made_once
from tests.e2e.installation import REPOSITORY
from tests.e2e.reader import Reader, reader

pytestmark = [pytest.mark.e2e, pytest.mark.soak]

MOST_CLICKS = 6
SCREEN = (1366, 768)
# one of the ten decisions whose commune has a task with a measured effect
DECISION = """
with ten as (
  select unit_code, unit_name, row_number() over (order by severity_order, rank, alert_id) as place from mart_alert
)
select ten.unit_code, ten.unit_name, tasks.document_number
from ten
inner join mart_directive as tasks on ten.unit_code = tasks.unit_code and tasks.effect is not null
where ten.place <= 10
order by ten.place, tasks.due_on desc limit 1
"""


@dataclass(frozen=True)
class Province:
    """A served demo. unit_*, document: the decision that the ways begin with."""

    settings: Settings
    url: str
    unit_code: str
    unit_name: str
    document: str

    def password(self, username: str) -> str:
        """The first one, which nobody has changed."""
        return (self.settings.home / "secrets" / "first_passwords" / username).read_text().strip()


@pytest.fixture(scope="module")
def province(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Province]:
    """KHO_DEMO_HOME names a finished demo to copy; without it one is made, of few rows."""
    home = made_once(tmp_path_factory, "demo", make_demo) / "home"
    settings = load_settings({"KHO_HOME": str(home)})
    with duckdb.connect(settings.published / "figures" / "current" / "leaders.duckdb", read_only=True) as connection:
        found = connection.execute(DECISION).fetchone()
    assert found is not None, "none of the ten decisions is about a commune with a measured task"
    users = [("chu-tich-tinh", "lanh-dao"), ("chu-tich-xa", "xa")]
    groups = {"lanh-dao": {"roles": ["leader"]}, "xa": {"roles": ["commune"], "units": [found[0]]}}
    people = [{"username": name, "name": "Người Thử", "groups": [group]} for name, group in users]
    (home / "users.yaml").write_text(yaml.safe_dump({"groups": groups, "users": people}, allow_unicode=True))
    with start_superset(settings, 0) as server:
        assert deploy(settings, server.url).passed
        yield Province(settings, server.url, *found)


def make_demo(folder: Path) -> None:
    """A demo of two years in a folder `home`."""
    if kept := os.environ.get("KHO_DEMO_HOME"):
        shutil.copytree(kept, folder / "home", symlinks=True)
        return
    command = [sys.executable, "-m", "orchestration", "demo", "--scale", "0.3"]
    env = {**os.environ, "KHO_HOME": str(folder / "home")}
    done = subprocess.run(command, env=env, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.fixture
def pictures(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    return Path(os.environ.get("KHO_PICTURES") or tmp_path) / request.node.name


def nothing_is_wrong(person: Reader, url: str) -> None:
    """No error in the browser and none on the page, no word of English, nothing asked of another host."""
    assert person.errors == []
    assert person.hosts <= {urlsplit(url).netloc}
    told = person.reads()
    assert english(told) == []
    for bad in ("Không tải được", "Có lỗi", "Không có quyền"):
        assert bad not in told


def test_the_chairman_goes_from_the_ten_decisions_to_an_effect(province: Province, pictures: Path) -> None:
    with reader(province.url, pictures, SCREEN) as person:
        person.sign_in("chu-tich-tinh", province.password("chu-tich-tinh"))
        decisions = person.chart("Mười việc cần quyết định hôm nay")
        decisions.scroll_into_view_if_needed()
        assert decisions.locator("tbody tr").count() == 10
        person.picture("muoi-viec")
        nothing_is_wrong(person, province.url)

        person.click(decisions.get_by_role("link", name=province.unit_name, exact=True).first)
        alerts = person.chart("Cảnh báo tại xã")
        alerts.scroll_into_view_if_needed()
        assert province.unit_name in person.chart("Xã đứng ở đâu?").inner_text()
        assert "Không có cảnh báo" not in alerts.inner_text()
        person.picture("xa")
        nothing_is_wrong(person, province.url)

        tasks = person.chart("Nhiệm vụ tỉnh giao cho xã")
        person.click(tasks.get_by_role("link", name=province.document, exact=True).first)
        effects = person.chart("Tác động so với đơn vị tương đồng")
        effects.scroll_into_view_if_needed()
        assert province.document in effects.inner_text()
        person.picture("tac-dong")
        nothing_is_wrong(person, province.url)
        assert person.clicks <= MOST_CLICKS
        print(f"\nthe chairman of the province: {person.clicks} clicks from the log-in to the effect")


def test_a_commune_chairman_goes_from_the_own_page_to_what_to_do(province: Province, pictures: Path) -> None:
    with reader(province.url, pictures, PHONE) as person:
        person.sign_in("chu-tich-xa", province.password("chu-tich-xa"))
        assert province.unit_name in person.chart("Xã đứng ở đâu?").inner_text()
        person.picture("xa-toi")
        nothing_is_wrong(person, province.url)
        tasks = person.chart("Nhiệm vụ tỉnh giao cho xã")
        tasks.scroll_into_view_if_needed()
        person.picture("nhiem-vu")

        person.click(tasks.get_by_role("link", name=province.document, exact=True).first)
        effects = person.chart("Tác động so với đơn vị tương đồng")
        effects.scroll_into_view_if_needed()
        assert province.document in effects.inner_text()
        person.picture("tac-dong")
        nothing_is_wrong(person, province.url)
        assert person.clicks <= MOST_CLICKS
        print(f"\nthe chairman of a commune: {person.clicks} clicks from the log-in to the effect")

"""A finished demo, served, with people who may sign in."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb
import yaml

from lake.settings import Settings, load_settings
from superset_assets.deploy import deploy
from superset_assets.launch import start as start_superset
from tests.e2e.installation import REPOSITORY

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


@contextmanager
def served(home: Path) -> Iterator[Province]:
    """Deploy for one leader and the chairman of the commune that the ways lead to, and serve."""
    settings = load_settings({"KHO_HOME": str(home)})
    with duckdb.connect(settings.published / "figures" / "current" / "leaders.duckdb", read_only=True) as connection:
        found = connection.execute(DECISION).fetchone()
    assert found is not None, "none of the ten decisions is about a commune with a measured task"
    users = [("chu-tich-tinh", "lanh-dao"), ("chu-tich-xa", "xa")]
    groups = {"lanh-dao": {"roles": ["leader"]}, "xa": {"roles": ["commune"], "units": [found[0]]}}
    people = [
        {"username": name, "name": "Người Thử", "email": f"{name}@tinh.example", "groups": [group]}
        for name, group in users
    ]
    mailings = {
        "sang": {"group": "lanh-dao", "pages": ["tong-quan-tinh", "moi-truong"]},
        "xa": {"group": "xa", "pages": ["xa-toi"], "to": ["van-phong@xa.example"]},
    }
    written = {"groups": groups, "users": people, "mailings": mailings}
    (home / "users.yaml").write_text(yaml.safe_dump(written, allow_unicode=True))
    with start_superset(settings) as server:
        assert deploy(settings, server.url).passed
        yield Province(settings, server.url, *found)


def make_demo(folder: Path) -> None:
    """A demo of two years in a folder `home`: a copy of the one that KHO_DEMO_HOME names, else one of few rows."""
    if kept := os.environ.get("KHO_DEMO_HOME"):
        shutil.copytree(kept, folder / "home", symlinks=True)
        return
    command = [sys.executable, "-m", "orchestration", "demo", "--scale", "0.3"]
    env = {**os.environ, "KHO_HOME": str(folder / "home")}
    done = subprocess.run(command, env=env, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 3), done.stderr[-3000:]  # with so few rows a load may be refused

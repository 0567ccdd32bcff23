"""`kho up` as it is served: Dagster in a browser, and what stays after a power cut."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import dagster as dg
import httpx
import psutil
import pytest

from superset_assets.launch import healthy
from superset_assets.screenshot import FLAGS, browser_path, window
from tests.e2e.installation import Installation

pytestmark = pytest.mark.e2e
LAUNCH = """mutation($job: String!, $tags: [ExecutionTag!]) {
  launchRun(executionParams: {selector: {repositoryLocationName: "kho_tinh", repositoryName: "__repository__",
    jobName: $job}, executionMetadata: {tags: $tags}}) {
    __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } } }"""
STATUS = "query($id: ID!) { runOrError(runId: $id) { ... on Run { status } } }"


def up(installation: Installation, *options: str) -> subprocess.Popen[bytes]:
    """`kho up`, without Superset unless told otherwise, in a session of its own; what it says is in said_file."""
    told = installation.home / "up.json"
    told.unlink(missing_ok=True)
    with said_file(installation).open("w") as said:
        process = subprocess.Popen(
            [sys.executable, "-m", "orchestration", "up", *(options or ["--no-superset"])],
            env=installation.environment(),
            cwd=installation.code,
            stderr=said,
            start_new_session=True,
        )
    wait(lambda: told.exists() or process.poll() is not None, 600)
    assert process.poll() is None, "kho up ended"
    return process


def said_file(installation: Installation) -> Path:
    return installation.home / "up.said"


def wait(ready: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.3)


def alive(process: psutil.Process) -> bool:
    """Whether it runs; one that ended and waits for its parent to take note does not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def address(installation: Installation, server: str = "Dagster") -> str:
    return str(json.loads((installation.home / "up.json").read_text())[server])


def ask(url: str, query: str, variables: dict[str, object]) -> dict[str, object]:
    answer = httpx.post(f"{url}/graphql", json={"query": query, "variables": variables}, timeout=300, trust_env=False)
    found: dict[str, object] = answer.json()["data"]
    return found


def test_dagster_shows_the_graph_and_a_dataset_and_nothing_leaves_the_browser(
    installation: Installation, tmp_path: Path
) -> None:
    from playwright.sync_api import sync_playwright

    process = up(installation)
    try:
        url = address(installation)
        requests: list[str] = []
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=str(browser_path()), args=list(FLAGS))
            page = window(browser, (1600, 1000)).new_page()
            page.on("request", lambda request: requests.append(request.url))
            page.goto(f"{url}/asset-groups")
            page.wait_for_selector("text=one_stop")
            page.wait_for_timeout(3000)
            page.screenshot(path=tmp_path / "graph.png")
            graph = page.inner_text("body")
            page.goto(f"{url}/assets/one_stop/dossiers?view=overview")
            page.wait_for_selector("text=one-stop-desks")
            page.wait_for_timeout(3000)
            page.screenshot(path=tmp_path / "asset.png")
            overview = page.inner_text("body")
            page.goto(f"{url}/assets/one_stop/dossiers?view=checks")
            page.wait_for_selector("text=load_accepted")
            page.screenshot(path=tmp_path / "checks.png")
            browser.close()
        assert "publish" in graph and "health" in graph
        for shown in ("Hồ sơ thủ tục hành chính tại bộ phận một cửa", "commune_code", "applicant_pseudonym"):
            assert shown in overview, shown
        external = {
            urlsplit(one).netloc for one in requests if urlsplit(one).scheme in ("http", "https", "ws", "wss")
        } - {urlsplit(url).netloc}
        assert external == set()
        if keep := os.environ.get("KHO_SCREENSHOTS"):
            shutil.copytree(tmp_path, keep, dirs_exist_ok=True, ignore=shutil.ignore_patterns("home"))
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(300) == 0, "Ctrl-C is a clean end"


@pytest.mark.soak
def test_after_daemon_code_server_and_worker_were_killed_no_run_stays_started(installation: Installation) -> None:
    process = up(installation)
    url = address(installation)
    launched = ask(url, LAUNCH, {"job": "refresh_hourly", "tags": []})["launchRun"]
    assert isinstance(launched, dict) and "run" in launched, launched
    run = launched["run"]["runId"]

    def status() -> str:
        found = ask(url, STATUS, {"id": run})["runOrError"]
        assert isinstance(found, dict)
        return str(found["status"])

    wait(lambda: status() == "STARTED", 600)
    every = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
    for one in every:  # the power is cut
        with_its_end = one.is_running()
        if with_its_end:
            one.kill()
    psutil.wait_procs(every, timeout=120)

    again = up(installation)
    try:
        url = address(installation)
        assert status() == "FAILURE"
    finally:
        again.send_signal(signal.SIGINT)
        again.wait(300)
    os.environ["DAGSTER_HOME"] = str(installation.home / "dagster")
    try:
        with dg.DagsterInstance.get() as instance:
            assert instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED])) == []
    finally:
        del os.environ["DAGSTER_HOME"]
    healed = installation.kho("refresh", "--hourly")
    assert healed.returncode == 0, healed.stderr[-3000:]


@pytest.mark.soak
def test_superset_comes_back_after_its_master_was_killed_and_all_of_it_ends_cleanly(installation: Installation) -> None:
    process = up(installation, "--superset")
    every = psutil.Process(process.pid).children(recursive=True)
    try:
        url = address(installation, "Superset")
        (master,) = [one for one in psutil.Process(process.pid).children() if "gunicorn" in " ".join(one.cmdline())]
        workers = master.children()
        assert healthy(url) and workers
        master.kill()
        wait(lambda: "superset is started again" in said_file(installation).read_text(), 300)
        wait(lambda: healthy(url), 300)
        assert "superset was killed by SIGKILL; it is started again in 2 s" in said_file(installation).read_text()
        wait(lambda: not [one for one in (master, *workers) if alive(one)], 60)
        every += psutil.Process(process.pid).children(recursive=True)
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(300) == 0, "Ctrl-C is a clean end"
    wait(lambda: not [one for one in every if alive(one)], 60)
    assert not (installation.home / "up.json").exists()

"""Twenty viewers on all dashboards for two minutes while snapshots are published, on the figures of a finished demo.

What a browser asks for is recorded once, page by page, and then asked for by many, in three modes:
- readers open a page, whose charts are asked for at once by six connections as a browser does, read it for about ten
  seconds, and open the next, while one refresh publishes;
- the same while there is a publication every five seconds, so that most questions are new to the server;
- without pause: each asks the next question as soon as the one before is answered. This is the throughput: as many
  questions wait as there are viewers, and the times are those of a queue.
Two snapshots take turns whose figures all differ, so that every answer can be told to be of the one, of the other or of
neither. The answers are looked at when all is over: the viewers run on the machine of the server.

Run: python -m benchmarks.viewers HOME [--viewers 20] [--seconds 120] [--reading 10] [--cold-only], HOME as `kho demo`
left it (a copy is written). --cold-only opens each page once: on a busy machine, where times tell nothing.
"""

import argparse
import hashlib
import json
import random
import shutil
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import psutil
import requests

from benchmarks.measure import tree_cpu, tree_memory
from lake.settings import Settings, load_settings
from lake.snapshots import FIGURES, current, describe, new_snapshot_id, switch
from superset_assets.bundle import placeholders, read_assets
from superset_assets.deploy import deploy
from superset_assets.launch import ADMINISTRATOR, Running, clear_cache, password_file, start
from superset_assets.screenshot import CONTENT, signed_in_browser, wait_until_drawn, wait_until_loaded, window
from superset_assets.server.machine_door import ADDRESS

PUBLISH_SECONDS = 5.0
CONNECTIONS = 6  # that a browser opens to one server
PROMISED = 3, 0.05  # an answer's p95: so many times DuckDB's own and so many seconds
ASKED = "/api/v1/chart/data"


@dataclass(frozen=True)
class Question:
    """One request for the rows of a chart. answers: what both snapshots say to it; seconds: the median of DuckDB."""

    page: str
    address: str
    body: str
    answers: tuple[str, str] = ("", "")
    seconds: float = 0.0


@dataclass
class Visit:
    """One page as somebody opened it. answers: question, seconds, HTTP status (0: none), body."""

    answers: list[tuple[Question, float, int, bytes]] = field(default_factory=list)


@dataclass(frozen=True)
class Watched:
    """What happened while the viewers were there. cpu: seconds of the server; peak: its most memory in bytes."""

    visits: list[Visit]
    published: int
    cpu: float
    peak: int


def main() -> None:
    """Print the figures."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("home", type=Path)
    arguments.add_argument("--viewers", type=int, default=20)
    arguments.add_argument("--seconds", type=float, default=120)
    arguments.add_argument("--reading", type=float, default=10, help="seconds that a page is read, in the middle")
    arguments.add_argument("--cold-only", action="store_true")
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        keep = shutil.ignore_patterns("lake", "simulator", "dagster", "dbt", "warehouse.duckdb", "up.json")
        shutil.copytree(given.home, home, symlinks=True, ignore=keep)
        settings = load_settings({"KHO_HOME": str(home)})
        with start(settings) as server:
            openings = ("cold",) if given.cold_only else ("cold", "warm")
            measure(settings, server, given.viewers, given.seconds, given.reading, openings)


def measure(
    settings: Settings, server: Running, viewers: int, seconds: float, reading: float, openings: tuple[str, ...]
) -> None:
    """Deploy, open every page cold and warm, then let the viewers in, in both modes, while snapshots take turns."""
    deployed = deploy(settings, server.url)
    print(f"deployment: {deployed.seconds:.1f} s, {'as in the code' if deployed.passed else deployed.problems}")
    first = current(settings)
    assert first is not None, "nothing is published"
    snapshots = (first, changed_copy(settings, first))
    questions = recorded(settings, server.url, openings)
    questions = with_answers(settings, server.url, questions, snapshots)
    telling, pages = sum(one.answers[0] != one.answers[1] for one in questions), len({one.page for one in questions})
    print(f"{len(questions)} questions of {pages} pages, {telling} of them tell the snapshots apart")
    print(f"memory of Superset before: {tree_memory(psutil.Process(server.process.pid)) / 2**20:.0f} MiB")
    own = float(np.percentile([one.seconds for one in questions], 95))
    times, more = PROMISED
    print(f"DuckDB alone: p95 {own * 1000:.0f} ms; promised are {(times * own + more) * 1000:.0f} ms")
    readers = f"readers, {reading:g} s a page"
    for mode, pause, every in (
        (readers, reading, seconds / 2), (readers, reading, PUBLISH_SECONDS), ("without pause", 0.0, PUBLISH_SECONDS)
    ):  # fmt: skip
        watched = watch(settings, server, questions, snapshots, viewers, seconds, pause, every)
        print(f"\n{viewers} viewers, {mode}, {seconds:.0f} s, {watched.published} publications:")
        tell(watched, own)


def tell(watched: Watched, own: float) -> None:
    """Print what the viewers met. own: p95 of DuckDB in seconds."""
    answers = [one for visit in watched.visits for one in visit.answers]
    errors = [f"{status} {body[:100]!r}" for _, _, status, body in answers if status != 200]
    neither: list[str] = []
    crossing = 0
    for visit in watched.visits:
        of: set[int] = set()
        for question, _, status, body in visit.answers:
            if status != 200:
                continue
            answer = fingerprint(body)
            matched = {place for place, known in enumerate(question.answers) if known == answer}
            if not matched:
                neither.append(f"{question.page} {json.loads(question.body).get('form_data', {}).get('slice_id')}")
            if len(matched) == 1:
                of |= matched
        crossing += len(of) == 2
    p50, p95 = np.percentile([seconds for _, seconds, _, _ in answers], [50, 95])
    print(f"{len(answers)} answers, {len(watched.visits)} pages")
    print(f"errors: {len(errors)} {sorted(set(errors))[:3] if errors else ''}")
    mixed = f" {Counter(neither).most_common(5)}" if neither else ""
    print(f"answers of neither snapshot: {len(neither)}{mixed}; pages open while one was published: {crossing}")
    print(
        f"an answer: median {p50 * 1000:.0f} ms, p95 {p95 * 1000:.0f} ms, which is {p95 / own:.1f} times DuckDB's own"
    )
    print(f"CPU of Superset: {watched.cpu / len(answers) * 1000:.0f} ms an answer")
    print(f"memory of Superset at most: {watched.peak / 2**20:.0f} MiB")


def changed_copy(settings: Settings, snapshot: str) -> str:
    """A second snapshot in which every number of every mart differs from the first."""
    name = new_snapshot_id(datetime.now(UTC))
    folder = settings.published / FIGURES
    shutil.copytree(folder / snapshot, folder / name)
    described = json.loads((folder / name / "snapshot.json").read_text(encoding="utf-8"))
    (folder / name / "snapshot.json").write_text(json.dumps({**described, "snapshot_id": name}), encoding="utf-8")
    for path in (folder / name).glob("*.duckdb"):
        with duckdb.connect(path) as connection:
            connection.execute("update snapshot_info set snapshot_id = ?", [name])
            numbers = connection.execute(
                """select table_name, string_agg('"' || column_name || '" = "' || column_name || '" * 1.01', ', ')
                from duckdb_columns() where data_type = 'DOUBLE' and table_name like 'mart_%' group by table_name"""
            ).fetchall()
            for table, changes in numbers:
                connection.execute(f'update "{table}" set {changes}')
    describe(settings, FIGURES, name, audit="passed")
    return name


def recorded(settings: Settings, url: str, openings: tuple[str, ...]) -> list[Question]:
    """What a browser asks for on each page, opened cold and then warm, with the seconds until each was ready."""
    pages = [one["slug"] for one in read_assets(placeholders(settings)).dashboards.values()]
    questions: dict[tuple[str, str], Question] = {}
    ready: dict[str, list[float]] = {kind: [] for kind in openings}
    with signed_in_browser(settings, url) as (browser, state):
        for slug in pages:
            context = window(browser, (1366, 768), storage_state=state)
            for kind in ready:  # the second time the browser has the scripts
                page = context.new_page()

                def note(request: Any, slug: str = slug) -> None:
                    if request.method == "POST" and ASKED in request.url:
                        asked = Question(slug, request.url.removeprefix(url), request.post_data or "")
                        questions[slug, asked.body] = asked

                page.on("request", note)
                began = time.perf_counter()
                page.goto(f"{url}/superset/dashboard/{slug}/")
                page.wait_for_selector(CONTENT)
                wait_until_loaded(page)
                ready[kind].append(time.perf_counter() - began)
                wait_until_drawn(page)
                page.close()
            context.close()
    for kind, seconds in ready.items():
        print(f"a page ready, {kind}: median {np.median(seconds):.1f} s, slowest {max(seconds):.1f} s")
    return list(questions.values())


def with_answers(settings: Settings, url: str, questions: list[Question], snapshots: tuple[str, str]) -> list[Question]:
    """The questions with what each snapshot answers, and the time that DuckDB itself takes for the first."""
    session = signed_in(settings, url)
    answers: list[list[str]] = []
    for snapshot in snapshots:
        switch(settings, FIGURES, snapshot)
        clear_cache(settings)
        answers.append([fingerprint(answered(session, url, one)) for one in questions])
    switch(settings, FIGURES, snapshots[0])
    return [
        replace(one, answers=pair, seconds=own_seconds(settings, session, url, one))
        for one, pair in zip(questions, zip(*answers, strict=True), strict=True)
    ]


def answered(session: requests.Session, url: str, question: Question) -> bytes:
    """The answer to a question. Raises HTTPError for a refusal."""
    response = session.post(f"{url}{question.address}", data=question.body, timeout=120)
    response.raise_for_status()
    return response.content


def own_seconds(settings: Settings, session: requests.Session, url: str, question: Question) -> float:
    """The median of three runs of the question's SQL in DuckDB, with its rows read."""
    body = {**json.loads(question.body), "result_type": "query"}
    told = session.post(f"{url}{question.address}", json=body, timeout=120).json()["result"]
    taken = []
    for _ in range(3):
        began = time.perf_counter()
        for one in told:
            database = next(path for path in files(settings) if answers_it(path, one["query"]))
            with duckdb.connect(database, read_only=True) as connection:
                connection.execute(one["query"]).fetchall()
        taken.append(time.perf_counter() - began)
    return float(np.median(taken))


def files(settings: Settings) -> list[Path]:
    """The published files, the leaders' first."""
    return sorted((settings.published / FIGURES / "current").glob("*.duckdb"), key=lambda path: path.stem != "leaders")


def answers_it(path: Path, query: str) -> bool:
    """Whether a file holds what a query asks for."""
    with duckdb.connect(path, read_only=True) as connection:
        try:
            connection.execute(f"explain {query}")
        except duckdb.Error:
            return False
    return True


def signed_in(settings: Settings, url: str) -> requests.Session:
    """A browser's session, with the token that changes and questions need. Raises HTTPError for a refusal."""
    session = requests.Session()
    session.trust_env = False
    told = {"username": ADMINISTRATOR, "password": password_file(settings).read_text().strip()}
    session.post(f"{url}{ADDRESS}", json=told, timeout=120).raise_for_status()
    time.sleep(0.25)  # the door lets five a second in
    token = session.get(f"{url}/api/v1/security/csrf_token/", timeout=120)
    token.raise_for_status()
    session.headers.update({"X-CSRFToken": token.json()["result"], "Referer": url, "Content-Type": "application/json"})
    return session


def fingerprint(answer: bytes) -> str:
    """The rows of an answer, made short."""
    # rows that are equal in what they are sorted by may come in any order, and so may what is summed up
    rows = [
        sorted(json.dumps(settled(row), sort_keys=True) for row in one.get("data") or [])
        for one in json.loads(answer)["result"]
    ]
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()


def settled(row: dict[str, Any]) -> dict[str, Any]:
    """A row whose numbers do not tell in which order they were summed up; the snapshots differ by a hundredth."""
    return {name: float(f"{one:.9g}") if isinstance(one, float) else one for name, one in row.items()}


@contextmanager
def publications(settings: Settings, snapshots: tuple[str, str], every: float) -> Iterator[list[str]]:
    """Let the snapshots take turns after so many seconds each; yields those that were published."""
    ended, done, began = threading.Event(), [], time.monotonic()

    def publish() -> None:
        for number, snapshot in enumerate(cycle(reversed(snapshots)), 1):
            if ended.wait(began + number * every - time.monotonic()):
                return
            switch(settings, FIGURES, snapshot)
            clear_cache(settings)
            done.append(snapshot)

    thread = threading.Thread(target=publish)
    thread.start()
    try:
        yield done
    finally:
        ended.set()
        thread.join()


def watch(
    settings: Settings,
    server: Running,
    questions: list[Question],
    snapshots: tuple[str, str],
    viewers: int,
    seconds: float,
    reading: float,
    every: float,
) -> Watched:
    """Let so many viewers in. reading: seconds for a page; 0: all ask without pause; every: between publications."""
    pages: dict[str, list[Question]] = {}
    for one in questions:
        pages.setdefault(one.page, []).append(one)
    visits, until, peak = [], time.monotonic() + seconds, 0
    process = psutil.Process(server.process.pid)
    sessions = [signed_in(settings, server.url) for _ in range(viewers)]

    def look(number: int) -> None:
        chance = random.Random(number)
        time.sleep(reading * chance.random())  # nobody comes at the same moment
        with ThreadPoolExecutor(CONNECTIONS if reading else 1) as connections:
            for page in islice(cycle(pages), number, None):
                if time.monotonic() > until:
                    return
                asked = [connections.submit(ask, sessions[number], server.url, one) for one in pages[page]]
                visits.append(Visit([one.result() for one in asked]))
                time.sleep(min(reading * chance.uniform(0.5, 1.5), max(0, until - time.monotonic())))

    before = tree_cpu(process)
    with publications(settings, snapshots, every) as published, ThreadPoolExecutor(viewers) as people:
        waiting = [people.submit(look, number) for number in range(viewers)]
        while not all(one.done() for one in waiting):
            peak = max(peak, tree_memory(process))
            time.sleep(1)
        for one in waiting:
            one.result()
    return Watched(visits, len(published), tree_cpu(process) - before, peak)


def ask(session: requests.Session, url: str, question: Question) -> tuple[Question, float, int, bytes]:
    """The question, the seconds until its answer was there, its status and body."""
    began = time.perf_counter()
    try:
        response = session.post(f"{url}{question.address}", data=question.body, timeout=120)
        status, body = response.status_code, response.content
    except requests.RequestException as problem:
        status, body = 0, str(problem).encode()
    return question, time.perf_counter() - began, status, body


if __name__ == "__main__":
    main()

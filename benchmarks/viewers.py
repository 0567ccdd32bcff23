"""Twenty viewers on all dashboards for two minutes while snapshots are published, on the figures of a finished demo.

What a browser asks for is recorded once, page by page, and then asked for by many. Two snapshots take turns whose
figures all differ, so that every answer can be told to be of the one, of the other or of neither.

Run: python -m benchmarks.viewers HOME [--viewers 20] [--seconds 120] [--cold-only], HOME as `kho demo` left it (a copy
is written). --cold-only opens each page once: on a busy machine, where times tell nothing.
"""

import argparse
import hashlib
import json
import shutil
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import psutil
import requests

from benchmarks.measure import tree_memory
from lake.settings import Settings, load_settings
from lake.snapshots import FIGURES, current, describe, new_snapshot_id, switch
from superset_assets.bundle import placeholders, read_assets
from superset_assets.client import connect
from superset_assets.deploy import deploy
from superset_assets.launch import ADMINISTRATOR, Running, clear_cache, password_file, start
from superset_assets.screenshot import CONTENT, DRAW_SECONDS, signed_in_browser, wait_until_drawn

PUBLISH_SECONDS = 5.0
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
class Seen:
    """What the viewers met."""

    seconds: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    neither: list[str] = field(default_factory=list)
    pages: int = 0
    crossing: int = 0


def main() -> None:
    """Print the figures."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("home", type=Path)
    arguments.add_argument("--viewers", type=int, default=20)
    arguments.add_argument("--seconds", type=float, default=120)
    arguments.add_argument("--cold-only", action="store_true")
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        keep = shutil.ignore_patterns("lake", "simulator", "dagster", "dbt", "warehouse.duckdb", "up.json")
        shutil.copytree(given.home, home, symlinks=True, ignore=keep)
        settings = load_settings({"KHO_HOME": str(home)})
        with start(settings) as server:
            openings = ("cold",) if given.cold_only else ("cold", "warm")
            measure(settings, server, given.viewers, given.seconds, openings)


def measure(settings: Settings, server: Running, viewers: int, seconds: float, openings: tuple[str, ...]) -> None:
    """Deploy, open every page cold and warm, then let the viewers in while snapshots take turns."""
    deployed = deploy(settings, server.url)
    print(f"deployment: {deployed.seconds:.1f} s, {'as in the code' if deployed.passed else deployed.problems}")
    first = current(settings)
    assert first is not None, "nothing is published"
    snapshots = (first, changed_copy(settings, first))
    questions = recorded(settings, server.url, openings)
    questions = with_answers(settings, server.url, questions, snapshots)
    telling, pages = sum(one.answers[0] != one.answers[1] for one in questions), len({one.page for one in questions})
    print(f"{len(questions)} questions of {pages} pages, {telling} of them tell the snapshots apart")
    process = psutil.Process(server.process.pid)
    print(f"memory of Superset before: {tree_memory(process) / 2**20:.0f} MiB")
    seen, peak, published = watched(settings, server, questions, snapshots, viewers, seconds)
    alone = np.array([one.seconds for one in questions])
    answered = np.array(seen.seconds)
    own, p50, p95 = np.percentile(alone, 95), *np.percentile(answered, [50, 95])
    print(f"{viewers} viewers, {seconds:.0f} s, {published} publications: {len(answered)} answers, {seen.pages} pages")
    print(f"errors: {len(seen.errors)} {sorted(set(seen.errors))[:3] if seen.errors else ''}")
    mixed = f" {Counter(seen.neither).most_common(5)}" if seen.neither else ""
    print(
        f"answers of neither snapshot: {len(seen.neither)}{mixed}; "
        f"pages that were open while one was published: {seen.crossing}"
    )
    print(f"an answer: median {p50 * 1000:.0f} ms, p95 {p95 * 1000:.0f} ms; DuckDB alone p95 {own * 1000:.0f} ms")
    print(f"p95 is {p95 / own:.1f} times DuckDB's own")
    print(f"memory of Superset at most: {peak / 2**20:.0f} MiB")


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
            for kind in ready:
                context = browser.new_context(
                    locale="vi-VN", storage_state=state, viewport={"width": 1366, "height": 768}
                )
                page = context.new_page()

                def note(request: Any, slug: str = slug) -> None:
                    if request.method == "POST" and ASKED in request.url:
                        asked = Question(slug, request.url.removeprefix(url), request.post_data or "")
                        questions[slug, asked.body] = asked

                page.on("request", note)
                began = time.perf_counter()
                page.goto(f"{url}/superset/dashboard/{slug}/", timeout=DRAW_SECONDS * 1000)
                page.wait_for_selector(CONTENT, timeout=DRAW_SECONDS * 1000)
                wait_until_drawn(page)
                ready[kind].append(time.perf_counter() - began)
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
        answers.append(
            [fingerprint(session.post(f"{url}{one.address}", data=one.body, timeout=120)) for one in questions]
        )
    switch(settings, FIGURES, snapshots[0])
    return [
        Question(one.page, one.address, one.body, pair, own_seconds(settings, session, url, one))
        for one, pair in zip(questions, zip(*answers, strict=True), strict=True)
    ]


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
    """A viewer's session, with the token that changes and questions need."""
    session = connect(settings, url).session
    session.headers["Content-Type"] = "application/json"
    assert ADMINISTRATOR and password_file(settings).exists()
    return session


def fingerprint(response: requests.Response) -> str:
    """The rows of an answer, made short. Raises HTTPError for a refusal."""
    response.raise_for_status()
    # rows that are equal in what they are sorted by may come in any order, and so may what is summed up
    rows = [
        sorted(json.dumps(settled(row), sort_keys=True) for row in one.get("data") or [])
        for one in response.json()["result"]
    ]
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()


def settled(row: dict[str, Any]) -> dict[str, Any]:
    """A row whose numbers do not tell in which order they were summed up; the snapshots differ by a hundredth."""
    return {name: float(f"{one:.9g}") if isinstance(one, float) else one for name, one in row.items()}


@contextmanager
def publications(settings: Settings, snapshots: tuple[str, str]) -> Iterator[list[str]]:
    """Let the snapshots take turns; yields those that were published."""
    ended, done = threading.Event(), []

    def publish() -> None:
        for snapshot in cycle(reversed(snapshots)):
            if ended.wait(PUBLISH_SECONDS):
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


def watched(
    settings: Settings,
    server: Running,
    questions: list[Question],
    snapshots: tuple[str, str],
    viewers: int,
    seconds: float,
) -> tuple[Seen, int, int]:
    """What so many viewers saw in so many seconds, the most memory in bytes, and the number of publications."""
    pages: dict[str, list[Question]] = {}
    for one in questions:
        pages.setdefault(one.page, []).append(one)
    seen, lock, until = Seen(), threading.Lock(), time.monotonic() + seconds
    peak = 0
    process = psutil.Process(server.process.pid)
    sessions = [signed_in(settings, server.url) for _ in range(viewers)]

    def look(number: int) -> None:
        for page in islice(cycle(pages), number, None):
            if time.monotonic() > until:
                return
            one_page(sessions[number], server.url, pages[page], seen, lock)

    with publications(settings, snapshots) as published, ThreadPoolExecutor(viewers) as people:
        waiting = [people.submit(look, number) for number in range(viewers)]
        while not all(one.done() for one in waiting):
            peak = max(peak, tree_memory(process))
            time.sleep(1)
        for one in waiting:
            one.result()
    return seen, peak, len(published)


def one_page(session: requests.Session, url: str, questions: list[Question], seen: Seen, lock: threading.Lock) -> None:
    """Ask what a page asks, and note how it was answered."""
    of: set[int] = set()
    for one in questions:
        began = time.perf_counter()
        try:
            answer = fingerprint(session.post(f"{url}{one.address}", data=one.body, timeout=120))
        except (requests.RequestException, ValueError, KeyError) as problem:
            with lock:
                seen.errors.append(str(problem)[:120])
            continue
        taken = time.perf_counter() - began
        matched = {place for place, known in enumerate(one.answers) if known == answer}
        with lock:
            seen.seconds.append(taken)
            seen.neither += (
                [] if matched else [f"{one.page} {json.loads(one.body).get('form_data', {}).get('slice_id')}"]
            )
        if len(matched) == 1:
            of |= matched
    with lock:
        seen.pages += 1
        seen.crossing += len(of) == 2


if __name__ == "__main__":
    main()

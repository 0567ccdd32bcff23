import os
import subprocess
import sys

import dagster as dg
import pytest

from orchestration.runs import GONE, end_orphans

WAIT = [sys.executable, "-c", "import time; 'dagster'; time.sleep(60)"]


@dg.job
def some_job() -> None:
    """A job of no steps."""


def running(instance: dg.DagsterInstance, pid: int | None) -> str:
    """A run that a process said it works on and that never ended."""
    run = instance.create_run_for_job(some_job)
    instance.report_engine_event(f"Started process for run (pid: {pid}).", run) if pid else None
    instance.handle_run_event(run.run_id, dg.DagsterEvent(dg.DagsterEventType.RUN_START.value, job_name="some_job"))
    return run.run_id


@pytest.fixture
def instance() -> dg.DagsterInstance:
    return dg.DagsterInstance.ephemeral()


def test_a_run_whose_process_is_gone_is_failed_and_says_why(instance: dg.DagsterInstance) -> None:
    process = subprocess.Popen(WAIT)
    process.kill()
    process.wait()
    run_id = running(instance, process.pid)
    assert end_orphans(instance) == [f"some_job {run_id}"]
    run = instance.get_run_by_id(run_id)
    assert run is not None
    assert run.status == dg.DagsterRunStatus.FAILURE
    assert any(GONE in entry.message or GONE in entry.user_message for entry in instance.all_logs(run_id))


def test_a_run_that_somebody_works_on_goes_on(instance: dg.DagsterInstance) -> None:
    process = subprocess.Popen(WAIT)
    try:
        run_id = running(instance, process.pid)
        assert end_orphans(instance) == []
        run = instance.get_run_by_id(run_id)
        assert run is not None
        assert run.status == dg.DagsterRunStatus.STARTED
    finally:
        process.kill()
        process.wait()


def test_a_number_that_went_to_another_program_does_not_count(instance: dg.DagsterInstance) -> None:
    other = subprocess.Popen(["sleep", "60"], env={"PATH": os.environ["PATH"]})
    try:
        assert len(end_orphans(instance)) == 0
        running(instance, other.pid)
        assert len(end_orphans(instance)) == 1
    finally:
        other.kill()
        other.wait()


def test_what_was_not_taken_up_is_left_while_a_code_server_may_do_so(instance: dg.DagsterInstance) -> None:
    run = instance.create_run_for_job(some_job, status=dg.DagsterRunStatus.STARTING)
    assert end_orphans(instance) == []
    assert end_orphans(instance, also_starting=True) == [f"some_job {run.run_id}"]

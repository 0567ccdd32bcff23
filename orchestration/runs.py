"""Runs that are marked as running though nobody works on them: after a kill or a loss of power."""

import re
from pathlib import Path

import dagster as dg

OURS = (b"dagster", b"orchestration", b"kho")  # in the command line of whoever works on a run
WORKING = (dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING)
GONE = "the process that worked on this run is gone"


def end_orphans(instance: dg.DagsterInstance, also_starting: bool = False) -> list[str]:
    """Mark as failed the runs whose process is gone; returns their names.

    also_starting: those too that no process has taken up yet; right only while no code server of ours runs.
    """
    states = [*WORKING, dg.DagsterRunStatus.STARTING] if also_starting else list(WORKING)
    ended = []
    for run in instance.get_runs(dg.RunsFilter(statuses=states)):
        if not any(map(_works, _processes(instance, run.run_id))):
            instance.report_run_failed(run, GONE)
            ended.append(f"{run.job_name} {run.run_id}")
    return ended


def _processes(instance: dg.DagsterInstance, run_id: str) -> set[int]:
    """The processes that said they work on a run."""
    events = instance.all_logs(run_id, of_type=dg.DagsterEventType.ENGINE_EVENT)
    messages = [entry.dagster_event.message or "" for entry in events if entry.dagster_event]
    return {int(found[1]) for text in messages if (found := re.search(r"\(pid: (\d+)\)", text))}


def _works(pid: int) -> bool:
    """Whether a process lives and is one of ours; its number may have gone to another."""
    try:
        line = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False
    return any(name in line for name in OURS)

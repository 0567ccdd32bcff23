"""What Dagster and dbt need to find below KHO_HOME, and the environment in which their processes run."""

import os
from pathlib import Path

from lake.settings import Settings

REPOSITORY = Path(__file__).parents[1]
DBT_PROJECT = REPOSITORY / "dbt_project"
PAST = "past"  # folder below home in which what was known at another time is built
DAGSTER_TEMPLATE = Path(__file__).parent / "dagster.yaml"


def dagster_home(settings: Settings) -> Path:
    """Where Dagster keeps its runs, events and schedules."""
    return settings.home / "dagster"


def dbt_project(settings: Settings) -> Path:
    """The dbt project as it is run: a copy of ours with the staging models that are written from the contracts.

    It is one folder of its own because dbt writes what it compiles by the models' paths: given a path outside its
    project it would write over the models themselves.
    """
    return settings.home / "dbt" / "project"


def empty_tables(settings: Settings) -> Path:
    """A typed table without rows per dataset."""
    return settings.home / "dbt" / "empty"


def dbt_target(settings: Settings) -> Path:
    """What dbt writes: the manifest, its parse cache, compiled SQL."""
    return settings.home / settings.beside / "dbt" / "target"


def environment(settings: Settings) -> dict[str, str]:
    """The variables that Dagster, dbt and everything they start are given; secrets of sources are not among them."""
    path = [str(REPOSITORY), *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    return {
        "KHO_HOME": str(settings.home),
        "KHO_PROVINCE": settings.province,
        "KHO_CONTRACTS": str(settings.contracts.absolute()),
        "KHO_WAREHOUSE": str(settings.warehouse),
        "KHO_LEDGER_INDEX": str(settings.ledger_index),
        "KHO_EMPTY": str(empty_tables(settings)),
        "DAGSTER_HOME": str(dagster_home(settings)),
        "DAGSTER_DISABLE_TELEMETRY": "1",
        "DAGSTER_EVENT_BATCH_SIZE": "1000",  # a range of days is planned in one transaction
        "DBT_TARGET_PATH": str(dbt_target(settings)),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "DO_NOT_TRACK": "1",
        "GX_ANALYTICS_ENABLED": "false",
        "PYTHONPATH": os.pathsep.join(dict.fromkeys(path)),
    }


def prepare_home(settings: Settings) -> None:
    """Make the folders, write Dagster's configuration and let this process and its children find both."""
    home = dagster_home(settings)
    for folder in (home, dbt_project(settings), empty_tables(settings), dbt_target(settings)):
        folder.mkdir(parents=True, exist_ok=True)
    written, wanted = home / "dagster.yaml", DAGSTER_TEMPLATE.read_text(encoding="utf-8")
    if not written.exists() or written.read_text(encoding="utf-8") != wanted:
        partial = home / ".dagster.yaml"
        partial.write_text(wanted, encoding="utf-8")
        partial.replace(written)
    os.environ.update(environment(settings))

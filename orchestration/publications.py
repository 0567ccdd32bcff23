"""What was built from rows that have changed since: it goes, and the next refresh builds it again."""

import shutil

from lake.settings import Settings
from lake.snapshots import FACTS
from orchestration.installation import PAST


def forget_rows(settings: Settings) -> None:
    """Remove the warehouse and every published file with rows of persons; figures about groups stay.

    Until the next refresh nobody can read single rows. Call it with the writer's lock held.
    """
    for path in settings.warehouse.parent.glob(f"{settings.warehouse.name}*"):
        if path.suffix != ".lock":
            path.unlink()
    shutil.rmtree(settings.home / PAST, ignore_errors=True)
    shutil.rmtree(settings.published / FACTS, ignore_errors=True)

"""Great Expectations without telemetry and without files of its own."""

import logging
import os
import warnings
from functools import cache
from types import ModuleType
from typing import Any

from quality.duckdb_engine import keep_connections


@cache
def gx() -> ModuleType:
    """The library, imported late: it takes seconds, and not every command needs it."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    warnings.filterwarnings("ignore", module="great_expectations")
    import great_expectations
    import great_expectations.expectations

    keep_connections()
    logging.getLogger("great_expectations").setLevel(logging.ERROR)
    return great_expectations


def in_memory_context() -> Any:
    """A context that writes nothing and shows no progress bars of its own."""
    context = gx().get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    return context

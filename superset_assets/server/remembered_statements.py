"""What was made of a statement or of a question once is not made again.

The server parses each statement several times a question: it asks which tables a dataset reads, for the key under which
an answer is remembered too, and takes apart what it has just put together. And after each publication it writes the
same statement for the same question anew, which took longer than to run it.
"""

import json
import pickle
import threading
from collections.abc import Callable
from functools import lru_cache, wraps
from types import FunctionType, SimpleNamespace
from typing import Any

import rights_of_now
from cachetools import LRUCache
from sqlglot.dialects.duckdb import DuckDB

KEPT = 1000  # twelve pages make about 500
LONGEST = 20_000  # characters: nobody fills the memory with statements of their own


class RememberingDuckDB(DuckDB):
    """DuckDB's grammar, for Superset's SQLGLOT_DIALECTS_EXTENSIONS."""

    def parse(self, sql: str, **options: Any) -> Any:
        """The trees of a script. Raises what the parser raises, and remembers no such script."""
        if options or len(sql) > LONGEST:
            return super().parse(sql, **options)
        return pickle.loads(_packed(sql))


@lru_cache(maxsize=KEPT)
def _packed(script: str) -> bytes:
    """Packed trees: who changes one has a tree of their own, and they take little memory."""
    return pickle.dumps(DuckDB().parse(script), pickle.HIGHEST_PROTOCOL)


def remember_statements() -> None:
    """Keep what a dataset makes of a question, for each set of rights, and the parts of a script that is run."""
    from superset.connectors.sqla.models import SqlaTable
    from superset.models import core

    for name in ("get_query_str_extended", "get_extra_cache_keys"):
        setattr(SqlaTable, name, _once(getattr(SqlaTable, name)))

    parse = core.SQLScript

    @lru_cache(maxsize=KEPT)
    def parts(script: str, engine: str) -> list[Any]:
        told = [statement.format() for statement in parse(script, engine).statements]
        return [SimpleNamespace(format=lambda part=part: part) for part in told]

    def script_to_run(script: str, engine: str) -> Any:
        return parse(script, engine) if len(script) > LONGEST else SimpleNamespace(statements=parts(script, engine))

    # the one method that reads of a script no more than its parts: others set limits in the trees
    run = core.Database._execute_sql_with_mutation_and_logging
    known = {**vars(core), "SQLScript": script_to_run}
    core.Database._execute_sql_with_mutation_and_logging = FunctionType(
        run.__code__, known, run.__name__, run.__defaults__, run.__closure__
    )


def _once(work: Callable[..., Any]) -> Callable[..., Any]:
    """Of a dataset's method: remembers what came of a question, while rights and definitions are the same."""
    known: LRUCache[tuple[int, str, str], Any] = LRUCache(KEPT)
    using = threading.Lock()

    @wraps(work)
    def remembered(self: Any, query_obj: Any, *more: Any, **named: Any) -> Any:
        asked = json.dumps([query_obj, more, named], default=repr, sort_keys=True)
        key = self.id, asked, rights_of_now.fingerprint()
        with using:
            if key in known:
                return known[key]
        made = work(self, query_obj, *more, **named)
        if not getattr(made, "prequeries", None):  # else a statement made of figures
            with using:
                known[key] = made
        return made

    return remembered

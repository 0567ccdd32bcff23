"""A statement that was read once is not parsed again: the server parses each several times a question.

It asks which tables a dataset reads, for the key under which an answer is remembered too, and takes apart what it has
just put together. Trees are kept packed: who changes one has a tree of their own, and packed ones take little memory.
"""

import pickle
from functools import lru_cache
from typing import Any

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
    return pickle.dumps(DuckDB().parse(script), pickle.HIGHEST_PROTOCOL)

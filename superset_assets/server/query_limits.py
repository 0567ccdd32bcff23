"""A DuckDB query that takes too long is interrupted; DuckDB itself knows no statement time-out."""

import threading
from typing import Any


def limit_duckdb_queries(seconds: float) -> None:
    """Interrupt every query that Superset runs on DuckDB after so many seconds."""
    from superset.db_engine_specs.duckdb import DuckDBEngineSpec

    execute = DuckDBEngineSpec.execute.__func__

    def execute_in_time(cls: Any, cursor: Any, query: str, database: Any, **options: Any) -> None:
        watchdog = threading.Timer(seconds, cursor.interrupt)
        watchdog.daemon = True
        watchdog.start()
        try:
            execute(cls, cursor, query, database, **options)
        except Exception as problem:
            if "INTERRUPT" in str(problem).upper():
                raise TimeoutError(f"Truy vấn chạy quá {seconds:g} giây nên đã bị dừng") from problem
            raise
        finally:
            watchdog.cancel()

    DuckDBEngineSpec.execute = classmethod(execute_in_time)

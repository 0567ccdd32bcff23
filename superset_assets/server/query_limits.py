"""What a question may cost: time, which DuckDB itself does not limit, and memory of the process."""

import resource
import threading
from collections.abc import Callable
from typing import Any


def limit_duckdb_queries(seconds: float) -> None:
    """Interrupt every query that Superset runs on DuckDB after so many seconds, and the reading of its rows, too."""
    from superset.db_engine_specs.duckdb import DuckDBEngineSpec as Spec

    for name in ("execute", "fetch_data"):
        setattr(Spec, name, classmethod(_in_time(getattr(Spec, name).__func__, seconds)))


def _in_time(run: Callable[..., Any], seconds: float) -> Callable[..., Any]:
    def run_in_time(cls: Any, cursor: Any, *arguments: Any, **options: Any) -> Any:
        watchdog = threading.Timer(seconds, cursor.interrupt)
        watchdog.daemon = True
        watchdog.start()
        try:
            return run(cls, cursor, *arguments, **options)
        except Exception as problem:
            if "INTERRUPT" in str(problem).upper():
                raise TimeoutError(f"Truy vấn chạy quá {seconds:g} giây nên đã bị dừng") from problem
            raise
        finally:
            watchdog.cancel()

    return run_in_time


def limit_memory(gigabytes: float) -> None:
    """Let the process have no more data than this: DuckDB's own limit does not count every text it makes."""
    _, most = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (int(gigabytes * 2**30), most))

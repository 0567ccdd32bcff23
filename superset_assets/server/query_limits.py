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


# DuckDB's own words for a failure -> what an analyst is told; its words follow where they help to mend the question
MEANINGS = (
    ("Out of Memory Error", "Câu hỏi cần quá nhiều bộ nhớ nên đã bị dừng; hãy lọc bớt hoặc chia nhỏ", False),
    ("Permission Error", "Câu hỏi chỉ được đọc các bảng đã công bố; không mở tệp, mạng hay cài đặt của máy chủ", False),
    ("disabled by configuration", "Câu hỏi không được đổi cài đặt của máy chủ", False),
    ("configuration has been locked", "Câu hỏi không được đổi cài đặt của máy chủ", False),
    ("IO Error", "Không mở được nơi mà câu hỏi nhắc đến", False),
    ("Catalog Error", "Không có bảng, cột hoặc hàm mà câu hỏi nhắc đến", True),
    ("Binder Error", "Không có bảng, cột hoặc hàm mà câu hỏi nhắc đến", True),
    ("Parser Error", "Câu SQL viết chưa đúng", True),
    ("Error", "Không chạy được câu hỏi", True),
)


def tell_failures_in_vietnamese() -> None:
    """Say what went wrong in a query in the reader's language."""
    from superset.db_engine_specs.duckdb import DuckDBEngineSpec as Spec

    def meaning(cls: Any, problem: Exception) -> str:
        told = str(problem)
        for sign, words, detailed in MEANINGS:
            if sign in told:
                return f"{words}: {told}" if detailed else words
        return told

    Spec.extract_error_message = classmethod(meaning)


def limit_memory(gigabytes: float) -> None:
    """Let the process have no more data than this: DuckDB's own limit does not count every text it makes."""
    _, most = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (int(gigabytes * 2**30), most))

"""One check of the candidate files: a Great Expectations expectation and what it means when it fails."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Check:
    """What must hold of one table, or between tables, before readers see it.

    name: `<family>.<what>`. table: `<file>.<table>`, judged alone or, for a query over several files, where a person
    looks first. message: Vietnamese, what a failure means. expectation: name of the library's class, or none where
    there is a `query`, which finds nothing when all is well and may read `lake` and every file.
    """

    name: str
    table: str
    message: str
    expectation: str = ""
    arguments: dict[str, Any] = field(default_factory=dict)
    query: str = ""

    @property
    def file(self) -> str:
        return self.table.split(".")[0]

    @property
    def table_name(self) -> str:
        return self.table.split(".")[1]


def rows(name: str, table: str, message: str, query: str) -> Check:
    """No row may be found by a query over the files and the lake."""
    return Check(name, table, message, query=query)


def unique(table: str, key: list[str]) -> Check:
    """No two rows of a table have the same key."""
    message = f"Khóa ({', '.join(key)}) của bảng bị trùng"
    if len(key) == 1:
        return Check("schema.unique_key", table, message, "ExpectColumnValuesToBeUnique", {"column": key[0]})
    return Check("schema.unique_key", table, message, "ExpectCompoundColumnsToBeUnique", {"column_list": key})


def present(table: str, column: str) -> Check:
    """Every row has a value."""
    return Check(
        "schema.key_present", table, f"Khóa {column} bị trống", "ExpectColumnValuesToNotBeNull", {"column": column}
    )


def columns(table: str, names: list[str]) -> Check:
    """The columns that readers count on are there; more may be."""
    message = f"Bảng thiếu cột mà người đọc cần: {', '.join(names)}"
    arguments = {"column_set": names, "exact_match": False}
    return Check("schema.columns", table, message, "ExpectTableColumnsToMatchSet", arguments)


def between(name: str, table: str, column: str, low: float | None, high: float | None, message: str) -> Check:
    """Values lie between bounds, where there are any."""
    arguments = {"column": column, "min_value": low, "max_value": high}
    return Check(name, table, message, "ExpectColumnValuesToBeBetween", arguments)


def at_least(name: str, table: str, larger: str, smaller: str, message: str) -> Check:
    """One column is never smaller than another of the same row."""
    arguments = {"column_A": larger, "column_B": smaller, "or_equal": True, "ignore_row_if": "either_value_is_missing"}
    return Check(name, table, message, "ExpectColumnPairValuesAToBeGreaterThanB", arguments)

"""The audit of the figures' files by Great Expectations beside the same checks as plain SQL on one connection.

Run: KHO_HOME=… python -m benchmarks.audit   (an installation whose figures have been built)
"""

import statistics
import time
from pathlib import Path

import duckdb

from lake.contract import load_contracts, with_shipped
from lake.settings import Settings, load_settings
from lake.snapshots import FIGURES
from lake.store import prepare_duckdb
from quality.audits import Check, count_lake, figure_checks
from quality.gate import audit

ROUNDS = 3


def failing_rows(check: Check) -> str:
    """The number of rows that break a check, as SQL. Raises KeyError for an expectation that is not known here."""
    file, table = check.table.split(".")
    relation, told = f'"{file}".main."{table}"', check.arguments
    if check.query:
        return f"select count(*) from ({check.query})"
    if check.expectation == "ExpectTableColumnsToMatchSet":
        names = ", ".join(f"('{name}')" for name in told["column_set"])
        return (
            f"select count(*) from (values {names}) as wanted (name) where name not in (select column_name "
            f"from duckdb_columns() where database_name = '{file}' and table_name = '{table}')"
        )
    if check.expectation == "ExpectColumnPairValuesAToBeGreaterThanB":
        return f"select count(*) from {relation} where {told['column_A']} < {told['column_B']}"
    if check.expectation == "ExpectCompoundColumnsToBeUnique":
        key = ", ".join(told["column_list"])
        return f"select count(*) from (select 1 from {relation} group by {key} having count(*) > 1)"
    column = told["column"]
    conditions = {
        "ExpectColumnValuesToBeUnique": f"{column} in (select {column} from {relation} group by 1 having count(*) > 1)",
        "ExpectColumnValuesToNotBeNull": f"{column} is null",
        "ExpectColumnValuesToBeBetween": " or ".join(
            f"{column} {sign} {told[bound]}"
            for sign, bound in (("<", "min_value"), (">", "max_value"))
            if told.get(bound) is not None
        ),
    }
    return f"select count(*) from {relation} where {conditions[check.expectation]}"


def plain(folder: Path, settings: Settings) -> tuple[int, set[str]]:
    """Number of checks and the names of those that failed."""
    contracts = load_contracts(settings.contracts)
    with duckdb.connect() as connection:
        prepare_duckdb(connection, settings)
        for file in sorted(folder.glob("*.duckdb")):
            connection.execute(f"attach '{file}' as \"{file.stem}\" (read_only)")
        count_lake(connection, str(settings.ledger_index), with_shipped(contracts))
        checks = figure_checks(connection, contracts)
        counted = [(check, connection.execute(failing_rows(check)).fetchone()) for check in checks]
    return len(checks), {check.name for check, row in counted if row and row[0]}


def main() -> None:
    """Both ways in turn, the median of each, and whether they find the same."""
    settings = load_settings()
    folder = sorted(path for path in (settings.published / FIGURES).iterdir() if path.is_dir())[-1]
    by_library, by_sql = [], []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        report = audit(folder, settings)
        between = time.perf_counter()
        checks, failed = plain(folder, settings)
        by_library.append(between - started)
        by_sql.append(time.perf_counter() - between)
    same = {finding.check for finding in report.findings} == failed
    library, sql = statistics.median(by_library), statistics.median(by_sql)
    print(
        f"audit of {folder.name}: {checks} checks, {len(failed)} kinds failed, the same by both: {same}; Great "
        f"Expectations {library:.1f} s, plain SQL {sql:.1f} s (medians of {ROUNDS}), ratio {library / sql:.2f}"
    )


if __name__ == "__main__":
    main()

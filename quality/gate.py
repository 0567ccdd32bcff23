"""The audit of candidate files: Great Expectations decides whether readers may see them."""

import json
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any

import duckdb

from lake.contract import load_contracts, with_shipped
from lake.settings import Settings
from lake.snapshots import DESCRIPTION, FACTS
from lake.store import prepare_duckdb
from quality.audits import TABLES, Check, count_lake, fact_checks, figure_checks
from quality.audits.check import ROWS
from quality.audits.schema import KEYS
from quality.context import gx, in_memory_context
from quality.duckdb_engine import add_file, add_memory, close

SAMPLE = 5


@dataclass(frozen=True)
class Finding:
    """A check that failed: what it means, how many rows and the first of them."""

    check: str
    table: str
    message_vi: str
    count: int = 0
    rows: list[dict[str, Any]] = field(default_factory=list)

    def __str__(self) -> str:
        sample = "; ".join(", ".join(f"{name}={value}" for name, value in row.items()) for row in self.rows)
        counted = f" ({self.count} dòng; ví dụ: {sample})" if sample else ""
        return f"{self.check} · {self.table}: {self.message_vi}{counted}"


@dataclass(frozen=True)
class AuditReport:
    """The verdict on a candidate: it passed if there are no findings."""

    checks: int
    findings: list[Finding] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        return not self.findings

    def summary(self) -> str:
        """One line a finding, Vietnamese, with the check's name, the table and the first rows."""
        return f"{self.checks} kiểm tra đều đạt" if self.passed else "\n".join(map(str, self.findings))


def audit(folder: Path, settings: Settings) -> AuditReport:
    """Audit the candidate in a folder, its files opened as their readers will open them.

    What cannot be judged does not pass. The product named in snapshot.json decides which checks apply.
    """
    product = json.loads((folder / DESCRIPTION).read_text())["product"]
    contracts = load_contracts(settings.contracts)
    index = str(settings.ledger_index)
    context = in_memory_context()
    source, lake = add_memory(context, "lake")
    try:
        lake.execute("create table anchor as select 1 as one")
        prepare_duckdb(lake, settings)
        files = sorted(folder.glob("*.duckdb"))
        for file in files:
            lake.execute(f"attach '{str(file).replace(chr(39), chr(39) * 2)}' as \"{file.stem}\" (read_only)")
        # the library keeps one transaction open from its first query on: what it shall see is made before
        if product == FACTS:
            checks = fact_checks(lake, index, contracts)
        else:
            count_lake(lake, index, with_shipped(contracts))
            missing = _judge_queries(source, lake, [TABLES])
            if missing:
                return AuditReport(1, missing)
            checks = figure_checks(lake, contracts)
        findings = _judge_queries(source, lake, [check for check in checks if check.expectation == ROWS])
    finally:
        lake.close()
        close(source)
    for file in files:
        mine = [check for check in checks if check.file == file.stem and check.expectation != ROWS]
        findings += _judge_file(context, file, mine)
    return AuditReport(len(checks), sorted(findings, key=lambda finding: (finding.check, finding.table)))


def _judge_queries(source: Any, lake: duckdb.DuckDBPyConnection, checks: list[Check]) -> list[Finding]:
    """The findings of queries that may read every file and the lake."""
    results = _validate(source, "anchor", checks, {"result_format": "BASIC"})
    return [
        _unjudged(check, result) if _failed_to_run(result) else _found(lake, check)
        for check, result in zip(checks, results, strict=True)
        if not result.success
    ]


def _judge_file(context: Any, file: Path, checks: list[Check]) -> list[Finding]:
    """The findings of expectations on single tables of one file, a batch a table."""
    source = add_file(context, file)
    findings = []
    try:
        for table, group in groupby(sorted(checks, key=lambda check: check.table), key=lambda check: check.table):
            mine = list(group)
            detail = {
                "result_format": "SUMMARY",
                "partial_unexpected_count": SAMPLE,
                "unexpected_index_column_names": KEYS.get(table, []),
            }
            results = _validate(source, mine[0].table_name, mine, detail)
            findings += [
                _unjudged(check, result) if _failed_to_run(result) else _unexpected(check, result.result)
                for check, result in zip(mine, results, strict=True)
                if not result.success
            ]
    finally:
        close(source)
    return findings


def _validate(source: Any, table: str, checks: list[Check], detail: dict[str, Any]) -> list[Any]:
    """The library's outcome of each check on one table, in the checks' order."""
    if not checks:
        return []
    known = {asset.name: asset for asset in source.assets}
    asset = known.get(table) or source.add_table_asset(table, table_name=table)
    definition = (asset.batch_definitions or [asset.add_batch_definition_whole_table("all")])[0]
    suite = gx().ExpectationSuite(
        name=table, expectations=[_expectation(check, number) for number, check in enumerate(checks)]
    )
    validated = definition.get_batch().validate(suite, result_format=detail)
    outcomes = {outcome.expectation_config.meta["number"]: outcome for outcome in validated.results}
    return [outcomes[number] for number in range(len(checks))]


def _expectation(check: Check, number: int) -> Any:
    arguments = check.arguments
    if check.expectation == ROWS:
        # the library wants its batch (one row) named and other braces doubled
        query = check.query.replace("{", "{{").replace("}", "}}")
        arguments = {"unexpected_rows_query": f"select found.* from ({query}) as found cross join {{batch}}"}
    return getattr(gx().expectations, check.expectation)(**arguments, meta={"number": number})


def _failed_to_run(result: Any) -> bool:
    return bool(result.exception_info.get("raised_exception", True))


def _unjudged(check: Check, result: Any) -> Finding:
    """What could not be carried out blocks as well; the first line of the cause says why."""
    causes = [one for one in result.exception_info.values() if isinstance(one, dict)] or [result.exception_info]
    cause = str(causes[0].get("exception_message")).split("\n")[0]
    return Finding(check.name, check.table, f"Không thực hiện được kiểm tra: {cause}")


def _found(lake: duckdb.DuckDBPyConnection, check: Check) -> Finding:
    """The rows that a query found."""
    total = lake.execute(f"select count(*) from ({check.query})").fetchone()
    sample = lake.execute(f"select * from ({check.query}) limit {SAMPLE}").pl().to_dicts()
    return Finding(check.name, check.table, check.message, int(total[0]) if total else 0, _told(sample))


def _unexpected(check: Check, result: dict[str, Any]) -> Finding:
    """The rows that an expectation found: with their keys where it knows them."""
    if "unexpected_count" not in result:
        return Finding(check.name, check.table, f"{check.message}; có: {result.get('observed_value')}")
    sample = result.get("partial_unexpected_index_list") or result["partial_unexpected_list"]
    listed = [row if isinstance(row, dict) else {check.arguments.get("column", "value"): row} for row in sample]
    return Finding(check.name, check.table, check.message, result["unexpected_count"], _told(listed[:SAMPLE]))


def _told(sample: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: str(value) for name, value in row.items()} for row in sample]

"""The audit of candidate files: Great Expectations decides whether readers may see them."""

import json
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from lake.contract import load_contracts, with_shipped
from lake.settings import Settings
from lake.snapshots import DESCRIPTION, FACTS
from lake.store import prepare_duckdb
from quality.audits import TABLES, Check, count_lake, fact_checks, figure_checks
from quality.audits.change import BEFORE, MASS_CHANGE
from quality.audits.schema import KEYS
from quality.context import gx, in_memory_context
from quality.duckdb_engine import add_file, close

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


def audit(folder: Path, settings: Settings, before: Path | None = None) -> AuditReport:
    """Audit the candidate in a folder, its files opened as their readers will open them.

    What cannot be judged does not pass. The product named in snapshot.json decides which checks apply.
    before: folder of the figures published until now, if they are to be compared with.
    """
    product = json.loads((folder / DESCRIPTION).read_text())["product"]
    contracts = load_contracts(settings.contracts)
    index = str(settings.ledger_index)
    context = in_memory_context()
    files = sorted(folder.glob("*.duckdb"))
    with duckdb.connect() as lake:
        prepare_duckdb(lake, settings)
        for file in files:
            _attach(lake, file, file.stem)
        if product == FACTS:
            checks = fact_checks(lake, index, contracts)
        else:
            count_lake(lake, index, with_shipped(contracts))
            missing = _judge_queries(context, lake, [TABLES])
            if missing:
                return AuditReport(1, missing)
            checks = figure_checks(lake, contracts)
            if before:
                _attach(lake, before / "leaders.duckdb", BEFORE)
                checks.append(MASS_CHANGE)
        findings = _judge_queries(context, lake, [check for check in checks if check.query])
    for file in files:
        mine = [check for check in checks if check.file == file.stem and not check.query]
        findings += _judge_file(context, file, mine)
    return AuditReport(len(checks), sorted(findings, key=lambda finding: (finding.check, finding.table)))


def _attach(lake: duckdb.DuckDBPyConnection, file: Path, name: str) -> None:
    lake.execute(f"attach '{str(file).replace(chr(39), chr(39) * 2)}' as \"{name}\" (read_only)")


def _judge_queries(context: Any, lake: duckdb.DuckDBPyConnection, checks: list[Check]) -> list[Finding]:
    """The findings of queries that may read every file and the lake.

    Each is run once and told by its number of rows, so that one validation judges them all: left to the library every
    query is run twice and costs as much again around it.
    """
    counts: dict[int, int] = {}
    findings = []
    for number, check in enumerate(checks):
        try:
            counts[number] = _count(lake, check)
        except duckdb.Error as error:
            findings.append(_unjudged(check, str(error)))
    if not counts:
        return findings
    frame = pl.DataFrame({"check": list(counts), "rows": list(counts.values())})
    batch = (
        context.data_sources.add_or_update_pandas("queries")
        .add_dataframe_asset("counts")
        .add_batch_definition_whole_dataframe("all")
        .get_batch({"dataframe": frame.to_pandas()})
    )
    none = gx().expectations.ExpectColumnValuesToBeBetween(column="rows", max_value=0)
    detail = {"result_format": "COMPLETE", "unexpected_index_column_names": ["check"]}
    outcome = batch.validate(none, result_format=detail)
    if _failed_to_run(outcome):
        return [*findings, *(_unjudged(checks[number], _cause(outcome)) for number in counts)]
    failed = [row["check"] for row in outcome.result.get("unexpected_index_list") or []]
    return [*findings, *(_found(lake, checks[number], counts[number]) for number in failed)]


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
                _unjudged(check, _cause(result)) if _failed_to_run(result) else _unexpected(check, result.result)
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
    return getattr(gx().expectations, check.expectation)(**check.arguments, meta={"number": number})


def _failed_to_run(result: Any) -> bool:
    return bool(result.exception_info.get("raised_exception", True))


def _cause(result: Any) -> str:
    causes = [one for one in result.exception_info.values() if isinstance(one, dict)] or [result.exception_info]
    return str(causes[0].get("exception_message"))


def _unjudged(check: Check, cause: str) -> Finding:
    """What could not be carried out blocks as well; the first line of the cause says why."""
    return Finding(check.name, check.table, f"Không thực hiện được kiểm tra: {cause.split(chr(10))[0]}")


def _count(lake: duckdb.DuckDBPyConnection, check: Check) -> int:
    counted = lake.execute(f"select count(*) from ({check.query})").fetchone()
    return int(counted[0]) if counted else 0


def _found(lake: duckdb.DuckDBPyConnection, check: Check, count: int) -> Finding:
    """The rows that a query found, the first of them as they are."""
    sample = lake.execute(f"select * from ({check.query}) limit {SAMPLE}").pl().to_dicts()
    return Finding(check.name, check.table, check.message, count, _told(sample))


def _unexpected(check: Check, result: dict[str, Any]) -> Finding:
    """The rows that an expectation found: with their keys where it knows them."""
    if "unexpected_count" not in result:
        return Finding(check.name, check.table, f"{check.message}; có: {result.get('observed_value')}")
    sample = result.get("partial_unexpected_index_list") or result["partial_unexpected_list"]
    listed = [row if isinstance(row, dict) else {check.arguments.get("column", "value"): row} for row in sample]
    return Finding(check.name, check.table, check.message, result["unexpected_count"], _told(listed[:SAMPLE]))


def _told(sample: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: str(value) for name, value in row.items()} for row in sample]

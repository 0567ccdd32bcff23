"""What must hold of the files before readers see them."""

import duckdb

from lake.contract import Contract
from quality.audits.check import Check
from quality.audits.disclosure import DISCLOSURE, identifiers, restricted_rows
from quality.audits.facts import fact_checks
from quality.audits.indicators import INDICATORS
from quality.audits.reconciliation import RECONCILIATION, count_lake
from quality.audits.schema import FILES, SCHEMA, TABLES

__all__ = ["TABLES", "Check", "count_lake", "fact_checks", "figure_checks"]


def figure_checks(connection: duckdb.DuckDBPyConnection, contracts: dict[str, Contract]) -> list[Check]:
    """The checks of the figures' files, once their tables are there."""
    written = [*SCHEMA, *INDICATORS, *RECONCILIATION, *DISCLOSURE]
    return [*written, *restricted_rows(contracts), *identifiers(connection, FILES, contracts)]

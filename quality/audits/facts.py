"""The pseudonymised rows for the analytics unit: all of them, and no plain identifier."""

import duckdb

from lake.contract import Contract
from lake.staging import staging_name
from quality.audits.check import Check, columns, rows, unique
from quality.audits.disclosure import CITIZEN_NUMBER, PSEUDONYM, texts
from quality.audits.reconciliation import loads


def fact_checks(connection: duckdb.DuckDBPyConnection, index: str, contracts: dict[str, Contract]) -> list[Check]:
    """The checks of the tables in the file, each counted against its loads."""
    found = connection.execute("select table_name from duckdb_tables() where database_name = 'facts'").fetchall()
    published = {name for (name,) in found}
    checks = texts(connection, ["facts"], CITIZEN_NUMBER)
    for contract in contracts.values():
        name = staging_name(contract)
        if name not in published:
            continue
        table = f"facts.{name}"
        checks += [
            columns(table, list(contract.row_schema)),
            unique(table, contract.key),
            # no view: to bind the files of thousands of loads takes longer than to count their rows
            _all_rows(contract, table, loads(connection, index, contract)),
            *_protected(contract, table),
        ]
    return checks


def _all_rows(contract: Contract, table: str, source: str) -> Check:
    """As many rows as the lake has keys."""
    keys = ", ".join(contract.key)
    counted = f"(select count(*) as in_lake from {source})"
    if contract.mode == "stream":
        gone = contract.removed_column or "null"
        counted = f"""(select count(*) as in_lake from (
          select arg_max({gone} is not null, ({contract.updated_at}, _load_id)) as gone from {source} group by {keys}
        ) as newest where not gone)"""
    return rows(
        "reconciliation.all_rows",
        table,
        "Số dòng công bố khác số dòng đếm lại từ kho dữ liệu gốc",
        f"""select in_lake, published
        from {counted}
        cross join (select count(*) as published from {table.replace(".", ".main.")})
        where in_lake <> published""",
    )


def _protected(contract: Contract, table: str) -> list[Check]:
    """A pseudonym is a pseudonym, and what is dropped is not there."""
    place = table.replace(".", ".main.")
    pseudonyms = [column.name for column in contract.columns if column.protect == "pseudonym"]
    checks = [
        Check(
            "disclosure.plain_identifier",
            table,
            f"Cột {name} chứa giá trị không phải bí danh",
            query=f"""select '{name}' as column_name, count(*) as found from {place}
            where not regexp_matches({name}, '{PSEUDONYM}') having count(*) > 0""",
        )
        for name in pseudonyms
    ]
    dropped = [column.name for column in contract.columns if column.protect == "drop"]
    if dropped:
        names = ", ".join(f"'{name}'" for name in dropped)
        checks.append(
            rows(
                "disclosure.dropped_column",
                table,
                "Cột phải bỏ từ đầu vào lại có trong tệp công bố",
                f"""select column_name from duckdb_columns() where database_name = 'facts'
                and table_name = '{table.split(".")[1]}' and column_name in ({names})""",
            )
        )
    return checks

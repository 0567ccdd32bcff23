"""What adds up from January on is a line a year: between December and January stands a point without figures."""

from datetime import date

import duckdb

from superset_assets.bundle import Assets
from superset_assets.static_check import promised_columns

MONTHS = (date(2025, 11, 1), date(2025, 12, 1), date(2026, 1, 1))


def _tables(reads: list[str]) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    for table in reads:
        body = ", ".join(f'"{column}" {kind}' for column, kind in promised_columns("leaders")[table].items())
        connection.execute(f'create table "{table}" ({body})')
    return connection


def test_the_line_of_a_plan_breaks_where_the_year_ends(assets: Assets) -> None:
    dataset = assets.datasets["indicator_history"]
    with _tables(dataset["reads"]) as connection:
        connection.execute("insert into dim_target (indicator_code, month_of_year) values ('paid', 11), ('paid', 12)")
        for code in ("paid", "heat"):
            for month in MONTHS:
                connection.execute(
                    "insert into mart_indicator (indicator_code, base_code, unit_code, unit_name, level, period_start, "
                    "complete, value) values (?, ?, '1', 'Xã Một', 'commune', ?, true, 5)",
                    [code, code, month],
                )
        drawn = (
            f"select month, sum(value) from ({dataset['sql']}) where indicator_code = ? group by month order by month"
        )
        plan = connection.execute(drawn, ["paid"]).fetchall()
        other = connection.execute(drawn, ["heat"]).fetchall()
    assert plan == [(MONTHS[0], 5), (MONTHS[1], 5), (date(2025, 12, 31), None), (MONTHS[2], 5)]
    assert other == [(month, 5) for month in MONTHS]


def test_so_does_the_line_of_revenue(assets: Assets) -> None:
    dataset = assets.datasets["revenue_month"]
    with _tables(dataset["reads"]) as connection:
        connection.execute("insert into snapshot_info (data_as_of) values (timestamp '2026-02-10')")
        for month in MONTHS:
            connection.execute(
                "insert into mart_budget_month (unit_code, unit_name, level, month, revenue_kind, revenue_ytd) "
                "values ('1', 'Xã Một', 'commune', ?, 'total', 1000)",
                [month],
            )
        drawn = f"select month, sum(revenue_ytd), bool_or(newest) from ({dataset['sql']}) group by month order by month"
        found = connection.execute(drawn).fetchall()
    assert [row[:2] for row in found] == [(MONTHS[0], 1), (MONTHS[1], 1), (date(2025, 12, 31), None), (MONTHS[2], 1)]
    assert [row[2] for row in found] == [False, False, False, True]

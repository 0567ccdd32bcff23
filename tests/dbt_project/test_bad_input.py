"""Bad input has a defined, visible result: a reason in words, never a silent zero and never a crash."""

import re
from collections.abc import Callable

import duckdb
import pytest

from tests.dbt_project.conftest import Built
from tests.dbt_project.test_registry_formulas import BASE, COMMUNE, MONTH, OTHER, PROVINCE, compute, counted, figure

Open = Callable[[], duckdb.DuckDBPyConnection]


def test_a_commune_that_stopped_reporting_shows_it_month_by_month(built: Built, warehouse: Open) -> None:
    """Its last figures do not stand in for the missing ones, and it does not fall out of the table."""
    connection = warehouse()
    rows = [row for month in ("08", "09", "10") for row in counted(COMMUNE, f"2025-{month}-01", {"budget_revenue": 5})]
    rows += counted(OTHER, "2025-08-01", {"budget_revenue": 9})
    compute(built, connection, rows)
    assert figure(connection, "budget_revenue", OTHER, "2025-08-01") == (9, None)
    for month in ("2025-09-01", "2025-10-01"):
        assert figure(connection, "budget_revenue", OTHER, month) == (None, "Đơn vị không gửi số liệu trong kỳ")
        assert figure(connection, "budget_revenue", COMMUNE, month) == (5, None)


def test_a_true_zero_is_told_as_zero_and_a_missing_report_is_not(built: Built, warehouse: Open) -> None:
    connection = warehouse()
    compute(built, connection, [*counted(values={"enterprises_founded": 0}),
                                *counted(OTHER, "2025-09-01", {"enterprises_founded": 2})])  # fmt: skip
    assert figure(connection, "enterprises_founded") == (0, None)
    assert figure(connection, "enterprises_founded", OTHER) == (None, "Đơn vị không gửi số liệu trong kỳ")


def test_a_period_half_loaded_is_withheld_with_its_reason(built: Built, warehouse: Open) -> None:
    """Days that were not read withhold every unit's figure of that month and of no other."""
    connection = warehouse()
    reason = "Mới nạp 20/31 ngày của kỳ"
    rows = [*BASE, *counted(month="2025-09-01", values={"budget_revenue": 4}), *counted(values={"budget_revenue": 7})]
    compute(built, connection, rows)
    connection.execute(
        """insert into int_withheld by name
        select 'budget_revenue' as indicator_code, cast(? as date) as month, ? as reason""",
        [MONTH, reason],
    )
    for model in ("int_indicator", "int_indicator_told", "mart_indicator"):
        connection.execute(f"create or replace table {model} as {built.compiled[model]}")
    for unit in (COMMUNE, PROVINCE):
        assert figure(connection, "budget_revenue", unit) == (None, reason)
    assert figure(connection, "budget_revenue", month="2025-09-01") == (4, None)
    published = connection.execute(
        "select value, status, rank, change, withheld_reason from mart_indicator "
        "where base_code = 'budget_revenue' and unit_code = ? and period_start = ?",
        [COMMUNE, MONTH],
    ).fetchall()
    assert published == [(None, "chưa đủ dữ liệu", None, None, reason)]


@pytest.mark.parametrize(
    ("code", "changed"),
    [
        ("health_insurance_coverage", {"insured_health": -5, "population_health": 100}),
        ("poverty_rate", {"poor_persons": 2000, "residents": 1000}),
        ("land_decided_ratio", {"land_decided": -1, "land_received": 10}),
        ("qd766_online_filed", {"dossiers_online": -4, "dossiers_received": 10}),
        ("enterprises_founded", {"enterprises_founded": -3}),
    ],
)
def test_absurd_values_are_no_figures(built: Built, warehouse: Open, code: str, changed: dict[str, float]) -> None:
    connection = warehouse()
    compute(built, connection, counted(values=changed))
    assert figure(connection, code) == (None, "Giá trị tính được nằm ngoài khoảng hợp lý, cần kiểm tra số liệu nguồn")


def test_a_source_never_connected_leaves_no_figure_and_breaks_nothing(built: Built, warehouse: Open) -> None:
    """Its indicators are not there at all: no zero; others are told, and what is made of both says what it lacks."""
    connection = warehouse()
    without = [row for row in BASE if not row[2].startswith(("procedures_", "insured_"))]
    compute(built, connection, without)
    asked = (
        "select count(*) from int_indicator where indicator_code = 'health_insurance_coverage' and value is not null"
    )
    assert connection.execute(asked).fetchone() == (0,)
    assert figure(connection, "one_stop_on_time_ratio") == (85.0, None)


def test_nothing_at_all_gives_empty_tables(built: Built, warehouse: Open) -> None:
    """The marts of an installation without a single source were built and are empty."""
    connection = warehouse()
    for table in ("mart_indicator", "mart_alert", "mart_directive", "mart_directive_proposal", "mart_poverty_year"):
        assert connection.execute(f"select count(*) from {table}").fetchone() == (0,), table


def test_a_directive_on_an_unknown_indicator_has_no_effect_but_a_reason(built: Built, warehouse: Open) -> None:
    connection = warehouse()
    connection.execute("create table kept as from int_directive where false")
    connection.execute(
        """insert into kept by name
        select 'NV-1' as task_id, '24829' as unit_code, 'no_such_indicator' as indicator_code,
        date '2025-08-01' as assigned_on, 'done' as status, date '2025-09-01' as done_on"""
    )
    text = re.sub(r'("\w+"\.)?"main"\."int_directive"(?!\w)', "kept", built.compiled["int_directive_effect"])
    found = connection.execute(
        f"select task_id, effect, target_reached, unknown_reason from ({text}) as told"
    ).fetchall()
    assert found == [("NV-1", None, None, "Chỉ tiêu không có trong danh mục chỉ tiêu")]

"""The registry's formulas give the values of the law's own examples, and no constant of it can be wrong unnoticed."""

from collections.abc import Callable
from typing import Any

import duckdb
import pytest

from tests.dbt_project.conftest import Built

Open = Callable[[], duckdb.DuckDBPyConnection]
COMPUTED = ["int_measure_carried", "int_indicator_part", "int_indicator", "int_indicator_told"]
COMMUNE, OTHER, PROVINCE = "24829", "24830", "68"
MONTH = "2025-10-01"

# what one commune counted in the month, small enough to reckon by hand
COUNTED: dict[str, float] = {
    "dossiers_judged": 20, "dossiers_on_time": 17, "dossiers_satisfied_net": 16, "dossiers_received": 100,
    "supplement_repeated": 4, "dossiers_synchronised": 90, "dossiers_online": 20, "dossiers_with_fee": 60,
    "dossiers_synchronised_told": 100, "dossiers_digitised_told": 100, "dossiers_data_reused_told": 60,
    "results_electronic_told": 60, "results_shared_told": 45, "dossiers_paid_online": 30,
    "dossiers_digitised": 60, "dossiers_data_reused": 30,
    "results_electronic": 45, "results_shared": 27, "copies_certified": 8, "copies_e_certified": 2,
    "dossiers_population_applicable": 20, "dossiers_population_used": 10, "procedures_public": 10,
    "procedures_published_on_time": 9, "procedures_updated": 4, "procedures_updated_on_time": 3,
    "procedures_complete": 8, "procedures_eligible_online": 10, "procedures_online": 6, "procedures_with_fee": 5,
    "procedures_payment_offered": 2, "procedures_payment_used": 1, "procedures_population_applicable": 4,
    "procedures_population_used": 1, "feedback_due": 5, "feedback_on_time": 4, "feedback_rated": 10,
    "feedback_satisfied": 8, "residents": 60_000, "births": 60, "incidents": 30, "incidents_closed": 24,
    "petitions_due": 50, "petitions_resolved_on_time": 40, "complaints_within_competence": 20,
    "complaints_resolved": 15, "budget_revenue_ytd": 45, "budget_estimate_year": 180, "investment_plan_pm": 60,
    "investment_plan_full": 75, "investment_paid_cumulative": 30, "land_received": 40, "land_decided": 30,
    "poor_persons": 1_200, "near_poor_persons": 3_000, "insured_health": 57_000, "population_health": 60_000,
    "insured_social": 24_000, "population_social": 40_000, "electricity_kwh": 105, "air_days": 30,
    "air_bad_days": 3, "pm25_hours": 36, "pm25_sum": 720, "tasks_due": 12, "tasks_done_on_time": 9,
    "rows_received": 1_000, "rows_accepted": 995, "quality_index_sum": 270, "quality_index_count": 3,
    "deliveries_due": 40, "deliveries_on_time": 38, "one_stop_officers": 2, "posts_assigned": 10,
    "officers_present": 9, "officers_trained_digital": 6,
}  # fmt: skip
A_YEAR_BEFORE = {"budget_revenue_ytd": 40, "electricity_kwh": 100}

# by DOMAIN's rules: points if R ≥ target, else R × points / target
GOLDEN: dict[str, float] = {
    "one_stop_on_time_ratio": 85,
    "one_stop_timeliness_score": 17,
    "qd766_published_on_time": 5.4, "qd766_updated_on_time": 3, "qd766_complete_content": 1.6,
    "qd766_synchronised": 5.4,
    "qd766_transparency": 15.4,
    "qd766_online_offered": 4.5, "qd766_online_filed": 2.4, "qd766_online_service": 6.9,
    "qd766_payment_offered": 1, "qd766_payment_used": 1.25, "qd766_paid_online": 3, "qd766_payment": 5.25,
    "qd766_electronic_result": 4.5, "qd766_digitised": 3, "qd766_e_certified": 0.5, "qd766_data_reused": 1.25,
    "qd766_shared": 2.4, "qd766_population_dossiers": 1, "qd766_population_procedures": 0.5,
    "qd766_digitisation": 13.15,
    "qd766_feedback_on_time": 4.8, "qd766_feedback_satisfied": 16 / 3, "qd766_procedures_satisfied": 16 / 3,
    "qd766_satisfaction": 4.8 + 32 / 3,
    "qd766_total": 15.4 + 17 + 6.9 + 5.25 + 13.15 + 4.8 + 32 / 3,
    "incident_rate": 50, "incidents_closed_ratio": 80, "petitions_on_time_ratio": 80, "complaints_resolved_ratio": 75,
    "budget_revenue_ratio": 25, "budget_revenue_growth": 12.5, "investment_disbursed_pm": 50,
    "investment_disbursed_full": 40, "land_decided_ratio": 75, "poverty_rate": 2, "near_poverty_rate": 5,
    "health_insurance_coverage": 95, "social_insurance_coverage": 60, "electricity_growth": 5,
    "air_bad_day_share": 10, "pm25_mean": 20, "directives_on_time_ratio": 75, "data_accepted_share": 99.5,
    "data_quality_index": 90, "reports_on_time_ratio": 95, "dossiers_per_officer": 50, "posts_filled_ratio": 90,
    "officers_trained_ratio": 100 * 6 / 9, "birth_rate": 12,
}  # fmt: skip

Row = tuple[str, str, str, str, float]


def counted(unit: str = COMMUNE, month: str = MONTH, values: dict[str, float] | None = None) -> list[Row]:
    return [(unit, month, measure, "", value) for measure, value in (values or COUNTED).items()]


BASE = [*counted(), *counted(month="2024-10-01", values=A_YEAR_BEFORE)]


def compute(built: Built, connection: duckdb.DuckDBPyConnection, rows: list[Row], registry: str = "") -> None:
    """The figures of these measures; registry: SQL that changes the registry before."""
    connection.execute(
        f"""insert into dim_unit by name select unit_code, level, '68' as province_code, 'Đơn vị' as name, 'Xã' as kind
        from (values ('{COMMUNE}', 'commune'), ('{OTHER}', 'commune'), ('{PROVINCE}', 'province'))
          as t (unit_code, level)"""
    )
    connection.execute("delete from int_withheld")  # no ledger here: all sources are as they should be
    connection.executemany("insert into int_measure values (?, ?, ?, ?, ?)", rows)
    connection.execute(registry)
    for model in COMPUTED:
        connection.execute(f"create or replace table {model} as {built.compiled[model]}")


def figure(connection: duckdb.DuckDBPyConnection, code: str, unit: str = COMMUNE, month: str = MONTH, item: str = "",
           table: str = "int_indicator") -> tuple[Any, Any]:  # fmt: skip
    found = connection.execute(
        f"select value, withheld_reason from {table} "
        "where indicator_code = ? and unit_code = ? and month = ? and item = ?",
        [code, unit, month, item],
    ).fetchall()
    assert len(found) == 1, f"{code} has {len(found)} figures"
    return found[0]


def values(connection: duckdb.DuckDBPyConnection) -> dict[str, float]:
    found = connection.execute(
        "select indicator_code, value from int_indicator where unit_code = ? and month = ? and item = ''",
        [COMMUNE, MONTH],
    )
    return dict(found.fetchall())


def test_every_formula_gives_its_golden_value(built: Built, warehouse: Open) -> None:
    connection = warehouse()
    compute(built, connection, BASE)
    found = values(connection)
    assert {code: found[code] for code in GOLDEN} == pytest.approx(GOLDEN)


MUTATIONS = [
    ("one_stop_on_time_ratio", "factor = 10"),
    ("one_stop_timeliness_score", "points = 18"),
    ("qd766_published_on_time", "points = 4"),
    ("qd766_updated_on_time", "numerator = 'procedures_published_on_time'"),
    ("qd766_synchronised", "full_at = 95"),
    ("qd766_online_offered", "full_at = 100"),
    ("qd766_online_filed", "full_at = 80"),
    ("qd766_payment_used", "denominator = 'procedures_with_fee'"),
    ("qd766_paid_online", "full_at = 80"),
    ("qd766_digitised", "full_at = 100"),
    ("qd766_data_reused", "points = 4"),
    ("qd766_feedback_satisfied", "full_at = 100"),
    ("qd766_procedures_satisfied", "full_at = 80"),
    ("qd766_shared", "parent = null"),
    ("budget_revenue_growth", "factor = 1"),
    ("investment_disbursed_pm", "denominator = 'investment_plan_full'"),
    ("incident_rate", "factor = 10000"),
    ("birth_rate", "factor = 1000"),
    ("poverty_rate", "numerator = 'near_poor_persons'"),
    ("social_insurance_coverage", "denominator = 'population_health'"),
    ("data_quality_index", "factor = 100"),
]


@pytest.mark.parametrize(("code", "change"), MUTATIONS)
def test_a_changed_constant_is_noticed(built: Built, warehouse: Open, code: str, change: str) -> None:
    connection = warehouse()
    compute(built, connection, BASE, f"update dim_indicator set {change} where indicator_code = '{code}'")
    found = values(connection)
    assert {name: found[name] for name in GOLDEN} != pytest.approx(GOLDEN)


def test_a_new_formula_leaves_history_alone(built: Built, warehouse: Open) -> None:
    connection = warehouse()
    people = {"residents": 1000, "poor_persons": 50, "poor_persons_2027": 80}
    compute(
        built, connection, [*counted(month="2026-12-01", values=people), *counted(month="2027-01-01", values=people)]
    )
    assert figure(connection, "poverty_rate", month="2026-12-01") == (5.0, None)
    assert figure(connection, "poverty_rate", month="2027-01-01") == (8.0, None)


def test_what_cannot_be_told_has_a_reason(built: Built, warehouse: Open) -> None:
    """A zero denominator, a value beyond belief, nothing a year before, a part of a score missing: no number."""
    connection = warehouse()
    changed = {**COUNTED, "dossiers_with_fee": 0, "dossiers_paid_online": 0, "insured_health": 70_000}
    compute(built, connection, counted(values=changed))
    assert figure(connection, "qd766_paid_online") == (None, "Không phát sinh trong kỳ (mẫu số bằng 0)")
    # nothing to pay for: the rest of the group stands for it, and the total goes on
    assert figure(connection, "qd766_payment") == (pytest.approx(10 * (1 + 1.25) / 4), None)
    assert figure(connection, "qd766_total") == (pytest.approx(GOLDEN["qd766_total"] - 5.25 + 5.625), None)
    value, reason = figure(connection, "health_insurance_coverage")
    assert value is None and "ngoài khoảng hợp lý" in reason
    assert figure(connection, "electricity_growth") == (None, "Chưa có số liệu cùng kỳ năm trước")


def test_a_part_that_was_not_delivered_leaves_the_sum_without_a_number(built: Built, warehouse: Open) -> None:
    connection = warehouse()
    compute(built, connection, [row for row in BASE if row[2] != "procedures_complete"] + counted(OTHER))
    total, reason = figure(connection, "qd766_total")
    assert total is None
    assert "Thiếu 1 chỉ số thành phần" in reason and "Công khai, minh bạch" in reason


def test_a_commune_without_figures_is_shown_and_the_province_waits_for_it(built: Built, warehouse: Open) -> None:
    connection = warehouse()
    compute(built, connection, [*BASE, *counted(OTHER, "2025-09-01", {"budget_revenue": 5, "dossiers_received": 3}),
                                *counted(COMMUNE, "2025-10-01", {"budget_revenue": 7})])  # fmt: skip
    assert figure(connection, "budget_revenue", OTHER) == (None, "Đơn vị không gửi số liệu trong kỳ")
    assert figure(connection, "budget_revenue", PROVINCE) == (None, "Mới có số liệu của 1/2 xã, phường")
    assert figure(connection, "one_stop_on_time_ratio", PROVINCE)[0] is None


def test_the_order_in_which_fractions_were_summed_tells_no_other_figure(built: Built, warehouse: Open) -> None:
    """0.1 + 0.2 is 0.30000000000000004: threads sum in any order, and a figure must not be revised by that."""
    connection = warehouse()
    assert 0.1 + 0.2 != 0.3
    compute(built, connection, [*BASE, *counted(COMMUNE, MONTH, {"budget_revenue": 0.1 + 0.2})])
    assert figure(connection, "budget_revenue", COMMUNE) == (0.3, None)
    connection = warehouse()
    parts = [(COMMUNE, 0.1), (OTHER, 0.2)]
    compute(
        built,
        connection,
        [*BASE, *(row for unit, value in parts for row in counted(unit, MONTH, {"budget_revenue": value}))],
    )
    assert figure(connection, "budget_revenue", PROVINCE) == (0.3, None)


def test_the_province_is_made_of_its_communes(built: Built, warehouse: Open) -> None:
    connection = warehouse()
    compute(
        built, connection, [*BASE, *counted(OTHER, values={"dossiers_judged": 80, "dossiers_on_time": 80, "cases": 1})]
    )
    assert figure(connection, "one_stop_on_time_ratio", PROVINCE) == (97.0, None)
    assert figure(connection, "one_stop_timeliness_score", PROVINCE) == (pytest.approx(19.4), None)


def test_a_stock_holds_on_for_three_months_and_a_flow_never(built: Built, warehouse: Open) -> None:
    connection = warehouse()
    rows = counted(month="2025-03-01", values={"residents": 60_000, "incidents": 30})
    rows += [row for month in ("04", "06", "07") for row in counted(month=f"2025-{month}-01", values={"incidents": 30})]
    compute(built, connection, rows)
    assert figure(connection, "incident_rate", month="2025-06-01") == (50.0, None)
    assert figure(connection, "incident_rate", month="2025-07-01") == (None, "Chưa có mẫu số của kỳ")
    assert figure(connection, "incidents", month="2025-05-01") == (None, "Đơn vị không gửi số liệu trong kỳ")


def test_small_counts_of_sensitive_kinds_are_not_told(built: Built, warehouse: Open) -> None:
    connection = warehouse()
    rows = [
        *counted(values={"incidents": 4, "residents": 1000}),
        *counted(OTHER, values={"incidents": 13, "residents": 1000}),
    ]
    compute(built, connection, rows)
    assert figure(connection, "incidents") == (4.0, None)
    told = {
        unit: figure(connection, "incidents", unit, table="int_indicator_told") for unit in (COMMUNE, OTHER, PROVINCE)
    }
    assert told[COMMUNE] == (None, "Dưới 5: không công bố số chính xác")
    assert told[OTHER] == (15.0, None)
    # 17 is told as 15; with 15 beside it nobody can tell the hidden 4 from a 0
    assert told[PROVINCE] == (15.0, None)
    assert figure(connection, "incident_rate", OTHER, table="int_indicator_told") == (1500.0, None)


def test_what_names_no_commune_goes_with_the_province(built: Built, warehouse: Open) -> None:
    connection = warehouse()
    rows = [*counted(), *counted(PROVINCE, values={"rows_received": 1000, "rows_accepted": 0})]
    compute(built, connection, rows)
    assert figure(connection, "data_accepted_share") == (99.5, None)
    assert figure(connection, "data_accepted_share", PROVINCE) == (49.75, None)

"""The files have the tables, columns and keys that readers count on."""

from quality.audits.check import Check, columns, present, rows, unique

# key of each table; the first columns of a finding's rows
KEYS: dict[str, list[str]] = {
    "leaders.dim_unit": ["unit_code"],
    "leaders.dim_indicator": ["indicator_code", "effective_from"],
    "leaders.mart_indicator": ["indicator_code", "unit_code", "period_start"],
    "leaders.mart_one_stop_month": ["unit_code", "month"],
    "leaders.mart_map_commune": ["unit_code", "month", "part"],
    "leaders.mart_disease_province_month": ["unit_code", "disease_code", "month"],
    "leaders.mart_disease_forecast": ["unit_code", "disease_code", "month"],
    "leaders.mart_forecast_score": ["origin", "disease_code", "model", "horizon"],
    "leaders.mart_alert": ["alert_id"],
    "leaders.mart_alert_history": ["alert_id"],
    "leaders.mart_directive_proposal": ["proposal_id"],
    "leaders.mart_directive": ["task_id"],
    "leaders.mart_directive_sign": ["sign_id"],
    "leaders.mart_dataset_quality": ["dataset"],
    "leaders.mart_load": ["load_id"],
    "leaders.mart_vulnerable_commune": ["unit_code", "period_start"],
    "leaders.mart_land_complaint": ["unit_code", "period_start"],
    "leaders.mart_petition_topic": ["topic", "month"],
    "leaders.mart_petition_cluster": ["item", "cluster_number"],
    "leaders.mart_petition_handling": ["topic"],
    "leaders.mart_petition_copies": ["copy_group"],
    "leaders.mart_petition_trend": ["topic"],
    "leaders.mart_target_what_if": ["indicator_code", "unit_code", "goal_pct"],
    "leaders.mart_leaders_series_forecast": ["series", "item", "unit_code", "period_start"],
    "leaders.mart_enterprise_power": ["unit_code", "period_start"],
    "leaders.mart_late_capacity": ["unit_code", "period_start"],
    "leaders.mart_disbursement_field": ["project_code", "period_start"],
    "leaders.mart_security_social": ["unit_code", "period_start"],
    "leaders.mart_commune_capacity": ["unit_code", "period_start"],
    "leaders.mart_commune_capacity_part": ["unit_code", "period_start", "part"],
    "leaders.mart_support_roadmap": ["unit_code", "indicator_code"],
    "leaders.mart_revision": ["indicator_code", "unit_code", "period_start"],
    "leaders.mart_target_outlook": ["indicator_code", "unit_code"],
    "leaders.mart_budget_month": ["unit_code", "month", "revenue_kind"],
    "leaders.mart_investment_month": ["project_code", "month"],
    "leaders.mart_enterprise_month": ["unit_code", "month"],
    "leaders.mart_land_month": ["unit_code", "month"],
    "leaders.mart_electricity_month": ["unit_code", "month"],
    "leaders.mart_insurance_month": ["unit_code", "month"],
    "leaders.mart_population_month": ["unit_code", "month"],
    "leaders.mart_poverty_year": ["unit_code", "year"],
    "health.mart_disease_unit_week": ["unit_code", "disease_code", "week_start"],
    "health.mart_disease_unit_month": ["unit_code", "disease_code", "month"],
    "health.mart_warning": ["unit_code", "disease_code", "grain", "period_start"],
    "health.mart_cluster": ["item", "cluster_number"],
    "health.mart_series_forecast": ["series", "item", "unit_code", "period_start"],
    "security.mart_security_unit_month": ["unit_code", "month", "category", "hour_band"],
    "security.mart_security_cluster": ["item", "cluster_number"],
    "security.mart_security_series_forecast": ["series", "item", "unit_code", "period_start"],
}
LEADERS = "leaders"
INDEX = "leaders.mart_data_quality"  # of datasets and of units: in each row a part of the key is null
FILES = list(dict.fromkeys(table.split(".")[0] for table in KEYS))  # one an audience

# what dashboards and the other checks read besides the keys
COLUMNS: dict[str, list[str]] = {
    "leaders.dim_unit": ["level", "province_code", "name"],
    "leaders.dim_indicator": [
        "method", "factor", "points", "parent", "numerator", "denominator", "sensitive", "level", "effective_to",
    ],
    "leaders.mart_indicator": [
        "base_code", "item", "theme", "level", "value", "numerator", "denominator", "target", "status", "change",
        "rank", "delta_rank", "contribution", "withheld_reason",
    ],
    "leaders.mart_one_stop_month": [
        "level", "unit_name", "received", "numerator", "denominator", "on_time_ratio_pct", "score", "rank",
        "withheld_reason",
    ],
    "leaders.mart_map_commune": ["ring", "shape_kind", "shape_label", "on_time_ratio_pct"],
    "leaders.mart_disease_province_month": ["cases", "suppressed"],
    "leaders.mart_disease_forecast": ["cases", "q05", "q25", "q50", "q75", "q95", "model"],
    "leaders.mart_forecast_score": ["crps", "champion"],
    "leaders.mart_alert": [
        "unit_code", "level", "theme", "rule_code", "indicator_code", "severity", "rank", "title_vi", "reason_vi",
        "value", "expected", "since", "opened_on", "state", "probability", "agency",
    ],
    "leaders.mart_alert_history": [
        "unit_code", "indicator_code", "item", "title_vi", "reason_vi", "value", "opened_on", "closed_on", "state",
    ],
    "leaders.mart_directive_proposal": [
        "alert_id", "unit_code", "indicator_code", "title_vi", "reason_vi", "baseline", "target", "due_on",
        "legal_basis", "rank", "state", "decline_reason",
    ],
    "leaders.mart_directive": [
        "unit_code", "indicator_code", "alert_id", "proposal_id", "status", "due_on", "on_time", "overdue_days",
        "effect", "effect_low", "effect_high", "unknown_reason", "verdict_vi", "flagged", "closed",
    ],
    "leaders.mart_directive_sign": ["task_id", "sign_code", "evidence_vi"],
    "leaders.mart_dataset_quality": [
        "title", "stale", "accepted_share_pct", "received", "accepted", "quarantined",
    ],
    "leaders.mart_load": ["dataset", "status", "reasons", "received", "accepted", "quarantined"],
    "leaders.mart_vulnerable_commune": ["latest", "class_vi", "evidence_vi", "decision_vi", "missing_vi"],
    "leaders.mart_land_complaint": [
        "latest", "land_complaints", "class_vi", "evidence_vi", "decision_vi", "missing_vi",
    ],
    "leaders.mart_petition_topic": ["petitions", "petitions_usual", "change_pct", "withheld_reason"],
    "leaders.mart_petition_cluster": ["unit_code", "observed", "expected", "severity", "sentence_vi"],
    "leaders.mart_petition_handling": [
        "agency_name", "petitions_year", "petitioners_year", "returning_petitioners_year", "open", "overdue",
        "urgent_open",
    ],
    "leaders.mart_petition_copies": ["unit_names", "petitions", "petitioners", "first_day", "last_day"],
    "leaders.mart_petition_trend": ["petitions", "petitions_usual", "emerging", "trend_vi"],
    "leaders.mart_target_what_if": ["goal", "chance", "outlook_vi"],
    "leaders.mart_enterprise_power": ["latest", "class_vi", "evidence_vi", "decision_vi", "missing_vi"],
    "leaders.mart_late_capacity": ["latest", "class_vi", "evidence_vi", "decision_vi", "missing_vi"],
    "leaders.mart_disbursement_field": ["latest", "class_vi", "evidence_vi", "decision_vi", "missing_vi"],
    "leaders.mart_security_social": ["latest", "class_vi", "evidence_vi", "decision_vi", "missing_vi"],
    "leaders.mart_commune_capacity": ["latest", "score", "rank", "delta_rank", "gain_6_months", "missing_vi"],
    "leaders.mart_commune_capacity_part": ["score", "rank", "delta_rank", "evidence_vi", "missing_vi"],
    "leaders.mart_support_roadmap": ["measure_vi", "reason_vi", "progress_pct", "status"],
    "leaders.mart_target_outlook": ["level", "year_end_target", "year_end_value", "at_risk", "method_vi"],
    "leaders.mart_revision": ["first_value", "first_snapshot_id", "current_value", "revised_at"],
    "health.mart_disease_unit_week": ["level", "cases"],
    "health.mart_disease_unit_month": ["level", "province_code", "cases"],
    "leaders.mart_budget_month": ["level", "revenue", "revenue_ytd", "estimate_year"],
    "leaders.mart_land_month": ["land_transfers", "land_value_billion_vnd"],
    "leaders.mart_population_month": ["births", "deaths", "moved_in", "moved_out"],
    "leaders.mart_poverty_year": [
        "poor_households", "near_poor_households", "poor_persons", "near_poor_persons", "poor_persons_2027",
        "near_poor_persons_2027",
    ],
    "health.mart_warning": ["cases", "severity"],
    "health.mart_cluster": ["unit_code", "observed", "severity", "sentence_vi"],
    "security.mart_security_cluster": ["unit_code", "observed", "severity", "sentence_vi"],
    "security.mart_security_unit_month": ["level", "incidents", "closed"],
    "health.mart_series_forecast": ["q10", "q50", "q90", "expected", "model", "skill_climatology", "note"],
    "security.mart_security_series_forecast": ["q10", "q50", "q90", "expected", "model", "skill_climatology", "note"],
    "leaders.mart_leaders_series_forecast": ["q10", "q50", "q90", "expected", "model", "skill_climatology", "note"],
}  # fmt: skip

SNAPSHOT_INFO = ["snapshot_id", "built_at", "data_as_of", "code_version"]


def missing_tables(tables: list[str]) -> Check:
    """Every table is in its file; what needs a missing one cannot be judged."""
    names = ", ".join(f"('{table}')" for table in tables)
    return rows(
        "schema.tables",
        "leaders.snapshot_info",
        "Tệp công bố thiếu bảng",
        f"""select wanted.name from (values {names}) as wanted (name)
        where wanted.name not in (select database_name || '.' || table_name from duckdb_tables())""",
    )


TABLES = missing_tables([*KEYS, INDEX, *(f"{file}.snapshot_info" for file in FILES)])

ONE_SNAPSHOT = " union all ".join(
    f"select '{file}' as file, (select max(snapshot_id) from {file}.main.snapshot_info) as snapshot_id"
    for file in FILES
)

SCHEMA: list[Check] = [
    *(columns(table, [*KEYS[table], *names]) for table, names in COLUMNS.items()),
    *(unique(table, key) for table, key in KEYS.items()),
    *(present(table, column) for table, key in KEYS.items() for column in key),
    *(columns(f"{file}.snapshot_info", SNAPSHOT_INFO) for file in FILES),
    rows(
        "schema.unique_key",
        INDEX,
        "Một bộ dữ liệu hoặc một đơn vị có hai dòng trong một tháng",
        f"""select scope, dataset, unit_code, month, count(*) as found from {LEADERS}.main.mart_data_quality
        group by all having count(*) > 1""",
    ),
    rows(
        "schema.one_snapshot",
        "leaders.snapshot_info",
        "Các tệp không cùng một bản công bố",
        f"""select file, snapshot_id from ({ONE_SNAPSHOT}) as told
        where snapshot_id is distinct from (select max(snapshot_id) from {LEADERS}.main.snapshot_info)""",
    ),
]

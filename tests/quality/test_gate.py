"""The gate lets good files pass and names what is wrong with bad ones: check, table and rows."""

from datetime import UTC, datetime
from pathlib import Path

import duckdb
import polars as pl

from lake import snapshots
from lake.settings import Settings
from quality.gate import AuditReport, audit
from tests.quality.conftest import AUDIENCES, FACTS, LEADERS


def audited(settings: Settings, sql: str = "", extra: dict[str, str] | None = None) -> AuditReport:
    """The audit of a candidate built after `sql` has changed the warehouse."""
    with duckdb.connect(settings.warehouse) as connection:
        connection.execute(sql)
    tables = {**AUDIENCES, "leaders": {**AUDIENCES["leaders"], **(extra or {})}}
    return audit(built(settings, snapshots.FIGURES, tables), settings)


def built(settings: Settings, product: str, tables: dict[str, dict[str, str]]) -> Path:
    name = snapshots.new_snapshot_id(datetime.now(UTC))
    return snapshots.build_candidate(settings, product, tables, name, {"code_version": "v"})


def found(report: AuditReport) -> set[tuple[str, str]]:
    return {(finding.check, finding.table.split(".")[1]) for finding in report.findings}


def test_files_that_agree_with_the_lake_pass(settings: Settings) -> None:
    report = audited(settings)
    assert report.passed, report.summary()
    assert report.checks > 90


def test_figures_that_differ_from_the_lake_are_named_with_their_rows(settings: Settings) -> None:
    report = audited(
        settings,
        """update mart_one_stop_month set received = received + 1 where unit_code = '68';
        update mart_disease_unit_month set cases = cases + 2 where unit_code = '24829';
        update mart_disease_province_month set cases = 10 where disease_code = 'dengue';
        update mart_disease_unit_week set cases = 9 where unit_code = '24829';
        update mart_indicator set value = 99, numerator = 99, denominator = 100 where unit_code = '24830';
        update mart_security_unit_month set incidents = 3 where level = 'commune';
        update mart_budget_month set revenue = 13 where level = 'commune' and revenue_kind = 'total'""",
    )
    assert found(report) == {
        ("reconciliation.dossiers_received", "mart_one_stop_month"),
        ("reconciliation.communes_make_the_province", "mart_one_stop_month"),
        ("reconciliation.cases", "mart_disease_unit_month"),
        ("reconciliation.communes_make_the_province", "mart_disease_unit_month"),
        ("reconciliation.case_weeks", "mart_disease_unit_week"),
        ("disclosure.two_tables", "mart_disease_province_month"),
        ("reconciliation.indicator_agrees", "mart_indicator"),
        ("reconciliation.incidents", "mart_security_unit_month"),
        ("reconciliation.communes_make_the_province", "mart_security_unit_month"),
        ("reconciliation.revenue", "mart_budget_month"),
        ("reconciliation.communes_make_the_province", "mart_budget_month"),
    }
    received = next(one for one in report.findings if one.check == "reconciliation.dossiers_received")
    assert received.rows == [{"unit_code": "68", "month": "2026-07-01", "in_lake": "5", "published": "6"}]
    assert received.count == 1
    assert "khác số đếm lại từ kho dữ liệu gốc" in report.summary()
    assert "in_lake=5, published=6" in report.summary()


def test_what_leaders_must_not_know_stops_publication(settings: Settings) -> None:
    report = audited(
        settings,
        f"""update mart_disease_forecast set cases = 3 where month = '2026-07-01';
        update mart_disease_province_month set cases = 1 where disease_code = 'measles';
        insert into mart_indicator
          (indicator_code, base_code, unit_code, level, period_start, value, numerator, denominator,
            withheld_reason)
          values ('disease_cases:x', 'disease_cases', '24829', 'commune', '2026-07-01', 6, 6, null, null);
        update mart_alert set reason_vi = 'Tuần từ 06/07/2026 ghi nhận 3 ca của người số 068200001234.';
        update mart_alert_history set reason_vi = 'Tháng 07/2026 là khoảng 32 đơn, thường dưới 5 đơn', value = 32;
        update mart_directive_proposal set reason_vi = 'Tháng 07/2026 ghi nhận khoảng 1.127 ca';
        update mart_petition_topic set petitions = 3;
        update mart_petition_cluster set observed = 23;
        update mart_petition_handling set returning_petitioners_year = 2;
        update mart_petition_copies set petitioners = 17;
        update mart_petition_trend set petitions_usual = 24;
        update mart_load set reasons = '{"0123456789abcdef" * 4}';
        alter table mart_map_commune add column patient_pseudonym varchar""",
        extra={"mart_warning": "mart_warning", "stg_facts": "dim_unit"},
    )
    assert found(report) == {
        ("disclosure.forecast_cells", "mart_disease_forecast"),
        ("disclosure.province_cells", "mart_disease_province_month"),
        ("disclosure.two_tables", "mart_disease_province_month"),
        ("disclosure.indicator_cells", "mart_indicator"),
        ("disclosure.alert_text", "mart_alert"),
        ("disclosure.alert_text", "mart_alert_history"),
        ("disclosure.alert_text", "mart_directive_proposal"),
        ("disclosure.alert_values", "mart_alert_history"),
        ("disclosure.petition_topics", "mart_petition_topic"),
        ("disclosure.petition_clusters", "mart_petition_cluster"),
        ("disclosure.rounded_cells", "mart_petition_handling"),
        ("disclosure.rounded_cells", "mart_petition_copies"),
        ("disclosure.rounded_cells", "mart_petition_trend"),
        ("disclosure.identifying_texts", "mart_alert"),
        ("disclosure.identifying_texts", "mart_load"),
        ("disclosure.identifying_columns", "snapshot_info"),
        ("disclosure.exact_tables", "snapshot_info"),
    }
    identifying = [one for one in report.findings if one.check == "disclosure.identifying_texts"]
    assert "068200001234" not in str(identifying), "a finding never repeats an identifier"


def test_figures_outside_key_bounds_or_registry_stop_publication(settings: Settings) -> None:
    report = audited(
        settings,
        """insert into mart_map_commune from mart_map_commune where unit_code = '24829';
        insert into mart_data_quality from mart_data_quality where scope = 'dataset';
        update mart_warning set unit_code = null;
        update mart_one_stop_month set numerator = 9 where level <> 'province' and unit_code = '24830';
        update mart_one_stop_month set numerator = 12 where unit_code = '68';
        update mart_disease_forecast set q05 = -1, q50 = 9 where month = '2026-08-01';
        update mart_alert set probability = 99;
        insert into mart_indicator
          (indicator_code, base_code, unit_code, level, period_start, value, numerator, denominator,
            withheld_reason) values
          ('new', 'new', '68', 'province', '2026-07-01', 1, 1, 1, null),
          ('disease_cases:flu', 'disease_cases', '68', 'province', '2019-12-01', 9, 9, null, null),
          ('disease_cases:cold', 'disease_cases', '99', 'province', '2026-07-01', null, null, null, null)""",
    )
    assert found(report) == {
        ("schema.unique_key", "mart_map_commune"),
        ("schema.unique_key", "mart_data_quality"),
        ("schema.key_present", "mart_warning"),
        ("indicators.part_of_whole", "mart_one_stop_month"),
        ("indicators.no_negative_forecast", "mart_disease_forecast"),
        ("indicators.forecast_quantiles", "mart_disease_forecast"),
        ("indicators.probability", "mart_alert"),
        ("registry.indicator_in_force", "mart_indicator"),
        ("registry.unit_known", "mart_indicator"),
        ("registry.value_or_reason", "mart_indicator"),
    }
    twice = next(one for one in report.findings if one.check == "schema.unique_key" and "map" in one.table)
    assert twice.count == 2
    assert twice.rows[0]["unit_code"] == "24829"


def test_what_cannot_be_judged_does_not_pass(settings: Settings) -> None:
    tables = {**AUDIENCES, "leaders": {name: name for name in LEADERS if name != "mart_alert"}}
    report = audit(built(settings, snapshots.FIGURES, tables), settings)
    assert [(one.check, one.rows) for one in report.findings] == [("schema.tables", [{"name": "leaders.mart_alert"}])]
    report = audited(settings, "alter table mart_one_stop_month drop column score; alter table mart_alert drop level")
    assert ("schema.columns", "mart_one_stop_month") in found(report)
    assert ("schema.columns", "mart_alert") in found(report)


def test_files_of_two_snapshots_do_not_go_together(settings: Settings) -> None:
    for file in ("health", "security"):
        one, other = (built(settings, snapshots.FIGURES, AUDIENCES) for _ in range(2))
        (other / f"{file}.duckdb").replace(one / f"{file}.duckdb")
        assert found(audit(one, settings)) == {("schema.one_snapshot", "snapshot_info")}


def test_a_missing_file_stops_publication(settings: Settings) -> None:
    folder = built(settings, snapshots.FIGURES, {name: AUDIENCES[name] for name in ("leaders", "health")})
    missing = {row["name"] for finding in audit(folder, settings).findings for row in finding.rows}
    assert missing == {
        "security.mart_security_unit_month", "security.mart_security_cluster", "security.snapshot_info",
        "security.mart_security_series_forecast",
    }  # fmt: skip


def test_exact_figures_of_one_sector_are_not_for_another(settings: Settings) -> None:
    tables = {**AUDIENCES, "health": {**AUDIENCES["health"], "mart_security_unit_month": "mart_security_unit_month"}}
    tables["security"] = {**AUDIENCES["security"], "mart_warning": "mart_warning", "int_incident": "mart_alert"}
    report = audit(built(settings, snapshots.FIGURES, tables), settings)
    assert {(one.check, one.table, *sorted(row["table_name"] for row in one.rows)) for one in report.findings} == {
        ("disclosure.exact_tables", "health.snapshot_info", "mart_security_unit_month"),
        ("disclosure.exact_tables", "security.snapshot_info", "int_incident", "mart_warning"),
    }


def test_small_or_exact_counts_of_persons_are_not_for_leaders(settings: Settings) -> None:
    report = audited(
        settings,
        """update mart_poverty_year set near_poor_households = 4;
        update mart_population_month set deaths = 12;
        update mart_land_month set land_transfers = 4""",
        extra={"mart_security_unit_month": "mart_security_unit_month"},
    )
    assert found(report) == {
        ("disclosure.rounded_cells", "mart_poverty_year"),
        ("disclosure.rounded_cells", "mart_population_month"),
        ("disclosure.land_values", "mart_land_month"),
        ("disclosure.exact_tables", "snapshot_info"),
    }


def test_what_would_give_a_hidden_count_away_is_not_for_leaders(settings: Settings) -> None:
    """A total beside a hidden part, an open denominator, traces of a hidden figure, how many rows of cases came."""
    report = audited(
        settings,
        """insert into mart_poverty_year by name select '68' as unit_code, 2026 as year, 25 as near_poor_persons;
        insert into dim_indicator by name select 'petitions_on_time_ratio' as indicator_code, 'ratio' as method,
          100 as factor, true as sensitive, date '2024-03-01' as effective_from, 'petitions_due' as denominator,
          'petitions_resolved_on_time' as numerator;
        insert into mart_indicator by name select 'petitions_on_time_ratio' as indicator_code,
          'petitions_on_time_ratio' as base_code, '24829' as unit_code, 'commune' as level,
          date '2026-07-01' as period_start, 500.0 / 7 as value, 5 as numerator, 7 as denominator;
        update mart_indicator set rank = 3 where indicator_code = 'disease_cases:measles';
        insert into mart_load by name select 'later' as load_id, 'health.case_reports' as dataset,
          'accepted' as status, 1 as accepted;
        insert into mart_dataset_quality by name select 'security.incidents' as dataset, 'Vụ việc' as title,
          false as stale, 1001 as received""",
    )
    assert found(report) == {
        ("disclosure.reckoned_cells", "mart_poverty_year"),
        ("disclosure.sensitive_denominators", "mart_indicator"),
        ("disclosure.traces", "mart_indicator"),
        ("disclosure.restricted_rows", "mart_load"),
        ("disclosure.restricted_rows", "mart_dataset_quality"),
    }


def test_facts_hold_every_row_and_no_plain_identifier(settings: Settings) -> None:
    tables = {"facts": {name: name for name in FACTS}}
    report = audit(built(settings, snapshots.FACTS, tables), settings)
    assert report.passed, report.summary()
    with duckdb.connect(settings.warehouse) as connection:
        connection.execute(
            """delete from stg_health__case_reports where case_id = 'CB-3';
            update stg_health__case_reports set patient_pseudonym = '068200001234' where case_id = 'CB-1';
            alter table stg_one_stop__dossiers add column applicant_name varchar;
            insert into stg_one_stop__dossiers from stg_one_stop__dossiers where dossier_id = 'HS-2'"""
        )
    report = audit(built(settings, snapshots.FACTS, tables), settings)
    assert found(report) == {
        ("reconciliation.all_rows", "stg_health__case_reports"),
        ("disclosure.identifying_texts", "stg_health__case_reports"),
        ("disclosure.plain_identifier", "stg_health__case_reports"),
        ("disclosure.dropped_column", "stg_one_stop__dossiers"),
        ("reconciliation.all_rows", "stg_one_stop__dossiers"),
        ("schema.unique_key", "stg_one_stop__dossiers"),
    }


def test_datasets_without_loads_are_no_fault(settings: Settings) -> None:
    index = pl.read_parquet(settings.ledger_index).filter(pl.col("dataset") == "admin.units")
    index.write_parquet(settings.ledger_index)
    counted = ["mart_one_stop_month", "mart_map_commune", "mart_disease_unit_month", "mart_disease_unit_week"]
    counted += ["mart_disease_province_month", "mart_indicator", "mart_budget_month", "mart_security_unit_month"]
    report = audited(settings, "; ".join(f"delete from {table}" for table in counted))
    assert report.passed, report.summary()


def test_figures_that_change_all_at_once_stop_publication(settings: Settings) -> None:
    months = """insert into mart_indicator
      (indicator_code, base_code, unit_code, level, period_start, complete, value, numerator, denominator)
      select 'index_' || half, 'index_' || half, 'u' || unit, 'commune', '2026-01-01', true, unit, 1, 1
      from range(600) as units (unit), (values ('a'), ('b')) as halves (half)"""
    with duckdb.connect(settings.warehouse) as connection:
        connection.execute("alter table mart_indicator add column complete boolean default true")
        connection.execute(months)
    before = built(settings, snapshots.FIGURES, AUDIENCES)
    with duckdb.connect(settings.warehouse) as connection:
        connection.execute("update mart_indicator set value = value + 1 where base_code = 'index_a'")
        connection.execute("update mart_indicator set value = null where base_code = 'index_b' and value < 300")
    after = built(settings, snapshots.FIGURES, AUDIENCES)
    alone = {finding.check for finding in audit(after, settings).findings}
    found_beside = [one for one in audit(after, settings, before).findings if one.check not in alone]
    assert [one.check for one in found_beside] == ["change.mass_change"]
    assert found_beside[0].rows[0] | {"example_before": "", "example_now": ""} == {
        "base_code": "index_a", "figures": "600", "changed": "600", "example_before": "", "example_now": "",
    }  # fmt: skip
    with duckdb.connect(after / "leaders.duckdb") as connection:
        connection.execute("update snapshot_info set code_version = 'another'")
    assert {one.check for one in audit(after, settings, before).findings} == alone, "other code gives other figures"

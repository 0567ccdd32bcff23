"""A lake of a few loads, and a warehouse whose marts were made by hand to agree with it."""

import io
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from lake.contract import load_contracts
from lake.ledger import Entry, commit, write_index
from lake.settings import Settings, load_settings
from lake.store import open_store, put_once

PSEUDONYM = "0123456789abcdef" * 4
AS_OF = datetime(2026, 8, 1, 3, tzinfo=UTC)
LEADERS = [
    "dim_unit", "dim_indicator", "mart_indicator", "mart_one_stop_month", "mart_map_commune", "mart_data_quality",
    "mart_disease_province_month", "mart_disease_forecast", "mart_forecast_score", "mart_alert",
    "mart_alert_history", "mart_directive_proposal", "mart_directive", "mart_directive_sign",
    "mart_dataset_quality", "mart_load", "mart_revision",
    "mart_budget_month", "mart_investment_month", "mart_enterprise_month",
    "mart_land_month", "mart_electricity_month", "mart_insurance_month", "mart_population_month", "mart_poverty_year",
    "mart_vulnerable_commune", "mart_land_complaint", "mart_enterprise_power", "mart_late_capacity",
    "mart_disbursement_field", "mart_security_social", "mart_commune_capacity", "mart_commune_capacity_part",
    "mart_support_roadmap", "mart_target_outlook", "mart_petition_topic",
    "mart_petition_cluster", "mart_petition_handling", "mart_petition_copies", "mart_petition_trend",
    "mart_target_what_if", "mart_leaders_series_forecast",
]  # fmt: skip
HEALTH = [
    "mart_disease_unit_week", "mart_disease_unit_month", "mart_warning", "mart_cluster", "mart_series_forecast",
]  # fmt: skip
SECURITY = ["dim_unit", "mart_security_unit_month", "mart_security_cluster", "mart_security_series_forecast"]
AUDIENCES = {
    audience: {name: name for name in names}
    for audience, names in (("leaders", LEADERS), ("health", HEALTH), ("security", SECURITY))
}
FACTS = ["stg_one_stop__dossiers", "stg_health__case_reports", "stg_admin__units"]

# Two communes. The dossiers of July: three in the first, one in the second; one more was received at 23:30 UTC of
# the last day of June, which is July in Việt Nam.
MARTS = """
create table dim_unit as from (values
  ('68', 'province', '68', 'Tỉnh Lâm Đồng'), ('24829', 'commune', '68', 'Phường Một'),
  ('24830', 'commune', '68', 'Xã Hai')) as t (unit_code, level, province_code, name);
create table dim_indicator as from (values
  ('one_stop_on_time_ratio', 'ratio', 100, null::double, null::varchar, false, date '2022-06-23', null::date),
  ('disease_cases', 'count', 1, null, null, true, date '2020-01-01', null))
  as t (indicator_code, method, factor, points, parent, sensitive, effective_from, effective_to);
alter table dim_indicator add column level varchar default 'commune';
alter table dim_indicator add column numerator varchar;
alter table dim_indicator add column denominator varchar;
create table mart_one_stop_month as from (values
  ('24829', 'commune', date '2026-07-01', 4, 3, 4, 75.0, 15.0, 2, null),
  ('24830', 'commune', date '2026-07-01', 1, 1, 1, 100.0, 20.0, 1, null),
  ('68', 'province', date '2026-07-01', 5, 4, 5, 80.0, 16.0, 1, null))
  as t (unit_code, level, month, received, numerator, denominator, on_time_ratio_pct, score, rank, withheld_reason);
alter table mart_one_stop_month add column unit_name varchar default 'Đơn vị';
create table mart_indicator as
  select 'one_stop_on_time_ratio' as indicator_code, 'one_stop_on_time_ratio' as base_code, unit_code, level,
    month as period_start, on_time_ratio_pct::double as value, numerator::double as numerator,
    denominator::double as denominator, withheld_reason
  from mart_one_stop_month
  union all
  select 'disease_cases:dengue', 'disease_cases', '68', 'province', date '2026-07-01', 5, 5, null, null
  union all
  select 'disease_cases:measles', 'disease_cases', '68', 'province', date '2026-07-01', null, null, null, 'Dưới 5 ca';
alter table mart_indicator add column item varchar default '';
alter table mart_indicator add column theme varchar default 'theme';
alter table mart_indicator add column target double;
alter table mart_indicator add column status varchar;
alter table mart_indicator add column change double;
alter table mart_indicator add column rank integer;
alter table mart_indicator add column delta_rank integer;
alter table mart_indicator add column contribution double;
create table mart_data_quality as from (values
  ('dataset', 'one_stop.dossiers', null, date '2026-07-01'), ('commune', null, '24829', date '2026-07-01'),
  ('commune', null, '24830', date '2026-07-01')) as told (scope, dataset, unit_code, month);
create table mart_map_commune as select unit_code, month, 0 as part, '[[107.123456789012,11]]' as ring,
  'cell' as shape_kind, 'Ô' as shape_label, on_time_ratio_pct from mart_one_stop_month where level = 'commune';
create table mart_disease_unit_month as from (values
  ('24829', 'commune', '68', 'dengue', date '2026-07-01', 5),
  ('24830', 'commune', '68', 'dengue', date '2026-07-01', 1),
  ('68', 'province', '68', 'dengue', date '2026-07-01', 6), ('24830', 'commune', '68', 'measles', date '2026-07-01', 1),
  ('68', 'province', '68', 'measles', date '2026-07-01', 1))
  as t (unit_code, level, province_code, disease_code, month, cases);
create table mart_disease_unit_week as
  select unit_code, level, disease_code, month as week_start, cases from mart_disease_unit_month;
create table mart_warning as select '24829' as unit_code, 'dengue' as disease_code, 'week' as grain,
  date '2026-07-06' as period_start, 5 as cases, 'alarm' as severity;
create table mart_cluster as select 'dengue' as item, 1 as cluster_number, '24829' as unit_code, 12 as observed,
  'alarm' as severity, 'Từ 06/07/2026, 1 xã có 12 ca' as sentence_vi;
create table mart_security_cluster as from mart_cluster;
create table mart_series_forecast as select 'disease_cases_week' as series, 'dengue' as item, '24829' as unit_code,
  date '2026-07-06' as period_start, 1.0 as q10, 2.0 as q50, 4.0 as q90, 2.2 as expected, 'level' as model,
  0.2 as skill_climatology, null::varchar as note;
create table mart_security_series_forecast as from mart_series_forecast;
create table mart_leaders_series_forecast as from mart_series_forecast;
create table mart_disease_province_month as
  select unit_code, disease_code, month, case when cases >= 5 then 5 * round(cases / 5.0)::bigint end as cases,
    cases < 5 as suppressed
  from mart_disease_unit_month where level = 'province';
create table mart_disease_forecast as from (values
  ('68', 'dengue', date '2026-07-01', 5, null, null, null, null, null, null),
  ('68', 'dengue', date '2026-08-01', null, 1.0, 2.0, 3.0, 4.0, 5.0, 'auto_ets'))
  as t (unit_code, disease_code, month, cases, q05, q25, q50, q75, q95, model);
create table mart_forecast_score as select date '2026-06-01' as origin, 'dengue' as disease_code,
  'auto_ets' as model, 0 as horizon, 9.5 as crps, true as champion;
create table mart_alert as select '24829-disease_observed-dengue-20260701' as alert_id, '24829' as unit_code,
  'commune' as level, 'health' as theme, 'disease_observed' as rule_code, 'disease_cases' as indicator_code,
  'dengue' as item, 'alarm' as severity, 1 as rank, 'Sốt xuất huyết vượt ngưỡng' as title_vi,
  'Tuần từ 06/07/2026 ghi nhận khoảng 5 ca, thường gặp dưới 5 ca' as reason_vi, null::double as value,
  null::double as expected, date '2026-07-06' as since, date '2026-07-01' as opened_on, 'open' as state,
  0.99::double as probability, 'Sở Y tế' as agency;
create table mart_alert_history as select *, null::date as closed_on from mart_alert;
create table mart_directive_proposal as select alert_id || ':alarm:202607' as proposal_id, alert_id, unit_code,
  indicator_code, title_vi, reason_vi, 5.0 as baseline, 0.0 as target, date '2026-08-14' as due_on,
  'Thông tư' as legal_basis, 1 as rank, state, null::varchar as decline_reason from mart_alert;
create table mart_directive as select 'NV-202607-000001' as task_id, unit_code, indicator_code, alert_id, proposal_id,
  'done' as status, due_on, true as on_time, 0 as overdue_days, null::double as effect, null::double as effect_low,
  null::double as effect_high, 'Còn sớm' as unknown_reason, 'chưa thể kết luận' as verdict_vi, false as flagged,
  false as closed from mart_directive_proposal;
create table mart_directive_sign as select 'NV-202607-000001:x' as sign_id, 'NV-202607-000001' as task_id,
  'x' as sign_code, 'Bằng chứng' as evidence_vi;
create table mart_revision as select 'one_stop_on_time_ratio' as indicator_code, '68' as unit_code,
  date '2026-06-01' as period_start, 90.0 as first_value, 's' as first_snapshot_id, 91.0 as current_value,
  timestamp '2026-07-20' as revised_at;
create table mart_dataset_quality as
  select 'one_stop.dossiers' as dataset, 'Hồ sơ' as title, false as stale, 100.0 as accepted_share_pct,
    9 as received, 9 as accepted, 0 as quarantined;
create table mart_load as
  select '20260801T000000000001Z-abcdef' as load_id, 'one_stop.dossiers' as dataset, 'accepted' as status,
    '' as reasons, 9 as received, 9 as accepted, 0 as quarantined;
create table mart_budget_month as from (values
  ('24829', 'commune', date '2026-07-01', 'fees', 12.5, 12.5, 90),
  ('24829', 'commune', date '2026-07-01', 'total', 12.5, 12.5, 90),
  ('68', 'province', date '2026-07-01', 'fees', 12.5, 12.5, 90),
  ('68', 'province', date '2026-07-01', 'total', 12.5, 12.5, 90))
  as t (unit_code, level, month, revenue_kind, revenue, revenue_ytd, estimate_year);
create table mart_investment_month as select 'DA-2026-00001' as project_code, date '2026-07-01' as month;
create table mart_enterprise_month as select '24829' as unit_code, date '2026-07-01' as month;
create table mart_land_month as select '24829' as unit_code, date '2026-07-01' as month, 5 as land_transfers,
  6 as land_value_billion_vnd;
create table mart_electricity_month as select '24829' as unit_code, date '2026-07-01' as month;
create table mart_insurance_month as select '24829' as unit_code, date '2026-07-01' as month;
create table mart_population_month as select '24829' as unit_code, date '2026-07-01' as month, 5 as births,
  null::bigint as deaths, 10 as moved_in, 20 as moved_out;
create table mart_poverty_year as select '24829' as unit_code, 'commune' as level, 2026 as year,
  10 as poor_households, null::bigint as near_poor_households, 30 as poor_persons, null::bigint as near_poor_persons,
  40 as poor_persons_2027, 5 as near_poor_persons_2027;
create table mart_security_unit_month as from (values
  ('24829', 'commune', date '2026-07-01', 'theft', 'night', 2, 1),
  ('68', 'province', date '2026-07-01', 'theft', 'night', 2, 1))
  as t (unit_code, level, month, category, hour_band, incidents, closed);
create table mart_enterprise_power as select '24829' as unit_code, date '2026-07-01' as period_start, true as latest,
  'Tăng thật' as class_vi, 'Căn cứ' as evidence_vi, 'Gợi ý' as decision_vi, null::varchar as missing_vi;
create table mart_late_capacity as from mart_enterprise_power;
create table mart_disbursement_field as select 'DA-2026-00001' as project_code, * from mart_enterprise_power;
create table mart_vulnerable_commune as
  select *, 10.0 as cases_3_months, 0.0 as cases_3_months_before from mart_enterprise_power;
create table mart_security_social as select *, 15.0 as incidents_at_least from mart_enterprise_power;
create table mart_petition_topic as select 'land' as topic, date '2026-07-01' as month, 10 as petitions,
  7.5 as petitions_usual, 33.3 as change_pct, null::varchar as withheld_reason;
create table mart_petition_cluster as select 'land' as item, 1 as cluster_number, '24829' as unit_code,
  25 as observed, null::bigint as expected, 'warning' as severity,
  '1 xã, phường (Xã A) có khoảng 25 đơn, mức thường gặp dưới 5 đơn' as sentence_vi;
create table mart_petition_handling as select 'land' as topic, 'Sở A' as agency_name, 100 as petitions_year,
  80 as petitioners_year, 10 as returning_petitioners_year, 20 as open, null::bigint as overdue, 5 as urgent_open;
create table mart_petition_copies as select 1 as copy_group, 'Xã A' as unit_names, 20 as petitions, 15 as petitioners,
  date '2026-07-01' as first_day, date '2026-07-09' as last_day;
create table mart_petition_trend as select 'land' as topic, 40 as petitions, 25 as petitions_usual, true as emerging,
  'tăng bất thường' as trend_vi;
create table mart_target_what_if as select 'revenue' as indicator_code, '68' as unit_code, 95 as goal_pct, 95.0 as goal,
  0.7 as chance, 'có thể đạt' as outlook_vi;
create table mart_land_complaint as select *, 5.0 as land_complaints from mart_enterprise_power;
create table mart_commune_capacity as select '24829' as unit_code, date '2026-07-01' as period_start, true as latest,
  60.0 as score, 1 as rank, 0 as delta_rank, 2.0 as gain_6_months, null::varchar as missing_vi;
create table mart_commune_capacity_part as select '24829' as unit_code, date '2026-07-01' as period_start,
  'digital' as part, 60.0 as score, 1 as rank, 0 as delta_rank, 'Căn cứ' as evidence_vi, null::varchar as missing_vi;
create table mart_target_outlook as select '68' as unit_code, 'one_stop_on_time_ratio' as indicator_code,
  'province' as level, 95.0 as year_end_target, 92.0 as year_end_value, true as at_risk, 0.3 as chance,
  'theo đường thẳng' as method_vi;
create table mart_support_roadmap as select '24829' as unit_code, 'posts_filled_ratio' as indicator_code,
  'Bổ sung người' as measure_vi, 'Lý do' as reason_vi, 50.0 as progress_pct, 'đúng lộ trình' as status;
"""


def dossiers() -> pl.DataFrame:
    rows = [
        ("HS-1", "24829", datetime(2026, 7, 1, 3), datetime(2026, 7, 2)),
        ("HS-1", "24829", datetime(2026, 7, 1, 3), datetime(2026, 7, 9)),  # a later version is the same dossier
        ("HS-2", "24829", datetime(2026, 7, 5), datetime(2026, 7, 5)),
        ("HS-3", "24829", datetime(2026, 7, 6), datetime(2026, 7, 6)),
        ("HS-4", "24829", datetime(2026, 6, 30, 23, 30), datetime(2026, 7, 6)),
        ("HS-5", "24830", datetime(2026, 7, 31, 16, 59), datetime(2026, 7, 31, 17)),
    ]
    names = ["dossier_id", "commune_code", "received_at", "updated_at"]
    return pl.DataFrame(rows, names, orient="row").with_columns(
        pl.col("received_at", "updated_at").dt.replace_time_zone("UTC"), applicant_pseudonym=pl.lit(PSEUDONYM)
    )


def cases() -> pl.DataFrame:
    rows = [(f"CB-{n}", "24829", "dengue", "confirmed") for n in range(5)]
    rows += [("CB-6", "24830", "dengue", "suspected"), ("CB-7", "24830", "measles", "confirmed")]
    rows += [("CB-8", "24830", "dengue", "discarded")]
    return pl.DataFrame(rows, ["case_id", "commune_code", "disease_code", "classification"], orient="row").with_columns(
        onset_date=pl.lit(date(2026, 7, 6)),
        updated_at=pl.lit(datetime(2026, 7, 9)).dt.replace_time_zone("UTC"),
        patient_pseudonym=pl.lit(PSEUDONYM),
    )


def incidents() -> pl.DataFrame:
    """Two as known at midnight of 1 August; one in July that was recorded after it, one of another province."""
    rows = [
        ("AN-1", "24829", datetime(2026, 6, 30, 17, 0), datetime(2026, 7, 1, 2)),
        ("AN-1", "24829", datetime(2026, 6, 30, 17, 0), datetime(2026, 7, 3, 2)),
        ("AN-2", "24829", datetime(2026, 7, 31, 15, 0), datetime(2026, 7, 31, 16, 59)),
        ("AN-3", "24829", datetime(2026, 7, 31, 15, 0), datetime(2026, 7, 31, 17, 0)),
        ("AN-4", "00004", datetime(2026, 7, 5), datetime(2026, 7, 6)),
    ]
    names = ["incident_id", "commune_code", "occurred_at", "updated_at"]
    return pl.DataFrame(rows, names, orient="row").with_columns(
        pl.col("occurred_at", "updated_at").dt.replace_time_zone("UTC")
    )


def revenue() -> pl.DataFrame:
    rows = [
        ("NS-1", "24829", date(2026, 7, 1), 9.0, datetime(2026, 7, 1, 10)),
        ("NS-1", "24829", date(2026, 7, 1), 10.0, datetime(2026, 7, 2, 10)),
        ("NS-2", "24829", date(2026, 7, 31), 2.5, datetime(2026, 7, 31, 10)),
    ]
    names = ["record_id", "commune_code", "day", "revenue_million_vnd", "updated_at"]
    return pl.DataFrame(rows, names, orient="row").with_columns(pl.col("updated_at").dt.replace_time_zone("UTC"))


def units() -> pl.DataFrame:
    rows = [("68", "province", "68"), ("24829", "commune", "68"), ("24830", "commune", "68")]
    return pl.DataFrame(rows, ["unit_code", "level", "province_code"], orient="row")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """An installation with loads that stand, one a dataset that was rejected, and marts that agree with them."""
    found = load_settings({"KHO_HOME": str(tmp_path / "home")})
    found.home.mkdir()
    contracts, store = load_contracts(found.contracts), open_store(found)
    with duckdb.connect(found.warehouse) as connection:
        connection.execute(MARTS)
        for dataset, table in (
            ("admin.units", units()),
            ("one_stop.dossiers", dossiers()),
            ("health.case_reports", cases()),
            ("security.incidents", incidents()),
            ("finance.budget_revenue", revenue()),
        ):
            contract = contracts[dataset]
            rows = pl.concat([pl.DataFrame(schema=contract.row_schema), table], how="diagonal_relaxed")
            bad = rows.with_columns(pl.col(contract.key[0]) + "-bad")
            for load_id, status, content in (
                ("20260801T000000000001Z-abcdef", "accepted", rows),
                ("20260801T000000000002Z-abcdef", "rejected", bad),
            ):
                path = f"raw/{dataset.replace('.', '/')}/province=68/day=2026-08-01/{load_id}.parquet"
                stamped = content.with_columns(_load_id=pl.lit(load_id))
                buffer = io.BytesIO()
                stamped.write_parquet(buffer)
                put_once(store, path, buffer.getvalue())
                commit(store, entry(load_id, dataset, status, path, len(rows)))
            newest = rows.sort("updated_at").unique(contract.key, keep="last") if contract.mode == "stream" else rows
            connection.register("newest", newest.to_arrow())
            connection.execute(f"create table stg_{dataset.replace('.', '__')} as from newest")
            connection.unregister("newest")
    write_index(found, store, contracts, as_of=AS_OF)
    return found


def entry(load_id: str, dataset: str, status: Any, path: str, count: int) -> Entry:
    now = datetime(2026, 8, 1, tzinfo=UTC).isoformat()
    return Entry(
        load_id=load_id,
        dataset=dataset,
        status=status,
        province="68",
        day="2026-08-01",
        received=count,
        accepted=count,
        quarantined=0,
        contract_sha256="",
        key_id="k",
        code_version="v",
        started_at=now,
        finished_at=now,
        object=path,
    )

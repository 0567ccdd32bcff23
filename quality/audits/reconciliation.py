"""Figures agree with each other and with the lake, counted there again without the marts' SQL."""

import duckdb

from lake.contract import Contract
from lake.staging import DUCKDB_TYPES
from quality.audits.check import Check, rows
from quality.audits.disclosure import IN_FORCE, REGISTRY


def communes_make_the_province(
    table: str, keys: list[str], count: str, differ: str = "communes is distinct from province"
) -> Check:
    """The sum of a table's communes is its province's figure, of every combination of keys; differ: when it is not."""
    columns = ", ".join(keys)
    return rows(
        "reconciliation.communes_make_the_province",
        table,
        "Tổng các xã khác số của tỉnh",
        f"""select {columns}, communes, province from (
          select {columns},
            sum({count}) filter (where level = 'commune') as communes,
            sum({count}) filter (where level = 'province') as province
          from {table.replace(".", ".main.")} group by {columns}) as sums
        where {differ}""",
    )


RECONCILIATION: list[Check] = [
    rows(
        "reconciliation.dossiers_received",
        "leaders.mart_one_stop_month",
        "Số hồ sơ tiếp nhận công bố khác số đếm lại từ kho dữ liệu gốc",
        """select coalesce(counted.province_code, figures.unit_code) as unit_code,
          coalesce(counted.month, figures.month) as month, counted.received as in_lake,
          figures.received as published
        from (
          select * from lake.dossiers
          where province_code in (select unit_code from leaders.main.mart_one_stop_month where level = 'province')
            and month >= (select min(month) from leaders.main.mart_one_stop_month)
        ) as counted
        full outer join (
          select unit_code, month, received from leaders.main.mart_one_stop_month
          where level = 'province' and received > 0
        ) as figures on counted.province_code = figures.unit_code and counted.month = figures.month
        where counted.received is distinct from figures.received""",
    ),
    rows(
        "reconciliation.cases",
        "health.mart_disease_unit_month",
        "Số ca bệnh công bố khác số đếm lại từ kho dữ liệu gốc",
        """select coalesce(counted.disease_code, figures.disease_code) as disease_code,
          coalesce(counted.month, figures.month) as month, counted.cases as in_lake, figures.cases as published
        from lake.cases as counted
        full outer join (
          select disease_code, month, sum(cases) as cases from health.main.mart_disease_unit_month
          where level = 'commune' group by disease_code, month
        ) as figures using (disease_code, month)
        where counted.cases is distinct from figures.cases""",
    ),
    rows(
        "reconciliation.case_weeks",
        "health.mart_disease_unit_week",
        "Tổng số ca theo tuần khác tổng số ca đếm lại từ kho dữ liệu gốc",
        """select disease_code, counted.cases as in_lake, figures.cases as published
        from (select disease_code, sum(cases) as cases from lake.cases group by disease_code) as counted
        full outer join (
          select disease_code, sum(cases) as cases from health.main.mart_disease_unit_week
          where level = 'commune' group by disease_code
        ) as figures using (disease_code)
        where counted.cases is distinct from figures.cases""",
    ),
    rows(
        "reconciliation.communes_make_the_province",
        "leaders.mart_one_stop_month",
        "Tổng các xã khác số của tỉnh",
        """select month, communes, province, processed_communes, processed_province, on_time_communes, on_time_province
        from (
          select month,
            sum(received) filter (where level = 'commune') as communes,
            sum(received) filter (where level = 'province') as province,
            sum(denominator) filter (where level = 'commune') as processed_communes,
            sum(denominator) filter (where level = 'province') as processed_province,
            sum(numerator) filter (where level = 'commune') as on_time_communes,
            sum(numerator) filter (where level = 'province') as on_time_province
          from leaders.main.mart_one_stop_month group by month) as sums
        where communes is distinct from province or processed_communes is distinct from processed_province
          or on_time_communes is distinct from on_time_province""",
    ),
    communes_make_the_province("health.mart_disease_unit_month", ["province_code", "disease_code", "month"], "cases"),
    rows(
        "reconciliation.communes_make_the_province",
        "leaders.mart_indicator",
        "Tổng các xã khác số của tỉnh",
        f"""select indicator_code, period_start, communes, province from (
          select figures.indicator_code, period_start,
            sum(figures.numerator) filter (where figures.level = 'commune') as communes,
            sum(figures.numerator) filter (where figures.level = 'province') as province
          from leaders.main.mart_indicator as figures inner join {REGISTRY} on {IN_FORCE}
          where registry.method = 'count' and registry.level = 'commune' and not registry.sensitive
          group by all) as sums
        where province is not null and abs(communes - province) > 1e-6 * greatest(1, abs(province))""",
    ),
    communes_make_the_province("security.mart_security_unit_month", ["month", "category", "hour_band"], "incidents"),
    rows(
        "reconciliation.incidents",
        "security.mart_security_unit_month",
        "Số vụ việc công bố khác số đếm lại từ kho dữ liệu gốc",
        """select coalesce(counted.unit_code, figures.unit_code) as unit_code,
          coalesce(counted.month, figures.month) as month, counted.incidents as in_lake, figures.incidents as published
        from (
          select * from lake.incidents
          where month >= (select min(month) from security.main.mart_security_unit_month)
            and unit_code in (select unit_code from security.main.dim_unit where province_code in (
              select unit_code from security.main.mart_security_unit_month where level = 'province'))
        ) as counted
        full outer join (
          select unit_code, month, sum(incidents) as incidents from security.main.mart_security_unit_month
          where level = 'commune' group by unit_code, month
        ) as figures on counted.unit_code = figures.unit_code and counted.month = figures.month
        where counted.incidents is distinct from figures.incidents""",
    ),
    rows(
        "reconciliation.revenue",
        "leaders.mart_budget_month",
        "Số thu ngân sách công bố khác số cộng lại từ kho dữ liệu gốc",
        """select coalesce(counted.unit_code, figures.unit_code) as unit_code,
          coalesce(counted.month, figures.month) as month, counted.revenue as in_lake, figures.revenue as published
        from (
          select * from lake.revenue
          where month >= (select min(month) from leaders.main.mart_budget_month)
            and unit_code in (select unit_code from leaders.main.dim_unit where province_code in (
              select unit_code from leaders.main.mart_budget_month where level = 'province'))
        ) as counted
        full outer join (
          select unit_code, month, revenue from leaders.main.mart_budget_month
          where level = 'commune' and revenue_kind = 'total'
        ) as figures on counted.unit_code = figures.unit_code and counted.month = figures.month
        where coalesce(abs(counted.revenue - figures.revenue) > 1e-3, true)""",
    ),
    communes_make_the_province(
        "leaders.mart_budget_month",
        ["month", "revenue_kind"],
        "revenue",
        "coalesce(abs(communes - province) > 1e-3, true)",
    ),
    rows(
        "reconciliation.files_agree",
        "leaders.mart_disease_province_month",
        "Số ca trong tệp lãnh đạo khác tệp ngành y tế",
        """select unit_code, disease_code, month, told.cases as leaders, exact.cases as health
        from leaders.main.mart_disease_province_month as told
        left join health.main.mart_disease_unit_month as exact using (unit_code, disease_code, month)
        where told.cases is not null and told.cases is distinct from 5 * round(exact.cases / 5.0)
          -- a province whose communes are told is as known at the last midnight, and compared with them
          and not exists (
            select 1 from leaders.main.mart_indicator as figures
            where figures.indicator_code = 'disease_cases:' || told.disease_code
              and figures.unit_code = told.unit_code and figures.period_start = told.month)""",
    ),
    rows(
        "reconciliation.indicator_agrees",
        "leaders.mart_indicator",
        "Số liệu trong bảng chỉ tiêu khác bảng gốc của nó",
        """select source.unit_code, source.month, figures.value as indicator, source.on_time_ratio_pct as source
        from leaders.main.mart_one_stop_month as source
        full outer join (
          select unit_code, period_start, value from leaders.main.mart_indicator
          where base_code = 'one_stop_on_time_ratio'
        ) as figures on figures.unit_code = source.unit_code and figures.period_start = source.month
        where figures.value is distinct from source.on_time_ratio_pct""",
    ),
]

LOCAL_MONTH = "cast(date_trunc('month', {} at time zone 'Asia/Ho_Chi_Minh') as date)"

DOSSIERS = f"""create or replace table dossiers as
select units.province_code, {LOCAL_MONTH.format("newest.received_at")} as month, count(*) as received
from (
  select
    max_by(commune_code, (updated_at, _load_id)) as commune_code,
    max_by(received_at, (updated_at, _load_id)) as received_at
  from loads_dossiers group by dossier_id
) as newest
inner join (select distinct unit_code, province_code from loads_units) as units
  on newest.commune_code = units.unit_code
group by all"""

CASES = """create or replace table cases as
select disease_code, cast(date_trunc('month', onset_date) as date) as month, count(*) as cases
from (
  select
    max_by(disease_code, (updated_at, _load_id)) as disease_code,
    max_by(onset_date, (updated_at, _load_id)) as onset_date,
    max_by(classification, (updated_at, _load_id)) as classification
  from loads_cases group by case_id
) as newest
where classification <> 'discarded'
group by all"""

# as known at the last midnight, as the marts tell them
INCIDENTS = f"""create or replace table incidents as
select unit_code, {LOCAL_MONTH.format("occurred_at")} as month, count(*) as incidents
from (
  select
    max_by(commune_code, (updated_at, _load_id)) as unit_code,
    max_by(occurred_at, (updated_at, _load_id)) as occurred_at
  from loads_incidents
  where updated_at at time zone 'Asia/Ho_Chi_Minh' < (
    select date_trunc('day', coalesce(max(as_of), current_timestamp) at time zone 'Asia/Ho_Chi_Minh')
    from read_parquet($index))
  group by incident_id
) as newest
group by all"""

REVENUE = """create or replace table revenue as
select unit_code, cast(date_trunc('month', day) as date) as month, sum(revenue) as revenue
from (
  select
    max_by(commune_code, (updated_at, _load_id)) as unit_code,
    max_by(day, (updated_at, _load_id)) as day,
    max_by(revenue_million_vnd, (updated_at, _load_id)) as revenue
  from loads_revenue group by record_id
) as newest
group by all"""


def count_lake(connection: duckdb.DuckDBPyConnection, index: str, contracts: dict[str, Contract]) -> None:
    """Count by month straight from the loads that stand, into tables of the schema `lake`.

    index: path of the ledger's Parquet index. A dataset without loads gives an empty table.
    """
    connection.execute("create schema if not exists lake; set schema = 'lake'")
    for view, dataset in (
        ("loads_units", "admin.units"),
        ("loads_dossiers", "one_stop.dossiers"),
        ("loads_cases", "health.case_reports"),
        ("loads_incidents", "security.incidents"),
        ("loads_revenue", "finance.budget_revenue"),
    ):
        connection.execute(f"create or replace view {view} as from {loads(connection, index, contracts[dataset])}")
    connection.execute(DOSSIERS)
    connection.execute(CASES)
    connection.execute(INCIDENTS, {"index": index})
    connection.execute(REVENUE)
    connection.execute("set schema = 'main'")


def loads(connection: duckdb.DuckDBPyConnection, index: str, contract: Contract) -> str:
    """What stands in a query for the rows of a dataset's standing loads; of `full`, `period` the newest a partition."""
    newest = {
        "stream": "true",
        "period": "load_id = max(load_id) over (partition by day)",
        "full": "load_id = max(load_id) over ()",
    }[contract.mode]
    found = connection.execute(
        f"""select url from (
          select url, {newest} as newest from read_parquet(?) where dataset = ? and standing
        ) as loads where newest and url is not null""",
        [index, contract.dataset],
    ).fetchall()
    quoted = ", ".join("'" + url.replace("'", "''") + "'" for (url,) in found)
    empty = ", ".join(f"cast(null as {DUCKDB_TYPES[dtype]}) as {name}" for name, dtype in contract.row_schema.items())
    # a column named as a part of the path, such as day, is the row's own
    return (
        f"read_parquet([{quoted}], union_by_name = true, hive_partitioning = false)"
        if found
        else f"(select {empty} where false)"
    )

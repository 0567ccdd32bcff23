"""A small published province for the tests of dashboards: the leaders' file with the columns that dbt promises."""

import json
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import polars as pl
import yaml

from lake.connectors import package
from lake.contract import load_contracts
from lake.settings import Settings
from lake.snapshots import new_snapshot_id, switch

MARTS = Path(__file__).parents[2] / "dbt_project" / "models" / "marts"
SEEDS = MARTS.parents[1] / "seeds"
MOMENT = datetime(2026, 11, 23, 18, 0)
FIRST_COMMUNE_LATE, WITHHELD = "22918", "22924"


def publish_leaders(settings: Settings, on_time_shift: float = 0.0, moment: datetime = MOMENT) -> str:
    """Publish a snapshot of figures; `on_time_shift` percentage points tell one from another. Returns its id."""
    snapshot_id = new_snapshot_id(datetime.now(UTC))
    folder = settings.published / "figures" / snapshot_id
    folder.mkdir(parents=True)
    with duckdb.connect(folder / "leaders.duckdb") as connection:
        for name, columns in promised_columns("leaders").items():
            body = ", ".join(f'"{column}" {kind}' for column, kind in columns.items())
            connection.execute(f'create table "{name}" ({body})')
        _fill(connection, settings, on_time_shift, moment)
        connection.execute(
            "create table snapshot_info as select ?::varchar as snapshot_id, ?::timestamp as built_at, "
            "?::timestamp as data_as_of, 'test' as code_version",
            [snapshot_id, moment, moment],
        )
    (folder / "snapshot.json").write_text(json.dumps({"snapshot_id": snapshot_id, "audit": "passed"}))
    switch(settings, "figures", snapshot_id)
    return snapshot_id


def promised_columns(audience: str) -> dict[str, dict[str, str]]:
    """Table -> column -> type, as the marts' contracts in dbt say, for one audience's file."""
    promised = {}
    for path in sorted(MARTS.rglob("*.yml")):
        for model in yaml.safe_load(path.read_text(encoding="utf-8")).get("models", []):
            if audience in model["config"]["meta"]["audience"]:
                promised[model["name"]] = {column["name"]: column["data_type"] for column in model["columns"]}
    return promised


def _fill(connection: duckdb.DuckDBPyConnection, settings: Settings, shift: float, moment: datetime) -> None:
    contracts = load_contracts(settings.contracts)
    by_name = contracts if isinstance(contracts, dict) else {one.dataset: one for one in contracts}
    units = next(package.read(by_name["admin.units"], None, settings)).table
    units = units.filter(pl.col("province_code") == settings.province)
    cells = next(package.read(by_name["admin.cells"], None, settings)).table
    month = moment.date().replace(day=1)
    months = pl.DataFrame({"month": _months(month, -23, 0)})
    connection.execute("set preserve_insertion_order = false")
    for name in ("units", "cells", "months"):
        connection.register(f"given_{name}", locals()[name].to_arrow())
    inserts = {
        "dim_unit": """
            select unit_code, level, province_code, name, short_name, kind, area_km2, latitude, longitude, 3500000,
              valid_from, null from given_units""",
        "dim_disease": f"select * from read_csv('{SEEDS / 'diseases.csv'}')",
        "dim_indicator": f"select * from read_csv('{SEEDS / 'indicators.csv'}')",
        "mart_one_stop_month": f"""
            with base as (
              select unit_code, name as unit_name, level, province_code, month,
                20 + cast(hash(unit_code, month) % 160 as bigint) as denominator,
                88 + cast(hash(unit_code) % 110 as double) / 10 + cast(hash(month, unit_code) % 20 as double) / 10
                  - case when unit_code = '{FIRST_COMMUNE_LATE}' then 45 else 0 end
                  + {shift} as ratio
              from given_units, given_months where level = 'commune'
            ), counted as (
              select *, cast(floor(denominator * least(ratio, 100) / 100) as bigint) as numerator from base
            ), levels as (
              select unit_code, unit_name, level, province_code, month, denominator - 5 as received, numerator,
                denominator from counted
              union all
              select '{settings.province}', 'Tỉnh Lâm Đồng', 'province', '{settings.province}', month,
                sum(denominator - 5), sum(numerator), sum(denominator) from counted group by month
            ), told as (
              select *, case when unit_code = '{WITHHELD}' then 'Không có hồ sơ nào được gửi về trong kỳ' end as reason
              from levels
            )
            select unit_code, unit_name, level, province_code, month, received, numerator, denominator,
              case when reason is null then 100.0 * numerator / denominator end as on_time_ratio_pct,
              case when reason is null then 20.0 * numerator / denominator end as score,
              case when reason is null then rank() over (
                partition by level, month order by case when reason is null then 100.0 * numerator / denominator end
                desc nulls last) end as rank,
              reason as withheld_reason
            from told""",
        "mart_map_commune": """
            select unit_code, unit_name as commune_name, month, part, ring, 'cell' as shape_kind,
              'Ô quanh tâm xã, không phải ranh giới' as shape_label, on_time_ratio_pct, denominator, withheld_reason
            from mart_one_stop_month inner join given_cells using (unit_code)
            where level = 'commune' and month >= (select max(month) - interval 12 month from mart_one_stop_month)""",
        "mart_disease_forecast": f"""
            with series as (
              select disease_code, name_vi, cast(m as date) as month,
                case disease_code when 'dengue' then 420 when 'hfmd' then 180 when 'influenza' then 90 else 6 end
                  * (1.3 + sin((extract(month from m) - 6) / 12 * 6.283))
                  * (0.8 + hash(disease_code, m) % 40 / 100.0) as v
              from dim_disease, generate_series(date '{month}' - interval 47 month, date '{month}' + interval 2 month,
                interval 1 month) as g (m)
            )
            select '{settings.province}' as unit_code, 'Tỉnh Lâm Đồng' as unit_name, disease_code, name_vi, month,
              case when month < date '{month}' then case when v >= 5 then cast(v as bigint) end end as cases,
              {
            ", ".join(
                f"case when month >= date '{month}' then v * (1 + ({q} - 0.5) * "
                f"(0.6 + 0.2 * date_diff('month', date '{month}', month))) end as q{round(q * 100):02d}"
                for q in (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)
            )
        },
              case when month >= date '{month}' then 'auto_ets' end as model,
              case when month >= date '{month}' then date '{month}' - interval 1 month end as origin,
              case when month >= date '{month}' then 1 + date_diff('month', date '{month}', month) end as horizon
            from series""",
        "mart_disease_province_month": """
            select unit_code, unit_name, disease_code, disease_name, month, cases, cases / 35.0, cases is null
            from mart_disease_forecast where origin is null""",
        "mart_alert": f"""
            select * from (values
              ('a1', '{FIRST_COMMUNE_LATE}', 'Phường Mũi Né', 'commune', 'dengue', 'Sốt xuất huyết', 'observed',
               'alarm',
               'Báo động', 1, 'Sốt xuất huyết vượt ngưỡng tại Phường Mũi Né',
               'Tuần từ 09/11/2026 ghi nhận 20–49 ca, thường gặp dưới 5 ca; mức này hiếm hơn 99 % số tuần cùng mùa '
               || 'theo mô hình', date '2026-10-26', date '2026-11-09', 0.99),
              ('a2', '{settings.province}', 'Tỉnh Lâm Đồng', 'province', 'dengue', 'Sốt xuất huyết', 'forecast',
               'warning', 'Cảnh báo', 2, 'Sốt xuất huyết dự báo vượt ngưỡng tại Tỉnh Lâm Đồng',
               'Tháng 12/2026 dự báo khoảng 812 ca, ngưỡng lịch sử 640 ca; xác suất vượt ngưỡng 71 %',
               date '2026-12-01', date '2026-12-01', 0.71),
              ('a3', '{settings.province}', 'Tỉnh Lâm Đồng', 'province', 'hfmd', 'Tay chân miệng', 'forecast',
               'watch', 'Theo dõi', 3, 'Tay chân miệng dự báo vượt ngưỡng tại Tỉnh Lâm Đồng',
               'Tháng 01/2027 dự báo khoảng 264 ca, ngưỡng lịch sử 260 ca; xác suất vượt ngưỡng 52 %',
               date '2027-01-01', date '2027-01-01', 0.52)) as given""",
        "mart_dataset_quality": f"""
            select dataset, title, owner, 'hourly', 'load', timestamp '{moment}' - interval 1 hour, received,
              received - held, held, 100.0 * (received - held) / received, timestamp '{moment}' - to_hours(age), age,
              age > 48, rejected, case when rejected then 'Số bản ghi thấp hơn thường lệ 62 %' end
            from (values
              ('one_stop.dossiers', 'Hồ sơ một cửa', 'one-stop', 251234, 812, 1, false),
              ('health.case_reports', 'Ca bệnh truyền nhiễm', 'health', 60321, 95, 2, true),
              ('health.monthly_reports', 'Báo cáo bệnh tháng', 'health', 9828, 0, 700, false),
              ('admin.units', 'Đơn vị hành chính', 'data', 3355, 0, 20, false))
              as given (dataset, title, owner, received, held, age, rejected)""",
        "mart_indicator": """
            select 'one_stop_on_time_ratio', 'one_stop_on_time_ratio', 'Tỷ lệ hồ sơ giải quyết đúng hạn', '%',
              unit_code, unit_name, level, month, 'month', on_time_ratio_pct, numerator, denominator, 95,
              case when on_time_ratio_pct is null then 'chưa đủ dữ liệu' when on_time_ratio_pct >= 95 then 'đạt'
                when on_time_ratio_pct >= 85 then 'cần chú ý' else 'không đạt' end, withheld_reason
            from mart_one_stop_month
            union all
            select 'disease_cases:' || disease_code, 'disease_cases', 'Số ca bệnh truyền nhiễm', 'ca', unit_code,
              unit_name,
              'province', month, 'month', cases, cases, null, null,
              case when cases is null then 'chưa đủ dữ liệu' end,
              case when cases is null then 'Dưới 5 ca: không công bố số chính xác' end
            from mart_disease_province_month""",
    }
    for table, query in inserts.items():
        connection.execute(f"insert into {table} {query}")


def _months(start: date, first: int, last: int) -> list[date]:
    counted = [start.year * 12 + start.month - 1 + step for step in range(first, last + 1)]
    return [date(number // 12, number % 12 + 1, 1) for number in counted]

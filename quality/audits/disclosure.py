"""Nothing that an audience must not know is in its file."""

import duckdb

from lake.contract import Contract
from quality.audits.check import Check, rows
from quality.audits.schema import FILES, KEYS, LEADERS

SMALL = 5  # persons; fewer are exact for the sectors that have the right to it alone
STEP = 5  # larger counts of sensitive kinds are told in such steps
REGISTRY = "leaders.main.dim_indicator as registry"
IN_FORCE = """figures.base_code = registry.indicator_code and figures.period_start >= registry.effective_from
          and (registry.effective_to is null or figures.period_start < registry.effective_to)"""

# word boundaries, no fraction of a number; the first three digits are a province of birth, 001 to 096
CITIZEN_NUMBER = r"(^|[^\w.])0(0[1-9]|[1-8]\d|9[0-6])\d{9}($|\W)"
PSEUDONYM = r"^[0-9a-f]{64}$"
UUID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"  # its last part may be digits alone by chance
PERSONAL_KEYS = ["case_id", "dossier_id", "event_id", "incident_id", "petition_id", "record_id", "transaction_id"]
EXACT = [table.split(".") for table in KEYS if not table.startswith(f"{LEADERS}.")]  # file, table
# counts of persons or households that are told to the nearest multiple of SMALL, and none below it
ROUNDED: dict[str, list[str]] = {
    "leaders.mart_poverty_year": [
        "poor_households", "near_poor_households", "poor_persons", "near_poor_persons", "poor_persons_2027",
        "near_poor_persons_2027",
    ],
    "leaders.mart_population_month": ["births", "deaths", "moved_in", "moved_out"],
}  # fmt: skip


def exact_tables(file: str) -> Check:
    """A sector's exact figures are in its own file alone, and rows of single events in none."""
    others = ", ".join(f"'{table}'" for owner, table in EXACT if owner != file)
    return rows(
        "disclosure.exact_tables",
        f"{file}.snapshot_info",
        f"Bảng số liệu chi tiết nằm trong tệp {file}, nơi người đọc không được biết",
        f"""select table_name from duckdb_tables() where database_name = '{file}'
          and (regexp_matches(table_name, '^(stg|int|fct)_') or table_name in ({others}))""",
    )


def rounded(table: str, names: list[str]) -> Check:
    """No count is told that is small or exact."""
    wrong = " or ".join(f"{name} < {SMALL} or {name} % {SMALL} <> 0" for name in names)
    return rows(
        "disclosure.rounded_cells",
        table,
        f"Số người hoặc hộ dưới {SMALL} hoặc chưa làm tròn nằm trong tệp dành cho lãnh đạo",
        f"select * from {table.replace('.', '.main.')} where {wrong}",
    )


DISCLOSURE: list[Check] = [
    *(exact_tables(file) for file in FILES),
    *(rounded(table, names) for table, names in ROUNDED.items()),
    rows(
        "disclosure.land_values",
        "leaders.mart_land_month",
        f"Giá trị đất của dưới {SMALL} vụ chuyển nhượng nằm trong tệp dành cho lãnh đạo",
        f"""select unit_code, month, land_transfers, land_value_billion_vnd from leaders.main.mart_land_month
        where land_value_billion_vnd is not null and land_transfers < {SMALL}""",
    ),
    rows(
        "disclosure.province_cells",
        "leaders.mart_disease_province_month",
        f"Số ca chính xác (dưới {SMALL} hoặc chưa làm tròn) hoặc của cấp xã nằm trong tệp dành cho lãnh đạo",
        f"""select unit_code, disease_code, month, cases from leaders.main.mart_disease_province_month
        where length(unit_code) <> 2 or cases < {SMALL} or cases % {STEP} <> 0""",
    ),
    rows(
        "disclosure.forecast_cells",
        "leaders.mart_disease_forecast",
        f"Số ca chính xác (dưới {SMALL} hoặc chưa làm tròn) hoặc của cấp xã nằm trong biểu đồ dự báo dành cho lãnh đạo",
        f"""select unit_code, disease_code, month, cases from leaders.main.mart_disease_forecast
        where length(unit_code) <> 2 or cases < {SMALL} or cases % {STEP} <> 0""",
    ),
    rows(
        "disclosure.indicator_cells",
        "leaders.mart_indicator",
        f"Chỉ tiêu nhạy cảm có số đếm dưới {SMALL} hoặc chưa làm tròn đến {STEP}",
        f"""select figures.indicator_code, unit_code, period_start, value, figures.numerator
        from leaders.main.mart_indicator as figures
        inner join {REGISTRY} on {IN_FORCE}
        where registry.sensitive and (figures.numerator < {SMALL} or figures.numerator % {STEP} <> 0
          or (registry.method = 'count' and value is distinct from registry.factor * figures.numerator))""",
    ),
    rows(
        "disclosure.reckoned_cells",
        "leaders.mart_indicator",
        f"Từ tổng của tỉnh và số của các xã có thể suy ra một số đếm dưới {SMALL} đã được ẩn",
        f"""select indicator_code, period_start, total, most, hidden from (
          select figures.indicator_code, period_start,
            max(figures.numerator) filter (where figures.level = 'province') as total,
            sum(coalesce(figures.numerator + {STEP // 2}, {SMALL - 1}))
              filter (where figures.level = 'commune') as most,
            count(*) filter (where figures.level = 'commune' and figures.numerator is null) as hidden
          from leaders.main.mart_indicator as figures
          inner join {REGISTRY} on {IN_FORCE}
          where registry.sensitive group by all) as cells
        where hidden > 0 and total - {STEP // 2} - (most - {SMALL - 1}) >= {SMALL - 2}""",
    ),
    rows(
        "disclosure.land_complaints",
        "leaders.mart_land_complaint",
        f"Số đơn về đất dưới {SMALL} hoặc chưa làm tròn đến {STEP}",
        f"""select unit_code, period_start, land_complaints from leaders.main.mart_land_complaint
        where land_complaints < {SMALL} or land_complaints % {STEP} <> 0""",
    ),
    rows(
        "disclosure.summed_cells",
        "leaders.mart_vulnerable_commune",
        f"Ca bệnh hoặc vụ việc cộng từ số chưa làm tròn đến {STEP}",
        f"""select unit_code, period_start, cases_3_months as told from leaders.main.mart_vulnerable_commune
        where cases_3_months % {STEP} <> 0 or cases_3_months_before % {STEP} <> 0
        union all
        select unit_code, period_start, incidents_at_least from leaders.main.mart_security_social
        where incidents_at_least % {STEP} <> 0""",
    ),
    rows(
        "disclosure.alert_text",
        "leaders.mart_alert",
        f"Cảnh báo nêu số ca chính xác dưới {SMALL}",
        f"""select alert_id, title_vi, reason_vi from leaders.main.mart_alert
        where regexp_matches(concat_ws(' ', title_vi, reason_vi), 'ghi nhận [1-{SMALL - 1}] ca')""",
    ),
]


def identifiers(connection: duckdb.DuckDBPyConnection, files: list[str], contracts: dict[str, Contract]) -> list[Check]:
    """No column of a person, and nothing in any text that looks like a citizen number or a pseudonym.

    files: attached databases. What a contract protects is never published in figures, under whatever table.
    """
    protected = {column.name for one in contracts.values() for column in one.columns if column.protect}
    names = ", ".join(f"'{name}'" for name in sorted({*protected, *PERSONAL_KEYS}))
    listed = ", ".join(f"'{file}'" for file in files)
    checks = [
        rows(
            "disclosure.identifying_columns",
            f"{files[0]}.snapshot_info",
            "Cột định danh hoặc bí danh của cá nhân nằm trong tệp số liệu tổng hợp",
            f"""select database_name as file, table_name, column_name from duckdb_columns()
            where database_name in ({listed}) and not internal
              and (column_name in ({names}) or column_name like '%pseudonym%')""",
        )
    ]
    return [*checks, *texts(connection, files, f"{CITIZEN_NUMBER}|{PSEUDONYM}")]


def texts(connection: duckdb.DuckDBPyConnection, files: list[str], pattern: str) -> list[Check]:
    """One check a table with texts; the finding names column and place, and never repeats the text."""
    listed = ", ".join(f"'{file}'" for file in files)
    tables = connection.execute(
        f"""select database_name, table_name, list(column_name order by column_index) from duckdb_columns()
        where database_name in ({listed}) and not internal and data_type = 'VARCHAR'
        group by all order by all"""
    ).fetchall()
    return [
        rows(
            "disclosure.identifying_texts",
            f"{file}.{table}",
            "Chuỗi giống số định danh công dân hoặc bí danh xuất hiện trong văn bản",
            " union all ".join(
                f"""select '{column}' as column_name, count(*) as found from "{file}".main."{table}"
                where regexp_matches(regexp_replace("{column}", '{UUID}', '', 'g'), '{pattern}')
                having count(*) > 0"""
                for column in columns
            ),
        )
        for file, table, columns in tables
    ]

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
# a small number, or one that is no multiple of five, of persons or cases in a sentence
EXACT_COUNT = r"ghi nhận [1-4] ca|(ghi nhận|khoảng|thường gặp|ngưỡng) [\d.]*[1-46-9] (ca|đơn|vụ)($|\W)"
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

# the same of the province's petitions, whose rows have neither unit nor period
PETITIONS: dict[str, list[str]] = {
    "leaders.mart_petition_handling": [
        "petitions_year", "petitioners_year", "returning_petitioners_year", "open", "overdue", "urgent_open",
    ],
    "leaders.mart_petition_copies": ["petitions", "petitioners"],
    "leaders.mart_petition_trend": ["petitions", "petitions_usual"],
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


def reckoned(table: str, name: str) -> Check:
    """No total beside communes' counts tells that a hidden one of them is 3 or 4."""
    period = KEYS[table][1]
    return rows(
        "disclosure.reckoned_cells",
        table,
        f"Từ tổng của tỉnh và số của các xã có thể suy ra một số đếm dưới {SMALL} đã được ẩn",
        f"""select {period}, total, most, hidden from (
          select {period}, max({name}) filter (where length(unit_code) = 2) as total,
            sum(coalesce({name} + {STEP // 2}, {SMALL - 1})) filter (where length(unit_code) = 5) as most,
            count(*) filter (where length(unit_code) = 5 and {name} is null) as hidden
          from {table.replace(".", ".main.")} group by {period}) as cells
        where hidden > 0 and total - {STEP // 2} - (most - {SMALL - 1}) >= {SMALL - 2}""",
    )


def rounded(table: str, names: list[str]) -> Check:
    """No count is told that is small or exact."""
    wrong = " or ".join(f"{name} < {SMALL} or {name} % {SMALL} <> 0" for name in names)
    return rows(
        "disclosure.rounded_cells",
        table,
        f"Số người, hộ hoặc đơn dưới {SMALL} hoặc chưa làm tròn nằm trong tệp dành cho lãnh đạo",
        f"select * from {table.replace('.', '.main.')} where {wrong}",
    )


DISCLOSURE: list[Check] = [
    *(exact_tables(file) for file in FILES),
    *(rounded(table, names) for table, names in (ROUNDED | PETITIONS).items()),
    *(reckoned(table, name) for table, names in ROUNDED.items() for name in names),
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
        "disclosure.sensitive_denominators",
        "leaders.mart_indicator",
        f"Mẫu số của chỉ tiêu nhạy cảm đếm người hoặc đơn, dưới {SMALL} hoặc chưa làm tròn đến {STEP}",
        f"""select figures.indicator_code, unit_code, period_start, figures.denominator
        from leaders.main.mart_indicator as figures
        inner join {REGISTRY} on {IN_FORCE}
        where registry.sensitive and (figures.denominator < {SMALL} or figures.denominator % {STEP} <> 0)
          and registry.denominator not in (
            select numerator from leaders.main.dim_indicator
            where method = 'count' and not sensitive and numerator is not null)""",
    ),
    rows(
        "disclosure.traces",
        "leaders.mart_indicator",
        "Chỉ tiêu nhạy cảm đã ẩn số nhưng vẫn lộ qua thứ hạng, thay đổi, đánh giá hoặc đóng góp",
        f"""select figures.indicator_code, unit_code, period_start, status, change, rank, delta_rank, contribution
        from leaders.main.mart_indicator as figures
        inner join {REGISTRY} on {IN_FORCE}
        where registry.sensitive and (contribution is not null or (value is null and (
          change is not null or rank is not null or delta_rank is not null or status <> 'chưa đủ dữ liệu')))""",
    ),
    rows(
        "disclosure.two_tables",
        "leaders.mart_disease_province_month",
        "Số ca của tỉnh ở bảng này khác hoặc lộ số đã ẩn trong bảng chỉ tiêu",
        """select told.unit_code, told.disease_code, told.month, told.cases, figures.numerator
        from (
          select unit_code, disease_code, month, cases from leaders.main.mart_disease_province_month
          union all
          select unit_code, disease_code, month, cases from leaders.main.mart_disease_forecast where cases is not null
        ) as told
        inner join leaders.main.mart_indicator as figures
          on figures.indicator_code = 'disease_cases:' || told.disease_code
            and figures.unit_code = told.unit_code and figures.period_start = told.month
        where told.cases is distinct from figures.numerator""",
    ),
    rows(
        "disclosure.land_complaints",
        "leaders.mart_land_complaint",
        f"Số đơn về đất dưới {SMALL} hoặc chưa làm tròn đến {STEP}",
        f"""select unit_code, period_start, land_complaints from leaders.main.mart_land_complaint
        where land_complaints < {SMALL} or land_complaints % {STEP} <> 0""",
    ),
    rows(
        "disclosure.petition_topics",
        "leaders.mart_petition_topic",
        f"Số đơn theo chủ đề dưới {SMALL}, chưa làm tròn đến {STEP}, hoặc suy ra được từ tổng số đơn của tháng",
        f"""select topic, month, petitions from leaders.main.mart_petition_topic
        where petitions < {SMALL} or petitions % {STEP} <> 0
          or (petitions is null and (petitions_usual is not null and change_pct is not null))
        union all
        select 'total', topics.month, kinds.least from (
          select month, sum(coalesce(petitions + {STEP // 2}, {SMALL - 1})) as most,
            count(*) filter (where petitions is null) as hidden
          from leaders.main.mart_petition_topic group by month) as topics
        inner join (
          select period_start as month, cast(sum(value - {STEP // 2}) as bigint) as least
          from leaders.main.mart_indicator
          where base_code = 'petitions_received' and level = 'province' group by period_start) as kinds
          on topics.month = kinds.month
        where topics.hidden > 0 and kinds.least - (topics.most - {SMALL - 1}) >= {SMALL - 2}""",
    ),
    rows(
        "disclosure.petition_clusters",
        "leaders.mart_petition_cluster",
        f"Số đơn của một cụm dưới {SMALL} hoặc chưa làm tròn đến {STEP}",
        f"""select item, cluster_number, observed, expected, sentence_vi from leaders.main.mart_petition_cluster
        where observed < {SMALL} or observed % {STEP} <> 0 or expected < {SMALL} or expected % {STEP} <> 0
          or regexp_matches(sentence_vi, '{EXACT_COUNT}')""",
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
    *(
        rows(
            "disclosure.alert_text",
            f"leaders.{table}",
            f"Cảnh báo hoặc đề xuất nêu số đếm nhạy cảm chính xác: dưới {SMALL} hoặc chưa làm tròn đến {STEP}",
            f"""select {key}, title_vi, reason_vi from leaders.main.{table}
            where regexp_matches(concat_ws(' ', title_vi, reason_vi), '{EXACT_COUNT}')""",
        )
        for table, key in (
            ("mart_alert", "alert_id"),
            ("mart_alert_history", "alert_id"),
            ("mart_directive_proposal", "proposal_id"),
        )
    ),
    rows(
        "disclosure.alert_values",
        "leaders.mart_alert_history",
        f"Cảnh báo về số đếm nhạy cảm có bằng chứng dưới {SMALL} hoặc chưa làm tròn đến {STEP}",
        f"""select alert_id, value, expected from leaders.main.mart_alert_history as alerts
        where exists (select 1 from leaders.main.dim_indicator as registry
            where alerts.indicator_code = registry.indicator_code and registry.sensitive and registry.method = 'count')
          and (value < {SMALL} or value % {STEP} <> 0 or expected < {SMALL} or expected % {STEP} <> 0)""",
    ),
]


def restricted_rows(contracts: dict[str, Contract]) -> list[Check]:
    """How many rows came of a restricted dataset is not told: it would tell by how much a rounded figure has moved."""
    names = ", ".join(f"'{name}'" for name, one in sorted(contracts.items()) if one.secrecy == "restricted")
    return [
        rows(
            "disclosure.restricted_rows",
            "leaders.mart_load",
            "Số bản ghi của một lượt nạp dữ liệu hạn chế nằm trong tệp dành cho lãnh đạo",
            f"""select * from leaders.main.mart_load where dataset in ({names})
            and coalesce(received, accepted, quarantined) is not null""",
        ),
        rows(
            "disclosure.restricted_rows",
            "leaders.mart_dataset_quality",
            f"Số bản ghi của dữ liệu hạn chế chưa làm tròn đến {STEP}",
            f"""select * from leaders.main.mart_dataset_quality where dataset in ({names})
            and (received % {STEP} <> 0 or accepted % {STEP} <> 0 or quarantined % {STEP} <> 0)""",
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
                where regexp_matches("{column}", '{pattern}')  -- few do: only they are looked at without what is a UUID
                and regexp_matches(regexp_replace("{column}", '{UUID}', '', 'g'), '{pattern}')
                having count(*) > 0"""
                for column in columns
            ),
        )
        for file, table, columns in tables
    ]

"""Every way by which a person can ask a Superset server for rows, as requests that this person's browser could send.

Each surface answers with the text of what came back; the test looks in it for rows of units.
"""

import io
import json
import re
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import requests

from lake.settings import Settings
from superset_assets.bundle import placeholders, read_assets
from superset_assets.client import SignedInClient
from tests.e2e.visitors import WAIT, Visitor

COLUMN = "unit_code"
CODE = re.compile(r"(?<![\w.])\d{5}(?![\w.])")  # no part of a longer number or of a key


@dataclass(frozen=True)
class World:
    """Numbers of the server's objects by file name; communes: all codes of the province."""

    datasets: dict[str, int]
    databases: dict[str, int]
    charts: dict[str, int]
    dashboards: dict[str, int]
    communes: frozenset[str]

    def numbers(self) -> dict[str, int]:
        """What the paths below call by name."""
        return {
            "limited": self.datasets[LIMITED],
            "chart": self.charts["on_time_ranking"],
            "dashboard": self.dashboards["province_overview"],
            "leaders": self.databases["leaders"],
        }

    def seen(self, text: str) -> frozenset[str]:
        """The communes whose code stands in an answer."""
        return frozenset(CODE.findall(text)) & self.communes


def world_of(settings: Settings, client: SignedInClient, folder: Path) -> World:
    """The world of a server that the dashboards of a folder were deployed on."""
    assets = read_assets(placeholders(settings), folder)
    numbers = {}
    for kind in ("datasets", "databases", "charts", "dashboards"):
        there = {one["uuid"]: one["id"] for one in client.all_of(kind[:-1])}
        numbers[kind] = {name: there[about["uuid"]] for name, about in getattr(assets, kind).items()}
    return World(**numbers, communes=frozenset(communes_of(settings)))


def communes_of(settings: Settings) -> tuple[str, ...]:
    """The communes that have rows in the published figures, by code."""
    with duckdb.connect(settings.published / "figures" / "current" / "leaders.duckdb", read_only=True) as connection:
        found = connection.execute(
            "select distinct unit_code from mart_one_stop_month where level = 'commune' order by 1"
        ).fetchall()
    return tuple(code for (code,) in found)


def told(answer: requests.Response) -> str:
    """The text of an answer; of a workbook that of its sheets."""
    if not answer.content.startswith(b"PK"):
        return answer.text
    with zipfile.ZipFile(io.BytesIO(answer.content)) as packed:
        return " ".join(packed.read(name).decode(errors="replace") for name in packed.namelist())


Surface = Callable[[Visitor, World], requests.Response]
LIMITED = "one_stop_ranking"  # the dataset with a row a commune


def question(
    number: int, kind: str = "table", form: str = "json", result: str = "full", **query: Any
) -> dict[str, Any]:
    """A question to the chart data interface for all rows; query overrides its parts."""
    return {
        "datasource": {"id": number, "type": kind},
        "force": False,
        "queries": [{"columns": [COLUMN], "metrics": [], "row_limit": 20_000, **query}],
        "result_format": form,
        "result_type": result,
    }


def chart_data(dataset: str = LIMITED, **options: Any) -> Surface:
    """The chart data interface."""

    def ask(visitor: Visitor, world: World) -> requests.Response:
        return visitor.post("/api/v1/chart/data", question(world.datasets[dataset], **options))

    return ask


def adhoc(expression: str) -> dict[str, Any]:
    """A column by a free expression."""
    return {"expressionType": "SQL", "sqlExpression": expression, "label": "x"}


def free_filter(clause: str) -> dict[str, Any]:
    """A free filter, as a chart carries it."""
    return {"extras": {"where": clause}}


def legacy(dataset: str = LIMITED, suffix: str = "") -> Surface:
    """The interface that the maps ask."""

    def ask(visitor: Visitor, world: World) -> requests.Response:
        count = {"expressionType": "SQL", "sqlExpression": "count(*)", "label": "n"}
        form = {
            "datasource": f"{world.datasets[dataset]}__table",
            "viz_type": "country_map",
            "select_country": "vietnam",
            "entity": COLUMN,
            "metric": count,
            "row_limit": 20_000,
        }
        return visitor.session.post(
            f"{visitor.url}/superset/explore_json/?{suffix}",
            data={"form_data": json.dumps(form)},
            headers={"X-CSRFToken": visitor.token, "Referer": visitor.url},
            timeout=WAIT,
        )

    return ask


def sql(database: str, text: str) -> Surface:
    """SQL Lab."""

    def ask(visitor: Visitor, world: World) -> requests.Response:
        body = {"database_id": world.databases[database], "sql": text, "schema": "main", "queryLimit": 20_000}
        return visitor.post("/api/v1/sqllab/execute/", body)

    return ask


def page(path: str) -> Surface:
    """A page or a GET of the interface; {limited}, {chart} and {dashboard} stand for numbers."""

    def ask(visitor: Visitor, world: World) -> requests.Response:
        return visitor.get(path.format(**world.numbers()), allow_redirects=False)

    return ask


def change(method: str, path: str, body: Callable[[World], Any]) -> Surface:
    """Something that would change the server."""

    def ask(visitor: Visitor, world: World) -> requests.Response:
        return visitor.send(method, path.format(**world.numbers()), body(world))

    return ask


def samples(dataset: str = LIMITED, body: dict[str, Any] | None = None) -> Surface:
    """The samples of a dataset, and the details below a figure."""

    def ask(visitor: Visitor, world: World) -> requests.Response:
        path = f"/datasource/samples?datasource_type=table&datasource_id={world.datasets[dataset]}&per_page=1000&page=1"
        return visitor.post(path, body or {})

    return ask


OPEN_FILTER = "1 = 1) or (1 = 1"
COUNT_ALL = "select unit_code from mart_one_stop_month"

# questions for the rows of communes: whoever may see them is told by the role
ROWS: dict[str, Surface] = {
    "số liệu biểu đồ": chart_data(),
    "số liệu biểu đồ, hỏi lại (bộ nhớ đệm)": chart_data(),
    "số liệu biểu đồ, bỏ qua bộ nhớ đệm": lambda visitor, world: visitor.post(
        "/api/v1/chart/data", {**question(world.datasets[LIMITED]), "force": True}),
    "mọi cột": chart_data(columns=["unit_code", "unit_name", "rank"]),
    "lọc tự do mở ngoặc": chart_data(**free_filter(OPEN_FILTER)),
    "lọc tự do có chú thích": chart_data(**free_filter("1 = 1) or 1 = 1 --")),
    "lọc tự do UNION": chart_data(**free_filter("1 = 1) union select unit_code from mart_one_stop_month --")),
    "lọc tự do câu hỏi con": chart_data(**free_filter("unit_code in (select unit_code from mart_indicator) or 1 = 1")),
    "lọc xã khác": chart_data(filters=[{"col": COLUMN, "op": "LIKE", "val": "%"}]),
    "lọc HAVING": chart_data(extras={"having": "1 = 1) or (1 = 1"}, metrics=["count"]),
    "cột tự do": chart_data(columns=[adhoc("unit_code || ''")]),
    "cột tự do câu hỏi con": chart_data(columns=[adhoc("(select max(unit_code) from mart_one_stop_month)")]),
    "số đo tự do": chart_data(columns=[], metrics=[adhoc("string_agg(unit_code, ' ')")]),
    "số đo tự do câu hỏi con": chart_data(
        columns=[], metrics=[adhoc("max((select string_agg(unit_code, ' ') from mart_one_stop_month))")]),
    "sắp xếp tự do": chart_data(orderby=[[adhoc("(select max(unit_code) from mart_indicator)"), True]]),
    "hàm query()": chart_data(columns=[adhoc(f"(from query('{COUNT_ALL}') limit 1)")]),
    "hàm query_table()": chart_data(columns=[adhoc("(from query_table('mart_one_stop_month') select max(unit_code))")]),
    "chuỗi có giới hạn": chart_data(series_columns=[COLUMN], series_limit=500, metrics=[adhoc("count(*)")]),
    "chèn vào bảng khác": chart_data(columns=[adhoc("unit_code from mart_one_stop_month --")]),
    "tải CSV": chart_data(form="csv"),
    "tải XLSX": chart_data(form="xlsx"),
    "kết quả mẫu": chart_data(result="samples"),
    "chi tiết dưới con số": chart_data(result="drill_detail"),
    "câu SQL của biểu đồ": chart_data(result="query"),
    "đếm dòng": chart_data(is_rowcount=True),
    "biểu đồ đã lưu": page("/api/v1/chart/{chart}/data/?force=true"),
    "biểu đồ đã lưu, CSV": page("/api/v1/chart/{chart}/data/?format=csv&type=full"),
    "giao diện bản đồ": legacy(),
    "giao diện bản đồ, CSV": legacy(suffix="csv=true"),
    "dòng mẫu của tập dữ liệu": samples(),
    "dòng mẫu có lọc": samples(body={"filters": [{"col": COLUMN, "op": "IS NOT NULL"}]}),
    "giá trị của bộ lọc": page("/api/v1/datasource/table/{limited}/column/unit_code/values/"),
    "giá trị tên xã của bộ lọc": page("/api/v1/datasource/table/{limited}/column/unit_name/values/"),
    "mô tả tập dữ liệu": page("/api/v1/dataset/{limited}"),
    "mô tả để khoan sâu": page("/api/v1/dataset/{limited}/drill_info/"),
    "trang tổng quan": page("/superset/dashboard/tong-quan-tinh/"),
    "biểu đồ của trang": page("/api/v1/dashboard/{dashboard}/charts"),
    "tập dữ liệu của trang": page("/api/v1/dashboard/{dashboard}/datasets"),
    "tham số địa chỉ": page("/superset/dashboard/tong-quan-tinh/?unit_code=%27%20or%201=1--&standalone=3"),
}  # fmt: skip

# what only some may do at all: surface -> (how, roles to whom it is open)
ASKERS = frozenset({"analyst", "data_engineer"})
DOORS: dict[str, tuple[Surface, frozenset[str]]] = {
    "SQL Lab: số liệu công bố": (sql("leaders", "select count(*) as n from mart_indicator"), ASKERS),
    "SQL Lab: dòng ẩn danh": (sql("facts", "select count(*) as n from duckdb_tables()"), ASKERS),
    "SQL Lab: tệp y tế": (sql("health", "select count(*) as n from mart_disease_unit_week"), frozenset()),
    "SQL Lab: tệp an ninh": (sql("security", "select count(*) as n from mart_security_unit_month"), frozenset()),
    "số liệu tệp y tế": (chart_data("secret_health"), frozenset({"health"})),
    "dòng mẫu tệp y tế": (samples("secret_health"), frozenset({"health"})),
    "bản đồ tệp y tế": (legacy("secret_health"), frozenset({"health"})),
    "số liệu tệp an ninh": (chart_data("secret_security"), frozenset({"security"})),
    "dòng mẫu tệp an ninh": (samples("secret_security"), frozenset({"security"})),
    "trang khám phá": (page("/api/v1/explore/?datasource_type=table&datasource_id={limited}"), ASKERS),
    "câu hỏi lấy làm nguồn": (chart_data(kind="query"), frozenset()),
    "câu đã lưu lấy làm nguồn": (chart_data(kind="saved_query"), frozenset()),
    "danh sách cơ sở dữ liệu": (page("/api/v1/database/"), ASKERS),
    "bảng của cơ sở dữ liệu": (page("/api/v1/database/1/tables/?q=(schema_name:main)"), ASKERS),
    "xuất trang": (page("/api/v1/dashboard/export/?q=!({dashboard})"), frozenset({"data_engineer"})),
    "xuất mọi thứ": (page("/api/v1/assets/export/"), frozenset()),
    "nhật ký": (page("/api/v1/log/"), frozenset({"auditor"})),
    "trang nhật ký": (page("/actionlog/list"), frozenset({"auditor"})),
    "người dùng": (page("/api/v1/security/users/"), frozenset()),
    "vai trò": (page("/api/v1/security/roles/"), frozenset()),
    "quy tắc dòng": (page("/api/v1/rowlevelsecurity/"), frozenset()),
    "sửa quy tắc dòng": (change("PUT", "/api/v1/rowlevelsecurity/1", lambda _: {"clause": "1 = 1"}), frozenset()),
    "tạo tập dữ liệu": (change("POST", "/api/v1/dataset/", lambda world: {
        "database": world.databases["health"], "schema": "main", "table_name": "x", "sql": COUNT_ALL}), frozenset()),
    "sửa tập dữ liệu": (change("PUT", "/api/v1/dataset/{limited}", lambda _: {"sql": COUNT_ALL}), frozenset()),
    "sửa biểu đồ": (change("PUT", "/api/v1/chart/{chart}", lambda _: {"slice_name": "x"}), frozenset()),
    "sửa trang": (change("PUT", "/api/v1/dashboard/{dashboard}", lambda _: {"dashboard_title": "x"}), frozenset()),
    "xóa trang": (change("DELETE", "/api/v1/dashboard/{dashboard}", lambda _: None), frozenset()),
    "sửa cơ sở dữ liệu": (change("PUT", "/api/v1/database/{leaders}", lambda _: {"allow_dml": True}), frozenset()),
    "thêm cơ sở dữ liệu": (change("POST", "/api/v1/database/", lambda _: {
        "database_name": "x", "sqlalchemy_uri": "duckdb:////etc/hostname"}), frozenset()),
    "thử kết nối": (change("POST", "/api/v1/database/test_connection/", lambda _: {
        "sqlalchemy_uri": "sqlite:////etc/hostname"}), frozenset()),
    "tự cho thêm vai trò": (change("PUT", "/api/v1/security/users/1", lambda _: {"roles": [1]}), frozenset()),
    "xin thẻ khách": (change("POST", "/api/v1/security/guest_token/", lambda world: {
        "user": {"username": "x"}, "rls": [], "resources": [
            {"type": "dashboard", "id": str(world.dashboards["province_overview"])}]}), frozenset()),
}  # fmt: skip

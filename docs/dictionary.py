"""Write docs/dictionary.vi.md from the contracts and the dbt models' YAML.

Run: python -m docs.dictionary
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from lake.contract import Column, Contract, load_contracts

REPOSITORY = Path(__file__).parents[1]
TARGET = REPOSITORY / "docs" / "dictionary.vi.md"
MODES = {
    "full": "toàn bộ danh mục",
    "period": "ảnh chụp theo kỳ",
    "stream": "dòng sự kiện theo thời điểm cập nhật",
}
PROTECTION = {
    "pseudonym": "thay bằng bí danh có khóa",
    "drop": "không lưu",
    "free_text": "lưu riêng, đã che số định danh",
    None: "",
}


def table(header: list[str], rows: list[list[str]]) -> Iterator[str]:
    """A Markdown table; bars inside cells are escaped."""
    yield "| " + " | ".join(header) + " |"
    yield "|" + "---|" * len(header)
    for row in rows:
        yield "| " + " | ".join(" ".join(cell.split()).replace("|", "\\|") for cell in row) + " |"


def column_row(column: Column) -> list[str]:
    """What the dictionary says of a contract's column."""
    values = ", ".join(column.values or [])
    bounds = "–".join("" if bound is None else f"{bound:g}" for bound in column.range) if column.range else ""
    return [
        f"`{column.name}`",
        column.label,
        column.description,
        column.type,
        column.unit or "",
        "bắt buộc" if column.required else "",
        values or bounds,
        PROTECTION[column.protect],
    ]


def dataset_page(contract: Contract) -> Iterator[str]:
    """One dataset: what it is, whose it is, its columns."""
    yield f"### {contract.title} — `{contract.dataset}`"
    yield ""
    yield contract.description
    yield ""
    yield (
        f"Đơn vị phụ trách: `{contract.owner}` · cách đọc: {contract.protocol}, {MODES[contract.mode]} · "
        f"khóa: {', '.join(f'`{name}`' for name in contract.key)} · mức độ: {contract.secrecy}"
    )
    yield ""
    header = ["Cột", "Nhãn", "Mô tả", "Kiểu", "Đơn vị", "", "Giá trị", "Bảo vệ"]
    yield from table(header, [column_row(column) for column in contract.columns])
    yield ""


def dbt_models() -> list[dict[str, Any]]:
    """Every documented dbt model in the order of its folder."""
    files = sorted((REPOSITORY / "dbt_project" / "models").glob("**/*.yml"))
    return [model for path in files for model in yaml.safe_load(path.read_text()).get("models", [])]


def model_page(model: dict[str, Any]) -> Iterator[str]:
    """One dbt model with its columns."""
    yield f"### `{model['name']}`"
    yield ""
    yield model.get("description", "").strip()
    yield ""
    rows = [[f"`{c['name']}`", c.get("data_type", ""), c.get("description", "")] for c in model.get("columns", [])]
    if rows:
        yield from table(["Cột", "Kiểu", "Mô tả"], rows)
        yield ""


def dictionary() -> str:
    """The whole page."""
    lines = ["# Từ điển dữ liệu", "", "Trang này được sinh ra từ hợp đồng dữ liệu và mô tả của dbt: `make docs`.", ""]
    lines += ["## Nguồn dữ liệu", ""]
    for contract in load_contracts(REPOSITORY / "lake" / "contracts").values():
        lines += dataset_page(contract)
    lines += ["## Bảng phân tích", ""]
    for model in dbt_models():
        lines += model_page(model)
    return "\n".join(lines).rstrip() + "\n"


if __name__ == "__main__":
    TARGET.write_text(dictionary(), encoding="utf-8")
    print(f"{TARGET.relative_to(REPOSITORY)} written")

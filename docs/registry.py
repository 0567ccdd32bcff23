"""Write docs/indicators.vi.md from the registry's seeds.

Run: python -m docs.registry
"""

import csv
from collections.abc import Iterator
from itertools import groupby

from docs.dictionary import REPOSITORY, table

SEEDS = REPOSITORY / "dbt_project" / "seeds"
TARGET = REPOSITORY / "docs" / "indicators.vi.md"
INPUTS_DERIVED = {"sum": "như các chỉ tiêu thành phần"}
OF_ALL = "mọi bộ dữ liệu có đơn vị cung cấp"
DIRECTIONS = {"higher": "cao hơn", "lower": "thấp hơn", "none": ""}


def rows(seed: str) -> list[dict[str, str]]:
    """The rows of a seed."""
    with (SEEDS / f"{seed}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def targets_in_words() -> dict[str, str]:
    """What is to be reached, by indicator: kinds of units, or the path of a year."""
    words: dict[str, list[str]] = {}
    for one in rows("targets"):
        kind = f"{one['unit_kind']}: " if one["unit_kind"] else ""
        words.setdefault(one["indicator_code"], []).append(
            f"{kind}{decimal(one['target'])} (cần chú ý {decimal(one['attention'])})"
        )
    for one in rows("target_paths"):
        if one["month_of_year"] in ("3", "6", "9", "12"):
            words.setdefault(one["indicator_code"], []).append(
                f"hết tháng {one['month_of_year']}: {decimal(one['target'])}"
            )
    return {code: "; ".join(told) for code, told in words.items()}


def decimal(figure: str) -> str:
    """A number of a seed as it is written in Vietnamese."""
    return figure.replace(".", ",")


def note(one: dict[str, str]) -> str:
    """What is to be known of an indicator's source and of how it is told."""
    told = one["source_note"]
    if one["sensitive"] != "true":
        return told
    return f"{told}; làm tròn đến 5, ẩn dưới 5" if told else "Làm tròn đến 5, ẩn dưới 5"


def registry() -> str:
    """The page as Markdown."""
    indicators = rows("indicators")
    codes = {one["indicator_code"] for one in indicators}
    targets = targets_in_words()
    themes = {one["theme"]: one["name_vi"] for one in rows("theme_agencies")}

    def lines() -> Iterator[str]:
        yield "# Danh mục chỉ tiêu"
        yield ""
        yield f"{len(codes)} chỉ tiêu, viết tự động (`make docs`) từ `indicators.csv`, `targets.csv`"
        yield "và `target_paths.csv` trong `dbt_project/seeds`."
        for theme, group in groupby(indicators, key=lambda one: one["theme"]):
            yield ""
            yield f"## {themes[theme]}"
            yield ""
            header = ["Mã", "Chỉ tiêu", "Đơn vị", "Công thức", "Tốt khi", "Mục tiêu"]
            header += ["Căn cứ", "Ghi chú", "Hiệu lực", "Nguồn"]
            yield from table(
                header,
                [
                    [
                        f"`{one['indicator_code']}`",
                        one["name_vi"],
                        one["unit"],
                        one["formula_vi"],
                        DIRECTIONS[one["direction"]],
                        targets.get(one["indicator_code"], ""),
                        one["legal_source"],
                        note(one),
                        one["effective_from"] + (f" – {one['effective_to']}" if one["effective_to"] else ""),
                        INPUTS_DERIVED.get(one["method"]) or one["inputs"].replace(";", ", ") or OF_ALL,
                    ]
                    for one in group
                ],
            )

    return "\n".join(lines()) + "\n"


if __name__ == "__main__":
    TARGET.write_text(registry(), encoding="utf-8")

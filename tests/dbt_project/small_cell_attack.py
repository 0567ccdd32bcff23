"""Somebody who holds published files tries to learn counts of 1 to 4 that were hidden in them.

He reads every table by the names of its columns, knows how figures are rounded, that communes make up their
province, kinds their total, that a part is no more than its whole and that people are born, die and move, how many
rows came between two files, and reckons bounds of every count until they move no more. A count is recovered where a
single value from 1 to 4 is left.
"""

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import duckdb

Cell = tuple[str, str, str, Any, int]  # measure, item, unit, month, number of the file
SMALL, STEP = 5, 5
FREE = (0.0, math.inf)
MONTHS = ("month", "period_start", "as_of_month")
ITEMS = ("item", "disease_code")
UNDER = "Dưới 5"
NONE_OCCURRED = "Không phát sinh trong kỳ (mẫu số bằng 0)"
POPULATION = ("births", "deaths", "moved_in", "moved_out")
POVERTY = ("poor_households", "near_poor_households", "poor_persons", "near_poor_persons", "poor_persons_2027",
           "near_poor_persons_2027")  # fmt: skip
PART_OF = {
    "incidents_closed": "incidents", "petitions_resolved_on_time": "petitions_due",
    "complaints_resolved": "complaints_within_competence", "poor_households": "poor_persons",
    "near_poor_households": "near_poor_persons",
}  # fmt: skip
ALL_KINDS = {"incidents_by_kind": "incidents"}
DATASETS = {"cases": "health.case_reports", "incidents": "security.incidents"}
SENSITIVE_NAME = re.compile(r"case|incident|petition|complaint|poor|birth|death|moved_")
NO_COUNT = re.compile(r"_pct|rate|per_|share|rank|band|_vi$|month|target|growth|expected|q\d\d")
IN_WORDS = re.compile(r"(?<![\w.,/–])(?<!dưới )(?<!Dưới )([1-4]) (ca|vụ|đơn|hộ|người)\b")


@dataclass
class Knowledge:
    """What the files tell: bounds of counts, sums of counts, counts that are no more than another."""

    bounds: dict[Cell, tuple[float, float]] = field(default_factory=dict)
    sums: list[tuple[Cell, list[Cell]]] = field(default_factory=list)
    at_most: list[tuple[Cell, Cell]] = field(default_factory=list)
    balances: list[tuple[float, list[tuple[int, Cell]]]] = field(default_factory=list)
    plain: list[str] = field(default_factory=list)  # counts that are simply told

    def learn(self, cell: Cell, low: float, high: float) -> bool:
        old = self.bounds.get(cell, FREE)
        new = (max(old[0], math.ceil(low - 1e-6)), min(old[1], math.floor(high + 1e-6) if high < math.inf else high))
        if new[0] > new[1]:  # what contradicts itself tells nothing more
            return False
        self.bounds[cell] = new
        return new != old

    def tell(self, cell: Cell, count: float) -> None:
        """A told count is rounded if it is a multiple of the step, or else exact."""
        if abs(count / STEP - round(count / STEP)) < 1e-6 and count >= SMALL:
            self.learn(cell, max(SMALL, count - STEP // 2), count + STEP // 2)
        elif abs(count - round(count)) < 1e-6:
            self.learn(cell, round(count), round(count))


def recovered(files: list[duckdb.DuckDBPyConnection], tables: Iterable[str]) -> list[str]:
    """The counts of 1 to 4 that these files give away, each file a day later than the one before."""
    known = Knowledge()
    names = list(tables)
    for number, file in enumerate(files):
        registry = rows(file, "dim_indicator")
        open_measures = {one["numerator"] for one in registry if one["method"] == "count" and not one["sensitive"]}
        secret = {one[part] for one in registry if one["sensitive"] for part in ("numerator", "denominator")}
        secret = (secret - open_measures - {None}) | set(POPULATION) | set(POVERTY)
        for table in names:
            found = rows(file, table)
            if not found:
                continue
            read_indicators(known, found, registry, secret, number)
            read_columns(known, found, secret, number)
            known.plain += [f"{table}: {one}" for one in told_plainly(found)]
        residents = {(one["unit_code"], one["period_start"]): one["value"] for one in rows(file, "mart_indicator")
                     if one["base_code"] == "residents" and one["value"] is not None}  # fmt: skip
        relate(known, number, residents)
    for number in range(1, len(files)):
        compare(known, number, rows(files[number - 1], "mart_load"), rows(files[number], "mart_load"))
    reckon(known)
    single = [cell for cell, (low, high) in known.bounds.items() if low == high and 1 <= low < SMALL]
    return known.plain + [f"{cell} = {known.bounds[cell][0]:.0f}" for cell in single]


def rows(file: duckdb.DuckDBPyConnection, table: str) -> list[dict[str, Any]]:
    found = file.execute(f'select * from "{table}"')
    columns = [column[0] for column in found.description or []]
    return [dict(zip(columns, row, strict=True)) for row in found.fetchall()]


def read_indicators(known: Knowledge, found: list[dict[str, Any]], registry: list[dict[str, Any]], secret: set[str],
                    number: int) -> None:  # fmt: skip
    """Tables of indicators: value, parts, changes and status, each with what it tells of the parts."""
    first = found[0]
    code_column = "base_code" if "base_code" in first else "indicator_code"
    if not {code_column, "unit_code", "period_start", "value"} <= set(first):
        return
    said_none = {
        (row[code_column], row["period_start"]) for row in found if row.get("withheld_reason") == NONE_OCCURRED
    }
    for row in found:
        month, reason = row["period_start"], row.get("withheld_reason") or ""
        rules = [
            one for one in registry if one["indicator_code"] == row[code_column] and one["effective_from"] <= month
        ]
        rule = next((one for one in rules if one["effective_to"] is None or month < one["effective_to"]), None)
        if rule is None or not rule["sensitive"]:
            continue
        item = row.get("item") or ""
        cell = (rule["numerator"], item, row["unit_code"], month, number)
        whole = (rule["denominator"], "", row["unit_code"], month, number)
        known.bounds.setdefault(cell, FREE)
        base = row.get("denominator") if rule["method"] == "ratio" else 1.0
        if row.get("numerator") is not None:
            known.tell(cell, row["numerator"])
        elif reason.startswith(UNDER) and whole[0] not in secret:
            known.learn(cell, 0, SMALL - 1)
        elif reason.startswith(UNDER):
            known.at_most.append((cell, whole))
            known.learn(cell, 0, SMALL - 1)
        if whole[0] in secret:
            if row.get("denominator") is not None:
                known.tell(whole, row["denominator"])
            if reason == NONE_OCCURRED:
                known.learn(whole, 0, 0)
            elif reason.startswith(UNDER) and (row[code_column], month) in said_none:
                known.learn(whole, 1, math.inf)
        if base:
            of = {month: row["value"]}
            if row["value"] is None and None not in (row.get("previous_value"), row.get("change")):
                of[month] = row["previous_value"] + row["change"]
            for told in of.values():
                if told is not None:
                    known.tell(cell, told * base / rule["factor"])
            if row["value"] is None and row.get("target") is not None and row.get("direction") == "lower":
                if row.get("status") == "đạt":
                    known.learn(cell, 0, row["target"] * base / rule["factor"])
                elif row.get("status") == "không đạt":
                    known.learn(cell, math.floor(row["target"] * base / rule["factor"]) + 1, math.inf)
        for former, years, months in (("previous_value", 0, 1), ("year_before_value", 1, 0)):
            if row.get(former) is not None and rule["method"] == "count":
                before = earlier(month, years, months)
                known.tell((rule["numerator"], item, row["unit_code"], before, number), row[former] / rule["factor"])


def earlier(month: Any, years: int, months: int) -> Any:
    back = month.year * 12 + month.month - 1 - 12 * years - months
    return month.replace(year=back // 12, month=back % 12 + 1)


def read_columns(known: Knowledge, found: list[dict[str, Any]], secret: set[str], number: int) -> None:
    """Tables with a column a measure, whatever their name."""
    first = found[0]
    period = next((name for name in MONTHS if name in first), None)
    if period is None or "unit_code" not in first:
        return
    item = next((name for name in ITEMS if name in first), None)
    for column in secret & set(first):
        for row in found:
            cell = (column, (row[item] or "") if item else "", row["unit_code"], row[period], number)
            if row[column] is not None:
                known.tell(cell, float(row[column]))
            elif row.get("delivered", True) and row.get("withheld_reason") is None and row["unit_code"] != "68":
                known.learn(cell, 0, SMALL - 1)


def told_plainly(found: list[dict[str, Any]]) -> Iterable[str]:
    """Small counts in columns that are named like one, and in sentences."""
    for column in found[0]:
        counts = SENSITIVE_NAME.search(column) and not NO_COUNT.search(column)
        for row in found:
            value = row[column]
            if counts and isinstance(value, int | float) and not isinstance(value, bool) and value in (1, 2, 3, 4):
                yield f"{column} = {value}"
            if isinstance(value, str) and " dự báo " not in value:
                yield from (f"{column}: {match.group()}" for match in IN_WORDS.finditer(value))


def relate(known: Knowledge, number: int, residents: dict[tuple[str, Any], float]) -> None:
    """Communes and their province, kinds and their total, parts and wholes, movements and residents."""
    mine = [cell for cell in known.bounds if cell[4] == number]
    groups: dict[tuple[str, str, Any], list[Cell]] = {}
    kinds: dict[tuple[str, str, Any], list[Cell]] = {}
    for cell in mine:
        measure, item, unit, month, _ = cell
        if len(unit) == 5:
            groups.setdefault((measure, item, month), []).append(cell)
        if measure in ALL_KINDS:
            kinds.setdefault((ALL_KINDS[measure], unit, month), []).append(cell)
        whole = (PART_OF.get(measure, ""), item, unit, month, number)
        if whole in known.bounds:
            known.at_most.append((cell, whole))
    for (measure, item, month), communes in groups.items():
        known.sums.append(((measure, item, "68", month, number), communes))
    for (measure, unit, month), parts in kinds.items():
        known.sums.append(((measure, "", unit, month, number), parts))
    for (unit, month), now in residents.items():
        former = residents.get((unit, earlier(month, 0, 1)))
        moved = [(name, "", unit, month, number) for name in POPULATION]
        if former is not None and all(cell in known.bounds for cell in moved):
            signs = zip((1, -1, 1, -1), moved, strict=True)
            known.balances.append((now - former, list(signs)))


def compare(known: Knowledge, number: int, before: list[dict[str, Any]], after: list[dict[str, Any]]) -> None:
    """Events are added from one file to the next, no more than rows came with the loads between them."""
    old = {load["load_id"] for load in before}
    for measure, dataset in DATASETS.items():
        loads = [load for load in after if load["dataset"] == dataset and load["load_id"] not in old]
        if not loads or any(load["accepted"] is None for load in loads):
            continue
        came = sum(load["accepted"] for load in loads)
        for cell in [one for one in known.bounds if one[0] == measure and one[4] == number]:
            former = (*cell[:4], number - 1)
            if former in known.bounds:
                known.at_most.append((former, cell))
                known.balances.append((came, [(1, cell), (-1, former)]))


def reckon(known: Knowledge) -> None:
    """Bounds from bounds, until none moves."""
    balances = [(total, total, terms) for total, terms in known.balances if len(terms) == 4]
    balances += [(-math.inf, total, terms) for total, terms in known.balances if len(terms) == 2]
    balances += [(0.0, 0.0, [(-1, total), *((1, part) for part in parts)]) for total, parts in known.sums]
    balances += [(-math.inf, 0.0, [(1, part), (-1, whole)]) for part, whole in known.at_most]
    moved = True
    while moved:
        moved = False
        for least, most, terms in balances:
            spans = [sorted(sign * end for end in known.bounds.get(cell, FREE)) for sign, cell in terms]
            for place, (sign, cell) in enumerate(terms):
                low = least - sum(high for at, (_, high) in enumerate(spans) if at != place)
                high = most - sum(low for at, (low, _) in enumerate(spans) if at != place)
                ends = sorted((sign * low, sign * high))
                if any(map(math.isnan, ends)):
                    continue
                moved |= known.learn(cell, max(ends[0], 0), ends[1])

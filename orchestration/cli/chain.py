"""`kho chain`: of one unit, from the figure to the alert, the proposal, the directive and its measured effect."""

from collections.abc import Iterator
from datetime import date
from typing import Any

import click
import duckdb

from lake.settings import load_settings
from lake.snapshots import SnapshotError, open_published
from orchestration.cli.output import write_json

ALERTS = """
select history.alert_id, history.severity_vi, history.title_vi, history.reason_vi, history.indicator_code, history.item,
  history.value, history.expected, history.measured_in, history.opened_on, history.escalated_on, history.closed_on,
  history.state
from mart_alert_history as history
where history.unit_code = $unit
order by history.state = 'closed', history.opened_on desc, history.alert_id
"""
PROPOSALS = """
select alert_id, proposal_id, state, covered_by, indicator_code, title_vi, baseline, target, due_on, gap_closed_pct,
  decline_reason,
  agency
from mart_directive_proposal where unit_code = $unit order by rank nulls last, proposal_id
"""
DIRECTIVES = """
select task_id, alert_id, proposal_id, indicator_code, item, content, status, assigned_on, due_on, done_on, on_time,
  overdue_days, target, target_reached, before_value, after_value, effect, effect_low, effect_high, peers,
  unknown_reason, verdict_vi, closed
from mart_directive where unit_code = $unit order by assigned_on desc, task_id
"""
SIGNS = """
select task_id, sign_vi, evidence_vi from mart_directive_sign where unit_code = $unit order by task_id, sign_code
"""
STATES = {  # of proposals and tasks
    "open": "chưa gửi",
    "sent": "đã gửi",
    "assigned": "đã giao",
    "in_progress": "đang thực hiện",
    "extended": "đã gia hạn",
    "overdue": "quá hạn",
    "done": "báo xong",
    "declined": "từ chối",
    "covered": "đã có đề xuất hoặc nhiệm vụ khác",
}


@click.command("chain")
@click.argument("unit", metavar="UNIT")
@click.option("--json", "as_json", is_flag=True)
@click.option("--all", "everything", is_flag=True, help="also closed alerts that no directive followed")
def command(unit: str, as_json: bool, everything: bool) -> None:
    """Figure, alert, proposal, directive and effect of one UNIT (a code such as 24875)."""
    with open_published(load_settings()) as reader:
        found = chain(reader, unit, everything)
    if as_json:
        write_json(found)
    else:
        click.echo("\n".join(told(found)))


def chain(reader: duckdb.DuckDBPyConnection, unit: str, everything: bool = False) -> dict[str, Any]:
    """What the published snapshot holds of one unit, alert by alert. Raises SnapshotError for an unknown unit."""
    names = rows(reader, "select name from dim_unit where unit_code = $unit", unit)
    if not names:
        raise SnapshotError(f'no unit {unit}; `kho sql "select unit_code, name from dim_unit"` lists them')
    signs = rows(reader, SIGNS, unit)
    directives = rows(reader, DIRECTIVES, unit)
    for directive in directives:
        directive["signs"] = [one for one in signs if one["task_id"] == directive["task_id"]]
    proposals = rows(reader, PROPOSALS, unit)
    links, used = [], set[str]()
    for alert in rows(reader, ALERTS, unit):
        answers = [one for one in directives if answers_alert(one, alert)]
        if alert["state"] == "closed" and not answers and not everything:
            continue
        used |= {one["task_id"] for one in answers}
        offered = [one for one in proposals if one["alert_id"] == alert["alert_id"]]
        links.append({"alert": alert, "proposals": offered, "directives": answers})
    snapshot = reader.execute("select snapshot_id from snapshot_info").fetchone()
    return {
        "unit_code": unit,
        "unit_name": names[0]["name"],
        "snapshot_id": snapshot and snapshot[0],
        "chains": links,
        "other_directives": [one for one in directives if one["task_id"] not in used],
    }


def answers_alert(directive: dict[str, Any], alert: dict[str, Any]) -> bool:
    """Whether a directive came from the alert's proposal."""
    return directive["alert_id"] is not None and directive["alert_id"] == alert["alert_id"]


def rows(reader: duckdb.DuckDBPyConnection, query: str, unit: str) -> list[dict[str, Any]]:
    """The rows of a query that asks for one unit."""
    return reader.execute(query, {"unit": unit}).pl().to_dicts()


def told(found: dict[str, Any]) -> Iterator[str]:
    """The chain in lines for people."""
    yield f"{found['unit_name']} ({found['unit_code']}), bản số liệu {found['snapshot_id']}"
    if not found["chains"] and not found["other_directives"]:
        yield "Không có cảnh báo và nhiệm vụ nào"
    for link in found["chains"]:
        alert = link["alert"]
        until = f", đóng {day(alert['closed_on'])}" if alert["closed_on"] else ""
        yield ""
        yield f"Số liệu    {alert['indicator_code']} {alert['item']}".rstrip() + f": {alert['reason_vi']}"
        yield f"Cảnh báo   {alert['severity_vi']}: {alert['title_vi']} (mở {day(alert['opened_on'])}{until})"
        for one in link["proposals"]:
            why = f", lý do: {one['decline_reason']}" if one["decline_reason"] else ""
            why += f": {one['covered_by']}" if one["covered_by"] else ""
            yield (
                f"Đề xuất    {one['title_vi']}: {number(one['baseline'])} → {number(one['target'])}, "
                f"hạn {day(one['due_on'])} ({STATES[one['state']]}{why}) {one['proposal_id']}"
            )
        if not link["proposals"]:
            yield "Đề xuất    không có: không có chỉ tiêu nào của đơn vị này mà đơn vị tương đồng đạt tốt hơn"
        for one in link["directives"]:
            yield from told_directive(one)
    if found["other_directives"]:
        yield ""
        yield "Nhiệm vụ lãnh đạo tự giao"
        for one in found["other_directives"]:
            yield from told_directive(one)


def told_directive(one: dict[str, Any]) -> Iterator[str]:
    """A task and what it has moved."""
    yield (
        f"Nhiệm vụ   {one['task_id']} {one['content']} ({one['indicator_code']}), giao {day(one['assigned_on'])}, "
        f"hạn {day(one['due_on'])}, {STATES[one['status']]}, quá hạn {one['overdue_days']} ngày"
    )
    moved = f"{number(one['before_value'])} → {number(one['after_value'])}"
    if one["effect"] is None:
        effect = one["unknown_reason"] if one["after_value"] is None else f"{moved}; {one['unknown_reason']}"
    else:
        effect = (
            f"{moved}, so với {one['peers']} đơn vị tương đồng "
            f"{number(one['effect'], '+')} "
            f"(khoảng 90 %: {number(one['effect_low'], '+')} đến {number(one['effect_high'], '+')})"
        )
    reached = f"mục tiêu {number(one['target'])} đã đạt; " if one["target_reached"] else ""
    yield f"Hiệu quả   {one['verdict_vi']}: {reached}{effect}"
    for sign in one["signs"]:
        yield f"Dấu hiệu   {sign['sign_vi']}: {sign['evidence_vi']}"


def number(value: float | None, sign: str = "") -> str:
    """A figure as it is written in Vietnamese, 1.234,5, or that there is none. sign: `+` shows it of positive ones."""
    if value is None:
        return "–"
    written = f"{value:{sign},.2f}".rstrip("0").rstrip(".")
    return written.translate(str.maketrans(",.", ".,"))


def day(value: date | None) -> str:
    """A day as it is written in Vietnamese, 30/11/2026."""
    return "–" if value is None else f"{value:%d/%m/%Y}"

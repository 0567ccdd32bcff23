"""`kho chain`: one unit's figure, alert, proposal, directive and effect from the published snapshot."""

import json
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest
from click.testing import CliRunner

from lake import snapshots
from lake.settings import Settings, load_settings
from orchestration.cli.main import cli

TABLES = ["dim_unit", "mart_alert_history", "mart_directive_proposal", "mart_directive", "mart_directive_sign"]
MARTS = """
create table dim_unit as from (values ('24829', 'Phường Một'), ('24830', 'Xã Hai')) as t (unit_code, name);
create table mart_alert_history as from (values
  ('late-2026', '24829', 'Báo động', 'Trễ hạn', 'Tỷ lệ là 64,6 %', 'one_stop_on_time_ratio', '', 64.6, 95.0, '%',
    date '2026-07-01', null, null, 'open'),
  ('late-2025', '24829', 'Cảnh báo', 'Trễ hạn', 'Tỷ lệ là 80,0 %', 'one_stop_on_time_ratio', '', 80.0, 95.0, '%',
    date '2025-07-01', null, date '2025-09-01', 'closed'),
  ('old-2024', '24829', 'Theo dõi', 'Cũ', 'Đã qua', 'one_stop_on_time_ratio', '', 80.0, 95.0, '%',
    date '2024-07-01', null, date '2024-09-01', 'closed'))
  as t (alert_id, unit_code, severity_vi, title_vi, reason_vi, indicator_code, item, value, expected, measured_in,
    opened_on, escalated_on, closed_on, state);
create table mart_directive_proposal as select 'late-2026:alarm:202607' as proposal_id, 'late-2026' as alert_id,
  '24829' as unit_code, 'open' as state, 'one_stop_on_time_ratio' as indicator_code, 'Nâng tỷ lệ' as title_vi,
  64.6::double as baseline, 94.0::double as target, date '2026-09-14' as due_on, 7.9 as gap_closed_pct,
  null::varchar as covered_by, null::varchar as decline_reason, 'Văn phòng' as agency, 1 as rank;
create table mart_directive as from (values
  ('NV-1', 'late-2025', 'late-2025:warning:202507', 6.0, 2.0, 10.0, null, 'đạt hiệu quả', true),
  ('NV-2', null, null, null, null, null, 'Còn sớm', 'chưa thể kết luận', false))
  as t (task_id, alert_id, proposal_id, effect, effect_low, effect_high, unknown_reason, verdict_vi, closed);
alter table mart_directive add column unit_code varchar default '24829';
alter table mart_directive add column indicator_code varchar default 'one_stop_on_time_ratio';
alter table mart_directive add column item varchar default '';
alter table mart_directive add column content varchar default 'Nâng tỷ lệ đúng hạn';
alter table mart_directive add column status varchar default 'done';
alter table mart_directive add column assigned_on date default date '2025-07-08';
alter table mart_directive add column due_on date default date '2025-08-20';
alter table mart_directive add column done_on date default date '2025-08-15';
alter table mart_directive add column on_time boolean default true;
alter table mart_directive add column overdue_days integer default 0;
alter table mart_directive add column target double default 95.0;
alter table mart_directive add column target_reached boolean default false;
alter table mart_directive add column before_value double default 80.0;
alter table mart_directive add column after_value double default 92.0;
alter table mart_directive add column peers integer default 9;
create table mart_directive_sign as select 'NV-1' as task_id, '24829' as unit_code, 'x' as sign_code,
  'Lùi hạn' as sign_vi, 'Hạn được sửa' as evidence_vi;
"""


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("KHO_HOME", str(tmp_path))
    settings = load_settings()
    with duckdb.connect(settings.warehouse) as connection:
        connection.execute(MARTS)
    name = snapshots.new_snapshot_id(datetime.now(UTC))
    snapshots.build_candidate(settings, snapshots.FIGURES, {"leaders": {one: one for one in TABLES}}, name, {})
    snapshots.describe(settings, snapshots.FIGURES, name, audit="passed")
    snapshots.switch(settings, snapshots.FIGURES, name)
    return settings


def test_the_chain_links_alert_proposal_directive_and_effect(settings: Settings) -> None:
    result = CliRunner().invoke(cli, ["chain", "24829", "--json"])
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found["unit_name"] == "Phường Một" and found["snapshot_id"] == snapshots.current(settings)
    opened, answered = found["chains"]
    assert opened["alert"]["alert_id"] == "late-2026" and opened["directives"] == []
    assert [one["proposal_id"] for one in opened["proposals"]] == ["late-2026:alarm:202607"]
    assert answered["alert"]["alert_id"] == "late-2025" and answered["proposals"] == []
    assert [one["task_id"] for one in answered["directives"]] == ["NV-1"]
    assert answered["directives"][0]["signs"][0]["sign_vi"] == "Lùi hạn"
    assert [one["task_id"] for one in found["other_directives"]] == ["NV-2"]
    everything = json.loads(CliRunner().invoke(cli, ["chain", "24829", "--json", "--all"]).stdout)
    assert [one["alert"]["alert_id"] for one in everything["chains"]] == ["late-2026", "late-2025", "old-2024"]


def test_the_chain_is_told_in_order_and_says_what_is_not_known(settings: Settings) -> None:
    result = CliRunner().invoke(cli, ["chain", "24829"])
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    steps = [line.split("  ")[0] for line in lines if line]
    assert steps[1:] == [
        "Số liệu", "Cảnh báo", "Đề xuất",
        "Số liệu", "Cảnh báo", "Đề xuất", "Nhiệm vụ", "Hiệu quả", "Dấu hiệu",
        "Nhiệm vụ lãnh đạo tự giao", "Nhiệm vụ", "Hiệu quả",
    ]  # fmt: skip
    assert any("64,6 → 94, hạn 14/09/2026 (chưa gửi)" in line for line in lines)
    assert any("+6 (khoảng 90 %: +2 đến +10)" in line for line in lines)
    assert lines[-1].endswith("chưa thể kết luận: 80 → 92; Còn sớm"), "what moved is told without a judgement, too"


def test_a_unit_without_anything_and_an_unknown_one(settings: Settings) -> None:
    assert "Không có cảnh báo và nhiệm vụ nào" in CliRunner().invoke(cli, ["chain", "24830"]).stdout
    unknown = CliRunner().invoke(cli, ["chain", "99999"])
    assert unknown.exit_code == 2 and "no unit 99999" in unknown.stderr

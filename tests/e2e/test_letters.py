"""Pages by mail, on the figures of a demo: who gets which, read as whom, and what is told of a letter that failed."""

import json
import re
from email.message import EmailMessage
from typing import Any

import pytest
from click.testing import CliRunner

from orchestration.cli.dashboards import command
from tests.e2e.served_demo import Province
from tests.mail_server import MailServer, mail_server

pytestmark = [pytest.mark.e2e, pytest.mark.soak]


def mail(province: Province, there: MailServer, monkeypatch: pytest.MonkeyPatch, *options: str) -> tuple[int, str]:
    """Exit code and words of `kho dashboards mail`, on the server that is there."""
    for name, value in {"KHO_HOME": str(province.settings.home), "KHO_SMTP_URL": there.url}.items():
        monkeypatch.setenv(name, value)
    told = province.settings.home / "up.json"
    told.write_text(json.dumps({"Superset": province.url}))
    try:
        done = CliRunner().invoke(command, ["mail", *options])
    finally:
        told.unlink()
    return done.exit_code, done.output


def files(letter: EmailMessage) -> dict[str, bytes]:
    return {str(one.get_filename()): one.get_payload(decode=True) for one in letter.iter_attachments()}


def asked(province: Province) -> list[dict[str, Any]]:
    """The lines of the audit log about questions."""
    logs = sorted((province.settings.home / "logs" / "audit").glob("*.jsonl"))
    lines = [json.loads(line) for path in logs for line in path.read_text(encoding="utf-8").splitlines()]
    return [line for line in lines if line["kind"] in ("query", "page")]


def test_each_group_gets_its_pages_read_by_an_account_with_its_roles_alone(
    province: Province, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = len(asked(province))
    with mail_server() as there:
        code, said = mail(province, there, monkeypatch)
    assert code == 0, said
    of_leaders, of_commune = there.received
    assert of_leaders.to == ["chu-tich-tinh@tinh.example"]
    assert of_commune.to == ["van-phong@xa.example"]
    assert list(files(of_leaders.message)) == ["tong-quan-tinh.pdf", "moi-truong.pdf"]
    assert list(files(of_commune.message)) == ["xa-toi.pdf"]
    assert all(file.startswith(b"%PDF") for one in there.received for file in files(one.message).values())
    when = r"số liệu đến \d\d:\d\d ngày \d\d/\d\d/\d{4}"
    assert re.fullmatch(f"Kho Tỉnh: Tổng quan tỉnh và 1 trang khác – {when}", of_leaders.message["Subject"])
    body = of_commune.message.get_body()
    assert body is not None
    text = body.get_content().replace("\r\n", "\n")
    assert "1 trang sau đây:\n– Xã tôi\n" in text and "nhóm «xa»" in text
    readers = {line["user"] for line in asked(province)[before:]}
    assert readers == {"may-sang", "may-xa"}
    assert [line for line in asked(province)[before:] if line["refused"]] == []


def test_a_refused_letter_is_told_and_does_not_stop_the_others(
    province: Province, monkeypatch: pytest.MonkeyPatch
) -> None:
    with mail_server(refused=("chu-tich-tinh@tinh.example",)) as there:
        code, said = mail(province, there, monkeypatch)
    assert code == 1
    assert "sang: not sent: " in said and "xa: sent to van-phong@xa.example" in said
    assert [one.to for one in there.received] == [["van-phong@xa.example"]]


def test_one_letter_can_be_tried_on_another_address(province: Province, monkeypatch: pytest.MonkeyPatch) -> None:
    with mail_server() as there:
        code, said = mail(province, there, monkeypatch, "--mailing", "xa", "--to", "thu@tinh.example")
    assert (code, said) == (0, "xa: sent to thu@tinh.example\n")
    assert [one.to for one in there.received] == [["thu@tinh.example"]]

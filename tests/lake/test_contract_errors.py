"""What a person is told of a contract with a mistake in it: the file, the line, what was expected."""

from pathlib import Path

import pytest

from lake.contract import ContractError, load_contracts, read_contract

GOOD = """dataset: made.up
title: Thử
description: Made up
tier: sectoral
owner: tests
mode: stream
partition: daily
schedule: none
source: {protocol: derived}
key: [k]
updated_at: at
columns:
  - {name: k, type: text, label: K, description: K}
  - {name: at, type: timestamp, label: Lúc, description: When}
  - {name: n, type: integer, label: Số, description: Number, range: [0, 9]}
"""


def told(folder: Path, text: str, name: str = "up.yaml") -> str:
    path = folder / "made" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ContractError) as error:
        read_contract(path)
    message = str(error.value)
    assert message.startswith(f"{path}: ")
    return message.removeprefix(f"{path}: ")


def test_the_contract_without_a_mistake_is_read(tmp_path: Path) -> None:
    (tmp_path / "made").mkdir()
    (tmp_path / "made" / "up.yaml").write_text(GOOD, encoding="utf-8")
    assert list(load_contracts(tmp_path)) == ["made.up"]


@pytest.mark.parametrize(
    ("right", "wrong", "message"),
    [
        ("key: [k]", "key: [k, permit]", "line 10: key: permit: no kept column"),
        ("updated_at: at", "updated_at: then", "line 11: updated_at: then is no kept column"),
        ("partition: daily", "partition: none", "line 7: partition: mode stream has daily or monthly"),
        ("range: [0, 9]", "range: 9", "line 15: columns.n.range: expected a list of two, such as [0, 100]"),
        ("range: [0, 9]", "pattern: '(x'", "line 15: column n: pattern: (x is no regular expression"),
        (
            "name: n, type: integer",
            "name: n, type: date",
            "line 15: column n: range: is for integer and number, not date",
        ),
        ("name: n,", "name: k,", "line 12: columns: named twice: k"),
        ("source: {protocol: derived}", "source: derived", "line 9: source: expected a mapping of fields"),
    ],
)
def test_a_mistake_is_told_with_its_line(tmp_path: Path, right: str, wrong: str, message: str) -> None:
    assert told(tmp_path, GOOD.replace(right, wrong)) == message


def test_an_empty_contract_is_told_as_one(tmp_path: Path) -> None:
    assert "is empty" in told(tmp_path, "# nothing yet\n")


def test_a_contract_under_another_ending_is_not_passed_over(tmp_path: Path) -> None:
    (tmp_path / "made").mkdir()
    (tmp_path / "made" / "up.yaml").write_text(GOOD, encoding="utf-8")
    (tmp_path / "made" / "down.yml").write_text(GOOD, encoding="utf-8")
    with pytest.raises(ContractError, match=r"made/down\.yml: a contract ends in \.yaml"):
        load_contracts(tmp_path)

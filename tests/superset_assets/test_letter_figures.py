"""A letter's pages are of the figures that its text names, whatever is published while they are printed."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lake.settings import Settings, load_settings
from superset_assets import letters
from superset_assets.accounts import Mailing, User
from superset_assets.launch import SupersetError
from superset_assets.printing import Printed

READER = User("may-sang", "Máy gửi thư", "", frozenset({"leader"}))
MAILING = Mailing("sang", "lanh-dao", ("tong-quan-tinh",), ("chu-tich@tinh.example",), READER)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings({"KHO_HOME": str(tmp_path)})


def printing(monkeypatch: pytest.MonkeyPatch, publications: int) -> list[str]:
    """The server prints what is published; during the first printings other figures come. Returns what was printed."""
    published, printed = [f"bản-{number}" for number in range(publications + 1)], []

    def told(_: Settings) -> list[dict[str, Any]]:
        return [{"snapshot_id": published[0], "data_as_of": "2026-11-29T03:00:00", "current": True}]

    def make(settings: Settings, url: str, titles: dict[str, str], folder: Path, reader: str) -> Iterator[Printed]:
        printed.append(published[0])
        if len(published) > 1:
            published.pop(0)
        for slug in titles:
            yield Printed(folder / f"{slug}.pdf", 1, 1.0, [], [])

    monkeypatch.setattr(letters, "list_snapshots", told)
    monkeypatch.setattr(letters, "print_dashboards", make)
    return printed


def test_what_was_printed_across_a_publication_is_printed_again(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    printed = printing(monkeypatch, publications=1)
    with letters.letter(settings, "", MAILING) as letter:
        assert printed == ["bản-0", "bản-1"]
        assert "(bản công bố bản-1)" in letter.text and len(letter.attached) == 1


def test_a_letter_that_cannot_be_of_one_snapshot_is_not_sent(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    printed = printing(monkeypatch, publications=letters.PRINTINGS)
    with (
        pytest.raises(SupersetError, match="sang is not sent: other figures came each time"),
        letters.letter(settings, "", MAILING),
    ):
        pass
    assert len(printed) == letters.PRINTINGS

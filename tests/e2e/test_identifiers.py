"""The search for identifiers finds what people write and passes over what only looks so."""

import json

import pytest

from tests.e2e.identifiers import identifiers_in

KNOWN = {b"0912345678", b"068190000011", b"06819000001", b"a.b1@gmail.com", b"49H-600.19"}
WRITTEN = [
    "0912345678", "SĐT0912345678", "ĐT.0912.345.678,", "0912 345 678 lúc 7 giờ", "tel 0912-345-678", "068190000011",
    "x068190000011y", "068.190.000.011", "11 số: 06819000001", "thư: a.b1@gmail.com", "xe 49H-600.19",
]  # fmt: skip
MADE = [
    '"ab0912345678cccccccccccccccccccc"',
    "6f1a2b3c-0d4e-4f5a-8b6c-ab0912345678",
    "20261124T0912345678Z-ab12cd",
    '{"q":64.0912345678}',
]


@pytest.mark.parametrize("written", WRITTEN)
@pytest.mark.parametrize("texts", [False, True])
def test_what_people_write_is_found(written: str, texts: bool) -> None:
    shown = json.dumps([{"text": f"Gọi {written}", "score": 3.0912345678}], ensure_ascii=False)
    assert len(identifiers_in(shown.encode(), KNOWN, texts)) == 1


def test_texts_are_looked_at_however_digits_are_grouped() -> None:
    shown = "gọi 2 lần: 09 12 34-56.78 nhé".encode()
    assert identifiers_in(shown, KNOWN) == set()
    assert identifiers_in(shown, KNOWN, texts=True) == {b"0912345678"}


@pytest.mark.parametrize("made", MADE)
def test_what_nobody_wrote_is_left_out(made: str) -> None:
    assert identifiers_in(made.encode(), KNOWN, texts=True) == set()

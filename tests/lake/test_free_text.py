"""Identifiers that people write into texts do not stay there, however they group their digits."""

import re

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lake.free_text import scrub, without_own

GAPS = st.sampled_from(["", " ", ".", "-", "\u00a0"])
WORDS = st.sampled_from(
    ["Đề nghị xem xét,", "gọi cho tôi số", "theo hồ sơ", "(liên hệ", "CCCD:", "ngày 12/05/2026 lúc 8h"]
)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("CCCD 068090001234.", "CCCD [số định danh]."),
        ("cmnd 250 123 456", "cmnd [số định danh]"),
        ("gọi 0912.345.678 nhé", "gọi [điện thoại] nhé"),
        ("+84 912 345 678", "[điện thoại]"),
        ("(0263) 3822 345", "[điện thoại]"),
        ("thư tới an.nguyen+1@xa.lamdong.gov.vn", "thư tới [thư điện tử]"),
        ("xe 49A-123.45 đỗ", "xe [biển số] đỗ"),
        ("xe máy 49-B1 234.56", "xe máy [biển số]"),
        ("phí 250.000 đ, thửa 123 tờ 45, năm 2025", "phí 250.000 đ, thửa 123 tờ 45, năm 2025"),
        ("tổ 12, số nhà 34/5", "tổ 12, số nhà 34/5"),
    ],
)
def test_what_is_shown_instead(text: str, shown: str) -> None:
    assert scrub(pl.Series([text, None])).to_list() == [shown, None]


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(WORDS, st.from_regex(r"\A0\d{11}\Z|\A0\d{9}\Z|\A\d{9}\Z"), GAPS, st.integers(2, 6)),
        min_size=1,
        max_size=5,
    )
)
def test_no_number_of_a_person_stays_whatever_is_between_its_digits(
    parts: list[tuple[str, str, str, int]],
) -> None:
    grouped = [re.sub(rf"(\d{{{size}}})(?=\d)", rf"\1{gap}", number) for _, number, gap, size in parts]
    text = ", ".join(f"{words} {number} a" for (words, *_), number in zip(parts, grouped, strict=True))
    left = re.sub(r"12/05/2026 lúc 8", "", scrub(pl.Series([text]))[0])
    digits = re.sub(r"\D", "", left)
    assert not digits, left


def test_what_the_row_protects_is_not_in_its_text() -> None:
    texts = pl.Series(["Tôi là Trần Thị Bưởi, kính gửi", "Trần Thị Bưởi", None, "ngắn"])
    names = pl.Series(["Trần Thị Bưởi", "Lê Văn Cam", "Lê Văn Cam", "a"])
    assert without_own(texts, [names]).to_list() == [
        "Tôi là [thông tin của người gửi], kính gửi",
        "Trần Thị Bưởi",
        None,
        "ngắn",
    ]

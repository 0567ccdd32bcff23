"""Copies of letters are found whoever sends them, and letters that only open and close alike are none."""

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

from models_ml import petition_copies
from models_ml.petition_copies import SCHEMA, WINDOW_DAYS, find_copies
from simulator.petitions import generate_petitions
from simulator.province import read_communes

NOW = datetime(2026, 11, 30, tzinfo=UTC)
GREETING = "Kính gửi Chủ tịch Ủy ban nhân dân xã, tôi là người dân sinh sống tại thôn 3."
ROAD = "Tuyến đường liên thôn hư hỏng nặng, ổ gà dày đặc, học sinh đi học bị té ngã mà đã hai năm chưa ai sửa chữa."
PIGS = "Trại heo cạnh khu dân cư xả nước thải đen ngòm ra mương, giếng nước không dùng được nữa, cả xóm phải đóng cửa."
THANKS = "Rất mong lãnh đạo quan tâm giải quyết. Xin trân trọng cảm ơn."
# what others write about, each something else, between the same greeting and thanks
OTHERS = [f"{GREETING} {' '.join(f'việc{letter}{word}' for word in range(20))} {THANKS}" for letter in range(20)]


def letters(*bodies: str | None, senders: str = "") -> pl.DataFrame:
    """One a day, each of another sender unless told otherwise."""
    return pl.DataFrame(
        {
            "petition_id": [f"p{number}" for number in range(len(bodies))],
            "sender_pseudonym": list(senders) or [f"s{number}" for number in range(len(bodies))],
            "received_at": [NOW - timedelta(days=len(bodies) - number) for number in range(len(bodies))],
            "body": pl.Series(bodies, dtype=pl.String()),
        }
    )


def test_a_text_sent_again_is_a_copy_of_the_first_also_with_other_words_around_it() -> None:
    found = find_copies(
        letters(
            f"{GREETING} {ROAD} {THANKS}",
            f"{GREETING} {PIGS} {THANKS}",
            f"{GREETING} {ROAD} {THANKS}".upper(),
            f"{GREETING} {ROAD} Chúng tôi chờ phản hồi.",
            *OTHERS,
            senders="abac" + "n" * len(OTHERS),
        ),
        NOW,
    )
    assert dict(found.schema) == dict(SCHEMA)
    assert found.rows() == [("p2", "p0", True), ("p3", "p0", False)]


def test_greetings_and_thanks_in_common_make_no_copy() -> None:
    assert find_copies(letters(f"{GREETING} {ROAD} {THANKS}", f"{GREETING} {PIGS} {THANKS}", *OTHERS), NOW).is_empty()


def test_what_has_no_text_few_words_or_is_old_is_not_compared() -> None:
    few = letters("Đường hỏng nặng.", "Đường hỏng nặng.", None, ROAD)
    assert find_copies(few, NOW).is_empty()
    old = letters(ROAD, ROAD).with_columns(pl.col("received_at") - timedelta(days=WINDOW_DAYS))
    assert find_copies(old, NOW).is_empty()
    assert find_copies(letters(), NOW).is_empty()


def test_the_order_of_rows_and_the_size_of_the_pieces_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    some = letters(*[f"{GREETING} {body} {THANKS}" for body in (ROAD, PIGS, ROAD, PIGS, ROAD)])
    whole = find_copies(some, NOW)
    assert whole["copy_of"].to_list() == ["p0", "p1", "p0"]
    monkeypatch.setattr(petition_copies, "CHUNK", 2)
    assert find_copies(some.reverse(), NOW).equals(whole)


def test_what_neighbours_copied_in_the_stand_in_register_is_found() -> None:
    """All of it; of the other letters, made of the same parts, hardly any."""
    written = generate_petitions(read_communes(), date(2026, 9, 1), date(2026, 11, 29), 7, 1.0)
    known = written.unique("ma_don", keep="first", maintain_order=True).drop_nulls(["noi_dung", "ngay_nhan"])
    found = find_copies(
        known.select(
            petition_id="ma_don",
            sender_pseudonym="so_dinh_danh",
            received_at=pl.col("ngay_nhan").dt.replace_time_zone("UTC"),
            body="noi_dung",
        ),
        NOW,
    )
    told = known.filter(pl.col("ngay_nhan") > datetime(2026, 9, 2)).with_columns(
        found=pl.col("ma_don").is_in(found["petition_id"].to_list())
    )
    planted = told.filter("_copied")
    assert len(planted) > 10 and planted["found"].mean() > 0.95
    assert told.filter(~pl.col("_copied"))["found"].mean() < 0.03

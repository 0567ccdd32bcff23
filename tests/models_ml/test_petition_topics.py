"""Topics of petitions by weighted words, on letters as people write them, and the load that holds the labels."""

from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from lake.contract import read_contract
from models_ml import petition_topics
from models_ml.petition_topics import fold, label, read_rules, urgent
from simulator.petition_topics import TOPICS

CONTRACT = read_contract(
    Path(petition_topics.__file__).parents[1] / "lake" / "contracts" / "models" / "petition_labels.yaml"
)
NOW = datetime(2026, 11, 20, 18, tzinfo=UTC)
LETTERS = {
    "Ông B xây hàng rào lấn sang đất ở nhà tôi hơn một mét, đề nghị xã đo đạc lại": "land",
    "ong b lan chiem dat nong nghiep cua gia dinh toi": "land",
    "Nhà máy cạnh thôn xả thải ra kênh, nước đen và hôi thối": "environment",
    "Thanh niên tụ tập đua xe, đánh bạc, dân trong xóm bị mất trộm nhiều lần": "security",
    "Nộp hồ sơ trên cổng dịch vụ công hai tuần không ai trả kết quả": "procedures",
    "Đường liên xã đầy ổ gà, đèn đường hỏng cả tháng": "infrastructure",
    "Mẹ tôi là người có công mà ba tháng nay chưa được chi trả trợ cấp": "social_policy",
    "Tôi tố cáo kế toán xã khai khống chứng từ, tham ô tiền quỹ": "misconduct",
    "Loa phát thanh của ấp bật từ năm giờ sáng mỗi ngày làm chúng tôi mất ngủ": "other",
    "Đề nghị xem xét": "unclear",
    "Thửa đất có chất thải": "unclear",  # land and environment weigh the same
}


@pytest.mark.parametrize(("letter", "topic"), LETTERS.items())
def test_a_letter_is_about_its_topic(letter: str, topic: str) -> None:
    assert label(pl.Series([letter]), read_rules())["topic"].to_list() == [topic]


def test_words_count_whole() -> None:
    found = label(pl.Series(["buing mucrac thatthoatnuocs"]), read_rules())
    assert found.row(0) == ("unclear", 0.0)


def test_a_missing_text_is_unclear() -> None:
    found = label(pl.Series([None, ""], dtype=pl.String()), read_rules())
    assert found.rows() == [("unclear", 0.0), ("unclear", 0.0)]


def test_the_score_is_the_share_of_the_words_found() -> None:
    topic, score = label(pl.Series(["ô nhiễm, nước thải, công an"]), read_rules()).row(0)
    assert (topic, score) == ("environment", pytest.approx(6 / 7))


def test_accents_case_and_signs_do_not_count() -> None:
    assert fold("ĐẤT-ĐAI,  Thủ tục") == "dat dai thu tuc"


def test_a_word_named_twice_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "rules.yaml"
    file.write_text(
        "least_weight: 2\nleast_lead: 1\nfew_words: 8\ntopics: {land: {3: [đất ở], 1: [dat o]}}", encoding="utf-8"
    )
    with pytest.raises(ValueError, match="names a word twice"):
        read_rules(file)


def test_most_simulated_things_are_told_by_their_name_alone() -> None:
    """Harder than whole letters: the thing and what is wrong with it, without harm and wish."""
    right = total = 0
    for topic, parts in TOPICS.items():
        pairs = [f"{thing} {wrong}" for thing in parts.things for wrong in parts.wrongs]
        named = label(pl.Series(pairs), read_rules())["topic"]
        right += (named == {"procedure": "procedures"}.get(topic, topic)).sum()
        total += len(pairs)
    assert right / total > 0.8


def test_a_letter_that_tells_of_harm_is_urgent_and_one_without_a_text_is_not_judged() -> None:
    letters = [
        "Họ đe dọa và hành hung cha tôi, đề nghị can thiệp khẩn cấp.",
        "ĐƯỜNG SẠT LỞ, học sinh đi học rất NGUY HIỂM",
        "Sau khi sáp nhập xã, tôi nộp hồ sơ chưa có kết quả.",  # sập is no part of sáp nhập
        "",
        None,
    ]
    told = urgent(pl.Series(letters, dtype=pl.String()), read_rules())
    assert told.to_list() == [True, True, False, None, None]

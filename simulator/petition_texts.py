"""Texts of petitions, composed from the parts a Vietnamese petition has; most parts vary by topic and by letter.

None of the persons exists: names, numbers and addresses are made up.
"""

import numpy as np
import polars as pl

from simulator.arrivals import Whole
from simulator.petition_topics import TOPICS

_GREETINGS = [
    "Kính gửi {to},",
    "Kính thưa {to},",
    "Tôi xin gửi đến {to} lời trình bày sau.",
    "Kính đề nghị {to} quan tâm.",
    "",
]
_TO = [
    "Ủy ban nhân dân {xa}",
    "Chủ tịch Ủy ban nhân dân {xa}",
    "Thanh tra tỉnh",
    "Ban tiếp công dân tỉnh",
    "quý cơ quan",
]
_WHO = [
    "Tôi là người dân sinh sống tại",
    "Gia đình tôi ở",
    "Chúng tôi là các hộ dân thuộc",
    "Tôi hiện thường trú tại",
    "Tôi đại diện bà con",
]
_WHERE = ["thôn {n}", "tổ dân phố {n}", "xóm {n}", "khu phố {n}", "buôn {n}"]
_SINCE = [
    "Từ đầu năm đến nay",
    "Khoảng {n} tháng nay",
    "Sau khi sáp nhập xã",
    "Vừa qua",
    "Suốt mùa mưa này",
    "Từ ngày {n} tháng trước",
]
_SEEN = ["chúng tôi thấy", "tôi phản ánh việc", "xảy ra chuyện", "tôi rất bức xúc vì", "cần làm rõ việc", ""]
_LINKS = ["Hậu quả là", "Vì vậy", "Điều đó khiến", "Do đó", "Thực tế", "Cụ thể,"]
_TRIED = ["Tôi đã báo thôn trưởng nhưng chưa được giải quyết.", "Việc này đã nêu tại buổi tiếp xúc cử tri.",
          "Đã {n} lần gọi điện mà không ai trả lời.", "Xã có xuống xem rồi thôi.", "Chúng tôi đã gửi đơn lần thứ {n}.",
          "", "Cán bộ hẹn sẽ kiểm tra nhưng đến nay chưa có kết quả."]  # fmt: skip
_ASK = ["Kính mong các cấp", "Đề nghị cơ quan có thẩm quyền", "Tôi tha thiết mong", "Yêu cầu sớm", "Rất mong lãnh đạo"]
_BYE = [
    "Xin trân trọng cảm ơn.",
    "Tôi xin chịu trách nhiệm về nội dung trình bày.",
    "Xin cảm ơn!",
    "",
    "Kính đơn.",
    "Chúng tôi chờ phản hồi.",
]
_WITH_THEM = ["", "Tôi cùng ý kiến với bà con.", "Gia đình tôi cũng xin nêu việc này.", "Đơn của hộ chúng tôi."]
# whose number is given, by kind of identifier
_GIVEN = {
    "citizen_number": ["CCCD số {id}.", "Số định danh của tôi: {id}.", "Căn cước {id}, cấp tại Cục CSQLHC."],
    "phone": ["Liên hệ {id}.", "Xin gọi số {id} (gặp buổi tối).", "ĐT: {id}"],
    "email": ["Trả lời giúp qua {id} .", "Thư điện tử: {id}", "Ảnh chụp tôi gửi từ {id}."],
    "plate": ["Xe đổ trộm mang biển số {id}.", "Biển kiểm soát {id}.", "Tôi ghi lại được xe {id}."],
}  # fmt: skip
IDENTIFIERS = list(_GIVEN)
_BY_KIND = pl.coalesce(pl.when(pl.col("kind") == i).then(pl.col(str(i))) for i in range(len(_GIVEN)))


def compose(rng: np.random.Generator, topic: Whole, commune: pl.Series) -> pl.Series:
    """One text a letter. topic: rows of TOPICS; commune: names."""
    n = len(topic)
    number = pl.Series(rng.integers(2, 13, n)).cast(pl.String)
    of_topic = [_of_topic(rng, topic, part) for part in ("things", "wrongs", "harms", "wishes")]
    things, wrongs, harms, wishes = of_topic
    greeting, to = _pick(rng, _GREETINGS, n), _pick(rng, _TO, n)
    to = _filled(to, "{xa}", commune)
    sentences = [
        _filled(greeting, "{to}", to),
        _pick(rng, _WHO, n) + " " + _filled(_pick(rng, _WHERE, n), "{n}", number) + ", " + commune + ".",
        _filled(_pick(rng, _SINCE, n), "{n}", number) + ", " + _pick(rng, _SEEN, n) + " " + things + " " + wrongs + ".",
        _pick(rng, _LINKS, n) + " " + harms + ".",
        _filled(_pick(rng, _TRIED, n), "{n}", number),
        _pick(rng, _ASK, n) + " " + wishes + ".",
        _pick(rng, _BYE, n),
    ]
    table = pl.DataFrame({str(i): sentence for i, sentence in enumerate(sentences)})
    short = pl.Series(rng.random(n) < 0.25)  # many feedbacks by telephone are two sentences
    whole = table.select(pl.concat_str(pl.all(), separator=" ")).to_series()
    brief = table.select(pl.concat_str("2", "5", separator=" ")).to_series()
    text = brief.zip_with(short, whole)
    return text.str.replace_all(r"\s+", " ").str.replace_all(" ,", ",", literal=True).str.strip_chars()


def identifiers(rng: np.random.Generator, kind: Whole, people: pl.DataFrame) -> pl.Series:
    """What is planted into each letter: a citizen number, a telephone, an address or a plate, by kind."""
    n = len(kind)
    citizen, phone = people["citizen_number"], people["phone"]
    gap = _pick(rng, [".", " ", "-", ""], n)
    parts = pl.DataFrame({"a": phone.str.head(4), "b": phone.str.slice(4, 3), "c": phone.str.tail(3), "gap": gap})
    spaced = parts.select(pl.concat_str("a", "gap", "b", "gap", "c")).to_series()
    last = phone.str.tail(5)
    plate = pl.select(
        pl.concat_str(
            _pick(rng, ["49", "86", "48"], n),
            _pick(rng, list("ABCDFH"), n),
            pl.lit("-"),
            last.str.head(3),
            pl.lit("."),
            last.str.tail(2),
        )
    ).to_series()
    email = "nguoidan" + phone.str.tail(6) + "@" + _pick(rng, ["gmail.com", "yahoo.com.vn", "thuvien.edu.vn"], n)
    written = pl.DataFrame({"0": citizen, "1": spaced, "2": email, "3": plate, "kind": kind})
    return written.select(_BY_KIND).to_series()


def with_identifier(rng: np.random.Generator, text: pl.Series, kind: Whole, identifier: pl.Series) -> pl.Series:
    """The texts with a sentence that holds the identifier, where the kind is not negative."""
    lists = [_filled(_pick(rng, sentences, len(text)), "{id}", identifier) for sentences in _GIVEN.values()]
    given = pl.DataFrame({str(i): sentence for i, sentence in enumerate(lists)} | {"kind": kind})
    return (text + " " + given.select(_BY_KIND).to_series()).zip_with(pl.Series(kind >= 0), text)


def neighbours_copy(rng: np.random.Generator, text: pl.Series, first: Whole, copied: np.ndarray) -> pl.Series:
    """The texts with the first one's, and a sentence of the neighbour's own before it, where it is copied."""
    own = rng.spawn(1)[0]  # draws nothing from the others' sequence
    copy = _pick(own, _WITH_THEM, len(text)) + " " + text.gather(first)
    return copy.str.strip_chars().zip_with(pl.Series(copied), text)


def _pick(rng: np.random.Generator, words: list[str], n: int) -> pl.Series:
    return pl.Series(words).gather(rng.integers(0, len(words), n))


def _of_topic(rng: np.random.Generator, topic: Whole, part: str) -> pl.Series:
    """A word of each letter's topic."""
    lists = [getattr(one, part) for one in TOPICS.values()]
    first = np.cumsum([0, *(len(words) for words in lists)])[:-1]
    count = np.array([len(words) for words in lists])
    return pl.Series([word for words in lists for word in words]).gather(first[topic] + rng.integers(0, count[topic]))


def _filled(texts: pl.Series, mark: str, values: pl.Series) -> pl.Series:
    """The texts with the row's value in place of the mark."""
    parts = pl.DataFrame({"text": texts.str.split(mark), "value": values})
    return parts.select(pl.col("text").list.join(pl.col("value"))).to_series()

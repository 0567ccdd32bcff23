"""What officers write from the field, put together from parts of sentences, with identifiers in some of the texts."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

IDENTIFIER_SHARE = 0.15  # of the texts
IDENTIFIER_KINDS = ["phone", "citizen_number", "email", "plate", "own_number"]

_OPENINGS = ["Qua tuần tra", "Theo tin báo của người dân", "Khi kiểm tra địa bàn", "Sáng nay", "Chiều nay",
             "Trong buổi trực", "Tổ tự quản báo", "Đi cơ sở"]  # fmt: skip
_SEEN = ["phát hiện", "ghi nhận", "thấy", "nhận được phản ánh về", "chứng kiến"]
_MATTERS = [
    ["bãi rác tự phát", "nước thải đổ thẳng ra suối", "khói bụi từ cơ sở đốt than", "xác gia súc vứt ven đường",
     "bao bì thuốc bảo vệ thực vật vứt bừa bãi", "mùi hôi từ trại chăn nuôi", "rác xây dựng đổ trộm"],
    ["vỉa hè bị lấn chiếm", "biển quảng cáo dựng trái phép", "nắp cống bị mất", "đèn đường không sáng",
     "ổ gà trên mặt đường", "xe tải đỗ trái quy định", "công trình xây dựng không phép"],
    ["nhóm thanh niên tụ tập gây rối", "mất trộm nông sản", "cãi vã do tranh chấp đất", "đua xe trong đêm",
     "người lạ đến rao bán hàng nghi lừa đảo", "đánh bạc tại nhà dân", "hát karaoke quá giờ"],
    ["sạt lở taluy", "ngập cục bộ sau mưa lớn", "cây đổ chắn đường", "nhà tốc mái do lốc", "lũ cuốn trôi cầu tạm",
     "mưa đá làm hư nhà kính", "bờ sông bị xói lở"],
]  # fmt: skip
_WHERE = ["gần trường học", "sau chợ", "dọc bờ suối", "trên tuyến liên thôn", "đầu khu dân cư", "cạnh nhà văn hóa",
          "ngay ngã ba", "phía sau nhà máy chè"]  # fmt: skip
_EFFECTS = ["người dân rất bức xúc", "ảnh hưởng việc đi lại", "có nguy cơ mất an toàn", "chưa có thiệt hại về người",
            "đã nhiều lần nhắc nhở", "tình trạng kéo dài nhiều ngày", "một số hộ phải di dời tạm"]  # fmt: skip
_REQUESTS = ["Đề nghị xử lý sớm.", "Đã lập biên bản tại chỗ.", "Kính chuyển bộ phận chuyên môn xem xét.",
             "Cần hỗ trợ phương tiện.", "Đã căng dây cảnh báo.", "Sẽ theo dõi và báo cáo tiếp."]  # fmt: skip
_LEADS = {
    "phone": "Liên hệ người báo tin: ",
    "citizen_number": "Người vi phạm có số định danh ",
    "email": "Hình ảnh đã gửi tới ",
    "plate": "Phương tiện liên quan mang biển số ",
    "own_number": "Cán bộ lập phiếu: ",
}
_HAMLETS = ["Thôn", "Tổ dân phố", "Buôn", "Khu phố"]
_ROADS = ["đường liên xã", "quốc lộ 20", "đường tỉnh 725", "hẻm chợ", "đường vào đập", "ven hồ"]


def compose_texts(
    rng: np.random.Generator, category: NDArray[np.int64], old_province: pl.Series, own: pl.Series
) -> pl.DataFrame:
    """Columns place, text, identifier_kind and identifier (as it stands in the text; null in most), one row a report.

    own: the officers' citizen numbers.
    """
    n = len(category)

    def pick(parts: list[str]) -> pl.Series:
        return pl.Series(parts, dtype=pl.String).gather(rng.integers(0, len(parts), n))

    matters = [part for parts in _MATTERS for part in parts]
    width = len(_MATTERS[0])
    matter = pl.Series(matters).gather(category * width + rng.integers(0, width, n))
    named = pl.Series(rng.random(n) < IDENTIFIER_SHARE)
    kind = pl.Series(IDENTIFIER_KINDS).gather(rng.integers(0, len(IDENTIFIER_KINDS), n))
    frame = pl.DataFrame(
        {
            "opening": pick(_OPENINGS),
            "seen": pick(_SEEN),
            "matter": matter,
            "where": pick(_WHERE),
            "effect": pick(_EFFECTS),
            "request": pick(_REQUESTS),
            "kind": kind,
            "planted": _identifiers(rng, n, kind, old_province, own),
            "number": rng.integers(1, 18, n),
            "hamlet": pick(_HAMLETS),
            "road": pick(_ROADS),
        }
    )
    return frame.select(
        place=pl.format("{} {}, {}", "hamlet", "number", "road"),
        identifier_kind=pl.when(named).then("kind"),
        identifier=pl.when(named).then("planted"),
        text=pl.concat_str(
            pl.format("{} {} {} {}, {}. ", "opening", "seen", "matter", "where", "effect"),
            pl.when(named)
            .then(pl.concat_str(pl.col("kind").replace_strict(_LEADS), "planted", pl.lit(". ")))
            .otherwise(pl.lit("")),
            "request",
        ),
    )


def _identifiers(
    rng: np.random.Generator, n: int, kind: pl.Series, old_province: pl.Series, own: pl.Series
) -> pl.Series:
    """Telephone and citizen numbers grouped by different signs, e-mail addresses, number plates, officers' numbers."""
    digits = [pl.Series(rng.integers(0, 1000, n)).cast(pl.String).str.zfill(3) for _ in range(3)]
    signs = pl.Series(["", " ", ".", "-"]).gather(rng.integers(0, 4, n))
    prefix = pl.Series(["09", "03", "07", "08", "05"]).gather(rng.integers(0, 5, n))
    first = pl.Series(rng.integers(0, 100, n)).cast(pl.String).str.zfill(2)
    letter = pl.Series(list("ABCDEFHK")).gather(rng.integers(0, 8, n))
    host = pl.Series(["gmail.com", "yahoo.com.vn", "lamdong.example.vn"]).gather(rng.integers(0, 3, n))
    name = pl.Series(["thon.truong", "to_tu_quan", "nguoidan", "banchihuy"]).gather(rng.integers(0, 4, n))
    frame = pl.DataFrame(
        {
            "kind": kind, "a": digits[0], "b": digits[1], "c": digits[2], "s": signs, "prefix": prefix, "first": first,
            "letter": letter, "host": host, "name": name, "province": old_province, "own": own,
        }
    )  # fmt: skip
    written = {
        "phone": pl.concat_str("prefix", pl.col("first"), "s", "a", "s", "b"),
        "citizen_number": pl.concat_str(
            pl.lit("0"), "province", "s", pl.col("first").str.head(1), "first", "s", "a", "s", "b"
        ),
        "email": pl.concat_str("name", pl.lit("."), "a", pl.lit("@"), "host"),
        "plate": pl.concat_str(pl.lit("49"), "letter", pl.lit("-"), "a", pl.lit("."), pl.col("b").str.head(2)),
        "own_number": pl.col("own"),
    }
    chosen = pl.coalesce(pl.when(pl.col("kind") == name).then(text) for name, text in written.items())
    return frame.select(chosen).to_series()

"""The kinds of faults that records are refused for (CV 4856/BCA-TTDLQG), by reason code.

The first pattern that fits tells (SQL LIKE). The dimension is the one of quality that a fault counts against: valid
(Đúng), complete (Đủ), unique (Sạch), fresh (Sống), consistent (Thống nhất). Days: working days to mend the record; of
several faults the shortest term counts.
"""

import polars as pl

MISSING = ("missing", "Thiếu thông tin")
OUTLIER = ("outlier", "Giá trị bất thường")
DUPLICATE = ("duplicate", "Trùng lặp")
FORMAT = ("format", "Sai định dạng")
FOREIGN_KEY = ("foreign_key", "Không có trong danh mục")
CROSS_FIELD = ("cross_field", "Mâu thuẫn giữa các trường")
STALE = ("stale", "Quá cũ")
MISMATCH = ("mismatch", "Lệch với nguồn quốc gia")

LONGEST_REPAIR = 15
# code, kind, dimension, working days
ERROR_KINDS = [
    ("identifier:%", FORMAT, "valid", 5),
    ("missing:%", MISSING, "complete", 5),
    ("pattern:%", FORMAT, "valid", 5),
    ("duplicate", DUPLICATE, "unique", 10),
    ("type:%", FORMAT, "valid", 10),
    ("value:%", FOREIGN_KEY, "valid", 10),
    ("unknown_unit:%", FOREIGN_KEY, "consistent", 10),
    ("mismatch:%", MISMATCH, "consistent", 10),
    ("range:%", OUTLIER, "valid", LONGEST_REPAIR),
    ("future:%", OUTLIER, "valid", LONGEST_REPAIR),
    ("check:%_range", OUTLIER, "valid", LONGEST_REPAIR),
    ("check:%out_of_bounds", OUTLIER, "valid", LONGEST_REPAIR),
    ("check:stale", STALE, "fresh", LONGEST_REPAIR),
    ("check:%_long_ago", STALE, "fresh", LONGEST_REPAIR),
    ("check:closed_before_month", STALE, "fresh", LONGEST_REPAIR),
    ("%", CROSS_FIELD, "valid", LONGEST_REPAIR),
]


def error_kinds() -> pl.DataFrame:
    """The kinds in order as a table: rank, code, kind, kind_vi, dimension, repair_days."""
    rows = [(rank, code, *kind, dimension, days) for rank, (code, kind, dimension, days) in enumerate(ERROR_KINDS)]
    schema = {
        "rank": pl.Int64(),
        "code": pl.String(),
        "kind": pl.String(),
        "kind_vi": pl.String(),
        "dimension": pl.String(),
        "repair_days": pl.Int64(),
    }
    return pl.DataFrame(rows, schema=schema, orient="row")


def repair_days() -> dict[str, int]:
    """Working days by what a code begins with; what is not named has LONGEST_REPAIR."""
    return {code.partition(":")[0]: days for code, _, _, days in ERROR_KINDS if days < LONGEST_REPAIR}

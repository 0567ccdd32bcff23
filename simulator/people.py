"""Made-up citizens: numbers, names and telephones that follow from a person's index, so that people come back."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

_SURNAMES = ["Nguyễn", "Trần", "Lê", "Phạm", "Hoàng", "Phan", "Vũ", "Đặng", "Bùi", "Đỗ", "Hồ", "Ngô", "Dương", "Lý",
             "K'", "Ka", "Cil", "Lơ Mu"]  # fmt: skip
_MIDDLE = {"female": ["Thị", "Ngọc", "Thanh", "Thu", "Kim"], "male": ["Văn", "Đức", "Hữu", "Quốc", "Minh"]}
_GIVEN = ["An", "Bình", "Châu", "Dung", "Giang", "Hà", "Hải", "Hạnh", "Hiếu", "Hoa", "Hương", "Khánh", "Lan", "Linh",
          "Long", "Mai", "Minh", "Nam", "Nga", "Ngân", "Phúc", "Phương", "Quân", "Sơn", "Tâm", "Thảo", "Trang", "Tuấn",
          "Vân", "Yến"]  # fmt: skip


def describe_people(
    person: NDArray[np.int64], birth_year: NDArray[np.int64], female: NDArray[np.bool_], old_province: pl.Series
) -> pl.DataFrame:
    """Columns citizen_number (12 digits: province, sex and century, year, serial), name, phone, one row a person."""
    mixed = _mix(person)
    century = np.where(birth_year >= 2000, 2, 0) + female.astype(np.int64)
    middle = np.where(female, 0, len(_MIDDLE["female"])) + (mixed >> 8) % 5
    frame = pl.DataFrame(
        {
            "province": old_province,
            "century": century,
            "year": birth_year % 100,
            "serial": mixed % 1_000_000,
            "surname": pl.Series(_SURNAMES).gather(_skewed(mixed >> 12, len(_SURNAMES))),
            "middle": pl.Series(_MIDDLE["female"] + _MIDDLE["male"]).gather(middle),
            "given": pl.Series(_GIVEN).gather((mixed >> 20) % len(_GIVEN)),
            "line": (mixed >> 3) % 100_000_000,
        }
    )
    return frame.select(
        pl.concat_str(
            pl.lit("0"),
            "province",
            pl.col("century").cast(pl.String),
            pl.col("year").cast(pl.String).str.zfill(2),
            pl.col("serial").cast(pl.String).str.zfill(6),
        ).alias("citizen_number"),
        pl.concat_str("surname", "middle", "given", separator=" ").alias("name"),
        pl.concat_str(pl.lit("09"), pl.col("line").cast(pl.String).str.zfill(8)).alias("phone"),
    )


def _mix(values: NDArray[np.int64]) -> NDArray[np.int64]:
    """Scatter indexes over 62 bits (the finaliser of splitmix64), so that neighbours look unrelated."""
    z = values.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return ((z ^ (z >> np.uint64(31))) >> np.uint64(2)).astype(np.int64)


def _skewed(values: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """Indexes below count, the first ones more frequent, as surnames are."""
    share = (values % 10_000) / 10_000
    return (share**1.8 * count).astype(np.int64)

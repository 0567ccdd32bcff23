"""Provinces dissolved before 2025: statistics of their time name them still.

The heirs are named by their codes of 2008–2025, from which today's province follows. Only Hà Tây had a code in the
catalogue of 2004; the others get one made of the first heir's code and their last year. A province that kept its name
when a part of it became another one (Hậu Giang, Đắk Lắk, Lai Châu, Cần Thơ) is not here: a name alone cannot tell which
of both is meant, and the one that kept it is taken.
"""

from datetime import date

import polars as pl

from lake.apportionment import exact_shares

FORMER = [
    ("28", "Hà Tây", date(2008, 8, 1), ["01"]),
    ("19-1996", "Bắc Thái", date(1997, 1, 1), ["19", "06"]),
    ("24-1996", "Hà Bắc", date(1997, 1, 1), ["24", "27"]),
    ("25-1996", "Vĩnh Phú", date(1997, 1, 1), ["25", "26"]),
    ("30-1996", "Hải Hưng", date(1997, 1, 1), ["30", "33"]),
    ("36-1996", "Nam Hà", date(1997, 1, 1), ["36", "35"]),
    ("49-1996", "Quảng Nam - Đà Nẵng", date(1997, 1, 1), ["49", "48"]),
    ("74-1996", "Sông Bé", date(1997, 1, 1), ["74", "70"]),
    ("96-1996", "Minh Hải", date(1997, 1, 1), ["96", "95"]),
    ("36-1991", "Hà Nam Ninh", date(1992, 1, 1), ["36", "35", "37"]),
    ("17-1991", "Hà Sơn Bình", date(1992, 1, 1), ["17", "01"]),
    ("08-1991", "Hà Tuyên", date(1992, 1, 1), ["08", "02"]),
    ("15-1991", "Hoàng Liên Sơn", date(1992, 1, 1), ["15", "10"]),
    ("64-1991", "Gia Lai - Kon Tum", date(1992, 1, 1), ["64", "62"]),
    ("86-1991", "Cửu Long", date(1992, 1, 1), ["86", "84"]),
    ("60-1991", "Thuận Hải", date(1992, 1, 1), ["60", "58"]),
    ("40-1990", "Nghệ Tĩnh", date(1991, 1, 1), ["40", "42"]),
    ("46-1989", "Bình Trị Thiên", date(1989, 7, 1), ["46", "44", "45"]),
    ("52-1989", "Nghĩa Bình", date(1989, 7, 1), ["52", "51"]),
    ("56-1989", "Phú Khánh", date(1989, 7, 1), ["56", "54"]),
]  # code, name, first day of the heirs, heirs


def former_provinces(changes: pl.DataFrame) -> pl.DataFrame:
    """Rows for the crosswalk from the former provinces to today's.

    changes: the provinces dissolved in 2025, with `old_code` and `new_code`. Columns: level, old_code, old_name,
    old_province_code, new_code, effective_date, weight (equal shares of the heirs of 2008–2025, as nobody
    counted better ones), weight_by, apportioned.
    """
    former = pl.DataFrame(FORMER, schema=["old_code", "old_name", "effective_date", "heir"], orient="row").explode(
        "heir"
    )
    heirs = changes.filter(level="province").select("new_code", heir="old_code")
    successors = former.join(heirs, on="heir", how="left").with_columns(weight=pl.lit(1.0))
    return (
        successors.group_by("old_code", "old_name", "effective_date", "new_code", maintain_order=True)
        .agg(pl.col("weight").sum())
        .with_columns(level=pl.lit("province"), old_province_code="old_code")
        .with_columns(apportioned=pl.len().over("old_code") > 1)
        .with_columns(weight_by=pl.when("apportioned").then(pl.lit("equal")).otherwise(pl.lit("whole")))
        .with_columns(pl.col("weight").map_batches(_exact, return_dtype=pl.Float64()).over("old_code"))
    )


def _exact(heirs: pl.Series) -> pl.Series:
    return pl.Series(exact_shares(heirs.to_list()))

"""Administrative units of today and of their time, by code or by name."""

import unicodedata
from dataclasses import dataclass
from datetime import date

import polars as pl

from lake.contract import UnitReference

MERGER = date(2025, 7, 1)  # two levels since then; codes before and after overlap, so a date decides
KINDS = r"^(tinh|thanh pho|tp\.?|thu do|xa|phuong|dac khu|thi tran) "


@dataclass(frozen=True)
class Units:
    """Today's units (admin.units) and the crosswalk from those dissolved on 2025-07-01 (admin.unit_changes)."""

    today: pl.DataFrame
    changes: pl.DataFrame

    def resolve(self, values: pl.Series, reference: UnitReference, at: pl.Series | None) -> pl.Series:
        """Codes of the units named by `values` (text), null where no unit is meant.

        By code: a code of today stays; an older one becomes its only successor. By name: accents, dashes, case and
        the kind of unit do not matter. With `at` (dates) a row before the merger gets the code of its time.
        """
        today = self.today.filter(pl.col("level") == reference.level)
        changes = self.changes.filter(pl.col("level") == reference.level)
        if reference.by == "code":
            now = _lookup(today["unit_code"], today["unit_code"])
            before = _lookup(changes["old_code"], changes["old_code" if reference.at else "new_code"])
        else:
            now = _lookup(fold(today["short_name"]), today["unit_code"])
            codes = changes["old_code" if reference.at else "new_code"]
            before = _lookup(fold(pl.concat([changes["old_name"], changes["former_name"]])), pl.concat([codes, codes]))
        asked = pl.DataFrame({"asked": values if reference.by == "code" else fold(values)})
        found = asked.join(now.rename({"code": "now"}), on="asked", how="left", maintain_order="left").join(
            before.rename({"code": "before"}), on="asked", how="left", maintain_order="left"
        )
        if at is None:
            return found.select(pl.coalesce("now", "before")).to_series()
        return found.select(
            pl.when((at < MERGER).fill_null(False)).then("before").otherwise("now").alias("code")
        ).to_series()


def _lookup(names: pl.Series, codes: pl.Series) -> pl.DataFrame:
    """`asked` → `code`, without names that mean several units."""
    pairs = pl.DataFrame({"asked": names, "code": codes}).unique()
    return pairs.filter(pl.col("asked").is_not_null() & pl.col("asked").is_unique())


def fold(names: pl.Series) -> pl.Series:
    """Names without accents, case, punctuation, doubled blanks and kind of unit, for comparison only."""
    distinct = names.unique().drop_nulls()
    plain = pl.Series([_plain(name) for name in distinct], dtype=pl.String())
    folded = plain.str.replace_all(r"[^a-z0-9]+", " ").str.strip_chars().str.replace(KINDS, "").str.replace_all(" ", "")
    return names.replace_strict(distinct, folded, default=None, return_dtype=pl.String())


def _plain(name: str) -> str:
    letters = unicodedata.normalize("NFKD", name.casefold().replace("đ", "d"))
    return "".join(letter for letter in letters if not unicodedata.combining(letter))

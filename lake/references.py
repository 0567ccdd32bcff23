"""Administrative units of today and of their time, by code or by name."""

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property

import polars as pl

from lake.contract import UnitReference

MERGER = date(2025, 7, 1)  # two levels since then; codes before and after overlap, so a date decides
KINDS = r"^(tinh|thanh pho|tp|thu do|xa|phuong|dac khu|thi tran) "
ACCENTED_KINDS = r"^(tỉnh|thành phố|tp|thủ đô|xã|phường|đặc khu|thị trấn) "
KINDS_AFTER = r" (province|city)$"
CROSSWALK_NAMES = ("old_name", "former_name")
# short forms and older spellings that offices write, by their folded spelling
ABBREVIATIONS = {
    "hcm": "hochiminh",
    "tphcm": "hochiminh",
    "hochiminhcity": "hochiminh",
    "brvt": "bariavungtau",
    "dacklak": "daklak",
}
CODE_WIDTH = {"province": 2, "commune": 5}


@dataclass(frozen=True)
class Units:
    """Today's units (admin.units) and the crosswalk from those dissolved on 2025-07-01 or before (admin.unit_changes).

    province: the province served. Communes are named within it first, because many share a name.
    """

    today: pl.DataFrame
    changes: pl.DataFrame
    province: str | None = None
    _found: dict[tuple[str, str], dict[str, str | None]] = field(default_factory=dict, repr=False, compare=False)
    _agreed: dict[str, bool] = field(default_factory=dict, repr=False, compare=False)  # what was asked before

    def resolve(self, values: pl.Series, reference: UnitReference, at: pl.Series | None) -> pl.Series:
        """Codes of the units named by `values` (text), null where no unit is meant.

        By code: leading zeros that a spreadsheet ate are given back; a code of today stays, an older one becomes
        its only successor. By name: dashes, case and the kind of unit do not matter, and accents only where several
        units differ by nothing else. With `at` (dates) a row before the merger gets the code of its time.
        """
        if reference.by == "code":
            now = self._each(values, reference.level, "code today")
            before = self._each(values, reference.level, "code before" if reference.at else "code of heirs")
            return _at(at, now, before) if at is not None else now.zip_with(now.is_not_null(), before)
        if at is None:
            return self._each(values, reference.level, "name")
        today = self._each(values, reference.level, "name today")
        return _at(at, today, self._each(values, reference.level, "name before"))

    def _each(self, values: pl.Series, level: str, way: str) -> pl.Series:
        """The code of each value by one of the ways, every distinct value being looked up once and then remembered."""
        known = self._found.setdefault((level, way), {})
        distinct = values.unique().drop_nulls()
        new = [value for value in distinct.to_list() if value not in known]
        if new:
            asked = pl.Series(new, dtype=pl.String())
            known.update(zip(new, self._look_up(asked, level, way).to_list(), strict=True))
        codes = pl.Series([known[value] for value in distinct.to_list()], dtype=pl.String())
        return values.replace_strict(distinct, codes, default=None, return_dtype=pl.String())

    def _look_up(self, asked: pl.Series, level: str, way: str) -> pl.Series:
        of_level = pl.lit(True) if level == "any" else pl.col("level") == level
        if way.startswith("code"):
            padded = asked.str.zfill(CODE_WIDTH.get(level, 0))
            if way == "code today":
                today = self.today.filter(of_level)["unit_code"]
                return _find(padded, today, today)
            changes = self.changes.filter(of_level)
            return _find(padded, changes["old_code"], changes["old_code" if way == "code before" else "new_code"])
        own_new, new, own_old, old = self._named(level, dated=way != "name")
        lists = {"name today": [own_new, new], "name before": [own_old, old], "name": [own_new, own_old, new, old]}
        return _by_name(asked, lists[way])

    def _named(self, level: str, dated: bool) -> tuple[pl.DataFrame, ...]:
        """Units of today and older ones by code and name in both spellings; of each the own province's first."""
        of_level = pl.lit(True) if level == "any" else pl.col("level") == level
        today = self.today.filter(of_level)
        changes = self.changes.filter(of_level).with_columns(code="old_code" if dated else "new_code")
        new = _spelt(today.select("province_code", code="unit_code", name="short_name"))
        # an older unit belongs to the province that its successors lie in: today's province has several old ones
        heirs = changes.join(today.select("province_code", new_code="unit_code"), on="new_code")
        old = _spelt(pl.concat(heirs.select("province_code", "code", name=name) for name in CROSSWALK_NAMES))
        return self._own(new), new, self._own(old), old

    def agrees(self, names: pl.Series, codes: pl.Series) -> pl.Series:
        """Whether each name is one that the unit of its code bears or that a unit merged into it bore.

        names: text as the source gives it. codes: today's. Spellings do not matter, as in resolve(). Where a name or a
        code is missing, or no unit has the code, there is nothing to compare with: true.
        """
        pairs = _as_text(pl.DataFrame({"code": codes, "name": names}))
        distinct = pairs.unique().drop_nulls()
        new = [pair for pair in distinct.to_list() if pair not in self._agreed]
        if new:
            parts = pl.Series(new, dtype=pl.String()).str.splitn("\t", 2).struct
            asked = pl.DataFrame({"code": parts.field("field_0"), "name": fold(parts.field("field_1"))})
            agreed = _among(_as_text(asked), self._borne) | ~_among(asked["code"], self._borne_codes)
            self._agreed.update(zip(new, agreed.to_list(), strict=True))
        told = pl.Series([self._agreed[pair] for pair in distinct.to_list()], dtype=pl.Boolean())
        return pairs.replace_strict(distinct, told, default=True, return_dtype=pl.Boolean())

    @cached_property
    def _borne(self) -> pl.Series:
        """Every code with a name that its unit bears or bore, folded, in order; spelt once for all files of a run."""
        today = self.today.select(code="unit_code", name="short_name")
        former = [
            self.changes.select(code=code, name=name) for code in ("new_code", "old_code") for name in CROSSWALK_NAMES
        ]
        known = pl.concat([today, *former]).drop_nulls()
        return _as_text(known.select("code", name=fold(known["name"]))).unique().sort()

    @cached_property
    def _borne_codes(self) -> pl.Series:
        """The codes of the units that bear a name, in order."""
        return self._borne.str.split("\t").list.first().unique().sort()

    def _own(self, named: pl.DataFrame) -> pl.DataFrame:
        return named.filter(province_code=self.province) if self.province else named.clear()


def _as_text(pairs: pl.DataFrame) -> pl.Series:
    return pairs.select(pl.concat_str("code", "name", separator="\t")).to_series()


def _among(asked: pl.Series, ordered: pl.Series) -> pl.Series:
    """Which values are in an ordered list; a missing one is not. No table of the list is made for every few values."""
    if ordered.is_empty():
        return pl.repeat(False, len(asked), eager=True)
    place = ordered.search_sorted(asked.fill_null("")).clip(upper_bound=len(ordered) - 1)
    return (ordered.gather(place) == asked).fill_null(False)


def _spelt(named: pl.DataFrame) -> pl.DataFrame:
    return named.with_columns(plain(named["name"]).alias("plain"), fold(named["name"]).alias("fold"))


def _by_name(values: pl.Series, lists: list[pl.DataFrame]) -> pl.Series:
    """Codes by the first list that knows a name, in its exact spelling before the folded one.

    A name that means several units of that list means none: a later list could only guess.
    """
    spelt = {"plain": plain(values), "fold": fold(values)}
    distinct = spelt["fold"].unique().drop_nulls().implode()
    found = pl.Series([None] * len(values), dtype=pl.String())
    settled = pl.repeat(False, len(values), eager=True)
    for named in lists:
        for same, asked in spelt.items():
            code = _find(asked, named[same], named["code"])
            found = found.zip_with(found.is_not_null() | settled, code)
        known = named["fold"].filter(named["fold"].is_in(distinct)).unique()
        settled |= spelt["fold"].is_in(known.implode()).fill_null(True)
    return found


def _at(days: pl.Series, now: pl.Series, before: pl.Series) -> pl.Series:
    """The code of the unit's time."""
    return before.zip_with((days < MERGER).fill_null(False), now)


def _find(asked: pl.Series, names: pl.Series, codes: pl.Series) -> pl.Series:
    """The code of each name, null for names that mean no unit or several."""
    wanted = asked.unique().drop_nulls().implode()  # few of the thousands there are
    pairs = pl.DataFrame({"asked": names, "code": codes}).filter(pl.col("asked").is_in(wanted)).unique()
    pairs = pairs.filter(pl.col("asked").is_unique())
    return asked.replace_strict(pairs["asked"], pairs["code"], default=None, return_dtype=pl.String())


def plain(names: pl.Series) -> pl.Series:
    """Names without case, punctuation and kind of unit, with their accents; for comparison only."""
    return _each(names, _with_accents, r"[^\p{L}\p{N}]+", ACCENTED_KINDS)


def fold(names: pl.Series) -> pl.Series:
    """Names without accents, case, punctuation, blanks and kind of unit; for comparison only."""
    return _each(names, _without_accents, r"[^a-z0-9]+", KINDS).replace(ABBREVIATIONS)


def _each(names: pl.Series, spelt: Callable[[str], str], other: str, kinds: str) -> pl.Series:
    """The names spelt so, without what matches `other` and without a kind of unit before or after."""
    distinct = names.unique().drop_nulls()
    words = pl.Series([spelt(name) for name in distinct], dtype=pl.String()).str.replace_all(other, " ")
    short = words.str.strip_chars().str.replace(kinds, "").str.replace(KINDS_AFTER, "").str.replace_all(" ", "")
    return names.replace_strict(distinct, short, default=None, return_dtype=pl.String())


def _with_accents(name: str) -> str:
    return unicodedata.normalize("NFC", name.casefold())


def _without_accents(name: str) -> str:
    letters = unicodedata.normalize("NFKD", name.casefold().replace("đ", "d"))
    return "".join(letter for letter in letters if not unicodedata.combining(letter))

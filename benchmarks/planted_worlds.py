"""Events of the stand-in sources by commune and day, with the outbreaks, hot-spots and waves planted in them."""

from datetime import date, timedelta
from typing import NamedTuple

import numpy as np
import polars as pl

from models_ml.scan import Counts
from simulator.cases import draw_onsets, plan_outbreak
from simulator.epidemics import weekly_cases
from simulator.incidents import generate_incidents, plan_hot_spots
from simulator.petitions import generate_petitions, plan_waves
from simulator.province import read_communes
from simulator.weather import monthly_weather

END = date(2026, 11, 23)  # a Monday: nothing is looked at after it
WEEKS = 150  # known before it
DELAYS = (0.17, 0.33, 0.27, 0.14, 0.09)  # share of the cases reported 0, 1, … days after onset, as the register has it
OUTBREAK_EVERY = 8  # weeks
OUTBREAK_WEEKS = 7
OUTBREAKS = 6


class Stream(NamedTuple):
    """events: item, unit (row of places), day, known_on (day). planted: item, unit, from_day, to_day (after it)."""

    name: str
    items: list[str]
    places: pl.DataFrame
    first: date
    events: pl.DataFrame
    planted: pl.DataFrame

    def counts(self, until: date, known_before: date | None = None) -> Counts:
        """(items, units, weeks) of the complete weeks before a Monday, of what was known before a day."""
        rows = self.events.filter(pl.col("day") >= self.first, pl.col("day") < until)
        if known_before is not None:
            rows = rows.filter(pl.col("known_on") < known_before)
        cells = rows.select(
            pl.col("item").replace_strict({name: n for n, name in enumerate(self.items)}),
            "unit",
            (pl.col("day") - self.first).dt.total_days() // 7,
        ).to_numpy()
        weeks = (until - self.first).days // 7
        shape = len(self.items), len(self.places), weeks
        flat = np.ravel_multi_index(cells.T.astype(np.int64), shape)
        return np.bincount(flat, minlength=int(np.prod(shape))).reshape(shape)


def streams(seed: int) -> list[Stream]:
    """Cases, incidents and petitions of one world."""
    units = read_communes()
    places = units.select(unit_code="code", latitude="latitude", longitude="longitude")
    start = (END - timedelta(weeks=WEEKS)).replace(day=1)
    first = END - timedelta(weeks=WEEKS)
    return [_cases(units, places, first, seed), _incidents(units, places, start, first, seed),
            _petitions(units, places, start, first, seed)]  # fmt: skip


def _cases(units: pl.DataFrame, places: pl.DataFrame, first: date, seed: int) -> Stream:
    last = np.datetime64(END)
    weekly = weekly_cases(units, monthly_weather(last + 40, seed), last, seed, 1.0)
    onsets = draw_onsets(weekly, seed).filter(pl.col("onset") >= first)
    anchors = [END - timedelta(weeks=4 + OUTBREAK_EVERY * number) for number in range(OUTBREAKS)]
    outbreaks = [plan_outbreak(units, onsets, anchor, seed * 100 + n) for n, anchor in enumerate(anchors)]
    planted = pl.DataFrame(
        {
            "item": [outbreak["disease"][0] for outbreak in outbreaks],
            "unit": [outbreak["unit"][0] for outbreak in outbreaks],
            "from_day": [anchor - timedelta(weeks=4) for anchor in anchors],
        }
    ).with_columns(to_day=pl.col("from_day") + timedelta(weeks=OUTBREAK_WEEKS))
    events = pl.concat([onsets, *outbreaks]).select(item="disease", unit="unit", day=pl.col("onset").cast(pl.Date))
    delay = np.random.default_rng([seed, 900]).choice(len(DELAYS), len(events), p=DELAYS)
    events = events.with_columns(known_on=pl.col("day") + pl.duration(days=pl.Series(delay)))
    return Stream("cases", sorted(events["item"].unique()), places, first, events, planted)


def _incidents(units: pl.DataFrame, places: pl.DataFrame, start: date, first: date, seed: int) -> Stream:
    rows = generate_incidents(units, start, END, seed, 1.0).unique("ma_vu_viec", keep="first", maintain_order=True)
    planted = plan_hot_spots(units, start, END, seed).with_columns(item=pl.lit("theft"))
    return _stream("incidents", rows, "loai_vu_viec", "xay_ra_luc", places, first, planted)


def _petitions(units: pl.DataFrame, places: pl.DataFrame, start: date, first: date, seed: int) -> Stream:
    rows = generate_petitions(units, start, END, seed, 1.0).unique("ma_don", keep="first", maintain_order=True)
    planted = plan_waves(units, start, END, seed).with_columns(item="topic")
    return _stream("petitions", rows, "_topic", "ngay_nhan", places, first, planted)


def _stream(
    name: str, rows: pl.DataFrame, item: str, at: str, places: pl.DataFrame, first: date, planted: pl.DataFrame
) -> Stream:
    """Of registers whose events are known the same day; rows that are spoilt are left out."""
    day = pl.col(at).cast(pl.Date)
    numbers = {code: number for number, code in enumerate(places["unit_code"])}
    events = rows.filter(pl.col("_bad").is_null()).select(
        item=item, unit=pl.col("ma_xa").replace_strict(numbers), day=day, known_on=day
    )
    looked_at = planted.select("item", "unit", "from_day", "to_day")
    return Stream(name, sorted(events["item"].unique()), places, first, events, looked_at)

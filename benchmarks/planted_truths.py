"""How surely and how soon planted outbreaks, hot-spots and waves of petitions are found, and what is raised besides.

Every world is looked at on the Mondays of its last year, with what was known on that day: cases are reported late.
Found: the planted commune is raised for the planted disease, kind or topic while it lasts or in the week after. False:
what is raised and holds no planted commune of that time, counted once as long as it goes on from look to look.

Run: python -m benchmarks.planted_truths [--seeds 20] [--workers 2]
"""

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from datetime import date, timedelta
from typing import NamedTuple

import numpy as np
import polars as pl
from scipy.stats import norm

from benchmarks.planted_worlds import END, Stream, streams
from models_ml import clusters
from models_ml.detectors import ears_c2
from models_ml.hotspots import next_month
from models_ml.nowcast import known_shares
from models_ml.panel import Floats
from models_ml.scan import Counts
from models_ml.warnings import FEWEST_WEEKS, SEASON_DAYS, weeks_above_limit, worth_telling

LOOKS = 52
AFTER = timedelta(weeks=1)  # of the end, in which it is still found
OVER = timedelta(weeks=8)  # after the end, in which what is raised there is not false
PROBABILITIES = (0.9, 0.95, 0.98, 0.99, 0.995, 0.999, 0.9999)
EARS = (0.05, 0.01, 0.001)
SEVERITIES = ("watch", "warning", "alarm")
Alarm = tuple[int, frozenset[int]]  # item, communes
DAYS_A_MONTH = 30.4375


class Look(NamedTuple):
    """A stream as it was known on a Monday."""

    stream: Stream
    day: date
    counts: Counts
    past: list[Floats]  # of each item, the highest excess by the end of each week
    former: dict[str, list[Alarm]]  # of the look before, by method


def warning_rule(look: Look) -> dict[str, list[Alarm]]:
    """The rule of models_ml.warnings by severity, and single weeks by their probability alone."""
    shares = None
    if look.stream.name == "cases":
        names = {"item": "disease_code", "day": "onset_date", "known_on": "reported_on"}
        shares = known_shares(look.stream.events.rename(names), look.day)
    single = weeks_above_limit(_long(look), look.day, shares)
    told = worth_telling(single)
    order = pl.col("severity").replace_strict({name: n for n, name in enumerate(SEVERITIES)})
    found = {
        f"warnings, {name} and above": _single(look, told.filter(order >= level))
        for level, name in enumerate(SEVERITIES)
    }
    for level in PROBABILITIES:
        found[f"  one week of probability ≥ {level}"] = _single(look, single.filter(pl.col("probability") >= level))
    return found


def space_time_scan(look: Look) -> dict[str, list[Alarm]]:
    """The clusters of models_ml.clusters by severity."""
    units = {code: number for number, code in enumerate(look.stream.places["unit_code"])}
    found: dict[str, list[Alarm]] = {f"clusters, {name} and above": [] for name in SEVERITIES}
    for item, counts in enumerate(look.counts):
        ends = clusters.past_ends(counts.shape[1])
        told = clusters.clusters_of(counts, look.stream.places, look.day, look.past[item][ends.start : ends.stop])
        for members, severity in told.select("units", "severity").iter_rows():
            alarm = item, frozenset(units[code] for code in members.split(";"))
            for level in range(SEVERITIES.index(severity) + 1):
                found[f"clusters, {SEVERITIES[level]} and above"].append(alarm)
    return found


def ears(look: Look) -> dict[str, list[Alarm]]:
    """EARS C2 of the last week."""
    flat = look.counts[:, :, -12:].reshape(-1, 12).astype(np.float64)
    found = {}
    for alpha in EARS:
        alarms = ears_c2(flat, alpha=alpha).alarms[:, -1].reshape(look.counts.shape[:2])
        found[f"EARS C2, {norm.ppf(1 - alpha):.1f} SD"] = [
            (int(i), frozenset([int(u)])) for i, u in np.argwhere(alarms)
        ]
    return found


def historical_limit(look: Look) -> dict[str, list[Alarm]]:
    """Mean and so many SD of the same season of the former years, of the last week."""
    weeks = look.counts.shape[2]
    ago = 7.0 * (weeks - 1 - np.arange(weeks))
    years = np.maximum(np.round(ago / 365.2425), 1)
    season = (np.abs(ago - 365.2425 * years) <= SEASON_DAYS) & (ago > SEASON_DAYS)
    if season.sum() < FEWEST_WEEKS:
        return {}
    past, seen = look.counts[:, :, season], look.counts[:, :, -1]
    found = {}
    for sd in (2, 3, 4):
        high = seen > past.mean(axis=2) + sd * past.std(axis=2, ddof=1)
        found[f"historical limit, {sd} SD"] = [(int(i), frozenset([int(u)])) for i, u in np.argwhere(high)]
    return found


def hot_spots(look: Look) -> dict[str, list[Alarm]]:
    """What models_ml.hotspots calls hot, at the first look of a month; it stays so until the next one."""
    day = look.day.replace(day=1)
    name = "hot-spots of the month"
    if look.day.day > 7:
        return {name: look.former.get(name, [])}
    events = look.stream.events.filter(pl.col("day") < day, pl.col("day") >= look.stream.first)
    counted = events.group_by("item", "unit", month=pl.col("day").dt.truncate("1mo")).agg(value=pl.len())
    months = pl.DataFrame({"month": counted["month"].unique().sort()[1:]})
    places = look.stream.places.with_row_index("unit").with_columns(pl.col("unit").cast(pl.Int64))
    grid = places.join(months, how="cross").join(pl.DataFrame({"item": look.stream.items}), how="cross")
    filled = grid.join(counted, on=["item", "unit", "month"], how="left").with_columns(pl.col("value").fill_null(0))
    told = next_month(filled.with_columns(measure=pl.lit("incidents")), look.stream.places, look.day)
    hot = told.filter("hot").join(places.select("unit_code", "unit"), on="unit_code")
    items = {item: number for number, item in enumerate(look.stream.items)}
    return {name: [(items[item], frozenset([unit])) for item, unit in hot.select("item", "unit").iter_rows()]}


METHODS: dict[str, list[Callable[[Look], dict[str, list[Alarm]]]]] = {
    "cases": [warning_rule, space_time_scan, ears, historical_limit],
    "incidents": [warning_rule, space_time_scan, hot_spots, ears, historical_limit],
    "petitions": [warning_rule, space_time_scan, ears, historical_limit],
}


def looks(stream: Stream, former: dict[str, list[Alarm]]) -> Iterator[Look]:
    """The last year's Mondays."""
    whole = stream.counts(END)
    first = clusters.BASELINE + clusters.LONGEST
    past = [
        np.array([0.0] * first + [clusters.highest_excess(counts, end, stream.places) for end in range(first, weeks)])
        for counts, weeks in zip(whole, [whole.shape[2]] * len(whole), strict=True)
    ]
    for ago in range(LOOKS - 1, -1, -1):
        day = END - timedelta(weeks=ago)
        yield Look(stream, day, stream.counts(day, day), past, former)


def judge(stream: Stream) -> tuple[pl.DataFrame, pl.DataFrame]:
    """What came of each planted one (stream, method, planted, days; null: not found) and of false ones (count)."""
    items = {item: number for number, item in enumerate(stream.items)}
    first_day = END - timedelta(weeks=LOOKS - 1)
    truths = [
        (items[item], unit, start, end)
        for item, unit, start, end in stream.planted.select("item", "unit", "from_day", "to_day").iter_rows()
    ]
    judged = [n for n, (_, _, start, end) in enumerate(truths) if start >= first_day and end + AFTER <= END]
    days: dict[str, dict[int, int]] = {}
    false: dict[str, int] = {}
    before: dict[str, list[Alarm]] = {}
    for look in looks(stream, before):
        for method in METHODS[stream.name]:
            for name, alarms in method(look).items():
                found = days.setdefault(name, {})
                false.setdefault(name, 0)
                for number, (item, unit, start, end) in enumerate(truths):
                    raised = any(item == one and unit in units for one, units in alarms)
                    if raised and start < look.day <= end + AFTER and number not in found:
                        found[number] = (look.day - start).days
                true = {(item, unit) for item, unit, start, end in truths if start < look.day <= end + OVER}
                for one, units in alarms:
                    new = not any(one == item and units & former for item, former in before.get(name, []))
                    if new and not any((one, unit) in true for unit in units):
                        false[name] += 1
                before[name] = alarms
    rows = [(stream.name, name, number, found.get(number)) for name, found in days.items() for number in judged]
    hits = pl.DataFrame(rows, {"stream": pl.String, "method": pl.String, "planted": pl.Int64, "days": pl.Int64},
                        orient="row")  # fmt: skip
    counted = pl.DataFrame({"method": list(false), "false": list(false.values())}).with_columns(
        stream=pl.lit(stream.name), units=pl.lit(len(stream.places))
    )
    return hits, counted


def one_world(seed: int) -> list[tuple[pl.DataFrame, pl.DataFrame]]:
    return [judge(stream) for stream in streams(seed)]


def _long(look: Look) -> pl.DataFrame:
    """The last two years as `int_case_commune_week` has them."""
    weeks = min(104, look.counts.shape[2])
    recent = look.counts[:, :, -weeks:]
    items, units, _ = recent.shape
    starts = [look.day - timedelta(weeks=ago) for ago in range(weeks, 0, -1)]
    return pl.DataFrame(
        {
            "disease_code": np.repeat(np.array(look.stream.items), units * weeks),
            "commune_code": np.tile(np.repeat(look.stream.places["unit_code"].to_numpy(), weeks), items),
            "week_start": starts * (items * units),
            "cases": recent.ravel(),
        }
    )


def _single(look: Look, told: pl.DataFrame) -> list[Alarm]:
    """Alarms of single communes, each once."""
    items = {item: number for number, item in enumerate(look.stream.items)}
    units = {code: number for number, code in enumerate(look.stream.places["unit_code"])}
    pairs = told.select("disease_code", "unit_code").unique(maintain_order=True).iter_rows()
    return [(items[item], frozenset([units[code]])) for item, code in pairs]


def main() -> int:
    """Print the table; 1 if a rule that warns finds less than half of the planted outbreaks."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--workers", type=int, default=2)
    asked = parser.parse_args()
    started = time.perf_counter()
    tables: list[tuple[pl.DataFrame, pl.DataFrame]] = []
    with ProcessPoolExecutor(asked.workers) as pool:
        running = [pool.submit(one_world, seed) for seed in range(1, asked.seeds + 1)]
        try:
            for done, future in enumerate(as_completed(running), 1):
                tables += future.result()
                print(f"{done} of {asked.seeds} worlds, {time.perf_counter() - started:.0f} s", file=sys.stderr)
        except KeyboardInterrupt:  # what is done is told
            pool.shutdown(cancel_futures=True)
    worlds = len(tables) // len(METHODS)
    months = worlds * LOOKS * 7 / DAYS_A_MONTH
    hits = pl.concat([hit for hit, _ in tables])
    false = pl.concat([one for _, one in tables]).group_by("stream", "method", "units").agg(pl.col("false").sum())
    scores = (
        hits.group_by("stream", "method", maintain_order=True)
        .agg(
            planted=pl.len(),
            found=pl.col("days").is_not_null().mean(),
            within_14_days=(pl.col("days") <= 14).fill_null(False).mean(),
            within_21_days=(pl.col("days") <= 21).fill_null(False).mean(),
            median_days=pl.col("days").median(),
        )
        .join(false, on=["stream", "method"], maintain_order="left")
        .with_columns(
            a_unit_month=pl.col("false") / pl.col("units") / months, a_province_month=pl.col("false") / months
        )
    )
    print(f"{worlds} worlds of 124 communes, {LOOKS} weekly looks each; false alarms by commune and by province")
    for (stream,), rows in scores.partition_by("stream", as_dict=True, maintain_order=True).items():
        print(f"\n{stream}: {rows['planted'][0]} planted")
        print(f"{'method':<38}{'found':>7}{'≤ 14 d':>8}{'≤ 21 d':>8}{'median d':>9}{'/unit-month':>13}{'/month':>8}")
        for row in rows.iter_rows(named=True):
            print(
                f"{row['method']:<38}{row['found']:>7.2f}{row['within_14_days']:>8.2f}{row['within_21_days']:>8.2f}"
                f"{row['median_days'] or float('nan'):>9.0f}{row['a_unit_month']:>13.4f}{row['a_province_month']:>8.1f}"
            )
    print(f"\n{time.perf_counter() - started:.0f} s")
    of_rule = scores.filter((pl.col("stream") == "cases") & pl.col("method").str.contains("warning and above"))
    return 0 if (of_rule["found"] >= 0.5).all() else 1


if __name__ == "__main__":
    sys.exit(main())

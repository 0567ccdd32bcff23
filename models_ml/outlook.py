"""Year-end outlook of what has to be reached within the year, such as revenue against the estimate.

What is still to come is what came in the same months of the year before, times the growth of late. How far such sums
were off before, at every past origin and in all units, says how sure that is.
"""

from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl
from numpy.typing import NDArray

from models_ml.panel import Floats

YEAR = 12
LATE_MONTHS = 6  # months whose growth goes on
OWN_WEIGHT = 0.5  # of a unit's own growth; the rest is the province's, because a commune's few payments jump
FEWEST_ERRORS = 30  # past sums from which a spread is told
LEVELS = {"q10": 0.1, "q25": 0.25, "q50": 0.5, "q75": 0.75, "q90": 0.9}
# what is told of the chance that so much of the goal is reached
CHANCES = {"chance_90": 0.9, "chance_95": 0.95, "chance": 1.0, "chance_105": 1.05, "chance_110": 1.1}
TOO_SHORT = "Chưa đủ số liệu của cùng kỳ năm trước để dự báo đến cuối năm"
NOTHING_TO_REACH = "Chưa có mức phải đạt của năm"
YEAR_ENDED = "Năm đã hết; số thực hiện là kết quả cuối cùng"
SCHEMA = pl.Schema(
    {
        "origin": pl.Date(),
        "indicator_code": pl.String(),
        "unit_code": pl.String(),
        "so_far": pl.Float64(),
        "goal": pl.Float64(),
        **dict.fromkeys(LEVELS, pl.Float64()),
        **dict.fromkeys(CHANCES, pl.Float64()),
        "note": pl.String(),
    }
)


@dataclass(frozen=True)
class Flows:
    """What each unit added in each month: (units, months), NaN where unknown; the last month is the origin."""

    units: list[str]
    months: NDArray[np.datetime64]
    values: Floats


def outlook(parts: pl.DataFrame, targets: pl.DataFrame, today: date) -> pl.DataFrame:
    """Quantiles of each unit's sum at the end of the year and the chances that it reaches its goal, by SCHEMA; also of
    what the chance would be if the goal were lower or higher (CHANCES).

    parts: indicator_code, unit_code, month, numerator (the sum since the year's beginning), denominator (what it is
    measured against). targets: indicator_code, target (percent of the denominator to be reached in December), most (the
    percent that no sum can exceed, such as the whole of a plan).
    today: months that have not ended are left out. Where nothing can be told `note` says why and the rest is null.
    """
    ended = parts.filter(pl.col("month") < today.replace(day=1))
    tables = [SCHEMA.to_frame()]
    for code, target, most in targets.sort("indicator_code").select("indicator_code", "target", "most").iter_rows():
        rows = ended.filter(indicator_code=code)
        if rows["numerator"].drop_nulls().is_empty():
            continue
        tables.append(
            _of_indicator(rows, target, most).with_columns(indicator_code=pl.lit(code)).select(SCHEMA.names())
        )
    return pl.concat(tables)


def _of_indicator(rows: pl.DataFrame, target: float, most: float) -> pl.DataFrame:
    flows = monthly(rows)
    origin = flows.months[-1]
    left = YEAR - 1 - int(origin.astype(int)) % YEAR
    last = rows.filter(month=origin.astype("datetime64[D]").astype(object))
    known = pl.DataFrame({"unit_code": flows.units}).join(last, on="unit_code", how="left", maintain_order="left")
    so_far = known["numerator"].to_numpy().astype(np.float64)
    whole = known["denominator"].to_numpy().astype(np.float64)
    goal = whole * target / 100
    goal = np.where(goal > 0, goal, np.nan)
    ceiling = np.fmax(so_far, np.where(whole > 0, whole * most / 100, np.inf))
    province = np.array([len(unit) == 2 for unit in flows.units])
    coming = expected(flows, len(flows.months) - 1, left)
    columns = {name: np.full(len(so_far), np.nan) for name in (*LEVELS, *CHANCES)}
    of_communes = past_errors(flows, left, ~province)
    of_province = past_errors(flows, left, province)
    if len(of_province) < FEWEST_ERRORS:  # it is one series: the communes' spread is wider, so never too sure
        of_province = of_communes
    for chosen, errors in ((province, of_province), (~province, of_communes)):
        if left and len(errors) < FEWEST_ERRORS:
            continue
        sums = so_far[chosen, None] + coming[chosen, None] * np.exp(errors if left else np.zeros(1))
        sums = np.minimum(sums, ceiling[chosen, None])
        for name, level in LEVELS.items():
            columns[name][chosen] = np.quantile(sums, level, axis=1)
        unknown = np.isnan(goal[chosen]) | np.isnan(sums[:, 0])
        for name, share in CHANCES.items():
            reached = (sums >= share * goal[chosen, None]).mean(axis=1)
            columns[name][chosen] = np.where(unknown, np.nan, reached)
    table = pl.DataFrame({"unit_code": flows.units, "so_far": so_far, "goal": goal, **columns}).fill_nan(None)
    return table.with_columns(
        origin=pl.lit(origin.astype("datetime64[D]").astype(object)),
        note=pl.when(pl.col("q50").is_null())
        .then(pl.lit(TOO_SHORT))
        .when(pl.col("goal").is_null())
        .then(pl.lit(NOTHING_TO_REACH))
        .when(pl.lit(left == 0))
        .then(pl.lit(YEAR_ENDED)),
    )


def monthly(rows: pl.DataFrame) -> Flows:
    """Months' own amounts out of sums since the year's beginning; the first known month of another year has none."""
    wide = rows.pivot("unit_code", index="month", values="numerator", aggregate_function="first").sort("month")
    wide = wide.upsample("month", every="1mo")
    units = sorted(name for name in wide.columns if name != "month")
    months = wide["month"].to_numpy().astype("datetime64[M]")
    sums: Floats = wide.select(pl.col(units).cast(pl.Float64)).to_numpy().T
    before = np.concatenate([np.full((len(units), 1), np.nan), sums[:, :-1]], axis=1)
    before[:, months.astype(int) % YEAR == 0] = 0.0
    return Flows(units, months, sums - before)


def expected(flows: Flows, at: int, ahead: int) -> Floats:
    """Of each unit the sum of `ahead` months after month number `at`, by what was known then; NaN where unknown."""
    values, span = flows.values, np.arange(at - LATE_MONTHS + 1, at + 1)
    pairs = span[span >= YEAR]
    if at + 1 < YEAR or not len(pairs):
        return np.full(len(flows.units), np.nan)
    now, before = values[:, pairs], values[:, pairs - YEAR]
    both = ~np.isnan(now) & ~np.isnan(before)
    now, before = np.where(both, now, 0).sum(axis=1), np.where(both, before, 0).sum(axis=1)
    communes = np.array([len(unit) != 2 for unit in flows.units])
    overall = now[communes].sum() / before[communes].sum() if before[communes].sum() > 0 else np.nan
    with np.errstate(divide="ignore", invalid="ignore"):
        own = np.where((before > 0) & (now > 0), now / before, overall)
    growth = own**OWN_WEIGHT * overall ** (1 - OWN_WEIGHT)
    same_months = values[:, at + 1 - YEAR : at + 1 - YEAR + ahead]
    coming: Floats = growth * same_months.sum(axis=1)
    return np.where(coming >= 0, coming, np.nan)


def past_errors(flows: Flows, ahead: int, chosen: NDArray[np.bool_]) -> Floats:
    """Log of what came over what had been expected for `ahead` months, at every past origin; of the longest span that
    can be compared where `ahead` cannot, widened with the square root of the months.
    """
    months = flows.values.shape[1]
    for span in range(min(ahead, months - 1), 0, -1):
        found = []
        for at in range(YEAR, months - span):
            came = flows.values[chosen, at + 1 : at + 1 + span].sum(axis=1)
            foreseen = expected(flows, at, span)[chosen]
            able = (came > 0) & (foreseen > 0)
            found.append(np.log(came[able] / foreseen[able]))
        errors = np.concatenate([np.zeros(0), *found])
        if len(errors) >= FEWEST_ERRORS:
            middle = np.median(errors)
            widened: Floats = middle + (errors - middle) * np.sqrt(ahead / span)
            return widened
    return np.zeros(0)

"""Hot-spots: how many incidents each unit is to expect next month, and how well the highest risks were chosen.

Three ways, of counts (units, months) with NaN where a month was not reported: an exponentially weighted count, a
Poisson regression on it with neighbours, and the mean of both. A unit without any report gets NaN. Of a series the way
is told that chose the highest risks best in its months so far.
"""

from collections.abc import Mapping, Sequence
from datetime import date

import numpy as np
import polars as pl
from scipy.spatial import KDTree

from models_ml.panel import Floats
from models_ml.poisson import fit_poisson

HALF_LIFE = 6.0  # months
NEAREST = 6  # neighbours of a unit
FIRST = 6  # months that the regression needs before those it learns from
PENALTY: Floats = np.array([1e-9, 1.0, 1.0, 1.0])  # the level is free
STEPS, TOLERANCE, BOUND = 25, 1e-8, 20.0
ALL = "all"  # kinds together
SHARE = 0.1  # of the units are called hot
SCORED = 12  # months
COUNT, REGRESSION, MEAN = "weighted_count", "regression", "mean"
WAYS = (MEAN, COUNT, REGRESSION)  # of equals the first is told
MONTHS_TO_TELL = FIRST + 1
SCHEMA = pl.Schema(
    {
        "origin": pl.Date(),
        "measure": pl.String(),
        "item": pl.String(),
        "unit_code": pl.String(),
        "month": pl.Date(),
        "expected": pl.Float64(),
        "rank": pl.Int64(),
        "hot": pl.Boolean(),
        "pei": pl.Float64(),
        "pai": pl.Float64(),
        "pei_count": pl.Float64(),
        "months_scored": pl.Int64(),
        "model": pl.String(),
    }
)


def neighbour_weights(x: Floats, y: Floats, nearest: int = NEAREST) -> Floats:
    """(units, units), equal shares of the nearest others by their centres. x, y: in one unit of length."""
    points = np.column_stack([x, y])
    nearest = min(nearest, len(points) - 1)
    weights = np.zeros((len(points), len(points)))
    if nearest > 0:
        _, found = KDTree(points).query(points, k=nearest + 1)
        rows = np.repeat(np.arange(len(points)), nearest + 1)
        weights[rows, found.ravel()] = 1.0
        np.fill_diagonal(weights, 0)
        weights /= weights.sum(axis=1, keepdims=True)
    return weights


def weighted_count(counts: Floats, half_life: float = HALF_LIFE) -> Floats:
    """Incidents a month (units,): the mean of the months, half as heavy every `half_life` months back."""
    counts = _checked(counts)
    weights = 0.5 ** (np.arange(counts.shape[1])[::-1] / half_life) * ~np.isnan(counts)
    total = weights.sum(axis=1)
    return np.divide(
        (weights * np.nan_to_num(counts)).sum(axis=1), total, out=np.full(len(counts), np.nan), where=total > 0
    )


def regression(counts: Floats, neighbours: Floats, half_life: float = HALF_LIFE) -> Floats:
    """Incidents expected next month (units,) by one Poisson regression of all units on what was known before.

    log μ = a + b₁·log(weighted count) + b₂·log(last month) + b₃·log(neighbours' weighted count). Where it cannot learn,
    having fewer than FIRST + 3 months or no incident to learn from, the weighted count.
    """
    counts = _checked(counts)
    usual = weighted_count(counts, half_life)
    months = counts.shape[1]
    if months < FIRST + 3:
        return usual
    rows, targets = [], []
    for month in range(FIRST, months):  # a few dozen
        rows.append(_features(counts[:, :month], neighbours, half_life))
        targets.append(counts[:, month])
    features, target = np.vstack(rows), np.concatenate(targets)
    known = ~np.isnan(target) & ~np.isnan(features).any(axis=1)
    if not target[known].sum() > 0:
        return usual
    coefficients = fit_poisson(features[known], target[known], PENALTY, BOUND, STEPS, TOLERANCE)
    now = _features(counts, neighbours, half_life)
    expected = np.exp(np.minimum(now @ coefficients, np.log(2 * np.nanmax(counts) + 1)))
    return np.where(np.isnan(usual), np.nan, expected)


def risks(counts: Floats, neighbours: Floats, half_life: float = HALF_LIFE) -> dict[str, Floats]:
    """What each way tells."""
    usual, expected = weighted_count(counts, half_life), regression(counts, neighbours, half_life)
    return {MEAN: (usual + expected) / 2, COUNT: usual, REGRESSION: expected}


def best_way(scores: Sequence[Mapping[str, float]]) -> str:
    """The way with the highest mean PEI in the months so far; the mean of both before any was scored."""
    means = {way: np.nanmean([one[way] for one in scores]) for way in WAYS} if scores else {}
    return max(WAYS, key=lambda way: means[way]) if means else MEAN


def next_month(counted: pl.DataFrame, centres: pl.DataFrame, today: date) -> pl.DataFrame:
    """What each commune is to expect in the month after the last ended one, by SCHEMA, and by which way.

    counted: unit_code, month, measure, item, value; the running month is left out. centres: unit_code, latitude,
    longitude in degrees. pei, pai and the count's pei are means over the months of the last year, each told from what
    was known before it. Series of fewer than MONTHS_TO_TELL months tell nothing.
    """
    known = counted.filter(pl.col("month") < today.replace(day=1)).join(centres, on="unit_code")
    tables = [SCHEMA.to_frame()]
    for (measure, item), rows in sorted(known.partition_by("measure", "item", as_dict=True).items()):
        wide = rows.pivot("month", index=["unit_code", "latitude", "longitude"], values="value").sort("unit_code")
        months = sorted(name for name in wide.columns if name not in ("unit_code", "latitude", "longitude"))
        if len(months) < MONTHS_TO_TELL:
            continue
        counts: Floats = wide.select(pl.col(months).cast(pl.Float64)).to_numpy()
        north = wide["latitude"].to_numpy()
        around = neighbour_weights(wide["longitude"].to_numpy() * np.cos(np.radians(north.mean())), north)
        scores, way = past_scores(counts, around)
        risk = risks(counts, around)[way]
        origin = date.fromisoformat(months[-1])
        table = (
            pl.DataFrame({"unit_code": wide["unit_code"], "expected": risk})
            .fill_nan(None)
            .with_columns(
                origin=pl.lit(origin),
                measure=pl.lit(measure),
                item=pl.lit(item or ALL),
                month=pl.lit(origin).dt.offset_by("1mo"),
                rank=pl.col("expected").rank("ordinal", descending=True).cast(pl.Int64),
                **{name: pl.lit(value, pl.Float64()) for name, value in scores.items()},
                months_scored=pl.lit(min(SCORED, len(months) - FIRST), pl.Int64()),
                model=pl.lit(way),
            )
        )
        told = pl.col("rank") <= _chosen(risk, SHARE)
        tables.append(table.with_columns(hot=told.fill_null(False)).select(SCHEMA.names()))
    return pl.concat(tables)


def past_scores(counts: Floats, neighbours: Floats) -> tuple[dict[str, float | None], str]:
    """How well the highest risks were chosen before each of the last SCORED months, in the mean; None without any.

    Each month by the way that had been best before it. Also returns the way that is best by now.
    """
    rows, scored = [], list[dict[str, float]]()
    for month in range(max(FIRST, counts.shape[1] - SCORED), counts.shape[1]):
        seen = np.nan_to_num(counts[:, month])
        if not seen.sum():
            continue
        told = risks(counts[:, :month], neighbours)
        way = best_way(scored)
        scored.append({name: pei(risk, seen, SHARE) for name, risk in told.items()})
        rows.append((scored[-1][way], pai(told[way], seen, SHARE), scored[-1][COUNT]))
    means = np.mean(rows, axis=0) if rows else [None] * 3
    named = zip(("pei", "pai", "pei_count"), means, strict=True)
    return {name: None if mean is None else float(mean) for name, mean in named}, best_way(scored)


def pai(risk: Floats, seen: Floats, share: float = 0.1) -> float:
    """Predictive accuracy index: share of the incidents in the chosen units by the share of units. NaN without any."""
    return _hits(risk, seen, share) / seen.sum() / (_chosen(seen, share) / len(seen)) if seen.sum() > 0 else np.nan


def pei(risk: Floats, seen: Floats, share: float = 0.1) -> float:
    """Predictive efficiency index: incidents in the chosen units by those in the best to choose. NaN without any."""
    return _hits(risk, seen, share) / _hits(seen, seen, share) if seen.sum() > 0 else np.nan


def calibration(risk: Floats, seen: Floats, groups: int = 10) -> pl.DataFrame:
    """Incidents expected and seen a unit, by groups of rising risk: group, units, expected, seen."""
    order = np.argsort(risk, kind="stable")
    group = np.empty(len(risk), dtype=np.int64)
    group[order] = np.arange(len(risk)) * groups // max(len(risk), 1)
    told = pl.DataFrame({"group": group + 1, "expected": risk, "seen": seen})
    return told.group_by("group").agg(pl.len().alias("units"), pl.col("expected", "seen").mean()).sort("group")


def _hits(risk: Floats, seen: Floats, share: float) -> float:
    """Of units as risky as each other the first ones."""
    first = np.argsort(-np.nan_to_num(risk, nan=-1.0), kind="stable")[: _chosen(seen, share)]
    return float(seen[first].sum())


def _chosen(seen: Floats, share: float) -> int:
    return max(1, round(share * len(seen)))


def _features(counts: Floats, neighbours: Floats, half_life: float) -> Floats:
    """(units, 4) of what was known: 1, and logs of the weighted count, the last month and the neighbours'."""
    usual = weighted_count(counts, half_life)
    last = np.where(np.isnan(counts[:, -1]), usual, counts[:, -1])
    around = neighbours @ np.nan_to_num(usual)
    return np.column_stack([np.ones(len(counts)), *(np.log(values + 0.5) for values in (usual, last, around))])


def _checked(counts: Floats) -> Floats:
    counts = np.asarray(counts, dtype=np.float64)
    if counts.ndim != 2 or (counts < 0).any() or np.isinf(counts).any():
        raise ValueError("counts must be (units, months), not negative and finite, NaN where not reported")
    return counts

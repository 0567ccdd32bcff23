"""Weekly counts of many series at once, one to four weeks ahead: candidates that are computed for all of them together.

Each takes the counts known at an origin, (series, weeks), the group of each series (its disease: what is learnt
together) and, if not all, the numbers of the series that are asked, and answers their quantiles, (asked, HORIZON,
levels). Series are of communes: small counts, zeros, a season that
they share, a level of their own that drifts.

| candidate | expects |
|---|---|
| climatology | the same season of the former years, three weeks to each side |
| seasonal_naive | the same week of the year before, as far off as such weeks were |
| level | the shared season times the recent level of the series, negative binomial |
| regression | a Poisson regression on recent levels of the series and of its group, negative binomial |
| mean | the quantiles of the last two in the mean |
"""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter
from scipy.stats import nbinom

from models_ml.panel import Floats
from models_ml.poisson import fit_poisson

YEAR = 52
HORIZON = 4
LEVELS: Floats = np.round(np.arange(0.05, 1.0, 0.05), 2)
HALF_WIDTH = 3  # weeks to each side of the same week
SHORT, LONG = 3.0, 12.0  # half-lives of levels, in weeks
PRIOR = 4.0  # weeks that the long-run mean counts for beside the recent weeks
LEARN = 52  # weeks, or as many as there are, that the regression and the dispersions are learnt from
FEWEST_WEEKS = YEAR + LEARN // 2  # before an origin that is scored
STEPS, TOLERANCE, BOUND, RIDGE = 12, 1e-6, 12.0, 1.0
Groups = NDArray[np.int64]
Asked = Groups | slice
ALL = slice(None)
Candidate = Callable[[Floats, Groups, Asked], Floats]


def climatology(counts: Floats, groups: Groups, asked: Asked = ALL) -> Floats:
    """Empirical quantiles of the same season; of all weeks where no former year is known."""
    counts, weeks = counts[asked], counts.shape[1]
    result = np.empty((len(counts), HORIZON, len(LEVELS)))
    for step in range(HORIZON):
        past = counts[:, _season(weeks + step, weeks)]
        result[:, step] = np.quantile(past, LEVELS, axis=1).T
    return result


def seasonal_naive(counts: Floats, groups: Groups, asked: Asked = ALL) -> Floats:
    """The year before, with the quantiles of the last year's differences to the year before it."""
    before, off = _year_before(counts[asked])
    spread = np.quantile(off, LEVELS, axis=1).T
    spread -= spread[:, [len(LEVELS) // 2]]
    return np.maximum(before[:, :, None] + spread[:, None, :], 0)


def level(counts: Floats, groups: Groups, asked: Asked = ALL) -> Floats:
    """The shared season times the recent level."""
    return quantiles(*_by_level(counts, groups, asked))


def regression(counts: Floats, groups: Groups, asked: Asked = ALL) -> Floats:
    """log μ = a + Σ b · features, one regression a group and step ahead, of all series of the group."""
    return quantiles(*_by_regression(counts, groups, asked))


CANDIDATES: Mapping[str, Candidate] = {
    "climatology": climatology,
    "seasonal_naive": seasonal_naive,
    "level": level,
    "regression": regression,
}
MEAN_OF = ("level", "regression")  # whose quantiles in the mean are one more candidate, `mean`


def expected(name: str, counts: Floats, groups: Groups, asked: Asked = ALL) -> Floats:
    """(asked, HORIZON) what a candidate, or `mean`, expects. Of rare events no quantile tells it; it alone adds up."""
    if name == "mean":
        parts = [expected(member, counts, groups, asked) for member in MEAN_OF]
        return np.mean(parts, axis=0)
    if name == "climatology":
        weeks = counts.shape[1]
        seen = [counts[asked][:, _season(weeks + step, weeks)].mean(axis=1) for step in range(HORIZON)]
        return np.stack(seen, axis=1)
    if name == "seasonal_naive":
        before, off = _year_before(counts[asked])
        return np.maximum(before + (off.mean(axis=1) - np.median(off, axis=1))[:, None], 0)
    return {"level": _by_level, "regression": _by_regression}[name](counts, groups, asked)[0]


def _year_before(counts: Floats) -> tuple[Floats, Floats]:
    """The same weeks of the year before, (series, HORIZON), and how far those before were off, (series, weeks)."""
    weeks = counts.shape[1]
    off = (counts[:, YEAR:] - counts[:, :-YEAR])[:, -LEARN:]
    return counts[:, weeks - YEAR : weeks - YEAR + HORIZON], off


def _by_level(counts: Floats, groups: Groups, asked: Asked) -> tuple[Floats, Floats]:
    """Means (asked, HORIZON) and sizes (asked,) of negative binomials."""
    weeks = counts.shape[1]
    season = seasons(counts, groups)[groups]
    usual = _levels(counts, season)
    ahead = [usual[:, [-1]] * season[:, [weeks + step]] for step in range(HORIZON)]
    # how far off it was at each week of the last year, each told from what was known HORIZON weeks before
    past = usual[:, weeks - LEARN - HORIZON : weeks - HORIZON] * season[:, weeks - LEARN : weeks]
    size = dispersion(counts[:, weeks - LEARN :], past, groups)
    return np.concatenate(ahead, axis=1)[asked], size[asked]


def _by_regression(counts: Floats, groups: Groups, asked: Asked) -> tuple[Floats, Floats]:
    """Means (asked, HORIZON) and sizes (asked,) of negative binomials."""
    weeks = counts.shape[1]
    season = seasons(counts, groups)[groups]
    features = _features(counts, groups, season)
    mean = np.empty((len(counts), HORIZON))
    past = np.empty((len(counts), LEARN))
    for step in range(1, HORIZON + 1):
        origins = np.arange(weeks - LEARN - step, weeks - step)
        ratio = np.log(season[:, origins + step] / season[:, origins])
        coming = np.log(season[:, weeks - 1 + step] / season[:, weeks - 1])
        for group in np.unique(groups):
            own = groups == group
            design = _design(features[own][:, origins], ratio[own])
            rows, target = design.reshape(-1, design.shape[-1]), counts[own][:, origins + step].ravel()
            penalty = np.full(rows.shape[1], RIDGE)
            coefficients = fit_poisson(rows, target, penalty, BOUND, STEPS, TOLERANCE)
            mean[own, step - 1] = _expect(_design(features[own, -1], coming[own]), coefficients, counts[own])
            if step == HORIZON:
                past[own] = _expect(design, coefficients, counts[own][:, None])
    return mean[asked], dispersion(counts[:, weeks - LEARN :], past, groups)[asked]


def seasons(counts: Floats, groups: Groups) -> Floats:
    """(groups, weeks + HORIZON) of mean about 1: what a group's weeks have of a usual one, by the same weeks of all
    years that are known; of the season alone, smoothed over HALF_WIDTH weeks to each side."""
    weeks = counts.shape[1]
    kinds = int(groups.max()) + 1
    totals = np.zeros((kinds, weeks))
    np.add.at(totals, groups, counts)
    apart = np.abs(np.arange(YEAR)[:, None] - np.arange(weeks) % YEAR)
    near = np.minimum(apart, YEAR - apart) <= HALF_WIDTH
    usual = totals @ near.T / near.sum(axis=1)
    overall = totals.mean(axis=1, keepdims=True)
    usual = (usual + 0.1 * overall + 1e-9) / (1.1 * overall + 1e-9)
    shape: Floats = usual[:, np.arange(weeks + HORIZON) % YEAR]
    return shape


def _season(target: int, known: int) -> NDArray[np.int64]:
    """The weeks of the same season in the former years; all that are known where there are none."""
    near = np.arange(-HALF_WIDTH, HALF_WIDTH + 1)
    weeks = (target - YEAR * np.arange(1, target // YEAR + 1)[:, None] + near).ravel()
    weeks = weeks[(weeks >= 0) & (weeks < known)]
    return weeks if len(weeks) else np.arange(known)


def _ewma(values: Floats, half_life: float) -> Floats:
    """Exponentially weighted sums up to each week, (…, weeks)."""
    kept = 0.5 ** (1 / half_life)
    summed: Floats = lfilter([1.0], [1.0, -kept], values, axis=-1)
    return summed


def _levels(counts: Floats, season: Floats) -> Floats:
    """(series, weeks) the level of each series after each week: cases by what the season alone would have."""
    weeks = counts.shape[1]
    exposure = season[:, :weeks]
    usual = (counts.cumsum(axis=1) + 0.05) / (exposure.cumsum(axis=1) + 1)
    return (_ewma(counts, SHORT) + PRIOR * usual) / (_ewma(exposure, SHORT) + PRIOR)


def _features(counts: Floats, groups: Groups, season: Floats) -> Floats:
    """(series, weeks, 4) known after each week: logs of the series' short and long level and of its group's."""
    exposure = season[:, : counts.shape[1]]
    totals = np.zeros((int(groups.max()) + 1, counts.shape[1]))
    np.add.at(totals, groups, counts)
    sizes = np.bincount(groups)[:, None]
    usual = (counts.cumsum(axis=1) + 0.05) / (exposure.cumsum(axis=1) + 1)
    ratios = [
        _ewma(counts, SHORT) / _ewma(exposure, SHORT),
        _ewma(counts, LONG) / _ewma(exposure, LONG),
        (_ewma(totals / sizes, SHORT))[groups] / _ewma(exposure, SHORT),
        usual,
    ]
    return np.stack([np.log(ratio * exposure + 0.1) for ratio in ratios], axis=-1)


def _design(features: Floats, ratio: Floats) -> Floats:
    return np.concatenate([np.ones((*ratio.shape, 1)), features, ratio[..., None]], axis=-1)


def _expect(design: Floats, coefficients: Floats, counts: Floats) -> Floats:
    """Means, none above twice the most that the series ever had."""
    expected: Floats = np.minimum(np.exp(np.clip(design @ coefficients, -BOUND, BOUND)), 2 * counts.max(axis=-1) + 1)
    return expected


def dispersion(seen: Floats, expected: Floats, groups: Groups) -> Floats:
    """(series,) size of the negative binomial: Σ (seen − expected)² − expected by Σ expected², half the series' own and
    half its group's."""
    excess = ((seen - expected) ** 2 - expected).sum(axis=1)
    squares = (expected**2).sum(axis=1) + 1e-9
    of_groups = np.bincount(groups, excess) / np.bincount(groups, squares)
    share = squares / (squares + np.bincount(groups, squares)[groups] / np.bincount(groups)[groups])
    alpha = share * excess / squares + (1 - share) * of_groups[groups]
    size: Floats = 1 / np.clip(alpha, 0.02, 20)
    return size


def quantiles(mean: Floats, size: Floats) -> Floats:
    """(series, HORIZON, levels) of negative binomials of these means (series, HORIZON) and sizes (series,)."""
    mean, size = np.maximum(mean, 1e-6)[..., None], size[:, None, None]
    values: Floats = nbinom.ppf(LEVELS, size, size / (size + mean))
    return values


def crps(forecast: Floats, outcomes: Floats) -> Floats:
    """CRPS as twice the mean pinball loss over LEVELS. forecast: (…, levels), outcomes: (…), in cases."""
    error = outcomes[..., None] - forecast
    loss: Floats = 2 * np.maximum(LEVELS * error, (LEVELS - 1) * error).mean(axis=-1)
    return loss

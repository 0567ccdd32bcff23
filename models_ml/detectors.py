"""Outbreak detectors on weekly counts: the upper bound of what is usual in a week, and an alarm above it.

A detector takes counts (series, weeks), NaN where nothing was reported, judges each week of each series by the weeks
before it, and gives a Detection of the same shape. The bound is NaN, and there is no alarm, where it cannot tell:
less than half of the weeks to compare with were reported, or no model fits them.

| detector | usual is | after |
|---|---|---|
| ears_c1, ears_c2, ears_c3 | the last weeks | Hutwagner et al. 2003, J Urban Health 80 |
| rki, bayes | the same season of former years, the last weeks | Höhle 2007, Comput Stat 22 |
| farrington | the same season of former years | Farrington et al. 1996, J R Stat Soc A 159 |
| farrington_flexible | all seasons of former years | Noufaily et al. 2013, Stat Med 32 |

They alarm where the R package `surveillance` does: `benchmarks/detector_parity.py` compares week by week.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, partial
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import nbinom, norm, poisson
from scipy.stats import t as student

from models_ml.panel import Flags, Floats
from models_ml.quasipoisson import Design, Fit, fit_models

YEAR = 52  # weeks back to the same season of the year before
LEAST_KNOWN = 0.5  # of the weeks to compare with
TREND_YEARS = 3  # the history that a trend needs
LARGEST = 1e9  # cases in a week
CELLS = 2_000  # fitted at once: what a processor keeps near

Threshold = Literal["delta", "nb_plugin", "muan"]


class Detection(NamedTuple):
    """upper: (series, weeks) in cases, NaN where it cannot tell. alarms: (series, weeks)."""

    upper: Floats
    alarms: Flags


def ears_c1(counts: Floats, baseline: int = 7, alpha: float = 0.001, least_sd: float = 0.0) -> Detection:
    """Mean + z(1 − alpha)·SD of the `baseline` weeks before."""
    counts = _checked(counts)
    mean, sd = _recent(counts, baseline, 0, least_sd)
    return _above(counts, mean + norm.ppf(1 - alpha) * sd)


def ears_c2(counts: Floats, baseline: int = 7, alpha: float = 0.001, least_sd: float = 0.0) -> Detection:
    """As C1, but the two weeks before tell nothing of what is usual: an outbreak may have begun in them."""
    counts = _checked(counts)
    mean, sd = _recent(counts, baseline, 2, least_sd)
    return _above(counts, mean + norm.ppf(1 - alpha) * sd)


def ears_c3(counts: Floats, baseline: int = 7, alpha: float = 0.025, least_sd: float = 0.0) -> Detection:
    """An alarm where C2's z-scores of the two weeks before exceed 1 by more than z(1 − alpha) together.

    upper = count + SD·(z(1 − alpha) − max(0, C2 one week before − 1) − max(0, C2 two weeks before − 1)), at least 0.
    Hutwagner's sum has the week itself too; R's does not, so it confirms rather than warns. It cannot tell where
    nothing varied in the baseline: `least_sd` helps.
    """
    counts = _checked(counts)
    mean, sd = _recent(counts, baseline, 2, least_sd)
    with np.errstate(divide="ignore", invalid="ignore"):
        excess = np.maximum(0, (counts - mean) / sd - 1)
        before = np.full((len(counts), 2), np.nan)
        lag1, lag2 = (np.hstack([before[:, :lag], excess])[:, : counts.shape[1]] for lag in (1, 2))
        upper = np.maximum(0, counts + sd * (norm.ppf(1 - alpha) - lag1 - lag2))
    return _above(counts, upper)


def rki(counts: Floats, years: int = 2, half_width: int = 4, this_year: bool = False) -> Detection:
    """The upper end of a 95 % interval around the mean of the reference weeks, as the Robert Koch Institute used it.

    Mean + 2 SD where the mean is over 20, else that of a Poisson mean by Crow and Gardner 1959 for the mean rounded
    down. Reference weeks: `half_width` to each side of the same week in each of the former `years`; with `this_year`
    also as many just before.
    """
    counts = _checked(counts)
    past, enough = _reference(counts, _season(years, half_width, this_year))
    number = np.maximum((~np.isnan(past)).sum(axis=-1), 1)
    mean = np.nansum(past, axis=-1) / number
    square = np.nansum((past - mean[..., None]) ** 2, axis=-1)
    table = crow_gardner()
    poisson_upper = table[np.minimum(np.floor(mean), len(table) - 1).astype(np.int64)]
    normal_upper = mean + 2 * np.sqrt(square / np.maximum(number - 1, 1))
    return _above(counts, np.where(enough, np.where(mean > 20, normal_upper, poisson_upper), np.nan))


def bayes(
    counts: Floats, years: int = 0, half_width: int = 6, this_year: bool = True, alpha: float = 0.05
) -> Detection:
    """The 1 − alpha quantile of the next count, negative binomial as the posterior has it under Jeffreys' prior.

    Size: sum of the reference weeks + ½; probability: n / (n + 1). Reference weeks as in `rki`.
    """
    counts = _checked(counts)
    past, enough = _reference(counts, _season(years, half_width, this_year))
    number = np.maximum((~np.isnan(past)).sum(axis=-1), 1)
    upper = np.where(enough, nbinom.ppf(1 - alpha, np.nansum(past, axis=-1) + 0.5, number / (number + 1)), np.nan)
    return _above(counts, upper)


def farrington(
    counts: Floats,
    years: int = 5,
    half_width: int = 3,
    alpha: float = 0.05,
    reweight: bool = True,
    trend: bool = True,
    power: float = 2 / 3,
    least_cases: int = 5,
    within: int = 4,
    last: int | None = None,
) -> Detection:
    """The prediction limit of a quasi-Poisson log-linear model of the reference weeks, with a trend where it is sure.

    A first fit finds weeks above the model (standardised Anscombe residual over 1), which weigh less in the second.
    The trend stays if it is significant at 5 %, the history is of three years, and the prediction is not above every
    reference week. With dispersion φ ≥ 1, prediction μ and τ = φ + var(μ)/μ, p being `power` (1, ½ or ⅔):
    upper = (μ^p + z(1 − alpha/2)·p·μ^(p − ½)·√τ)^(1/p). It cannot tell of a week that, with those before, makes fewer
    than `least_cases` cases `within` weeks. `last`: judge so many newest weeks only.
    """
    offsets = np.array(_season(years, half_width, False))
    design = Design(offsets, np.zeros(len(offsets), np.int64))

    def limit(past: Floats) -> Floats:
        fit = _usual(past, design, trend and years >= TREND_YEARS, 0.05, 1.0 if reweight else None, loose=False)
        phi = np.maximum(fit.dispersion, 1)
        return _power_limit(fit, phi, phi, power, norm.ppf(1 - alpha / 2))

    counts = _checked(counts)
    return _above(counts, _by_weeks(counts, offsets, limit, least_cases, within, last))


def farrington_flexible(
    counts: Floats,
    years: int = 5,
    half_width: int = 3,
    alpha: float = 0.05,
    reweight: bool = True,
    outlier: float = 2.58,
    trend: bool = True,
    trend_level: float = 0.05,
    periods: int = 1,
    skip: int | None = None,
    threshold: Threshold = "delta",
    power: float = 2 / 3,
    least_cases: int = 5,
    within: int = 4,
    last: int | None = None,
) -> Detection:
    """Farrington's method on whole years: a level for each of `periods` parts of the year, milder reweighting.

    The reference season is one part, the weeks between are the others; with `periods` 1 it alone is used. The last
    `skip` weeks (default: `half_width`) are left out, so that an outbreak does not make itself usual. A week weighs
    less where its residual is over `outlier`. Bounds: "delta" as in `farrington` but with z(1 − alpha); "nb_plugin"
    the 1 − alpha quantile of a negative binomial of mean μ and variance φμ (Poisson at φ = 1); "muan" the same at the
    1 − alpha quantile of μ. Where no fit ends, as where there never was a case, it cannot tell.
    """
    skip = half_width if skip is None else skip
    design = _whole_years(years, half_width, periods, skip)

    def limit(past: Floats) -> Floats:
        steady = outlier if reweight else None
        fit = _usual(past, design, trend and years >= TREND_YEARS, trend_level, steady, loose=reweight)
        phi = np.maximum(fit.dispersion, 1)
        # R's reweighted fit carries the weights of the weeks in the place of those of the iteration
        errors = fit.loose_dispersion if reweight else fit.dispersion
        if threshold == "delta":
            upper = _power_limit(fit, phi, errors, power, norm.ppf(1 - alpha))
        else:
            above = norm.ppf(1 - alpha) * np.sqrt(errors * fit.variance) if threshold == "muan" else 0.0
            upper = _count_quantile(1 - alpha, _cases(fit.predicted + above), phi)
        return np.where(fit.converged, upper, np.nan)

    counts = _checked(counts)
    return _above(counts, _by_weeks(counts, design.offsets, limit, least_cases, within, last))


DETECTORS: Mapping[str, Callable[[Floats], Detection]] = {
    "ears_c1": ears_c1,
    "ears_c2": ears_c2,
    "ears_c3": ears_c3,
    "rki1": partial(rki, years=0, half_width=6, this_year=True),
    "rki2": partial(rki, years=1, half_width=6, this_year=True),
    "rki3": partial(rki, years=2, half_width=4, this_year=False),
    "bayes1": partial(bayes, years=0, half_width=6, this_year=True),
    "bayes2": partial(bayes, years=1, half_width=6, this_year=True),
    "bayes3": partial(bayes, years=2, half_width=4, this_year=False),
    "farrington": farrington,
    "farrington_flexible": partial(
        farrington_flexible, periods=10, skip=26, trend_level=1.0, threshold="nb_plugin", alpha=0.01
    ),
}


def _checked(counts: Floats) -> Floats:
    counts = np.asarray(counts, np.float64)
    if counts.ndim != 2:
        raise ValueError(f"Counts are (series, weeks), not of {counts.ndim} dimensions")
    if (counts < 0).any() or np.isinf(counts).any():
        raise ValueError("Counts are finite and not negative")
    return counts


def _above(counts: Floats, upper: Floats) -> Detection:
    return Detection(upper, counts > upper)


def _season(years: int, half_width: int, this_year: bool) -> list[int]:
    """Weeks relative to the one judged: just before it, and around it in former years; oldest first."""
    former = [-YEAR * year + week for year in range(years, 0, -1) for week in range(-half_width, half_width + 1)]
    return former + list(range(-half_width, 0)) * this_year


def _reference(counts: Floats, offsets: Sequence[int]) -> tuple[Floats, Flags]:
    """Counts at the offsets from each week (series, weeks, offsets), NaN before the first; whether enough is known."""
    series, weeks = counts.shape
    depth = -min(offsets)
    padded = np.hstack([np.full((series, depth), np.nan), counts])
    past = padded[:, np.arange(weeks)[:, None] + depth + np.asarray(offsets)]
    return past, (~np.isnan(past)).mean(axis=-1) >= LEAST_KNOWN


def _recent(counts: Floats, baseline: int, gap: int, least_sd: float) -> tuple[Floats, Floats]:
    """Mean and standard deviation (n − 1) of the `baseline` weeks that end `gap` weeks before the week before."""
    if baseline < 3:
        raise ValueError("A baseline is of three weeks at least")
    past, enough = _reference(counts, list(range(-baseline - gap, -gap)))
    number = np.maximum((~np.isnan(past)).sum(axis=-1), 2)
    mean = np.where(enough, np.nansum(past, axis=-1) / number, np.nan)
    sd = np.sqrt(np.nansum((past - mean[..., None]) ** 2, axis=-1) / (number - 1))
    return mean, np.maximum(sd, least_sd)


@lru_cache
def crow_gardner(level: float = 0.95, means: int = 21) -> Floats:
    """Upper ends of the confidence interval of a Poisson mean for 0, 1, … counts seen.

    Crow and Gardner 1959, Biometrika 46: a mean accepts the shortest run of counts of probability ≥ level, of several
    the highest; the interval of a count is the means that accept it. So its end is where the runs leave it behind.
    """
    low, high = np.arange(means, dtype=np.float64), np.arange(means) * 1.5 + 10
    for _ in range(40):
        middle = (low + high) / 2
        behind = _lowest_accepted(middle, level) > np.arange(means)
        low, high = np.where(behind, low, middle), np.where(behind, middle, high)
    return low


def _lowest_accepted(means: Floats, level: float) -> NDArray[np.int64]:
    most = int(means.max() * 2 + 30)
    below = poisson.cdf(np.arange(-1, most), means[:, None])
    lowest = np.full(len(means), -1)
    for length in range(1, most):
        enough = below[:, length:] - below[:, :-length] >= level
        highest = enough.shape[1] - 1 - np.argmax(enough[:, ::-1], axis=1)
        lowest = np.where((lowest < 0) & enough.any(axis=1), highest, lowest)
    return lowest


def _whole_years(years: int, half_width: int, periods: int, skip: int) -> Design:
    """The season in the last part; the weeks between two seasons shared out, the older parts one week longer."""
    between = YEAR - 2 * half_width - 1
    if periods > 1 and between < periods - 1:
        raise ValueError(f"{between} weeks between the seasons do not make {periods - 1} parts")
    season, others = np.full(2 * half_width + 1, periods - 1), np.full(between, -1)
    if periods > 1:
        others = np.sort(np.arange(between) % (periods - 1))
    parts = np.concatenate([np.tile(np.concatenate([season, others]), years), season[: half_width + 1]])
    offsets = np.arange(-YEAR * years - half_width, 1)
    used = (parts >= 0) & (offsets < -skip)
    return Design(offsets[used], parts[used])


def _by_weeks(
    counts: Floats,
    offsets: NDArray[np.int64],
    limit: Callable[[Floats], Floats],
    least_cases: int,
    within: int,
    last: int | None,
) -> Floats:
    """Bounds by a function of reference weeks (cells, offsets), called on the cells that can be told of."""
    series, weeks = counts.shape
    padded = np.hstack([np.zeros((series, within)), np.nan_to_num(counts).cumsum(axis=1)])
    many = padded[:, within:] - padded[:, :weeks] >= least_cases
    wanted = many & ~np.isnan(counts) & (np.arange(weeks) >= (0 if last is None else weeks - last))
    rows, columns = np.nonzero(wanted)
    depth = -int(offsets.min())
    padded = np.hstack([np.full((series, depth), np.nan), counts])
    upper = np.full(counts.shape, np.nan)
    for start in range(0, len(rows), CELLS):
        row, column = rows[start : start + CELLS], columns[start : start + CELLS]
        past = padded[row[:, None], column[:, None] + depth + offsets]
        enough = (~np.isnan(past)).mean(axis=1) >= LEAST_KNOWN
        upper[row[enough], column[enough]] = limit(past[enough])
    return upper


def _usual(past: Floats, design: Design, trend: bool, trend_level: float, outlier: float | None, loose: bool) -> Fit:
    """Models of reference weeks (cells, weeks), with a trend only where it is sure.

    loose: the error of the trend takes the loose dispersion.
    """
    trended, fit = _reweighted(past, design, np.full(len(past), trend), outlier)
    dispersion = fit.loose_dispersion if loose else fit.dispersion
    with np.errstate(invalid="ignore", divide="ignore"):
        sure = 2 * student.sf(np.abs(fit.slope) / np.sqrt(dispersion * fit.slope_variance), fit.freedom) < trend_level
        doubtful = trended & ~(sure & (_cases(fit.predicted) <= np.nanmax(past, axis=1)))
    return _replaced(fit, doubtful, lambda some: _reweighted(past[some], design, trended[some] & False, outlier)[1])


def _reweighted(past: Floats, design: Design, trended: Flags, outlier: float | None) -> tuple[Flags, Fit]:
    """Fitted twice; where no model with a trend is found, without. Also which have one."""
    known = ~np.isnan(past)
    counts, weights = np.where(known, past, 0), known.astype(np.float64)
    first = fit_models(counts, weights, design, trended)
    lost = trended & ~first.converged
    trended = trended & ~lost
    first = _replaced(first, lost, lambda some: fit_models(counts[some], weights[some], design, trended[some]))
    if outlier is None:
        return trended, first
    again = fit_models(counts, _downweighted(counts, known, first, outlier), design, trended)
    return trended, again._replace(converged=first.converged)


def _downweighted(counts: Floats, known: Flags, fit: Fit, outlier: float) -> Floats:
    """Weights by standardised Anscombe residual s: s⁻² where s > outlier, else 1, scaled to a mean of 1."""
    phi = np.maximum(fit.dispersion, 1)[:, None]
    with np.errstate(invalid="ignore", divide="ignore"):
        residual = (
            1.5 * (counts ** (2 / 3) * fit.mean ** (-1 / 6) - np.sqrt(fit.mean)) / np.sqrt(phi * (1 - fit.leverage))
        )
        weights = np.where(residual > outlier, residual**-2, 1.0) * known
    return weights * (known.sum(axis=1) / weights.sum(axis=1))[:, None]


def _replaced(fit: Fit, which: Flags, by: Callable[[Flags], Fit]) -> Fit:
    if not which.any():
        return fit
    changed = {name: values.copy() for name, values in fit._asdict().items()}
    for name, values in by(which)._asdict().items():
        changed[name][which] = values
    return Fit(**changed)


def _cases(predicted: Floats) -> Floats:
    """Of a log mean; NaN where a trend ran out of all numbers."""
    return np.exp(np.where(predicted < np.log(LARGEST), predicted, np.nan))


def _power_limit(fit: Fit, phi: Floats, errors: Floats, power: float, z: float) -> Floats:
    """Normal around μ^power, of variance power²·μ^(2·power − 1)·τ. errors: the dispersion that var(μ) is of."""
    mean = _cases(fit.predicted)
    deviation = power * mean ** (power - 0.5) * np.sqrt(phi + errors * fit.variance * mean)
    limit: Floats = (mean**power + z * deviation) ** (1 / power)
    return limit


def _count_quantile(level: float, mean: Floats, phi: Floats) -> Floats:
    """Of a negative binomial of variance φ·mean, Poisson where φ is 1."""
    wide = phi > 1
    size = np.where(wide, mean / np.where(wide, phi - 1, 1), 1)
    return np.where(wide, nbinom.ppf(level, size, 1 / phi), poisson.ppf(level, mean))

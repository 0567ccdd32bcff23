"""Rolling-origin backtests of weekly series, a champion for each, and what a new week makes to be computed again.

How good the forecasts of one origin were depends on the counts of its group up to the weeks that were scored, and on
this code. So scores are kept with a fingerprint of both. Origins stand HORIZON weeks apart on a fixed grid: no week is
scored from two of them, and a new week makes at most one new. A series whose past was corrected makes its group's
origins after the correction be computed again, and no other's. The first week has to stay the same from night to night.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from scipy.stats import t as student

from lake.code_version import code_fingerprint
from models_ml.kept_scores import Scores, rolled
from models_ml.panel import MEASURES, Floats
from models_ml.weekly import ALL, CANDIDATES, FEWEST_WEEKS, HORIZON, LEVELS, MEAN_OF, Candidate, Groups, crps

CODE = ("models_ml/weekly.py", "models_ml/weekly_backtests.py")  # makes the candidates and their scores
ORIGINS = 12  # the newest that can be scored
SURE = 0.05
OWN_ORIGINS = 12.0  # of a series, from which its own losses count as much as its group's
SIMPLE = ("climatology", "seasonal_naive")


class Backtest(NamedTuple):
    """scores: (candidates, origins, series, HORIZON, MEASURES), CRPS in cases. champions: (series,) name of each.

    kept: what a later call need not compute again, by group, each (candidates, series, HORIZON, MEASURES). computed:
    groups × origins that were computed in this one.
    """

    names: list[str]
    scores: Floats
    champions: list[str]
    kept: Scores
    computed: int

    @property
    def losses(self) -> Floats:
        """(candidates, origins, series) mean CRPS over the horizon."""
        return mean_loss(self.scores)


def backtest(
    counts: Floats,
    groups: Groups,
    kept: Scores | None = None,
    candidates: Mapping[str, Candidate] = CANDIDATES,
    first_week: int = 0,
) -> Backtest:
    """Score every candidate from the newest origins and choose a champion of every series.

    counts: (series, weeks) of complete weeks, none missing. groups: (series,) numbers from 0 of what is learnt
    together. kept: of the last call. first_week: number of the first one, on any count of weeks that stays. Raises
    ValueError where there are fewer than FEWEST_WEEKS + 2·HORIZON weeks.
    """
    weeks = counts.shape[1]
    ends = [end for end in range(FEWEST_WEEKS, weeks - HORIZON + 1) if (first_week + end) % HORIZON == 0][-ORIGINS:]
    if not ends or weeks < FEWEST_WEEKS + 2 * HORIZON:
        raise ValueError(f"{weeks} weeks are too few: {FEWEST_WEEKS + 2 * HORIZON} are needed to score any origin")
    names = [*candidates, *(["mean"] if set(MEAN_OF) <= set(candidates) else [])]
    scores = np.empty((len(names), len(ends), len(counts), HORIZON, len(MEASURES)))
    before, computed = kept or {}, 0
    told: Scores = {}
    code = code_fingerprint(*CODE)
    for group in np.unique(groups):
        own = np.flatnonzero(groups == group)
        kept_of_group = {key[1]: score for key, score in before.items() if key[0] == str(group)}

        def one(end: int, own: Groups = own) -> Floats:
            return _origin(counts[own], end, candidates, names)

        of_group = rolled(counts[own], ends, HORIZON, code, kept_of_group, one)
        computed += len(of_group.keys() - kept_of_group.keys())
        told |= {(str(group), key): score for key, score in of_group.items()}
        scores[:, :, own] = np.stack(list(of_group.values()), axis=1)
    return Backtest(names, scores, choose(names, mean_loss(scores), groups), told, computed)


def mean_loss(scores: Floats) -> Floats:
    """(…, series) mean CRPS over the horizon, of scores (…, series, HORIZON, MEASURES)."""
    loss: Floats = scores[..., 0].mean(axis=-1)
    return loss


def forecast(
    counts: Floats, groups: Groups, champions: list[str], candidates: Mapping[str, Candidate] = CANDIDATES
) -> Floats:
    """(series, HORIZON, levels) quantiles of each series by its champion; only candidates that are one are computed."""
    chosen = np.array(champions)
    told = np.zeros((len(counts), HORIZON, len(LEVELS)))
    for name, candidate in candidates.items():
        weight = np.where(chosen == name, 1.0, np.where((chosen == "mean") & (name in MEAN_OF), 1 / len(MEAN_OF), 0.0))
        asked = np.flatnonzero(weight)
        if len(asked):
            told[asked] += weight[asked, None, None] * candidate(counts, groups, asked)
    return told


def choose(names: list[str], losses: Floats, groups: Groups) -> list[str]:
    """The champion of each series: of the candidates that surely beat both simple rules in its group, and of
    climatology, the one with the least mean, half its own and half its group's.

    losses: (candidates, origins, series). Surely: by a one-sided paired t of the group's relative gains, origin by
    origin, against each rule with probability 1 − SURE: a commune alone is too short to be sure of anything.
    """
    simple = [names.index(name) for name in SIMPLE if name in names]
    sizes = np.bincount(groups)
    of_groups = np.stack([[np.bincount(groups, row) / sizes for row in one] for one in losses])
    able = np.ones((len(names), len(sizes)), dtype=bool)
    for rule in simple:
        able &= _chance(of_groups, of_groups[rule]) <= SURE
    able[simple] = False
    able[names.index(SIMPLE[0])] = True
    origins = losses.shape[1]
    # relative to what the simple rules lose, so that a large series is not its group's measure
    own, together = losses.mean(axis=1), of_groups.mean(axis=1)
    share = origins / (origins + OWN_ORIGINS)
    relative = (
        share * own / (own[simple].mean(axis=0) + 1e-9)
        + (1 - share) * (together / (together[simple].mean(axis=0) + 1e-9))[:, groups]
    )
    best = np.where(able[:, groups], relative, np.inf).argmin(axis=0)
    return [names[n] for n in best]


def _origin(counts: Floats, end: int, candidates: Mapping[str, Candidate], names: list[str]) -> Floats:
    """(candidates, series, HORIZON, MEASURES) from one origin, of the series of one group."""
    known, coming = counts[:, :end], counts[:, end : end + HORIZON]
    together = np.zeros(len(counts), np.int64)
    made = {name: candidate(known, together, ALL) for name, candidate in candidates.items()}
    if "mean" in names:
        made["mean"] = sum(made[name] for name in MEAN_OF) / len(MEAN_OF)  # type: ignore[assignment]
    return np.stack([_measured(made[name], coming) for name in names])


def _measured(told: Floats, came: Floats) -> Floats:
    """(series, HORIZON, MEASURES) of quantiles (series, HORIZON, levels) and what came, (series, HORIZON)."""
    low_50, high_50, low_80, high_80 = (told[..., np.searchsorted(LEVELS, at)] for at in (0.25, 0.75, 0.1, 0.9))
    held = [(low <= came) & (came <= high) for low, high in ((low_50, high_50), (low_80, high_80))]
    return np.stack([crps(told, came), *held], axis=-1)


def _chance(losses: Floats, rival: Floats) -> Floats:
    """(candidates, groups) one-sided p-values that they do not lose less than the rival, (origins, groups)."""
    both = losses + rival
    gain = np.divide(rival - losses, both, out=np.zeros_like(both), where=both > 0)
    origins = losses.shape[1]
    if origins < 2:
        return np.ones((len(losses), losses.shape[2]))
    spread = gain.std(axis=1, ddof=1) / np.sqrt(origins)
    statistic = np.divide(gain.mean(axis=1), spread, out=np.zeros_like(spread), where=spread > 0)
    chance: Floats = student.sf(statistic, origins - 1)
    return chance

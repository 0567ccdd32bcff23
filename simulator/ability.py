"""What each commune's office can do: how late, how digital and how well staffed it is, all from the seed alone.

It stays so over the years, so that what is late because of few hands, or always late, can be found in the figures.
"""

from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl
from numpy.typing import NDArray

USUAL_LATENESS = -2.75  # log odds that a dossier of an ordinary commune is late
UNDERSTAFFED_SHARE = 0.06  # of the communes
FEW_HANDS = 1.1  # what too few officers add to the log odds
LATE_COMMUNE_MONTHS = 5  # the present one among them
FALL = 2.8  # what the late commune's trouble adds to the log odds


@dataclass(frozen=True)
class LateCommune:
    """The commune whose dossiers have been late since a month. unit: row of units."""

    unit: int
    commune_code: str
    from_month: date


def lateness(units: pl.DataFrame, seed: int) -> NDArray[np.float64]:
    """Log odds that a dossier is late, by commune: some have special difficulties, some too few officers."""
    rng = np.random.default_rng([seed, 3])
    usual = USUAL_LATENESS + rng.normal(0, 0.55, len(units))
    difficult = rng.random(len(units)) < 0.08
    return usual + np.where(difficult, 1.3, 0.0) + np.where(understaffed(units, seed), FEW_HANDS, 0.0)


def digital_skill(units: pl.DataFrame, seed: int) -> NDArray[np.float64]:
    """How far a commune is with papers, payments and results on line: about standard normal, better where in time."""
    own = np.random.default_rng([seed, 5]).normal(0, 1, len(units))
    return 0.6 * (USUAL_LATENESS - lateness(units, seed)) / 0.8 + 0.8 * own


def understaffed(units: pl.DataFrame, seed: int) -> NDArray[np.bool_]:
    """The communes with far fewer officers than posts, of four communes at least one."""
    count = max(1, round(UNDERSTAFFED_SHARE * len(units))) if len(units) >= 4 else 0
    chosen = np.random.default_rng([seed, 6]).permutation(len(units))[:count]
    return np.isin(np.arange(len(units)), chosen)


def plan_late_commune(units: pl.DataFrame, first: date, present: date, seed: int) -> LateCommune:
    """The planted late commune: one of the larger ordinary ones, late in the months up to the present one.

    first: of the months there are.
    """
    ordinary = (lateness(units, seed) < USUAL_LATENESS + 0.6) & ~understaffed(units, seed)
    large = units["population"].to_numpy() >= units["population"].median()
    fits = np.flatnonzero(ordinary & large) if (ordinary & large).any() else np.arange(len(units))
    unit = int(np.random.default_rng([seed, 7]).choice(fits))
    month = present.year * 12 + present.month - LATE_COMMUNE_MONTHS
    return LateCommune(unit, units["code"][unit], max(first.replace(day=1), date(month // 12, month % 12 + 1, 1)))

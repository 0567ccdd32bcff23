"""How each dossier was served, as QĐ 766/QĐ-TTg asks: sent on, paid on line, digitised, reused, and how it was liked.

Communes differ for good, those that are in time are further, and all get better slowly. What a desk does not tell is
null: the older programs of some desks did not know of digitised papers and reused data before the merger.
"""

from datetime import date

import numpy as np
import polars as pl
from numpy.typing import NDArray

from simulator.ability import digital_skill
from simulator.procedure_catalogue import COPIES, PROCEDURES
from simulator.province import MERGER

# shares of an ordinary commune in January 2025
_LEVELS = {
    "synchronised": 0.90, "paid_online": 0.40, "digitised": 0.68, "result_electronic": 0.55, "result_shared": 0.62,
    "data_reused": 0.58, "population_data_used": 0.60, "e_certified": 0.10,
}  # fmt: skip
_GROWTH = 0.025  # of the log odds a month
_RATED = 0.12
_OLD_PROGRAM = 0.05  # share of the communes
_FEES, _IDENTIFIES = (np.array([getattr(one, name) for one in PROCEDURES]) for name in ("fee", "identifies"))
_COPIED = np.array([one.code == COPIES for one in PROCEDURES])


def with_service(frame: pl.DataFrame, units: pl.DataFrame, month: date, seed: int) -> pl.DataFrame:
    """The month's dossiers with what was done for each in the end; `simulator.dossiers.state_at` tells since when.

    frame: columns unit, procedure (rows of units and PROCEDURES), channel, times of its life.
    Adds synchronised_at, fee_thousand_vnd (0: no fee), paid_online (null: no fee), digitised, result_electronic,
    result_shared, certified_copies, e_certified_copies, data_reused, population_data_used (null: nothing to use),
    rating (null: not rated).
    """
    rng = np.random.default_rng([seed, 4, month.year, month.month])
    n = len(frame)
    unit, procedure = frame["unit"].to_numpy(), frame["procedure"].to_numpy()
    online = (frame["channel"] == "online").to_numpy()
    skill = digital_skill(units, seed)[unit]
    growth = _GROWTH * ((month.year - 2025) * 12 + month.month - 1)

    def drawn(name: str, more: NDArray[np.float64] | float = 0.0) -> NDArray[np.bool_]:
        odds = np.log(_LEVELS[name] / (1 - _LEVELS[name])) + 0.55 * skill + growth + more
        return rng.random(n) < 1 / (1 + np.exp(-odds))

    sent = drawn("synchronised")
    delay = 60 + rng.exponential(np.where(online, 900, 5400) * np.exp(-0.3 * skill), n)
    received = frame["received_at"].to_numpy().astype("datetime64[s]")
    sent_at = np.where(sent, received + delay.astype("timedelta64[s]"), np.datetime64("NaT", "s"))
    fee = _FEES[procedure]
    old = np.random.default_rng([seed, 8]).random(len(units)) < _OLD_PROGRAM
    untold = pl.Series(old[unit] & (np.datetime64(month, "D") < MERGER))
    digitised = drawn("digitised", np.where(online, 1.0, -0.2))
    electronic = drawn("result_electronic", np.where(online, 0.8, -0.2))
    copies = np.where(_COPIED[procedure], 1 + rng.poisson(2.5, n), 0)
    return frame.with_columns(
        pl.Series("synchronised_at", sent_at.astype("datetime64[us]")),
        pl.Series("fee_thousand_vnd", fee),
        pl.Series("paid_online", drawn("paid_online", np.where(online, 1.1, -0.7))).set(pl.Series(fee == 0), None),
        pl.Series("digitised", digitised).set(untold, None),
        pl.Series("result_electronic", electronic),
        pl.Series("result_shared", electronic & drawn("result_shared")),
        pl.Series("certified_copies", copies),
        pl.Series("e_certified_copies", np.where(drawn("e_certified"), copies, 0)),
        pl.Series("data_reused", digitised & drawn("data_reused")).set(untold, None),
        pl.Series("population_data_used", drawn("population_data_used")).set(pl.Series(~_IDENTIFIES[procedure]), None),
        _ratings(rng, frame),
    )


def _ratings(rng: np.random.Generator, frame: pl.DataFrame) -> pl.Series:
    """What the few who rate think: who waited in vain is rarely satisfied."""
    n = len(frame)
    waited = pl.sum_horizontal(
        (pl.col(f"resumed{i}_at") - pl.col(f"supplement{i}_at")).dt.total_seconds().fill_null(0) for i in (1, 2)
    )
    late = (pl.col("finished_at") - pl.col("due_at")).dt.total_seconds() > waited
    satisfied = np.where(frame.select(late.fill_null(False)).to_series().to_numpy(), 0.35, 0.88)
    mood = rng.random(n)
    kind = np.where(mood < satisfied, 0, np.where(mood < satisfied + 0.6 * (1 - satisfied), 1, 2))
    kind = np.where(rng.random(n) < _RATED, kind, 3)
    return pl.Series("rating", ["satisfied", "neutral", "dissatisfied", None], dtype=pl.String).gather(kind)

"""Which model is shown: the best of the past, if it is surely better than both simple rules."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl
from scipy.stats import ttest_1samp

from models_ml.candidates import BASELINE, BASELINES
from models_ml.panel import Floats

LEVEL = 0.05
NOT_SURE = (
    "Mô hình {model} sai số thấp nhất nhưng chưa chắc tốt hơn {rivals} (xác suất do ngẫu nhiên {chance} %) "
    "nên {usual} được dùng để dự báo"
)
NAMES = {
    BASELINE: "mức cùng tháng các năm trước",
    "seasonal_naive": "mức cùng tháng năm ngoái",
    "poisson_gamma": "Poisson–gamma",
    "anomaly_regression": "hồi quy độ lệch so với mùa",
    "auto_ets": "san bằng mũ (AutoETS)",
    "auto_arima": "tự hồi quy trung bình trượt (AutoARIMA)",
    "auto_theta": "Theta (AutoTheta)",
    "prophet": "Prophet",
    "prophet_holidays": "Prophet có ngày nghỉ lễ",
    "gradient_boosting": "cây tăng cường (LightGBM)",
    "ensemble": "trung bình các mô hình",
    "remote": "mô hình dùng chung từ xa",
}


def nothing_better(names: Mapping[str, str]) -> str:
    """Why it is climatology where no model is better than both simple rules; names: of these."""
    usual, naive = (names[rule] for rule in BASELINES)
    return f"Không mô hình nào tốt hơn cả {usual} lẫn {naive} nên {usual} được dùng để dự báo"


NOTHING_BETTER = nothing_better(NAMES)


@dataclass(frozen=True)
class Champion:
    """The model shown, why it is climatology if it is, and the p-values of each model against each simple rule."""

    model: str
    note: str | None
    chance: Mapping[tuple[str, str], float]


def choose(losses: Mapping[str, Floats], names: Mapping[str, str] = NAMES) -> Champion:
    """The champion by the mean CRPS of each origin (origins,) of each model; NaN where an origin had nothing to score,
    not everywhere.

    A model may be shown if its mean is less than climatology's and seasonal naive's and surely so, each with
    probability 1 − LEVEL. Of those the one with the least mean is; where there is none climatology, with a note.
    Simple rules that were not scored are not asked. names: of the models in the note, the simple rules among them.
    """
    rivals = [name for name in BASELINES if name in losses]
    chance = {(name, rival): chance_of(losses[name], losses[rival]) for name in losses for rival in rivals}
    means = {name: float(np.nanmean(loss)) for name, loss in losses.items()}
    better = [name for name in losses if name not in BASELINES and all(means[name] < means[rival] for rival in rivals)]
    sure = [name for name in better if all(chance[name, rival] <= LEVEL for rival in rivals)]
    best = min(sure or better, key=lambda name: (means[name], name), default=None)
    if best is None:
        return Champion(BASELINE, nothing_better(names), chance)
    if sure:
        return Champion(best, None, chance)
    doubted = {names[rival]: chance[best, rival] for rival in rivals if chance[best, rival] > LEVEL}
    note = NOT_SURE.format(
        model=names.get(best, best),
        rivals=" và ".join(doubted),
        chance=round(100 * max(doubted.values())),
        usual=names[BASELINE],
    )
    return Champion(BASELINE, note, chance)


def successors(scores: pl.DataFrame) -> list[str]:
    """Of the rows of one disease's backtest over all horizons, the models besides the champion that may be shown by the
    rule of `choose`, the best first.
    """
    sure = scores.filter(
        ~pl.col("champion") & ~pl.col("model").is_in(BASELINES),
        *(pl.col(f"skill_{rival}").fill_null(0) > 0 for rival in BASELINES),
        *(pl.col(f"chance_{rival}").fill_null(1) <= LEVEL for rival in BASELINES),
    )
    return sure.sort("crps", "model")["model"].to_list()


def chance_of(loss: Floats, rival: Floats) -> float:
    """One-sided p-value that `loss` is not less than `rival`, origin by origin; 1 for a model and itself.

    Diebold and Mariano's test with Harvey, Leybourne and Newbold's correction (1997), of the gains relative to both
    losses: in cases, one epidemic would be most of the mean and of its variance. The months scored after one origin
    are not scored after another, so no covariance of overlapping forecasts is to be estimated, and the corrected
    statistic is the paired t.
    """
    both = loss + rival
    seen = both > 0  # neither NaN nor two perfect forecasts
    gain = (rival - loss)[seen] / both[seen]
    if len(gain) < 2 or np.ptp(gain) < 1e-9:
        return 0.0 if len(gain) > 1 and gain[0] > 0 else 1.0
    return float(ttest_1samp(gain, 0, alternative="greater").pvalue)

"""Daily series of the registry: backtests of each level, a champion of the month, and what it tells."""

import warnings
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from datetime import date, timedelta
from typing import NamedTuple

import numpy as np
import polars as pl

from lake.code_version import code_fingerprint
from models_ml.candidates import BASELINE, BASELINES
from models_ml.champions import choose
from models_ml.daily import CANDIDATES, HORIZON, Candidate, Days, learnable, predict
from models_ml.kept_scores import Scores, rolled
from models_ml.panel import LEVELS, MEASURES, QUANTILES, Flags, Floats, at, crps
from models_ml.series_items import Item, levels, rows_of
from models_ml.series_registry import DaySeries, candidates_at

CODE = ("models_ml/daily.py", "models_ml/daily_series.py")  # makes the candidates and their scores
ORIGINS = 24  # the newest that can be scored: a year of them, Tết among them
EVERY = HORIZON + 1  # days between origins: none is scored from two, and each horizon meets every weekday
FEWEST_DAYS = 182  # known at an origin that is scored
NEEDED = FEWEST_DAYS + HORIZON + 2 * EVERY  # wherever the grid of the origins stands, for two of them
NAMES = {
    BASELINE: "mức thường gặp của cùng thứ trong tuần",
    BASELINES[1]: "mức cùng thứ của tuần trước",
    "mstl": "phân rã theo mùa (MSTL)",
}
INSTEAD = f"dự báo bằng {NAMES[BASELINE]}"
TOO_SHORT = f"Mới có {{days}} ngày số liệu, cần {{needed}} ngày để kiểm định ngược; {INSTEAD}"
FAILED = f"Mô hình {{model}} gặp lỗi ({{error}}); {INSTEAD}"
NOT_LEARNED = f"Số liệu của đơn vị quá ít, không đổi hoặc thiếu quá nhiều để mô hình học được; {INSTEAD}"


class Chosen(NamedTuple):
    """A level's champion, and why it is climatology where it is."""

    model: str
    note: str | None


class Answer(NamedTuple):
    """quantiles: (units, HORIZON, 99) by the champion. own: (units,) whether it made them, otherwise climatology did.

    scores: of the backtest, (candidates, origins, units, HORIZON, MEASURES), without origins where none was possible.
    kept: the same by fingerprint, unless a candidate failed: then it is tried again the next night.
    """

    chosen: Chosen
    quantiles: Floats
    own: Flags
    scores: Floats
    kept: dict[str, Floats]


def daily(
    series: DaySeries, fresh: Sequence[Item], kept: pl.DataFrame, scores: Scores, pool: Executor | None = None
) -> tuple[pl.DataFrame, Scores]:
    """Forecasts of the items at every level of the hierarchy, and the scores of their backtests.

    kept: the rows of the month so far, whose models stay the champions. scores: by series, item and level. pool: where
    what is slow is computed, by default here.
    """
    jobs, places = [], []
    for item in fresh:
        before = kept.filter(item=item.name)
        for level, units, values in levels(series, item):
            place = f"{series.code}/{item.name}/{level}"
            own = {key[1]: one for key, one in scores.items() if key[0] == place}
            champion = _of_the_month(before.filter(pl.col("unit_code").is_in(units)), units)
            candidates = {name: CANDIDATES[name] for name in candidates_at(series, level)}
            jobs.append((values, item.periods[0], candidates, own, champion))
            places.append((place, item, units))
    # the start of a process would take longer than the simple rules of a night in the middle of a month
    fits = any(champion is None or champion.model not in BASELINES for *_, champion in jobs)
    answers = list((pool.map if pool and fits else map)(answer_of, *zip(*jobs, strict=True)))
    scores = {key: one for key, one in scores.items() if key[0] not in {place for place, _, _ in places}}
    told = []
    for (place, item, units), job, answer in zip(places, jobs, answers, strict=True):
        scores |= {(place, fingerprint): one for fingerprint, one in answer.kept.items()}
        told.append(_told(item, units, list(job[2]), answer))
    return pl.concat(told), scores


def _of_the_month(kept: pl.DataFrame, units: Sequence[str]) -> Chosen | None:
    """The champion that was chosen in the month already, if all units are told and it could be chosen then."""
    rows = kept.filter(pl.col("horizon") == 1).select("unit_code", "model", "note")
    if set(units) - set(rows["unit_code"]):
        return None
    if len(others := rows.filter(pl.col("model") != BASELINE)):
        return Chosen(others["model"][0], None)
    note = rows["note"][0]
    could_not = tuple(one.partition("{")[0] for one in (TOO_SHORT, FAILED, NOT_LEARNED))
    return None if (note or "").startswith(could_not) else Chosen(BASELINE, note)


def answer_of(
    values: Floats,
    first: date,
    candidates: Mapping[str, Candidate],
    kept: Mapping[str, Floats],
    champion: Chosen | None,
) -> Answer:
    """Of one level of one item: its backtest, and the forecast by its champion, chosen now unless told."""
    days = np.datetime64(first, "D") + np.arange(values.shape[1] + HORIZON)
    failed: dict[str, str] = {}

    def score(end: int) -> Floats:
        made = [_made(candidates, name, values[:, :end], days[: end + HORIZON], failed)[0] for name in candidates]
        return np.stack([_measured(quantiles, values[:, end : end + HORIZON]) for quantiles in made])

    rules = f"{first} {list(candidates)} {code_fingerprint(*CODE)}"
    of_origins = rolled(values, _origins(days[:-HORIZON]), HORIZON, rules, kept, score)
    shape = (len(candidates), 0, len(values), HORIZON, len(MEASURES))
    scores = np.stack([*of_origins.values()], axis=1) if of_origins else np.empty(shape)
    champion = champion or _champion(list(candidates), scores, values, failed)
    quantiles, own = _made(candidates, champion.model, values, days, failed)
    if champion.model in failed:  # leaders are not left without a figure
        champion = _left_out(champion.model, failed)
        quantiles, own = predict(candidates[BASELINE], values, days)
    return Answer(champion, quantiles, own, scores, {} if failed else of_origins)


def _origins(days: Days) -> list[int]:
    """Days known at each origin, oldest first, on a grid that stays from night to night; none if there is but one."""
    ends = np.arange(FEWEST_DAYS, len(days) - HORIZON + 1)
    on_grid = ends[(days.astype(np.int64)[0] + ends) % EVERY == 0][-ORIGINS:] if len(ends) else ends
    return on_grid.tolist() if len(on_grid) > 1 else []


def _made(
    candidates: Mapping[str, Candidate], name: str, values: Floats, days: Days, failed: dict[str, str]
) -> tuple[Floats, Flags]:
    """As `predict`; NaN of a candidate that failed, which is noted there."""
    try:
        return predict(candidates[name], values, days)
    except Exception as error:  # whatever a library throws, the other candidates go on
        failed[name] = type(error).__name__
        return np.full((len(values), HORIZON, len(QUANTILES)), np.nan), np.zeros(len(values), dtype=bool)


def _measured(quantiles: Floats, came: Floats) -> Floats:
    """(units, HORIZON, MEASURES) of quantiles (units, HORIZON, 99) and what came, NaN where either is not known."""
    loss = crps(quantiles, came)
    bounds = [(at(quantiles, low), at(quantiles, 1 - low)) for low in (0.25, 0.1)]
    # of whole numbers: an interval from 2.4 to 5.1 means 2 to 6
    held = [np.where(np.isnan(loss), np.nan, (np.floor(low) <= came) & (came <= np.ceil(high))) for low, high in bounds]
    return np.stack([loss, *held], axis=-1)


def _champion(names: Sequence[str], scores: Floats, values: Floats, failed: Mapping[str, str]) -> Chosen:
    """By `champions.choose`, of the mean CRPS of each origin; of what nothing can be learned, climatology."""
    losses = {name: _mean(loss, (1, 2)) for name, loss in zip(names, scores[..., 0], strict=True)}
    losses = {name: loss for name, loss in losses.items() if not np.isnan(loss).all()}
    if BASELINE not in losses:
        return Chosen(BASELINE, TOO_SHORT.format(days=values.shape[1], needed=NEEDED))
    if not learnable(values).any():
        return Chosen(BASELINE, NOT_LEARNED)
    best = choose(losses, NAMES)
    lost = [name for name in failed if name not in losses]
    return _left_out(lost[0], failed) if best.model == BASELINE and lost else Chosen(best.model, best.note)


def _left_out(model: str, failed: Mapping[str, str]) -> Chosen:
    return Chosen(BASELINE, FAILED.format(model=NAMES[model], error=failed[model]))


def _mean(scores: Floats, axis: tuple[int, ...]) -> Floats:
    """Of what is known, NaN where nothing is."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mean: Floats = np.nanmean(scores, axis=axis)
    return mean


def _told(item: Item, units: Sequence[str], names: list[str], answer: Answer) -> pl.DataFrame:
    """Rows of one level of one item, by the columns of series_forecasts.SCHEMA that are not of the whole series."""
    model, note = answer.chosen
    models = [model if own else BASELINE for own in answer.own]
    notes = [note if own else note or NOT_LEARNED for own in answer.own]
    numbers = [names.index(name) for name in models]
    measured = _mean(answer.scores, (1, 2))[numbers]  # (units, HORIZON, MEASURES)
    losses = _mean(answer.scores[..., 0], (1, 2, 3))
    values = {name: at(answer.quantiles, level) for name, level in LEVELS.items()}
    values |= {"expected": answer.quantiles.mean(axis=-1)}
    values |= {f"skill_{rule}": _skills(losses, numbers, names.index(rule)) for rule in BASELINES}
    values |= {name: measured[:, :, number] for number, name in enumerate(MEASURES)}
    rows = rows_of(item, units, timedelta(days=1), models, notes, values, answer.scores.shape[1])
    return rows.filter(pl.col("q50").is_not_null())  # of a unit of which nothing is known nothing is told


def _skills(losses: Floats, numbers: Sequence[int], rule: int) -> Floats:
    """(units, HORIZON) 1 − loss of each one's model by that of the rule, of all units together; NaN if unknown."""
    lost = losses[numbers]
    skill = 1 - lost / losses[rule] if losses[rule] > 0 else np.full(len(lost), np.nan)
    return np.repeat(skill[:, None], HORIZON, axis=1)

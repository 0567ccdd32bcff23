"""Weekly series of the registry, by the candidates that are computed for all units at once."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

import numpy as np
import polars as pl

from models_ml.kept_scores import Scores
from models_ml.panel import LEVELS, MEASURES, Floats
from models_ml.series_items import Item, levels, rows_of
from models_ml.series_registry import SIMPLE, WeekSeries
from models_ml.weekly import CANDIDATES, FEWEST_WEEKS, HORIZON, Candidate, expected
from models_ml.weekly import LEVELS as OURS
from models_ml.weekly_backtests import Backtest, backtest, forecast

MONDAY = date(2000, 1, 3)  # from which weeks are numbered
CLIMATOLOGY = SIMPLE[0]
NEEDED = FEWEST_WEEKS + 2 * HORIZON
TOO_SHORT = "Mới có {weeks} tuần số liệu, cần {needed} tuần để kiểm định ngược; dự báo bằng mức cùng mùa các năm trước"
NOTHING_SURE = (
    "Chưa mô hình nào chắc chắn tốt hơn cả mức cùng mùa các năm trước lẫn mức cùng tuần năm ngoái "
    "nên mức cùng mùa các năm trước được dùng để dự báo"
)
NOT_HERE = "Với đơn vị này mức cùng mùa các năm trước sai ít hơn các mô hình nên được dùng để dự báo"


def weekly(
    series: WeekSeries, fresh: Sequence[Item], kept: pl.DataFrame, scores: Scores
) -> tuple[pl.DataFrame, Scores]:
    """Forecasts of the items at every level of the hierarchy, and the scores of their backtests.

    kept: the rows of the month so far, whose models stay the champions. scores: by series, item and level.
    """
    candidates: dict[str, Candidate] = {name: CANDIDATES[name] for name in series.candidates}
    told = []
    for item in fresh:
        for level, units, counts in levels(series, item):
            place = f"{series.code}/{item.name}/{level}"
            before = {("0", key[1]): one for key, one in scores.items() if key[0] == place}
            scores = {key: one for key, one in scores.items() if key[0] != place}
            scored = _scored(counts, item.periods[0], before, candidates)
            if scored:
                scores |= {(place, key[1]): one for key, one in scored.kept.items()}
            told.append(_told(item, units, counts, scored, kept.filter(item=item.name), candidates))
    return pl.concat(told), scores


def _scored(counts: Floats, first: date, before: Scores, candidates: Mapping[str, Candidate]) -> Backtest | None:
    """The backtest of one level of one item; None where it is too short for one."""
    if counts.shape[1] < NEEDED:
        return None
    number = (first - MONDAY).days // 7
    return backtest(counts, np.zeros(len(counts), np.int64), before, candidates, number)


def _told(
    item: Item,
    units: list[str],
    counts: Floats,
    scored: Backtest | None,
    kept: pl.DataFrame,
    candidates: Mapping[str, Candidate],
) -> pl.DataFrame:
    groups = np.zeros(len(units), np.int64)
    models, notes = _champions(units, scored, kept, counts.shape[1])
    quantiles = forecast(counts, groups, models, candidates)
    means = np.zeros((len(units), HORIZON))
    for name in sorted(set(models)):
        asked = np.flatnonzero(np.array(models) == name)
        means[asked] = expected(name, counts, groups, asked)
    measured = _measured(scored, models)
    values = {name: quantiles[:, :, int(np.argmin(np.abs(OURS - at)))] for name, at in LEVELS.items()}
    values |= {"expected": means}
    values |= {f"skill_{rule}": np.repeat(_skills(scored, models, rule)[:, None], HORIZON, axis=1) for rule in SIMPLE}
    values |= {name: measured[:, :, number] for number, name in enumerate(MEASURES)}
    return rows_of(item, units, timedelta(weeks=1), models, notes, values, scored.scores.shape[1] if scored else 0)


def _champions(
    units: list[str], scored: Backtest | None, kept: pl.DataFrame, weeks: int
) -> tuple[list[str], list[str | None]]:
    """The model of each unit and why it is climatology: those of the month so far if there are any of all units."""
    if scored is None:
        return [CLIMATOLOGY] * len(units), [TOO_SHORT.format(weeks=weeks, needed=NEEDED)] * len(units)
    before = {unit: (model, note) for unit, model, note in kept.select("unit_code", "model", "note").iter_rows()}
    # a month that began before there was enough to be scored has no champions yet
    if all(unit in before and before[unit][0] in scored.names for unit in units) and not any(
        (before[unit][1] or "").startswith(TOO_SHORT.partition("{")[0]) for unit in units
    ):
        return [before[unit][0] for unit in units], [before[unit][1] for unit in units]
    models = scored.champions
    reason = NOT_HERE if set(models) - {CLIMATOLOGY} else NOTHING_SURE
    return models, [reason if model == CLIMATOLOGY else None for model in models]


def _skills(scored: Backtest | None, models: list[str], rule: str) -> Floats:
    """(units,) 1 − loss of each one's model by that of the rule, of all units of the level together; NaN if unknown."""
    if scored is None:
        return np.full(len(models), np.nan)
    lost = dict(zip(scored.names, scored.losses.mean(axis=(1, 2)), strict=True))
    return np.array([1 - lost[model] / lost[rule] if lost[rule] > 0 else np.nan for model in models])


def _measured(scored: Backtest | None, models: list[str]) -> Floats:
    """(units, HORIZON, MEASURES) of each one's model, of all units of the level together; NaN if unknown."""
    if scored is None:
        return np.full((len(models), HORIZON, len(MEASURES)), np.nan)
    of_models: Floats = scored.scores.mean(axis=(1, 2))
    return of_models[[scored.names.index(model) for model in models]]

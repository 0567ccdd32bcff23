"""Forecasts made of other candidates' forecasts."""

from collections.abc import Sequence

import numpy as np

from models_ml.panel import Flags, Floats

# made of candidates that err differently; simple rules and what overfits short series would only blur them
MEMBERS: dict[str, tuple[str, ...]] = {"ensemble": ("anomaly_regression", "gradient_boosting", "prophet")}


def members(model: str) -> tuple[str, ...]:
    """The candidates that a model is made of: itself unless it is an ensemble."""
    return MEMBERS.get(model, (model,))


def combine(parts: Sequence[tuple[Floats, Flags]]) -> tuple[Floats, Flags]:
    """The mean of each quantile over the members that learned from the series.

    parts: what `predict` gave for each member, (series, horizon, 99) and which series it learned from. Quantiles that
    are averaged keep the shape of the members' distributions, where averaged probabilities would widen it.
    """
    made = np.stack([own for _, own in parts]).astype(np.float64)
    count = made.sum(axis=0)[:, None, None]
    total = np.sum([np.where(own[:, None, None], quantiles, 0) for quantiles, own in parts], axis=0)
    usual = parts[0][0]  # climatology's, wherever no member made them
    return np.where(count > 0, total / np.maximum(count, 1), usual), count[:, 0, 0] > 0

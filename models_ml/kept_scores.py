"""Scores of former backtests: what need not be computed again."""

import hashlib
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from models_ml.panel import Floats

Scores = dict[tuple[str, str], Floats]  # place and fingerprint → what one origin's forecasts scored


def rolled(
    values: Floats,
    ends: Sequence[int],
    horizon: int,
    rules: str,
    kept: Mapping[str, Floats],
    score: Callable[[int], Floats],
) -> dict[str, Floats]:
    """What `score` gives of each origin, by fingerprint, the oldest first; what is kept is not asked for again.

    values: (series, periods). ends: periods known at each origin, rising. A fingerprint is of the rules and of the
    values up to the `horizon` periods that are scored: a correction makes the origins after it be scored anew.
    """
    digest, hashed = hashlib.sha256(f"{len(values)} {rules}".encode()), 0
    scores: dict[str, Floats] = {}
    for end in ends:
        digest.update(np.ascontiguousarray(values[:, hashed : end + horizon].T).tobytes())
        hashed = end + horizon
        key = digest.hexdigest()
        scores[key] = kept[key] if key in kept else score(end)
    return scores

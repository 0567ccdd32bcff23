"""Poisson regression with a logarithmic link, by Newton's steps."""

import numpy as np

from models_ml.panel import Floats


def fit_poisson(design: Floats, target: Floats, penalty: Floats, bound: float, steps: int, tolerance: float) -> Floats:
    """(coefficients,) of log mean = design · coefficients, the first one the level.

    design: (rows, coefficients), target: (rows,) counts. penalty: (coefficients,) of their squares; a little of it
    makes them exist for any counts. bound: of the log mean. It ends after so many steps, or with one below the
    tolerance.
    """
    coefficients = np.zeros(design.shape[1])
    coefficients[0] = np.log(target.mean() + 1e-6)
    for _ in range(steps):
        mean = np.exp(np.clip(design @ coefficients, -bound, bound))
        gradient = design.T @ (target - mean) - penalty * coefficients
        step = np.linalg.solve(design.T @ (design * mean[:, None]) + np.diag(penalty), gradient)
        coefficients += np.clip(step, -1, 1)
        if np.abs(step).max() < tolerance:
            break
    return coefficients

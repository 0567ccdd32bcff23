"""Forecasts of parts and of their sum made to agree."""

from models_ml.panel import Floats


def reconcile(parts: Floats, total: Floats, parts_variance: Floats, total_variance: Floats) -> tuple[Floats, Floats]:
    """Means of the parts, (parts, horizon), and of the sum, (horizon,), that add up; none below 0.

    parts, total: means forecast apart, ≥ 0. parts_variance, total_variance: (horizon,) of the sum of the parts' errors
    and of the total's own. It is MinT (Wickramasuriya, Athanasopoulos and Hyndman 2019, J Am Stat Assoc 114) with a
    diagonal matrix in which a part's variance goes with its mean, as counts have it: so the parts keep their
    proportions, and no part can fall below 0. Parts that all expect nothing share alike.
    """
    summed = parts.sum(axis=0)
    variance = parts_variance + total_variance
    weight = (total_variance + 1e-12) / (variance + 2e-12)  # of the parts: the surer they are beside the total
    agreed = total + (summed - total) * weight
    shares = (parts + 1e-12) / (summed + 1e-12 * len(parts))
    made = shares * agreed
    return made, made.sum(axis=0)

"""The mean of the members that learned from a series."""

import numpy as np

from models_ml.candidates import CANDIDATES
from models_ml.ensemble import MEMBERS, combine


def test_quantiles_are_averaged_by_series_over_who_learned_from_it() -> None:
    low, high = np.full((3, 2, 99), 4.0), np.full((3, 2, 99), 10.0)
    quantiles, own = combine([(low, np.array([True, True, False])), (high, np.array([True, False, False]))])
    assert quantiles[:, 0, 0].tolist() == [7.0, 4.0, 4.0]  # the last: what the first gave in place of its own
    assert own.tolist() == [True, True, False]


def test_one_member_alone_is_itself() -> None:
    alone = np.random.default_rng(1).gamma(2, 3, (2, 3, 99))
    quantiles, own = combine([(alone, np.array([True, False]))])
    np.testing.assert_array_equal(quantiles, alone)
    assert own.tolist() == [True, False]


def test_members_are_candidates() -> None:
    assert all(set(members) <= set(CANDIDATES) for members in MEMBERS.values())
    assert not set(MEMBERS) & set(CANDIDATES)

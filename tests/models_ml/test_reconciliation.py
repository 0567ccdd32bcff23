"""Forecasts of parts and their sum agree after reconciliation, as MinT has it, and none falls below zero."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models_ml.panel import Floats, Integers
from models_ml.reconciliation import reconcile

amounts = st.floats(0, 1e6, allow_subnormal=False)
variances = st.floats(1e-6, 1e9)


def two(parts: list[float], total: float, low: float, high: float) -> tuple[Floats, float]:
    """Parts and their sum made to agree; low, high: variance of all parts together, which goes with their means."""
    means = np.array(parts)
    shares = means / means.sum() if means.sum() > 0 else np.full(len(means), 1 / len(means))
    made, upper = reconcile(
        [means, np.array([total])], [low * shares, np.array([high])], [np.zeros(len(means), dtype=np.int64)]
    )
    return made, float(upper[0])


@given(st.lists(amounts, min_size=1, max_size=40), amounts, variances, variances)
def test_parts_add_up_and_none_is_negative(parts: list[float], total: float, low: float, high: float) -> None:
    made, summed = two(parts, total, low, high)
    assert made.sum() == pytest.approx(summed, rel=1e-9, abs=1e-9)
    assert (made >= 0).all()
    least, most = sorted([sum(parts), total])
    assert least - 1e-6 * (1 + most) <= summed <= most + 1e-6 * (1 + most), "the sum is between the two forecasts"


@st.composite
def trees(draw: st.DrawFn) -> tuple[list[Floats], list[Floats], list[Integers]]:
    """Means and variances of three to four levels, and of which unit each is a part; some have no parts."""
    sizes = sorted(draw(st.lists(st.integers(1, 12), min_size=3, max_size=4)), reverse=True)
    means = [np.array(draw(st.lists(amounts, min_size=size, max_size=size))) for size in sizes]
    spread = [np.array(draw(st.lists(variances, min_size=size, max_size=size))) for size in sizes]
    above = [
        np.array(draw(st.lists(st.integers(0, upper - 1), min_size=size, max_size=size)), dtype=np.int64)
        for size, upper in pairwise(sizes)
    ]
    return means, spread, above


@given(trees())
def test_every_level_is_the_sum_of_the_one_below(tree: tuple[list[Floats], list[Floats], list[Integers]]) -> None:
    means, spread, above = tree
    made = reconcile(*tree)
    for lower, upper, number in zip(made, made[1:], above, strict=False):
        for unit, mean in enumerate(upper):
            if (number == unit).any():
                assert lower[number == unit].sum() == pytest.approx(mean, rel=1e-9, abs=1e-9)
    assert all((level >= 0).all() for level in made)
    most = sum(level.sum() for level in means)
    assert made[-1].sum() <= most * (1 + 1e-6) + 1e-6, "no more is expected than all levels together did"
    again = reconcile(made, spread, above)
    assert all(one == pytest.approx(other, rel=1e-6, abs=1e-6) for one, other in zip(made, again, strict=True))


def mint(adding: Floats, told: Floats, variance: Floats) -> Floats:
    """The textbook's matrices: S (S'W⁻¹S)⁻¹ S'W⁻¹ ŷ."""
    precision = np.diag(1 / variance)
    made: Floats = adding @ np.linalg.solve(adding.T @ precision @ adding, adding.T @ precision @ told)
    return made


def test_it_is_mint() -> None:
    parts = np.array([3.0, 0.5, 12.0, 7.0])
    made, summed = two(parts.tolist(), 30.0, 20.0, 45.0)
    adding = np.vstack([np.eye(4), np.ones(4)])
    wanted = mint(adding, np.append(parts, 30.0), np.append(20.0 * parts / parts.sum(), 45.0))
    assert [*made, summed] == pytest.approx(wanted, rel=1e-6)


def test_it_is_mint_over_three_levels() -> None:
    """Where the variances of every level go with its means."""
    parts, above = np.array([3.0, 0.5, 12.0, 7.0]), [np.array([0, 0, 1, 1]), np.array([0, 0])]
    of_clusters = np.array([3.5, 19.0])
    means, spread = [parts, 1.2 * of_clusters, np.array([31.0])], [2 * parts, 3 * of_clusters, np.array([25.0])]
    adding = np.vstack([np.eye(4), [[1, 1, 0, 0], [0, 0, 1, 1]], np.ones(4)])
    wanted = mint(adding, np.concatenate(means), np.concatenate(spread))
    assert np.concatenate(reconcile(means, spread, above)) == pytest.approx(wanted, rel=1e-6)


def test_the_surer_level_moves_less() -> None:
    assert two([5.0] * 4, 40.0, 1.0, 99.0)[1] == pytest.approx(20.2)
    assert two([5.0] * 4, 40.0, 99.0, 1.0)[1] == pytest.approx(39.8)


def test_parts_that_expect_nothing_share_the_sum_alike() -> None:
    made, summed = two([0.0] * 4, 2.0, 1.0, 1.0)
    assert made == pytest.approx([0.25] * 4) and summed == pytest.approx(1.0)


def test_a_unit_without_parts_shares_as_it_is() -> None:
    """Two clusters, of the second no commune is told; the province expects twice what they do and is as sure."""
    made = reconcile(
        [np.array([1.0, 3.0]), np.array([4.0, 6.0]), np.array([20.0])],
        [np.array([1.0, 3.0]), np.array([4.0, 8.0]), np.array([10.0])],
        [np.array([0, 0]), np.array([0, 0])],
    )
    assert (
        made[2] == pytest.approx([15.0]) and made[1] == pytest.approx([6.0, 9.0]) and made[0].sum() == pytest.approx(6)
    )

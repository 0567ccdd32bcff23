"""Forecasts of parts and their sum agree after reconciliation, as MinT has it, and none falls below zero."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models_ml.panel import Floats
from models_ml.reconciliation import reconcile

amounts = st.floats(0, 1e6, allow_subnormal=False)
variances = st.floats(1e-6, 1e9)


@given(st.lists(amounts, min_size=1, max_size=40), amounts, variances, variances)
def test_parts_add_up_and_none_is_negative(parts: list[float], total: float, low: float, high: float) -> None:
    made, summed = reconcile(np.array(parts)[:, None], np.array([total]), np.array([low]), np.array([high]))
    assert made.sum(axis=0) == pytest.approx(summed, rel=1e-9, abs=1e-9)
    assert (made >= 0).all()
    least, most = sorted([sum(parts), total])
    assert least - 1e-6 * (1 + most) <= summed[0] <= most + 1e-6 * (1 + most), "the sum is between the two forecasts"


def mint(parts: Floats, total: float, low: float, high: float) -> Floats:
    """The textbook's matrices: S (S'W⁻¹S)⁻¹ S'W⁻¹ ŷ, of the total and then the parts."""
    count = len(parts)
    adding = np.vstack([np.ones(count), np.eye(count)])
    precision = np.diag(1 / np.append(high, low * parts / parts.sum()))
    weights = np.linalg.solve(adding.T @ precision @ adding, adding.T @ precision)
    made: Floats = adding @ weights @ np.append(total, parts)
    return made


def test_it_is_mint() -> None:
    parts = np.array([3.0, 0.5, 12.0, 7.0])
    made, summed = reconcile(parts[:, None], np.array([30.0]), np.array([20.0]), np.array([45.0]))
    wanted = mint(parts, 30.0, 20.0, 45.0)
    assert summed == pytest.approx(wanted[:1], rel=1e-6) and made[:, 0] == pytest.approx(wanted[1:], rel=1e-6)


def test_the_surer_level_moves_less() -> None:
    parts, total = np.full((4, 1), 5.0), np.array([40.0])
    _, of_sure_parts = reconcile(parts, total, np.array([1.0]), np.array([99.0]))
    _, of_sure_total = reconcile(parts, total, np.array([99.0]), np.array([1.0]))
    assert of_sure_parts == pytest.approx([20.2]) and of_sure_total == pytest.approx([39.8])


def test_parts_that_expect_nothing_share_the_sum_alike() -> None:
    made, summed = reconcile(np.zeros((4, 1)), np.array([2.0]), np.array([1.0]), np.array([1.0]))
    assert made[:, 0] == pytest.approx([0.25] * 4) and summed == pytest.approx([1.0])

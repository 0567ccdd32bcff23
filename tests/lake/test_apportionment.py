"""Shares of split units: exact sums, and an estimate that is no worse than what is known."""

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lake.apportionment import STEPS, area_shares, exact_shares, read_box


@given(st.lists(st.floats(1e-6, 1e6), min_size=1, max_size=12))
def test_shares_sum_to_one_exactly(parts: list[float]) -> None:
    shares = exact_shares(parts)
    assert sum(map(Fraction, shares)) == 1
    assert sum(shares) == sum(reversed(shares)) == math.fsum(shares) == 1.0, "in any order"
    total = math.fsum(parts)
    assert all(abs(share - part / total) <= 1 / STEPS for share, part in zip(shares, parts, strict=True))


def test_a_box_is_cut_where_the_centres_say() -> None:
    box = read_box("11.0,108.0 – 11.4,108.4")
    assert box == ((11.0, 108.0), (11.4, 108.4))
    assert area_shares(box, [(11.2, 107.9), (11.2, 108.5)]) == [0.5, 0.5]
    west, east = area_shares(box, [(11.2, 108.0), (11.2, 108.2)]) or []
    assert (west, east) == (pytest.approx(0.25, abs=0.02), pytest.approx(0.75, abs=0.02))
    far_off = area_shares(box, [(11.2, 108.2), (11.2, 109.4)]) or []
    assert 0 < far_off[1] < 0.001, "each successor took something"


@pytest.mark.parametrize(
    ("box", "centres"),
    [
        (None, [(11.2, 108.0), (11.2, 108.2)]),
        ("11.0,108.0 – 11.4,108.4", [(11.2, 108.0), None]),
        ("11.0,108.0 – 11.4,108.4", [(21.0, 105.8), (21.1, 105.9)]),  # a place of the same name far away
        ("11.4,108.4 – 11.0,108.0", [(11.2, 108.0), (11.2, 108.2)]),
        ("", [(11.2, 108.0), (11.2, 108.2)]),
    ],
)
def test_nothing_is_told_where_nothing_is_known(box: str | None, centres: list[tuple[float, float] | None]) -> None:
    assert area_shares(read_box(box), centres) is None

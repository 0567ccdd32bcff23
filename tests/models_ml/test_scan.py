"""The scan finds what a search over every window written out finds, and warns by chance as rarely as it says."""

from collections.abc import Iterator
from datetime import date, timedelta
from math import log

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kstest

from models_ml.panel import Floats
from models_ml.scan import SCHEMA, Counts, _circles, _count_terms, _highest, _recent_sums, scan

WEEKS = 8
LONGEST = 3


def places(side: int = 5) -> tuple[list[str], Floats, Floats]:
    """A grid with uneven rows, on which many units are as far as others; and one unit at the place of another."""
    east, north = np.meshgrid(np.arange(side), np.arange(side) ** 1.1)
    longitudes, latitudes = 105 + 0.1 * east.ravel(), 18 + 0.1 * north.ravel()
    latitudes[-1], longitudes[-1] = latitudes[0], longitudes[0]
    return [f"{n:05d}" for n in range(side * side)], longitudes, latitudes


def weeks() -> list[date]:
    return [date(2026, 9, 28) + timedelta(weeks=week) for week in range(WEEKS)]


def expectation(seed: int = 0, mean: float = 3.0) -> Floats:
    units = len(places()[0])
    rng = np.random.default_rng(seed)
    return mean * rng.gamma(2, 0.5, (units, 1)) * rng.uniform(0.8, 1.2, WEEKS)


def run(counts: Counts, expected: Floats, **settings: float) -> pl.DataFrame:
    chosen = {"longest": LONGEST, "replicates": 99} | settings
    return scan(*places(), weeks(), counts, expected, **chosen)  # type: ignore[arg-type]


def ratio(observed: int, usual: float, total: int, fewest: int = 2) -> float:
    if observed < fewest or observed <= usual:
        return 0.0
    outside = (total - observed) * log((total - observed) / (total - usual)) if observed < total else 0.0
    return observed * log(observed / usual) + outside


def windows(shares: Floats, largest: float) -> Iterator[tuple[frozenset[int], int]]:
    """Every circle around every unit with every length, from distances between all."""
    _, longitudes, latitudes = places()
    east, north = np.radians(longitudes), np.radians(latitudes)
    half = np.sin((north[:, None] - north) / 2) ** 2
    half += np.cos(north[:, None]) * np.cos(north) * np.sin((east[:, None] - east) / 2) ** 2
    km = np.round(2 * 6371.0088 * np.arcsin(np.sqrt(half)), 5)
    for centre in range(len(km)):
        for radius in np.unique(km[centre]):
            inside = frozenset(np.flatnonzero(km[centre] <= radius).tolist())
            if shares[list(inside)].sum() <= largest + 1e-12:
                yield from ((inside, length) for length in range(1, LONGEST + 1))


def searched(counts: Counts, expected: Floats, largest: float) -> tuple[float, frozenset[int], int]:
    shares = expected / expected.sum()
    total = int(counts.sum())
    return max(
        (
            (ratio(int(counts[list(at), -n:].sum()), float(shares[list(at), -n:].sum()) * total, total), at, n)
            for at, n in windows(shares.sum(axis=1), largest)
        ),
        key=lambda found: found[0],
    )


@given(seed=st.integers(0, 10_000), largest=st.sampled_from([0.1, 0.5, 1.0]), mean=st.sampled_from([0.1, 2.0]))
@settings(max_examples=12, deadline=None)
def test_the_most_likely_cluster_is_that_of_a_search_over_all_windows(seed: int, largest: float, mean: float) -> None:
    expected = expectation(seed, mean)
    counts = np.random.default_rng(seed).poisson(expected)
    best, members, length = searched(counts, expected, largest)
    table = run(counts, expected, largest_share=largest, replicates=0)
    if best == 0:
        assert table.is_empty()
        return
    first = table.row(0, named=True)
    assert first["llr"] == pytest.approx(best, rel=1e-9)
    shares = expected / expected.sum()
    window = [int(unit) for unit in first["units"]], slice(-first["periods"], None)
    assert first["observed"] == counts[window].sum()
    assert first["expected"] == pytest.approx(shares[window].sum() * counts.sum())
    others = set(windows(shares.sum(axis=1), largest))
    assert (frozenset(window[0]), first["periods"]) in others and (members, length) in others


def test_replicates_side_by_side_have_the_maxima_of_a_search_over_all_windows() -> None:
    _, longitudes, latitudes = places()
    expected = expectation(3, 0.7)
    shares = expected / expected.sum()
    total = 100
    drawn = np.random.default_rng(5).multinomial(total, shares.ravel(), size=12).reshape(12, *shares.shape)
    circles = _circles(longitudes, latitudes, shares.sum(axis=1), 0.5)
    sums = np.stack([_recent_sums(one, LONGEST) for one in drawn], axis=2).astype(np.int32)
    baseline = _recent_sums(shares * total, LONGEST)
    found = _highest(circles.starts, circles.order, circles.whole, sums, baseline, _count_terms(total, 2))
    assert len(np.unique(found)) > 6
    np.testing.assert_allclose(found, [searched(one, expected, 0.5)[0] for one in drawn], rtol=1e-9)


def test_without_an_outbreak_p_values_are_uniform() -> None:
    expected = expectation(1)
    values = []
    for seed in range(300):
        counts = np.random.default_rng(seed).poisson(expected)
        values.append(run(counts, expected, clusters=1, seed=seed)["p_value"][0])
    assert 0.025 <= np.mean(np.array(values) <= 0.05) <= 0.08
    assert kstest(values, "uniform").pvalue > 0.01


def planted(expected: Floats, seed: int = 0) -> tuple[Counts, set[str]]:
    """Twice to three times the cases in four neighbouring units over the last two weeks."""
    counts = np.random.default_rng(seed).poisson(expected)
    there = [6, 7, 11, 12]
    counts[there, -2:] += np.ceil(3 * expected[there, -2:]).astype(np.int64)
    return counts, {f"{unit:05d}" for unit in there}


def test_a_planted_cluster_is_found_where_and_since_when_it_is() -> None:
    counts, there = planted(expectation())
    table = run(counts, expectation(), replicates=999)
    first = table.row(0, named=True)
    assert first["p_value"] == 0.001
    assert len(there & set(first["units"])) >= 3 and len(first["units"]) <= 6
    assert (first["period_start"], first["periods"]) == (weeks()[-2], 2)
    assert first["relative_risk"] > 2 and first["centre"] in first["units"]
    assert 0 < first["radius_km"] < 30


def test_further_clusters_share_no_unit_and_follow_in_order() -> None:
    counts, _ = planted(expectation())
    counts[[20, 21], -1] += 15
    table = run(counts, expectation())
    assert len(table) > 2 and (table["p_value"][:2] <= 0.02).all()
    assert table["units"].explode().is_unique().all()
    assert table["llr"].is_sorted(descending=True) and table["p_value"].is_sorted()
    assert table["cluster"].to_list() == list(range(1, len(table) + 1))
    assert dict(table.schema) == dict(SCHEMA)


def test_an_outbreak_that_is_over_is_none() -> None:
    counts, _ = planted(expectation())
    over = np.roll(counts, -2 - LONGEST, axis=1)
    assert run(over, np.roll(expectation(), -2 - LONGEST, axis=1))["p_value"].min() > 0.05


def test_only_proportions_of_what_is_expected_matter_and_the_seed_decides() -> None:
    counts, _ = planted(expectation())
    table = run(counts, expectation(), seed=4)
    assert table.equals(run(counts, expectation(), seed=4))
    scaled = run(counts, expectation() * 1000, seed=4)
    assert scaled["units"].to_list() == table["units"].to_list()
    np.testing.assert_allclose(scaled["llr"], table["llr"], rtol=1e-9)


def test_no_cases_no_cluster() -> None:
    nothing = np.zeros(expectation().shape, np.int64)
    assert run(nothing, expectation()).equals(SCHEMA.to_frame())
    alone = nothing.copy()
    alone[3, -1] = 1
    assert run(alone, expectation()).is_empty()  # one case is no cluster
    alone[3, -1] = 9  # all there are
    (first,) = run(alone, expectation(), clusters=1).iter_rows(named=True)
    assert first["units"] == ["00003"] and first["observed"] == 9 and first["relative_risk"] is None


def test_a_cell_that_was_not_reported_is_left_out() -> None:
    expected = expectation()
    counts, _ = planted(expected)
    expected[20:, -1], counts[20:, -1] = 0, 0
    assert run(counts, expected)["p_value"][0] <= 0.01


def test_input_that_contradicts_itself_is_refused() -> None:
    counts, _ = planted(expectation())
    for wrong, message in (
        ((counts[:, :-1], expectation()), "Counts and expected are"),
        ((counts.astype(np.float64), expectation()), "whole numbers"),
        ((-counts, expectation()), "not negative"),
        ((counts, expectation() * np.nan), "finite"),
        ((counts, expectation() * 0), "none are expected"),
    ):
        with pytest.raises(ValueError, match=message):
            run(*wrong)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="longest window"):
        run(counts, expectation(), longest=WEEKS + 1)

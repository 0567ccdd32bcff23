"""Clusters: what is planted is found where and when it is, an ordinary or a high season makes none."""

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from lake.contract import read_contract
from models_ml import clusters
from models_ml.clusters import LONGEST, dispersion, expected_counts, find_clusters, highest_excess, weekly_counts
from models_ml.panel import Floats
from models_ml.scan import highest_ratio, scan

CONTRACT = Path(clusters.__file__).parents[1] / "lake" / "contracts" / "models" / "clusters.yaml"
TODAY = date(2026, 11, 25)  # a Wednesday
MONDAY = date(2026, 11, 23)
SIDE, WEEKS = 7, 112
CENTRES = pl.DataFrame(
    {
        "unit_code": [f"{n:05d}" for n in range(SIDE * SIDE)],
        "latitude": np.repeat(np.arange(SIDE) * 0.1 + 11, SIDE),
        "longitude": np.tile(np.arange(SIDE) * 0.1 + 108, SIDE),
    }
)


def counts(seed: int, mean: float = 2.0, size: float = 3.0) -> Floats:
    """(communes, weeks) overdispersed counts of communes of unequal size, with a season."""
    rng = np.random.default_rng(seed)
    level = mean * rng.lognormal(0, 0.6, SIDE * SIDE)[:, None] * (1 + 0.6 * np.cos(2 * np.pi * np.arange(WEEKS) / 52))
    return rng.poisson(rng.gamma(size, level / size))


def weekly(values: Floats, item: str = "dengue") -> pl.DataFrame:
    starts = [MONDAY - timedelta(weeks=ago) for ago in range(WEEKS, 0, -1)]
    return pl.DataFrame(
        {
            "measure": "cases",
            "item": item,
            "unit_code": np.repeat(CENTRES["unit_code"].to_numpy(), WEEKS),
            "week_start": starts * len(CENTRES),
            "value": values.ravel(),
        }
    )


def test_a_planted_cluster_is_told_with_its_communes_weeks_and_counts() -> None:
    values = counts(1)
    there = [8, 9, 15, 16]  # a square of neighbours
    values[there, -3:] += 12
    (found,) = find_clusters(weekly(values), CENTRES, TODAY).filter(pl.col("cluster") == 1).iter_rows(named=True)
    told = [int(code) for code in found["units"].split(";")]
    assert set(there) <= set(told) and len(told) == found["communes"] <= 7
    assert found["period_start"] == MONDAY - timedelta(weeks=found["weeks"]) and found["weeks"] == 3
    assert found["observed"] == values[told, -3:].sum()
    assert found["severity"] == "alarm" and found["recurrence_weeks"] >= 1000 and found["p_value"] == 0.001
    assert int(found["unit_code"]) in there


def test_ordinary_weeks_are_seldom_told_and_never_as_alarms_all_over() -> None:
    tables = [find_clusters(weekly(counts(seed)), CENTRES, TODAY) for seed in range(10, 30)]
    shown = [table for table in tables if len(table)]
    assert len(shown) <= 5  # a tenth are to be expected
    assert sum((table["severity"] == "alarm").sum() for table in tables) <= 2


def test_a_season_high_everywhere_and_a_week_half_reported_make_no_cluster() -> None:
    values = counts(2)
    plain = find_clusters(weekly(values), CENTRES, TODAY)
    high = values.copy()
    high[:, -4:] = np.random.default_rng(5).poisson(values[:, 40:56].mean(axis=1)[:, None] * 4, (len(values), 4))
    late = values.copy()
    late[:, -1] = np.random.default_rng(6).binomial(values[:, -1].astype(int), 0.4)
    for changed in (high, late):
        found = find_clusters(weekly(changed), CENTRES, TODAY)
        assert len(found.filter(pl.col("severity") == "alarm")) <= len(plain.filter(pl.col("severity") == "alarm"))


def test_a_young_register_tells_nothing_and_the_running_week_is_no_part() -> None:
    values = counts(1)
    values[[8, 9], -3:] += 15
    young = weekly(values).filter(pl.col("week_start") >= MONDAY - timedelta(weeks=80))
    assert find_clusters(young, CENTRES, TODAY).is_empty()
    running = weekly(values).filter(pl.col("week_start") < MONDAY)
    extra = running.head(1).with_columns(week_start=pl.lit(MONDAY), value=pl.lit(500, pl.Int64))
    assert find_clusters(pl.concat([running, extra]), CENTRES, TODAY).equals(find_clusters(running, CENTRES, TODAY))


def test_expected_counts_share_out_each_week_by_the_year_before() -> None:
    values = np.zeros((3, 60), np.int64)
    values[0, :50], values[1, :50] = 3, 1
    values[:, -LONGEST:] = [[1, 2, 3, 4], [1, 2, 3, 4], [0, 0, 0, 2]]
    expected = expected_counts(values, 60)
    assert expected.sum(axis=0) == pytest.approx([2, 4, 6, 10])
    before = values[:, 4:56].sum(axis=1)
    usual = before + before.mean() / 52
    assert expected[:, 0] == pytest.approx(2 * usual / usual.sum())
    assert (expected[2] > 0).all(), "a commune without cases may have some"


def test_the_dispersion_is_of_the_many_and_not_of_the_few() -> None:
    rng = np.random.default_rng(4)
    expected = np.full((2000, LONGEST), 5.0)
    plain = rng.poisson(expected)
    assert dispersion(plain, expected) == pytest.approx(1, abs=0.15)
    wide = rng.poisson(rng.gamma(4, 5.0 / 4, (2000, 1)) * np.ones((1, LONGEST)))
    assert dispersion(wide, expected) == pytest.approx(1 + 20 / 4, rel=0.15)
    plain[:20] += 100
    assert dispersion(plain, expected) == pytest.approx(1, abs=0.2)
    assert dispersion(plain * 0, expected * 0) == 1


def test_past_clusters_do_not_hide_a_new_one() -> None:
    rng = np.random.default_rng(8)
    quiet = rng.gumbel(4, 1.2, 100)
    for share in (0.0, 0.2, 0.45):
        past = np.where(rng.random(100) < share, 40 + quiet, quiet)
        location, scale = clusters.background(past)
        assert (location, scale) == (pytest.approx(4, abs=0.5), pytest.approx(1.2, rel=0.35)), share
        told = clusters.recurrence(np.array([4.0, 8.0, 40.0]), past)
        assert told[0] < 3 and 8 < told[1] < 200 and told[2] == clusters.LONGEST_RECURRENCE


def test_the_highest_ratio_is_that_of_the_scan() -> None:
    values = counts(3).astype(np.int64)
    recent, expected = values[:, -LONGEST:], expected_counts(values, WEEKS)
    where = CENTRES["longitude"].to_numpy(), CENTRES["latitude"].to_numpy()
    weeks = [MONDAY - timedelta(weeks=ago) for ago in range(LONGEST, 0, -1)]
    found = scan(CENTRES["unit_code"].to_list(), *where, weeks, recent, expected, LONGEST, 0.2, 5, 9)
    ratio = highest_ratio(*where, recent, expected, LONGEST, 0.2, 5)
    assert ratio == found["llr"][0]
    assert highest_excess(values, WEEKS, CENTRES) == ratio / dispersion(recent, expected)
    assert highest_ratio(*where, recent * 0, expected) == 0


def test_weeks_and_units_without_rows_are_zero_and_the_first_week_goes() -> None:
    rows = pl.DataFrame(
        {"unit_code": ["00001", "00001", "00000"], "week_start": [MONDAY - timedelta(weeks=n) for n in (3, 1, 2)],
         "value": [9, 4, 2]}
    )  # fmt: skip
    table = weekly_counts(rows, CENTRES["unit_code"].head(3), MONDAY - timedelta(weeks=3), MONDAY)
    assert table.tolist() == [[2, 0], [0, 4], [0, 0]]


def test_rows_keep_the_contract_and_the_order_of_rows_does_not_matter() -> None:
    values = counts(1)
    values[[8, 9], -3:] += 15
    both = pl.concat([weekly(values), weekly(counts(7), "hfmd")])
    table = find_clusters(both, CENTRES, TODAY)
    contract = read_contract(CONTRACT)
    assert dict(table.schema) == {name: kind for name, kind in contract.row_schema.items() if name != "_load_id"}
    assert len(table) and not table.select(contract.key).is_duplicated().any()
    assert table["origin"].unique().to_list() == [date(2026, 11, 1)]
    shuffled = find_clusters(both.sample(fraction=1, shuffle=True, seed=1), CENTRES.reverse(), TODAY)
    assert table.equals(shuffled)
    assert find_clusters(both.clear(), CENTRES, TODAY).is_empty()

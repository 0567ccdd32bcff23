"""Nowcasts: the delays of the line list are learnt without the bias of recent onsets, and intervals hold what comes."""

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from lake.contract import read_contract
from models_ml import nowcast as module
from models_ml.nowcast import FEWEST_REPORTS, delay_shares, known_shares, nowcast

CONTRACT = Path(module.__file__).parents[1] / "lake" / "contracts" / "models" / "nowcasts.yaml"
TODAY = date(2026, 11, 25)  # a Wednesday
MONDAY = date(2026, 11, 23)
DELAYS = np.array([0.1, 0.15, 0.15, 0.2, 0.15, 0.1, 0.1, 0.05])
COMMUNES = 40
UNITS = pl.DataFrame({"unit_code": [f"{n:05d}" for n in range(COMMUNES)], "province_code": "68"})


def line_list(seed: int, mean: float = 1.0, days: int = 200, today: date = TODAY) -> pl.DataFrame:
    """All cases, also those that are reported later; onset up to today."""
    rng = np.random.default_rng(seed)
    rate = mean / 7 * rng.lognormal(0, 0.8, COMMUNES)
    counts = rng.poisson(np.repeat(rate, days))
    at = np.repeat(np.arange(COMMUNES * days), counts)
    onset = np.datetime64(today) - (at % days)
    return pl.DataFrame(
        {
            "commune_code": UNITS["unit_code"].gather(at // days),
            "disease_code": "dengue",
            "onset_date": onset.astype("datetime64[D]"),
            "reported_on": onset + rng.choice(len(DELAYS), len(at), p=DELAYS),
        }
    )


def test_shares_are_those_of_the_delays_though_the_newest_are_cut_off() -> None:
    cases = line_list(1, mean=40)
    age = (pl.lit(TODAY) - pl.col("onset_date")).dt.total_days()
    delay = (pl.col("reported_on") - pl.col("onset_date")).dt.total_days()
    recent = cases.filter(age <= 21).select(delay.alias("delay"), age.alias("age"))
    shares = delay_shares(recent["delay"].to_numpy(), recent["age"].to_numpy())
    assert shares[: len(DELAYS)] == pytest.approx(DELAYS.cumsum(), abs=0.02)
    assert (np.diff(shares) >= -1e-12).all() and shares[-1] == 1
    naive = np.bincount(recent.filter(pl.col("delay") < pl.col("age"))["delay"], minlength=8).cumsum()
    assert naive[2] / naive[-1] > DELAYS.cumsum()[2] + 0.02, "without care delays would look shorter"


def test_known_shares_are_of_each_week_up_to_yesterday() -> None:
    shares = known_shares(line_list(2, mean=40), TODAY).sort("week_start")
    assert shares["week_start"].to_list() == [MONDAY - timedelta(weeks=ago) for ago in (3, 2, 1, 0)]
    assert shares["until_day"].to_list()[-2:] == [MONDAY - timedelta(days=1), TODAY - timedelta(days=1)]
    within = DELAYS.cumsum()
    running = np.mean([within[0], within[1]])  # Tuesday's onsets had a day, Monday's two
    last = np.mean([within[min(age - 1, 7)] for age in range(3, 10)])
    assert shares["known_share"].to_list() == pytest.approx([1, 1, last, running], abs=0.03)


def test_a_monday_has_no_running_week() -> None:
    shares = known_shares(line_list(2, mean=40, today=MONDAY), MONDAY)
    assert shares["week_start"].max() == MONDAY - timedelta(weeks=1)


def test_a_week_of_which_nothing_can_be_known_yet_is_not_told() -> None:
    tuesday = MONDAY + timedelta(days=1)
    cases = line_list(3, mean=40, today=tuesday).with_columns(pl.col("reported_on") + timedelta(days=2))
    told = nowcast(cases, UNITS, tuesday)
    assert told["week_start"].max() == MONDAY - timedelta(weeks=1)
    figures = told.select("cases", "low", "high")
    assert figures.null_count().row(0) == (0, 0, 0) and np.isfinite(figures.to_numpy()).all()


def test_intervals_hold_what_comes_as_often_as_they_say() -> None:
    hits: dict[bool, list[bool]] = {True: [], False: []}
    known, told, came = 0.0, 0.0, 0.0
    for seed in range(12):
        cases = line_list(100 + seed, mean=3)
        table = nowcast(cases, UNITS, TODAY).filter(pl.col("known_share") < 0.95)
        before = cases.filter(pl.col("onset_date") < TODAY).with_columns(
            week_start=pl.col("onset_date").dt.truncate("1w")
        )
        keyed = pl.concat([before.select("week_start", unit_code="commune_code"),
                           before.select("week_start", unit_code=pl.lit("68"))])  # fmt: skip
        truth = keyed.group_by("unit_code", "week_start").agg(truth=pl.len())
        judged = table.join(truth, on=["unit_code", "week_start"], how="left").with_columns(
            pl.col("truth").fill_null(0)
        )
        held = judged.select(pl.col("unit_code") == "68", pl.col("truth").is_between("low", "high")).rows()
        for province, inside in held:
            hits[province].append(inside)
        whole = judged.filter(pl.col("unit_code") == "68")
        known, told, came = known + whole["known"].sum(), told + whole["cases"].sum(), came + whole["truth"].sum()
    assert np.mean(hits[True]) >= 0.6 and len(hits[True]) == 24
    assert 0.78 <= np.mean(hits[False]) <= 0.99  # counts are whole, so a little more than .8
    assert abs(told - came) < 0.05 * came < came - known


def test_of_a_whole_week_nothing_is_to_come_and_few_reports_tell_nothing() -> None:
    table = nowcast(line_list(3, mean=5), UNITS, TODAY).filter(pl.col("week_start") == MONDAY - timedelta(weeks=3))
    assert (table["cases"] == table["known"]).all() and (table["high"] == table["known"]).all()
    assert nowcast(line_list(3).head(FEWEST_REPORTS - 1), UNITS, TODAY).is_empty()


def test_a_rare_disease_has_the_delays_of_all() -> None:
    cases = line_list(4, mean=40)
    rare = cases.head(3).with_columns(disease_code=pl.lit("measles"), reported_on=pl.col("onset_date"))
    shares = known_shares(pl.concat([cases, rare.with_columns(onset_date=pl.lit(date(2026, 10, 1)))]), TODAY)
    by_disease = shares.sort("week_start").group_by("disease_code").agg("known_share").sort("disease_code")
    assert by_disease["disease_code"].to_list() == ["dengue", "measles"]
    assert by_disease["known_share"][1].to_list() == pytest.approx(by_disease["known_share"][0].to_list(), abs=0.01)


def test_rows_keep_the_contract() -> None:
    table = nowcast(line_list(5), UNITS, TODAY)
    contract = read_contract(CONTRACT)
    assert dict(table.schema) == {name: kind for name, kind in contract.row_schema.items() if name != "_load_id"}
    assert len(table) == (COMMUNES + 1) * 4 and not table.select(contract.key).is_duplicated().any()
    assert (table["known"] <= table["low"]).all() and (table["low"] <= table["high"]).all()
    assert table.equals(nowcast(line_list(5).sample(fraction=1, shuffle=True, seed=1), UNITS, TODAY))

"""Early warning: what is unusual is raised, what is not stays quiet, and 'now' is what the caller says."""

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from scipy.stats import nbinom

from lake.contract import read_contract
from models_ml import warnings as early_warning
from models_ml.forecasting import SCHEMA as FORECASTS
from models_ml.hit_rates import with_hit_rates
from models_ml.panel import LEVELS
from models_ml.warnings import commune_weeks, forecast_months, observed_months, warn

CONTRACT = Path(early_warning.__file__).parents[1] / "lake" / "contracts" / "models" / "warnings.yaml"
TODAY = date(2026, 11, 23)  # a Monday
COMMUNES = 60


def weeks(today: date = TODAY, count: int = 104, seed: int = 3, mean: float = 1.5) -> pl.DataFrame:
    """Seasonal counts of every commune and week before today's, overdispersed as case counts are."""
    rng = np.random.default_rng(seed)
    monday = today - timedelta(days=today.weekday())
    starts = [monday - timedelta(weeks=back) for back in range(count, 0, -1)]
    level = mean * rng.lognormal(0, 0.5, COMMUNES)[:, None]
    season = np.exp(0.8 * np.cos(2 * np.pi * (np.array([day.timetuple().tm_yday for day in starts]) - 280) / 365))
    cases = rng.poisson(rng.gamma(6, level * season / 6))
    return pl.DataFrame(
        {
            "commune_code": np.repeat([f"{n:05d}" for n in range(COMMUNES)], count),
            "disease_code": "dengue",
            "week_start": starts * COMMUNES,
            "cases": cases.ravel(),
        }
    )


def planted(frame: pl.DataFrame, commune: str, counts: list[int], today: date = TODAY) -> pl.DataFrame:
    """The last weeks of a commune set to counts."""
    monday = today - timedelta(days=today.weekday())
    for back, cases in zip(range(len(counts), 0, -1), counts, strict=True):
        there = (pl.col("commune_code") == commune) & (pl.col("week_start") == monday - timedelta(weeks=back))
        frame = frame.with_columns(cases=pl.when(there).then(cases).otherwise("cases"))
    return frame


def months(cases: list[int | None], first: date = date(2012, 1, 1), province: str = "68") -> pl.DataFrame:
    dates = pl.date_range(first, date(2100, 1, 1), "1mo", eager=True).head(len(cases))
    return pl.DataFrame(
        {"province_code": province, "disease_code": "dengue", "month": dates, "cases": cases},
        schema_overrides={"cases": pl.Int64},
    )


def usual_months(count: int = 178) -> list[int | None]:
    return [int(x) for x in np.random.default_rng(1).poisson(100, count)]


def forecasts(month: date, median: float, spread: float) -> pl.DataFrame:
    steps = np.array([-3, -2, -1, 0, 1, 2, 3]) * spread
    row = {"unit_code": "68", "disease_code": "dengue", "month": month, "horizon": 1, "model": "auto_ets"}
    values = dict(zip(LEVELS, (median + steps).tolist(), strict=True))
    return pl.DataFrame([row | values], schema=FORECASTS)


def test_a_growing_outbreak_is_an_alarm_in_its_commune_and_little_else_is_raised() -> None:
    raised = commune_weeks(planted(weeks(), "00007", [9, 17, 26, 31]), TODAY)
    there = raised.filter(pl.col("unit_code") == "00007").sort("period_start")
    assert there["cases"].to_list()[-3:] == [17, 26, 31]
    assert there["severity"].to_list()[-2:] == ["alarm"] * 2
    assert there["probability"].is_sorted()
    others = raised.filter(pl.col("unit_code") != "00007")
    assert others["unit_code"].n_unique() <= 3 and "alarm" not in others["severity"].to_list()


def test_ordinary_weeks_raise_next_to_nothing() -> None:
    raised = [commune_weeks(weeks(seed=seed), TODAY) for seed in range(12)]
    assert np.mean([table["unit_code"].n_unique() for table in raised]) <= 2  # of sixty communes
    assert sum((table["severity"] == "alarm").sum() for table in raised) <= 1  # in 2,880 communes and weeks


def test_a_commune_that_never_had_a_case_can_warn() -> None:
    quiet = weeks().with_columns(cases=pl.when(pl.col("commune_code") == "00003").then(0).otherwise("cases"))
    raised = commune_weeks(planted(quiet, "00003", [0, 6, 12]), TODAY).filter(pl.col("unit_code") == "00003")
    assert raised["severity"].to_list()[-1] == "alarm"
    assert raised["probability"].is_nan().sum() == 0


def test_up_to_three_cases_never_warn() -> None:
    silent = weeks().with_columns(cases=0)
    assert commune_weeks(planted(silent, "00001", [3, 3, 3, 3]), TODAY).is_empty()
    assert commune_weeks(silent, TODAY).is_empty()
    assert len(commune_weeks(planted(silent, "00001", [4, 4, 4, 4]), TODAY)) == 4


def test_one_week_just_above_the_limit_is_no_watch_but_two_are() -> None:
    silent = weeks().with_columns(cases=pl.lit(2))
    assert commune_weeks(planted(silent, "00001", [6, 2, 2, 2]), TODAY).is_empty()
    twice = commune_weeks(planted(silent, "00001", [6, 2, 6, 2]), TODAY)
    assert twice["severity"].to_list() == ["watch", "watch"]


def test_a_season_high_everywhere_is_no_news_of_single_communes() -> None:
    frame = weeks(mean=6)
    high = frame.with_columns(
        cases=pl.when(pl.col("week_start") >= date(2026, 9, 1)).then(pl.col("cases") * 3).otherwise("cases")
    )
    assert commune_weeks(high, TODAY)["unit_code"].n_unique() <= 6


def test_only_complete_weeks_of_the_last_four_are_raised_by_the_day_given() -> None:
    frame = planted(weeks(), "00007", [40] * 8)
    for today in (TODAY, TODAY + timedelta(days=6)):
        raised = commune_weeks(frame, today).filter(pl.col("unit_code") == "00007")
        assert raised["period_start"].to_list() == [TODAY - timedelta(weeks=back) for back in (4, 3, 2, 1)]
    earlier = commune_weeks(frame, TODAY - timedelta(weeks=2))
    assert earlier["period_start"].max() == TODAY - timedelta(weeks=3)
    assert commune_weeks(frame, TODAY + timedelta(weeks=30)).is_empty()  # a register that stopped raises nothing old


def test_the_weeks_before_do_not_hide_an_outbreak_that_goes_on() -> None:
    long = planted(weeks(), "00007", [30] * 7)
    assert commune_weeks(long, TODAY).filter(pl.col("unit_code") == "00007")["severity"].to_list() == ["alarm"] * 4


def test_less_than_a_year_of_weeks_says_nothing() -> None:
    assert commune_weeks(planted(weeks(count=40), "00007", [50, 50]), TODAY).is_empty()
    assert commune_weeks(weeks().clear(), TODAY).is_empty()


def test_the_season_goes_round_the_turn_of_the_year() -> None:
    today = date(2027, 1, 18)
    raised = commune_weeks(planted(weeks(today), "00007", [15, 20, 25, 30], today), today)
    assert raised.filter(pl.col("unit_code") == "00007")["severity"].to_list() == ["alarm"] * 4


def test_a_month_above_mean_and_two_deviations_is_raised_with_its_probability() -> None:
    cases = usual_months()  # to October 2026
    same = np.array([cases[n] for n in range(9, 177, 12)], dtype=np.float64)
    variance = max(same.var(ddof=1), same.mean()) * (1 + 1 / len(same))
    cases[-1] = round(same.mean() + 3 * np.sqrt(variance))
    (row,) = observed_months(months(cases), TODAY).iter_rows(named=True)
    assert row["expected"] == pytest.approx(same.mean())
    assert row["upper_limit"] == pytest.approx(same.mean() + 2 * np.sqrt(variance))
    share = same.mean() / variance
    expected = nbinom.cdf(cases[-1] - 1, same.mean() * share / (1 - share), share)
    assert row["probability"] == pytest.approx(expected)
    assert (row["unit_code"], row["period_start"], row["kind"]) == ("68", date(2026, 10, 1), "observed")
    assert row["severity"] == "warning"
    cases[-1] = 400
    assert observed_months(months(cases), TODAY)["severity"].to_list() == ["alarm"]


def test_usual_old_and_unfinished_months_are_not_raised() -> None:
    assert observed_months(months(usual_months()), TODAY).is_empty()
    assert observed_months(months([*usual_months()[:-12], 900]), TODAY).is_empty()  # ended a year ago
    assert observed_months(months([*usual_months(), 900]), TODAY).is_empty()  # November is not over
    assert observed_months(months([100, 900], date(2026, 9, 1)), TODAY).is_empty()  # no years to compare with


@pytest.mark.parametrize(
    ("median", "spread", "severity"),
    [(100, 5, None), (128, 10, "watch"), (145, 15, "warning"), (200, 10, "alarm")],
)
def test_a_forecast_above_the_limit_is_raised_by_its_probability(
    median: float, spread: float, severity: str | None
) -> None:
    raised = forecast_months(months(usual_months()), forecasts(date(2026, 11, 1), median, spread), TODAY)
    assert raised["severity"].to_list() == ([severity] if severity else [])
    if severity:
        assert raised["cases"][0] == median
        assert raised["kind"][0] == "forecast"


def test_forecasts_of_past_months_are_not_raised() -> None:
    assert forecast_months(months(usual_months()), forecasts(date(2026, 10, 1), 900, 1), TODAY).is_empty()
    assert forecast_months(months(usual_months()), FORECASTS.to_frame(), TODAY).is_empty()


def test_rows_keep_the_contract_and_the_same_day_gives_the_same_rows() -> None:
    cases = usual_months()
    cases[-1] = 400
    frames = planted(weeks(), "00007", [9, 17, 26, 31]), months(cases), forecasts(date(2026, 12, 1), 900, 5)
    table = warn(*frames, TODAY)
    contract = read_contract(CONTRACT)
    judged = with_hit_rates(table, early_warning.SCHEMA.to_frame(), *frames[:2], TODAY)
    expected = {name: kind for name, kind in contract.row_schema.items() if name != "_load_id"}
    assert dict(judged.schema) == expected
    assert judged.drop("neighbour_cases", "neighbour_expected").null_count().sum_horizontal()[0] == 0
    assert not table.select(contract.key).is_duplicated().any()
    assert table["origin"].unique().to_list() == [date(2026, 11, 1)]
    assert set(table.select("grain", "kind").iter_rows()) == {
        ("week", "observed"),
        ("month", "observed"),
        ("month", "forecast"),
    }
    assert (table["cases"] > table["upper_limit"]).all()
    shuffled = [frame.sample(fraction=1, shuffle=True, seed=1) for frame in frames]
    assert table.equals(warn(*shuffled, TODAY))


def test_nothing_to_read_gives_nothing_to_warn_of() -> None:
    table = warn(weeks().clear(), months([1]).clear(), FORECASTS.to_frame(), TODAY)
    assert table.is_empty() and dict(table.schema) == dict(early_warning.SCHEMA)


def test_a_week_that_is_known_in_part_is_compared_with_what_is_usually_known_by_then() -> None:
    flat = weeks(count=110, mean=6)
    shares = pl.DataFrame(
        {"disease_code": ["dengue"], "week_start": [TODAY - timedelta(weeks=1)], "known_share": [0.4]}
    )
    half = planted(flat, "00007", [9])
    assert half.filter(pl.col("commune_code") == "00007")["cases"].tail(1).item() == 9
    whole = commune_weeks(half, TODAY).filter(pl.col("unit_code") == "00007")
    told = commune_weeks(half, TODAY, shares).filter(pl.col("unit_code") == "00007")
    newest = pl.col("period_start") == TODAY - timedelta(weeks=1)
    by_all, by_known = (table.filter(newest)["probability"].to_list() for table in (whole, told))
    assert max(by_known, default=0) >= max(by_all, default=0)
    raised = early_warning.weeks_above_limit(planted(flat, "00007", [30]), TODAY, shares).filter(newest)
    plain = early_warning.weeks_above_limit(planted(flat, "00007", [30]), TODAY).filter(newest)
    here = pl.col("unit_code") == "00007"
    one, other = raised.filter(here).row(0, named=True), plain.filter(here).row(0, named=True)
    assert one["known_share"] == 0.4 and other["known_share"] == 1.0
    assert one["expected"] < other["expected"] and one["upper_limit"] < other["upper_limit"]
    assert one["probability"] > other["probability"]


def test_chances_of_a_thinned_count_are_those_of_its_simulation() -> None:
    """Of negative binomial cases each is known with chance p: mean p·m, variance p²(V − m) + p·m."""
    rng = np.random.default_rng(3)
    mean, variance, share = 6.0, 15.0, 0.4
    size = mean**2 / (variance - mean)
    known = rng.binomial(rng.negative_binomial(size, size / (size + mean), 400_000), share)
    assert known.mean() == pytest.approx(share * mean, rel=0.01)
    assert known.var() == pytest.approx(share**2 * (variance - mean) + share * mean, rel=0.02)


def test_neighbours_are_told_beside_a_commune() -> None:
    centres = pl.DataFrame(
        {"unit_code": [f"{n:05d}" for n in range(COMMUNES)], "latitude": [11.0] * COMMUNES,
         "longitude": [108 + 0.1 * n for n in range(COMMUNES)]}
    )  # fmt: skip
    frame = planted(weeks().with_columns(cases=pl.lit(1)), "00030", [40])
    for near, cases in (("00029", 5), ("00031", 7), ("00050", 9)):
        frame = planted(frame, near, [cases])
    (row,) = commune_weeks(frame, TODAY, centres=centres).filter(pl.col("unit_code") == "00030").iter_rows(named=True)
    assert row["neighbour_cases"] == 5 + 7 + 4  # six nearest: four have one case
    assert row["neighbour_expected"] == pytest.approx(6, rel=0.3)


def test_a_communes_week_is_a_warning_from_the_operating_point_on() -> None:
    above = early_warning.weeks_above_limit(planted(weeks(), "00007", [40]), TODAY).head(1)
    table = [
        early_warning.worth_telling(above.with_columns(probability=pl.lit(value), far=pl.lit(far)))[
            "severity"
        ].to_list()
        for value, far in ((0.994, True), (0.996, True), (0.9995, True), (0.9995, False))
    ]
    assert table == [[], ["warning"], ["alarm"], ["warning"]], "one week below it is told only beside another"

"""Registered series of a night: only what changed is computed, champions stay for a month, the levels add up."""

from datetime import date, timedelta
from typing import Any, get_args

import numpy as np
import polars as pl
import pytest

from models_ml import monthly_series, weekly_series
from models_ml.candidates import Candidate
from models_ml.series_forecasts import SCHEMA, Told, tell
from models_ml.series_items import GeneralSeries, items, level_of, levels
from models_ml.series_registry import Level, MonthSeries, Source, WeekSeries
from models_ml.weekly import HORIZON
from models_ml.weekly_backtests import ORIGINS

UNITS = [f"{number:05}" for number in range(24700, 24712)]
CLUSTERS = [f"68-{672 + number % 3}" for number in range(len(UNITS))]
COMMUNES = pl.DataFrame({"unit_code": UNITS, "province_code": "68", "cluster_code": CLUSTERS})
TODAY = date(2026, 11, 25)
FIRST = date(2023, 11, 27)
COMMON = {
    "code": "cases",
    "title": "Ca bệnh",
    "measured_in": "ca",
    "source": {"table": "cases", "unit": "unit", "item": "item", "period": "week", "value": "cases"},
    "hierarchy": ["commune", "province"],
    "counts": "persons",
    "audience": ["health"],
    "transformation": "none",
}
SUMMED = Source.model_validate(COMMON["source"])
WEEK = WeekSeries.model_validate(
    COMMON | {"frequency": "week", "horizon": 4, "candidates": ["climatology", "seasonal_naive", "level", "regression"]}
)
MONTH = MonthSeries.model_validate(
    COMMON | {"frequency": "month", "horizon": 2, "candidates": ["climatology", "seasonal_naive", "poisson_gamma"]}
)


def weeks(count: int = 156, seed: int = 1) -> pl.DataFrame:
    """Two diseases whose levels drift; the running week of TODAY is the last one."""
    rng = np.random.default_rng(seed)
    season = np.exp(0.9 * np.cos(2 * np.pi * np.arange(count) / 52))
    drift = np.exp(np.cumsum(rng.normal(0, 0.15, (2 * len(UNITS), count)), axis=1))
    values = rng.poisson(4 * season * np.clip(drift, 0.1, 6)).astype(np.float64)
    starts = [TODAY - timedelta(days=TODAY.weekday(), weeks=ago) for ago in range(count - 1, -1, -1)]
    return pl.DataFrame(
        {
            "item": np.repeat(["dengue", "hfmd"], len(UNITS) * count),
            "unit_code": np.tile(np.repeat(UNITS, count), 2),
            "period": starts * (2 * len(UNITS)),
            "value": values.ravel(),
        }
    )


def night(past: pl.DataFrame, before: Told | None = None, today: date = TODAY, series: GeneralSeries = WEEK) -> Told:
    kept = before.rows if before else SCHEMA.to_frame()
    return tell(series, past, COMMUNES, today, kept, before.scores if before else {}, "v1")


def test_every_unit_of_both_levels_is_told_and_the_communes_add_up() -> None:
    told = night(weeks())
    assert told.computed == 2 and dict(told.rows.schema) == dict(SCHEMA)
    assert len(told.rows) == 2 * (len(UNITS) + 1) * HORIZON
    of_level = told.rows.group_by("item", "period_start", province=pl.col("unit_code") == "68").agg(
        pl.col("expected").sum()
    )
    both = of_level.pivot("province", index=["item", "period_start"], values="expected")
    assert both["true"].to_numpy() == pytest.approx(both["false"].to_numpy())
    assert told.rows["origin"].unique().to_list() == [date(2026, 11, 16)], "the running week is not known yet"
    shown = told.rows.filter(pl.col("model") == "climatology")
    assert (
        shown["note"].null_count() == 0 and told.rows.filter(pl.col("model") != "climatology")["note"].is_null().all()
    )
    assert (told.rows.filter(pl.col("model") != "climatology")["skill_climatology"] > 0).all()
    of_model = told.rows.group_by("item", "model", "horizon", province=pl.col("unit_code") == "68").agg(
        pl.col("crps", "coverage_50", "coverage_80").unique()
    )
    assert of_model.select(pl.col("crps", "coverage_50", "coverage_80").list.len().max()).row(0) == (1, 1, 1)
    assert (told.rows["coverage_50"] < told.rows["coverage_80"]).all() and (told.rows["coverage_80"] <= 1).all()


def added_up(rows: pl.DataFrame, part_of: dict[str, str]) -> None:
    """Of each item and period, what is told of a unit is the sum of what is told of its parts."""
    keys = ["item", "period_start"]
    parts = rows.filter(pl.col("unit_code").is_in(list(part_of))).with_columns(
        unit_code=pl.col("unit_code").replace_strict(part_of)
    )
    both = parts.group_by(*keys, "unit_code").agg(parts=pl.col("expected").sum()).join(rows, on=[*keys, "unit_code"])
    assert len(both) == len(set(part_of.values())) * rows.select(keys).n_unique()
    assert both["parts"].to_numpy() == pytest.approx(both["expected"].to_numpy())


def test_clusters_stand_between_communes_and_the_province_and_all_add_up() -> None:
    three = WEEK.model_copy(update={"hierarchy": ["commune", "cluster", "province"]})
    told = night(weeks(), series=three)
    assert len(told.rows) == 2 * (len(UNITS) + 3 + 1) * HORIZON
    added_up(told.rows, dict(zip(UNITS, CLUSTERS, strict=True)))
    added_up(told.rows, dict.fromkeys(CLUSTERS, "68"))
    assert {key[0].rpartition("/")[2] for key in told.scores} == {"commune", "cluster", "province"}
    (item, _) = items(three, weeks(), COMMUNES, TODAY)
    communes, clusters, province = levels(three, item)
    assert clusters.units == sorted(set(CLUSTERS))
    assert clusters.values.sum(axis=0).tolist() == communes.values.sum(axis=0).tolist() == province.values[0].tolist()
    again = night(weeks(), told, series=three)
    assert again.computed == 0 and again.rows.equals(told.rows)
    moved = COMMUNES.with_columns(cluster_code=pl.lit("68-672"))
    anew = tell(three, weeks(), moved, TODAY, told.rows, told.scores, "v1")
    assert anew.computed == 2 and anew.rows["unit_code"].n_unique() == len(UNITS) + 2


def test_the_country_is_the_sum_of_its_provinces_where_there_are_several() -> None:
    country = MONTH.model_copy(update={"hierarchy": ["province", "country"]})
    codes = dict(zip(UNITS[:3], ["48", "68", "79"], strict=True))
    past = months().filter(pl.col("unit_code").is_in(list(codes))).with_columns(pl.col("unit_code").replace(codes))
    told = night(past, series=country).rows
    assert set(told["unit_code"]) == {*codes.values(), "VN"}
    added_up(told, dict.fromkeys(codes.values(), "VN"))
    alone = night(past.filter(unit_code="68"), series=country).rows
    assert alone["unit_code"].unique().to_list() == ["68"]
    source = Source.model_validate({**SUMMED.model_dump(), "level": "province"})
    only = country.model_copy(update={"hierarchy": ["country"], "source": source})
    assert night(past, series=only).rows["unit_code"].unique().to_list() == ["VN"]
    assert night(past.filter(unit_code="68"), series=only).rows.is_empty()


def test_a_month_that_one_province_has_not_reported_leaves_the_country_out_of_the_sum() -> None:
    """The country's newest month is not known then; what is told of the same months adds up, the others stay."""
    country = MONTH.model_copy(update={"hierarchy": ["province", "country"], "source": SUMMED})
    codes = dict(zip(UNITS[:3], ["48", "68", "79"], strict=True))
    past = months().filter(pl.col("unit_code").is_in(list(codes))).with_columns(pl.col("unit_code").replace(codes))
    late = past.filter((pl.col("unit_code") != "79") | (pl.col("period") < date(2026, 10, 1)))
    told = night(late, series=country).rows
    of = told.group_by("period_start", country=pl.col("unit_code") == "VN").agg(pl.col("expected").sum())
    both = of.pivot("country", index="period_start", values="expected").drop_nulls()
    assert len(both) >= 1 and both["true"].to_numpy() == pytest.approx(both["false"].to_numpy())


def test_a_code_tells_its_level() -> None:
    codes = pl.DataFrame({"unit": ["24748", "68-672", "68", "VN"]})
    assert codes.select(level_of(pl.col("unit"))).to_series().to_list() == list(get_args(Level))


def test_an_unchanged_night_computes_nothing_and_a_changed_count_its_disease_alone() -> None:
    past = weeks()
    first = night(past)
    again = night(past, first)
    assert again.computed == 0 and again.rows.equals(first.rows)
    newer = (pl.col("item") == "hfmd") & (pl.col("period") == date(2026, 11, 9)) & (pl.col("unit_code") == UNITS[0])
    changed = night(past.with_columns(value=pl.when(newer).then(pl.col("value") + 9).otherwise("value")), first)
    assert changed.computed == 1
    of_dengue = [one.rows.filter(item="dengue") for one in (first, changed)]
    assert of_dengue[0].equals(of_dengue[1])
    assert not changed.rows.filter(item="hfmd").equals(first.rows.filter(item="hfmd"))


def test_a_late_report_makes_few_origins_be_scored_again(monkeypatch: pytest.MonkeyPatch) -> None:
    computed: list[int] = []
    real = weekly_series.backtest

    def counted(*arguments: object) -> object:
        made = real(*arguments)  # type: ignore[arg-type]
        computed.append(made.computed)
        return made

    monkeypatch.setattr(weekly_series, "backtest", counted)
    past = weeks()
    first = night(past)
    assert computed == [ORIGINS] * 4
    newer = (pl.col("period") == date(2026, 11, 16)) & (pl.col("unit_code") == UNITS[0])
    night(past.with_columns(value=pl.when(newer).then(pl.col("value") + 1).otherwise("value")), first)
    assert len(computed) == 8 and max(computed[4:]) <= 1


def test_champions_stay_for_a_month_and_are_chosen_again_in_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    past = weeks()
    first = night(past)
    real = weekly_series.backtest
    monkeypatch.setattr(
        weekly_series, "backtest", lambda counts, *more: real(counts, *more)._replace(champions=["mean"] * len(counts))
    )
    other = past.with_columns(value=pl.col("value") + (pl.col("period") == date(2026, 11, 16)))
    same = night(other, first)
    models = [one.rows.select("item", "unit_code", "period_start", "model", "note") for one in (first, same)]
    assert same.computed == 2 and models[0].equals(models[1])
    december = night(other, first, date(2026, 12, 2))
    assert december.rows["told_in"].unique().to_list() == [date(2026, 12, 1)]
    assert december.rows["model"].unique().to_list() == ["mean"]


def test_a_short_past_is_told_by_climatology_and_says_so() -> None:
    told = night(weeks(60)).rows
    assert told["model"].unique().to_list() == ["climatology"] and told["skill_climatology"].is_null().all()
    assert told.select(pl.col("crps", "coverage_50", "coverage_80").is_null().all()).row(0) == (True, True, True)
    assert told["note"].unique().to_list() == [
        weekly_series.TOO_SHORT.format(weeks=58, needed=weekly_series.NEEDED)  # the first and the running one left out
    ]
    assert night(weeks(2)).rows.is_empty()


def test_weeks_that_are_still_being_reported_are_left_out() -> None:
    late = WEEK.model_copy(update={"settles_after_days": 7})
    assert items(late, weeks(), COMMUNES, TODAY)[0].periods[-1] == date(2026, 11, 9)


def test_nothing_after_the_origin_changes_a_forecast() -> None:
    past = weeks()
    running = past.with_columns(value=pl.col("value") + 1000 * (pl.col("period") >= date(2026, 11, 23)))
    assert night(running).rows.equals(night(past).rows)


def months(count: int = 60) -> pl.DataFrame:
    rng = np.random.default_rng(3)
    starts = pl.date_range(date(2021, 12, 1), date(2026, 11, 1), "1mo", eager=True)[-count:]
    mean = 20 + 15 * np.cos(2 * np.pi * np.arange(count) / 12)
    return pl.DataFrame(
        {
            "item": "total",
            "unit_code": np.repeat(UNITS, count),
            "period": starts.to_list() * len(UNITS),
            "value": rng.poisson(np.tile(mean, len(UNITS))).astype(np.float64),
        }
    )


def test_monthly_series_are_told_to_their_horizon_and_add_up() -> None:
    told = night(months(), series=MONTH)
    assert told.computed == 1 and dict(told.rows.schema) == dict(SCHEMA)
    assert len(told.rows) == (len(UNITS) + 1) * MONTH.horizon
    assert told.rows["origin"].unique().to_list() == [date(2026, 10, 1)]
    expected = told.rows.group_by("period_start", province=pl.col("unit_code") == "68").agg(pl.col("expected").sum())
    both = expected.pivot("province", index="period_start", values="expected")
    assert both["true"].to_numpy() == pytest.approx(both["false"].to_numpy())
    assert night(months(), told, series=MONTH).computed == 0


def test_slow_candidates_are_tried_on_the_province_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: dict[int, set[str]] = {}
    real = monthly_series.backtest

    def noted(features: pl.DataFrame, candidates: dict[str, Candidate], **more: Any) -> pl.DataFrame:
        tried[features["province_code"].n_unique()] = set(candidates)
        return real(features, candidates, **more)

    monkeypatch.setattr(monthly_series, "backtest", noted)
    night(months(), series=MONTH.model_copy(update={"province_candidates": ["auto_theta"]}))
    assert tried == {len(UNITS): set(MONTH.candidates), 1: {*MONTH.candidates, "auto_theta"}}


def test_sums_since_the_years_beginning_become_what_each_month_added() -> None:
    rows = months(14).filter(unit_code=UNITS[0]).with_columns(
        value=pl.col("value").cum_sum().over(pl.col("period").dt.year())
    )  # fmt: skip
    series = MONTH.model_copy(update={"transformation": "increments", "hierarchy": ["commune"]})
    (item,) = items(series, rows, COMMUNES, TODAY)
    plain = months(14).filter(unit_code=UNITS[0])["value"].to_list()
    assert item.values[0].tolist() == plain[1:-1], "of the first month it is unknown, the running one is not over"


def test_the_columns_of_both_kinds_are_the_same() -> None:
    assert set(monthly_series.COLUMNS) | {"told_in", "series", "inputs", "code_version"} == set(SCHEMA)

"""The stations' made observations: deterministic, stable in time, coherent with the weather."""

from datetime import date, datetime

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from simulator import sensors
from simulator.bad_observations import BAD_OBSERVATIONS
from simulator.province import read_communes
from simulator.stations import NAMES, build_network
from simulator.weather import monthly_weather

START, END = date(2026, 1, 1), date(2027, 1, 1)


@pytest.fixture(scope="module")
def made() -> pl.DataFrame:
    return sensors.observations(build_network(read_communes(), 0.4), START, END, 7)


def of(made: pl.DataFrame, name: str) -> pl.DataFrame:
    """Good observations of a property in its first unit, by thing."""
    network = build_network(read_communes(), 0.4)
    factor = {one: 1 / unit.factor for one, unit in network.units.items()}
    return made.filter(pl.col("bad").is_null(), pl.col("datastream") % 10 == NAMES.index(name) + 1).select(
        "phenomenon_at",
        "result_at",
        thing=pl.col("datastream") // 10,
        value=pl.col("result") * pl.col("datastream").replace_strict(factor),
    )


def test_stations_stand_in_the_larger_communes() -> None:
    units = read_communes()
    network = build_network(units, 1.0)
    assert len(network.stations) == 10
    assert network.stations["population"].min() >= units["population"].quantile(0.9)  # type: ignore[operator]
    assert len(build_network(units.head(2), 1.0).stations) == 2
    assert len(build_network(units.head(1), 0.1).stations) == 1


def test_the_same_seed_gives_the_same_and_a_later_generation_holds_the_same_past(made: pl.DataFrame) -> None:
    network = build_network(read_communes(), 0.4)
    assert_frame_equal(sensors.observations(network, START, END, 7), made)
    later = sensors.observations(network, date(2026, 4, 1), date(2027, 4, 1), 7)
    both = pl.col("phenomenon_at").is_between(datetime(2026, 5, 1), datetime(2026, 12, 20)) & pl.col("bad").is_null()
    assert_frame_equal(made.filter(both), later.filter(both))
    planted = pl.col("bad").is_not_null() & pl.col("result_at").is_between(datetime(2026, 6, 1), datetime(2026, 11, 1))
    assert_frame_equal(made.filter(planted), later.filter(planted))
    assert not sensors.observations(network, START, END, 8).equals(made)


def test_one_result_a_datastream_and_hour_beside_the_bad_ones(made: pl.DataFrame) -> None:
    good = made.filter(pl.col("bad").is_null())
    assert not good.select("datastream", "phenomenon_at").is_duplicated().any()
    assert made["id"].n_unique() == len(made)
    whole = 4 * 8 * 365 * 24
    assert 0.93 * whole < len(good) < 0.999 * whole, "some are lost"
    bad = made.filter(pl.col("bad").is_not_null())
    assert set(bad["bad"]) == set(BAD_OBSERVATIONS)
    apart = bad.filter(pl.col("bad") != "exact_duplicate")
    assert apart.join(good, on=["datastream", "phenomenon_at"], how="semi").is_empty()
    copies = bad.filter(bad="exact_duplicate")
    same = [name for name in made.columns if name not in ("id", "bad")]
    assert copies.join(good, on=same, how="semi", nulls_equal=True).height == len(copies)


def test_a_small_network_holds_every_kind_of_bad_row() -> None:
    small = sensors.observations(build_network(read_communes(1), 0.1), date(2026, 11, 1), date(2026, 12, 1), 3)
    assert set(small["bad"].drop_nulls()) == set(BAD_OBSERVATIONS)


def test_it_rains_as_much_as_the_weather_says(made: pl.DataFrame) -> None:
    weather = monthly_weather(np.datetime64(END), 7).filter(pl.col("month") >= START)
    expected = dict(weather.group_by("month").agg(pl.col("rainfall_mm_per_day").mean()).iter_rows())
    rain = of(made, "Lượng mưa")
    by_month = rain.group_by(pl.col("phenomenon_at").dt.truncate("1mo").dt.date().alias("month")).agg(
        pl.col("value").mean() * 24
    )
    pairs = by_month.with_columns(expected=pl.col("month").replace_strict(expected))
    assert pairs.select(pl.corr("value", "expected")).item() > 0.8
    river = of(made, "Mực nước").join(rain, on=["thing", "phenomenon_at"], suffix="_rain").sort("phenomenon_at")
    fed = river.with_columns(day=pl.col("value_rain").rolling_sum(48).over("thing")).drop_nulls()
    within = fed.group_by("thing").agg(pl.corr("value", "day").alias("r"))
    assert within["r"].min() > 0.5  # type: ignore[operator]


def test_the_air_has_its_hours_and_seasons_and_is_washed(made: pl.DataFrame) -> None:
    dust, ozone = of(made, "PM2.5"), of(made, "O3")
    hour = pl.col("phenomenon_at").dt.hour()
    by_hour = dict(dust.group_by(hour).agg(pl.col("value").mean()).iter_rows())
    assert by_hour[19] > 1.15 * by_hour[13] and by_hour[7] > 1.1 * by_hour[2]
    sun = dict(ozone.group_by(hour).agg(pl.col("value").mean()).iter_rows())
    assert max(sun, key=lambda one: sun[one]) in range(12, 17)
    month = dust.filter(thing=1).group_by(pl.col("phenomenon_at").dt.month()).agg(pl.col("value").mean())
    seasons = dict(month.iter_rows())
    assert seasons[1] > 1.5 * seasons[7]
    rain = of(made, "Lượng mưa")
    wet = dust.join(rain, on=["thing", "phenomenon_at"], suffix="_rain")
    means = wet.group_by(pl.col("value_rain") > 5).agg(pl.col("value").mean()).sort("value_rain")["value"]
    assert means[1] < 0.85 * means[0]


def test_one_station_drifts_until_it_is_calibrated(made: pl.DataFrame) -> None:
    ratio = (
        of(made, "PM2.5")
        .join(of(made, "PM10"), on=["thing", "phenomenon_at"], suffix="_10")
        .with_columns(ratio=pl.col("value") / pl.col("value_10"))
        .group_by("thing", pl.col("phenomenon_at").dt.month().alias("month"))
        .agg(pl.col("ratio").median())
        .pivot("month", index="thing", values="ratio")
        .with_columns(change=pl.col("7") / pl.col("8"))
        .sort("thing")
    )
    assert ratio["change"][sensors.DRIFT_STATION - 1] > 1.3
    assert ratio.filter(pl.col("thing") != sensors.DRIFT_STATION)["change"].is_between(0.9, 1.1).all()


def test_results_come_late_and_are_corrected_later(made: pl.DataFrame) -> None:
    good = made.filter(pl.col("bad").is_null())
    delay = good["result_at"] - good["phenomenon_at"]
    assert (delay >= pl.Series([datetime(2026, 1, 1, 1) - datetime(2026, 1, 1)])).all()
    assert 0.005 < (delay > pl.Series([datetime(2026, 1, 2) - datetime(2026, 1, 1)])).mean() < 0.1  # type: ignore[operator]
    corrected = good.drop_nulls("corrected_at")
    assert 0.002 < len(corrected) / len(good) < 0.006
    row = corrected.filter(pl.col("result") != pl.col("corrected_result")).row(0, named=True)
    for moment, result in ((row["result_at"], row["result"]), (row["corrected_at"], row["corrected_result"])):
        known = sensors.state_at(made, moment).filter(id=row["id"]).row(0, named=True)
        assert (known["result"], known["result_at"]) == (result, moment)
    early = sensors.state_at(made, datetime(2026, 6, 1))
    assert early["result_at"].max() <= datetime(2026, 6, 1)  # type: ignore[operator]

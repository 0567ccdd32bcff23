"""A topic emerges where its petitions are more than the usual rate explains, and seldom by chance."""

from datetime import date, timedelta

import numpy as np
import polars as pl

from models_ml.topic_trends import FEWEST_SPANS, LEVEL, SCHEMA, WEEKS, topic_trends

TODAY = date(2026, 11, 25)  # a Wednesday
MONDAY = date(2026, 11, 23)


def weekly(counts: dict[str, np.ndarray]) -> pl.DataFrame:
    """Weekly counts of each topic; the last one is the week that holds TODAY."""
    return pl.concat(
        pl.DataFrame(
            {
                "topic": topic,
                "week_start": [MONDAY - timedelta(weeks=ago) for ago in range(len(values) - 1, -1, -1)],
                "value": values,
            }
        ).filter(pl.col("value") > 0)  # what has no row is 0
        for topic, values in counts.items()
    )


def spans(values: list[int] | np.ndarray) -> np.ndarray:
    """Weekly counts that are the same in each span of the past; the running week is empty."""
    return np.append(np.repeat(values, WEEKS), 0)


def usual(rate: float, seed: int, weeks: int = 70) -> np.ndarray:
    return np.random.default_rng(seed).poisson(rate, weeks)


def test_a_topic_that_doubles_is_told_and_one_that_stays_is_not() -> None:
    rising = usual(20, 1)
    rising[-5:-1] *= 2
    told = topic_trends(weekly({"land": rising, "environment": usual(20, 2)}), TODAY)
    assert dict(told.schema) == dict(SCHEMA)
    assert dict(told.select("topic", "emerging").iter_rows()) == {"land": True, "environment": False}
    row = told.filter(topic="land").row(0, named=True)
    assert row["period_start"] == MONDAY - timedelta(weeks=WEEKS) and row["past_weeks"] == 52
    assert row["observed"] == rising[-5:-1].sum() and abs(row["expected"] - 80) < 8
    assert told.filter(topic="land")["origin"].item() == date(2026, 11, 1)


def test_the_running_week_and_what_comes_after_it_change_nothing() -> None:
    counts = usual(20, 3)
    more = counts.copy()
    more[-1] += 500
    assert topic_trends(weekly({"land": more}), TODAY).equals(topic_trends(weekly({"land": counts}), TODAY))


def test_false_alarms_are_as_seldom_as_told_also_where_petitions_come_in_bursts() -> None:
    rng = np.random.default_rng(4)
    poisson = [{f"t{n}": rng.poisson(rate, 70) for n, rate in enumerate((2, 5, 10, 20, 40))} for _ in range(200)]
    bursts = [{f"t{n}": spans(rng.gamma(5, 3, 17).round().astype(int)) for n in range(5)} for _ in range(200)]
    for worlds in (poisson, bursts):
        wrong = [topic_trends(weekly(world), TODAY)["emerging"].any() for world in worlds]
        assert np.mean(wrong) < 2 * LEVEL


def test_the_same_excess_counts_less_where_bursts_are_usual() -> None:
    calm, bursty = spans([20] * 16 + [32]), spans([30, 10] * 8 + [32])
    told = topic_trends(weekly({"calm": calm, "bursty": bursty}), TODAY)
    assert dict(told.select("topic", "emerging").iter_rows()) == {"calm": True, "bursty": False}


def test_a_short_past_tells_nothing_and_a_new_topic_is_told() -> None:
    assert topic_trends(weekly({"land": usual(20, 5, WEEKS * (FEWEST_SPANS + 1) + 1)}), TODAY).is_empty()
    assert len(topic_trends(weekly({"land": usual(20, 5, WEEKS * (FEWEST_SPANS + 1) + 2)}), TODAY)) == 1
    assert topic_trends(
        pl.DataFrame(schema={"topic": pl.String, "week_start": pl.Date, "value": pl.Int64}), TODAY
    ).is_empty()
    new = np.zeros(70, dtype=int)
    new[-5:-1] = 3
    told = topic_trends(weekly({"land": usual(20, 6), "noise": new}), TODAY)
    assert dict(told.select("topic", "emerging").iter_rows()) == {"land": False, "noise": True}

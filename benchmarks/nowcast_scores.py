"""How often the nowcast's 80 % interval holds what is reported in the end, on line lists whose late reports are known.

Every world is looked at on 20 days of its last year. Weeks are grouped by the share of their cases that is known.

Run: python -m benchmarks.nowcast_scores [--seeds 3]
"""

import argparse
from datetime import date, timedelta

import polars as pl

from benchmarks.planted_worlds import END, Stream, streams
from models_ml.nowcast import nowcast

LOOKS, EVERY_DAYS = 20, 17  # so that every day of the week comes
PROVINCE = "68"


def judged(stream: Stream, today: date) -> pl.DataFrame:
    """The nowcast beside what came (`came`)."""
    codes = stream.places["unit_code"]
    before = stream.events.filter(pl.col("day") < today)
    cases = before.select(
        commune_code=codes.gather(before["unit"]), disease_code="item", onset_date="day", reported_on="known_on"
    )
    told = nowcast(cases, codes.to_frame().with_columns(province_code=pl.lit(PROVINCE)), today)
    weeks = cases.with_columns(week_start=pl.col("onset_date").dt.truncate("1w"))
    came = pl.concat(
        weeks.group_by("disease_code", "week_start", unit).agg(came=pl.len())
        for unit in (pl.col("commune_code").alias("unit_code"), pl.lit(PROVINCE).alias("unit_code"))
    )
    return told.join(came, on=["disease_code", "week_start", "unit_code"], how="left").with_columns(
        pl.col("came").fill_null(0)
    )


def main() -> None:
    """Print coverage and totals by level and known share."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    days = [END - timedelta(days=EVERY_DAYS * number) for number in range(LOOKS)]
    tables = [
        judged(stream, day)
        for seed in range(1, parser.parse_args().seeds + 1)
        for stream in streams(seed)[:1]
        for day in days
    ]
    rows = pl.concat(tables).filter(pl.col("known_share") < 0.999)
    table = (
        rows.group_by(
            level=pl.when(pl.col("unit_code") == PROVINCE).then(pl.lit("province")).otherwise(pl.lit("commune")),
            known=pl.when(pl.col("known_share") < 0.5)
            .then(pl.lit("under 50 %"))
            .when(pl.col("known_share") <= 0.8)
            .then(pl.lit("50 to 80 %"))
            .otherwise(pl.lit("over 80 %")),
        )
        .agg(
            weeks=pl.len(),
            held=pl.col("came").is_between("low", "high").mean(),
            reported=pl.col("known").sum(),
            told=pl.col("cases").sum(),
            came=pl.col("came").sum(),
        )
        .sort("level", "known", descending=[True, False])
    )
    print(f"{'level':<10}{'known':<12}{'weeks':>8}{'held':>7}{'reported':>10}{'told':>9}{'came':>9}")
    for row in table.iter_rows(named=True):
        print(
            f"{row['level']:<10}{row['known']:<12}{row['weeks']:>8,}{row['held']:>7.2f}{row['reported']:>10,}"
            f"{row['told']:>9,.0f}{row['came']:>9,}"
        )


if __name__ == "__main__":
    main()

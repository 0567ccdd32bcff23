"""How often the rules of petition_topics.yaml name the topic that a simulated petition was written about.

These texts are simpler than real ones, and the rules were written by somebody who knows them: what is printed is an
upper bound.

Run: python -m benchmarks.petition_topics
"""

from datetime import date

import polars as pl

from models_ml.petition_topics import UNCLEAR, label, read_rules
from simulator.petitions import generate_petitions
from simulator.province import read_communes

FIRST, LAST, SEED = date(2026, 1, 1), date(2026, 3, 31), 7
SAME = {"procedure": "procedures"}


def confusion() -> pl.DataFrame:
    """Petitions by true topic and label."""
    petitions = generate_petitions(read_communes(), FIRST, LAST, SEED, 1.0).unique("ma_don", keep="first")
    petitions = petitions.filter(pl.col("noi_dung").is_not_null() & pl.col("_topic").is_not_null())
    named = label(petitions["noi_dung"], read_rules()).with_columns(
        truth=petitions["_topic"].replace(SAME), text=petitions["noi_dung"]
    )
    return named.group_by("truth", "topic").agg(petitions=pl.len()).sort("truth", "topic")


def main() -> None:
    """Print accuracy over all and by topic."""
    table = confusion()
    total, unclear = table["petitions"].sum(), table.filter(pl.col("topic") == UNCLEAR)["petitions"].sum()
    right = table.filter(pl.col("truth") == pl.col("topic"))["petitions"].sum()
    print(f"{total} petitions: {right / total:.1%} right, {unclear / total:.1%} unclear")
    for (truth,), part in table.partition_by("truth", as_dict=True, maintain_order=True).items():
        cells = ", ".join(f"{topic} {count / part['petitions'].sum():.1%}" for _, topic, count in part.iter_rows())
        print(f"  {truth}: {cells}")


if __name__ == "__main__":
    main()

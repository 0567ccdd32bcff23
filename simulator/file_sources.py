"""The systems that deliver files besides the health department: finance, statistics, electricity, inspection."""

from datetime import date, datetime
from pathlib import Path

import polars as pl

from simulator.electricity import publish_electricity
from simulator.investment import publish_investment
from simulator.petition_examples import publish_examples
from simulator.statistics_office import publish_statistics

FOLDERS = {
    "FINANCE_DROP_FOLDER": "finance",
    "STATISTICS_DROP_FOLDER": "statistics",
    "ELECTRICITY_DROP_FOLDER": "electricity",
    "PETITION_EXAMPLES_FOLDER": "inspection",
}


def file_settings(home: Path) -> dict[str, str]:
    """The settings under which the lake finds these folders."""
    return {name: str(home / "drops" / folder) for name, folder in FOLDERS.items()}


def publish_files(home: Path, units: pl.DataFrame, start: date, seed: int, scale: float, now: datetime) -> list[str]:
    """Write the files due by `now` (aware) that the folders lack; returns the names of the new ones.

    start: first day of a month. What is bad in them is told in <home>/truth.
    """
    drops, truth = home / "drops", home / "truth"
    return [
        *publish_investment(drops / "finance", truth, units, start, seed, scale, now),
        *publish_statistics(drops / "statistics", truth, units, start, seed, now),
        *publish_electricity(drops / "electricity", truth, units, start, seed, now),
        *publish_examples(drops / "inspection", truth, units, seed),
    ]

"""The inspectorate's letters of former years that its officers have sorted, as one CSV file."""

from pathlib import Path

import numpy as np
import polars as pl

from simulator.arrivals import citizens, places
from simulator.drop_folder import write_whole
from simulator.petition_texts import IDENTIFIERS, compose, identifiers, with_identifier
from simulator.petition_topics import TOPICS

NAME = "don_thu_mau_da_phan_loai.csv"
LETTERS = 600
WRONG_SHARE = 0.03  # officers err, too
IDENTIFIER_SHARE = 0.1
NAMES = {
    "land": "Đất đai",
    "environment": "Môi trường",
    "infrastructure": "Hạ tầng",
    "procedure": "Thủ tục hành chính",
    "social_policy": "Chính sách xã hội",
    "misconduct": "Sai phạm của cán bộ",
}


def publish_examples(folder: Path, truth: Path, units: pl.DataFrame, seed: int) -> list[str]:
    """Write the file if the folder lacks it; returns its name then. truth: told which identifiers stand in it."""
    folder.mkdir(parents=True, exist_ok=True)
    if (folder / NAME).exists():
        return []
    letters, planted = _letters(units, seed)
    truth.mkdir(parents=True, exist_ok=True)
    planted.write_parquet(truth / "petition_examples.parquet")
    write_whole(folder / NAME, lambda path: letters.write_csv(path))
    return [NAME]


def _letters(units: pl.DataFrame, seed: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    rng = np.random.default_rng([seed, 85])
    topic = rng.integers(0, len(TOPICS), LETTERS)
    unit = rng.integers(0, len(units), LETTERS)
    kind = np.where(rng.random(LETTERS) < IDENTIFIER_SHARE, rng.integers(0, len(IDENTIFIERS), LETTERS), -1)
    told = identifiers(rng, kind, citizens(rng, units, unit, 36))
    body = with_identifier(rng, compose(rng, topic, places(units, unit)["name"]), kind, told)
    given = np.where(rng.random(LETTERS) < WRONG_SHARE, rng.integers(0, len(TOPICS), LETTERS), topic)
    letters = pl.DataFrame(
        {
            "Mã mẫu": pl.Series(np.arange(1, LETTERS + 1)).cast(pl.String).str.zfill(5),
            "Chủ đề": pl.Series([NAMES[name] for name in TOPICS]).gather(given),
            "Nội dung": body,
        }
    )
    return letters, pl.DataFrame({"identifier": told}).filter(pl.Series(kind >= 0))

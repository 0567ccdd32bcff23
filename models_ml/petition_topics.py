"""What a petition is about, by weighted words: a baseline that can be read and corrected by everybody.

The rules are in petition_topics.yaml. How often they are right is printed by `benchmarks/petition_topics.py`.
"""

import hashlib
import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import polars as pl
import yaml

RULES = Path(__file__).with_suffix(".yaml")
OTHER, UNCLEAR = "other", "unclear"
SCHEMA = pl.Schema({"topic": pl.String(), "score": pl.Float64()})


@dataclass(frozen=True)
class Rules:
    """Weights of folded words by topic, how much is needed to tell one, and the folded words of urgent letters."""

    topics: dict[str, dict[str, float]]
    least_weight: float
    least_lead: float
    few_words: int
    urgent: tuple[str, ...]
    version: str


def read_rules(path: Path = RULES) -> Rules:
    """The rules of a YAML file. Raises ValueError for a word that is given two weights in a topic."""
    content = path.read_bytes()
    document = yaml.safe_load(content)
    topics: dict[str, dict[str, float]] = {}
    for topic, weights in document["topics"].items():
        words = [(fold(word), float(weight)) for weight, listed in weights.items() for word in listed]
        topics[topic] = dict(words)
        if len(topics[topic]) < len(words):
            raise ValueError(f"{path.name}: topic {topic} names a word twice (accents do not count)")
    version = f"keywords-{hashlib.sha256(content).hexdigest()[:8]}"
    urgent = tuple(fold(word) for word in document["urgent"])
    return Rules(topics, document["least_weight"], document["least_lead"], document["few_words"], urgent, version)


def fold(text: str) -> str:
    """Lower case, without accents, words with one blank between."""
    plain = "".join(sign for sign in unicodedata.normalize("NFD", text.lower()) if not unicodedata.combining(sign))
    return " ".join(re.findall(r"[a-z0-9]+", plain.replace("đ", "d")))


def label(texts: pl.Series, rules: Rules) -> pl.DataFrame:
    """Topic and score of each text, in their order, by SCHEMA; a missing text is unclear."""
    folded = _folded(texts)
    frame = pl.DataFrame({"text": folded})
    names = list(rules.topics)
    weights = frame.select(
        pl.sum_horizontal(
            pl.col("text").str.contains(f" {word} ", literal=True).cast(pl.Float64) * weight
            for word, weight in words.items()
        ).alias(topic)
        for topic, words in rules.topics.items()
    )
    best = weights.select(
        best=pl.max_horizontal(names),
        total=pl.sum_horizontal(names),
        second=pl.concat_list(names).list.sort(descending=True).list.get(1, null_on_oob=True).fill_null(0),
        topic=pl.concat_list(names).list.arg_max().replace_strict(dict(enumerate(names)), return_dtype=pl.String()),
        words=folded.str.count_matches(r"\S+"),
    )
    told = (pl.col("best") >= rules.least_weight) & (pl.col("best") - pl.col("second") >= rules.least_lead)
    nothing = (pl.col("best") == 0) & (pl.col("words") >= rules.few_words)
    return best.select(
        topic=pl.when(told).then("topic").when(nothing).then(pl.lit(OTHER)).otherwise(pl.lit(UNCLEAR)),
        score=pl.when(pl.col("total") > 0).then(pl.col("best") / pl.col("total")).otherwise(0.0),
    ).cast(SCHEMA)


def urgent(texts: pl.Series, rules: Rules) -> pl.Series:
    """Whether each text tells, by the rules' words, that somebody came or may come to harm; null without a text."""
    said = _folded(texts).str.contains_any([f" {word} " for word in rules.urgent])
    return said.set(texts.fill_null("").str.len_chars() == 0, None).alias("urgent")


def _folded(texts: pl.Series) -> pl.Series:
    """Folded with a blank before and after, so that whole words can be looked for."""
    return pl.Series("text", [f" {fold(text)} " if text else "" for text in texts], dtype=pl.String())


def not_labelled(texts: pl.DataFrame, labels: pl.DataFrame, labeller: str) -> pl.DataFrame:
    """The texts (petition_id, body) that have no row by this labeller among the labels."""
    done = labels.filter(pl.col("labeller") == labeller)
    return texts.join(done, on="petition_id", how="anti").sort("petition_id")


def label_rows(texts: pl.DataFrame, found: pl.DataFrame, labeller: str, now: datetime) -> pl.DataFrame:
    """Rows of models.petition_labels. found: topic and score of each text, by SCHEMA, and whether it is urgent."""
    return pl.concat([texts.select("petition_id"), found], how="horizontal").with_columns(
        labeller=pl.lit(labeller), labelled_at=pl.lit(now)
    )

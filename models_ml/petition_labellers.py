"""Which text model labels petitions, and the labels: keywords, one that learned from labelled letters, a remote one.

The keywords need nothing and are what the others must surely beat on the letters that people have labelled.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.stats import binomtest

from models_ml.petition_topics import (
    SCHEMA,
    UNCLEAR,
    Rules,
    fold,
    label,
    label_rows,
    not_labelled,
    read_rules,
    urgent,
)
from models_ml.remote import Endpoint, topics

FOLDS = 5  # of the comparison
HELD_OUT = 3  # folds by which a model finds how sure it must be
FEWEST_EXAMPLES = 200  # fewer say nothing of a model that has to learn from them
RIGHT = 0.9  # of the letters that are given a topic, so many must be right; of the others it is said that it is unclear
LEVEL = 0.05
ALL = "all"
FAILED = "Bộ phân loại gặp lỗi khi chạy ({error}) nên không được xét"
Labeller = Callable[[pl.Series], pl.DataFrame]  # texts -> topic, score by petition_topics.SCHEMA
Candidate = Callable[[pl.DataFrame], Labeller]  # letters with body and topic to learn from -> labeller
Flags = NDArray[np.bool_]

SCORES = pl.Schema(
    {
        "labeller": pl.String(),
        "topic": pl.String(),
        "examples": pl.Int64(),
        "precision": pl.Float64(),
        "recall": pl.Float64(),
        "f1": pl.Float64(),
        "unclear": pl.Float64(),
        "chance": pl.Float64(),
        "champion": pl.Boolean(),
        "note": pl.String(),
        "judged_from": pl.String(),
    }
)


def learn(examples: pl.DataFrame) -> Labeller:
    """A labeller by TF-IDF of words and runs of letters and a linear model. examples: body, topic; none missing.

    It tells a topic where its probability is so high that RIGHT of such letters, held out in turn, were right.
    """
    from sklearn.model_selection import cross_val_predict

    bodies, given = examples["body"].to_list(), examples["topic"].to_numpy()
    held_out = cross_val_predict(_classifier(), bodies, given, cv=HELD_OUT, method="predict_proba")
    names = np.unique(given)
    best, right = held_out.max(axis=1), names[held_out.argmax(axis=1)] == given
    order = np.argsort(-best)
    share = np.cumsum(right[order]) / np.arange(1, len(order) + 1)
    enough = np.flatnonzero(share >= RIGHT)
    least = best[order][enough[-1]] if len(enough) else 1.0
    fitted = _classifier().fit(bodies, given)

    def labeller(texts: pl.Series) -> pl.DataFrame:
        told = fitted.predict_proba(texts.fill_null("").to_list())
        score = told.max(axis=1)
        sure = (score >= least) & (texts.fill_null("").str.len_chars() > 0).to_numpy()
        return pl.DataFrame({"topic": np.where(sure, names[told.argmax(axis=1)], UNCLEAR), "score": score}, SCHEMA)

    return labeller


def _classifier():  # type: ignore[no-untyped-def]  # scikit-learn has no types
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline, make_union

    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=2)
    letters = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4), preprocessor=fold, sublinear_tf=True, min_df=2)
    return make_pipeline(make_union(words, letters), LogisticRegression(C=10, tol=1e-2, max_iter=1000))


def ask(place: Endpoint, known: list[str], texts: pl.Series) -> pl.DataFrame:
    """What a remote model says, by SCHEMA; it gives no probabilities, so a told topic has score 1."""
    told = topics(place, texts, known)
    return pl.DataFrame({"topic": told, "score": (told != UNCLEAR).cast(pl.Float64)}, SCHEMA)


@dataclass(frozen=True)
class Labelled:
    """rows: new ones of models.petition_labels. scores: of models.label_scores, None where those there are still hold.

    problem: why it is not the champion's labels, if so.
    """

    rows: pl.DataFrame
    scores: pl.DataFrame | None
    problem: str = ""


def label_new(
    texts: pl.DataFrame,
    labels: pl.DataFrame,
    examples: pl.DataFrame,
    scores: pl.DataFrame,
    place: Endpoint | None,
    now: datetime,
) -> Labelled:
    """Label by the champion what it has not labelled yet; by the next best one while it fails.

    texts: petition_id, body. labels: rows of models.petition_labels there are. examples: body, topic, none missing.
    scores: rows of models.label_scores there are. place: the remote model, if there is one.
    """
    rules = read_rules()
    models = candidates(rules, place, examples)
    fresh = None
    if len(models) > 1 and judged_from(examples, models) not in scores["judged_from"].to_list():
        scores = fresh = compare(examples, models)
    overall = scores.filter((pl.col("topic") == ALL) & pl.col("labeller").is_in(list(models)))
    sure = overall.filter(pl.col("champion") | (pl.col("chance") <= LEVEL)).sort("champion", "f1", descending=True)
    failed: list[str] = []
    for name in dict.fromkeys([*sure["labeller"], next(iter(models))]):
        unknown = not_labelled(texts, labels, name)
        try:
            found = models[name](examples)(unknown["body"]) if len(unknown) else SCHEMA.to_frame()
        except Exception as error:  # its message might repeat a text
            failed.append(f"{name}: {type(error).__name__}")
            continue
        found = found.with_columns(urgent(unknown["body"], rules))
        return Labelled(label_rows(unknown, found, name, now), fresh, "; ".join(failed))
    raise RuntimeError("no labeller answered: " + "; ".join(failed))


def candidates(rules: Rules, place: Endpoint | None, examples: pl.DataFrame) -> dict[str, Candidate]:
    """By name and version, the keywords first: from labelled letters to a labeller; some learn nothing from them.

    examples: body and topic of all letters that people labelled. place: the remote model, if there is one.
    """
    found: dict[str, Candidate] = {rules.version: lambda known: partial(label, rules=rules)}
    if len(examples) >= FEWEST_EXAMPLES and examples["topic"].n_unique() > 1:
        found[f"learned-{fingerprint(examples)}"] = learn
        if place:
            known = sorted(examples["topic"].unique())
            found[f"remote-{place.model}"] = lambda _: partial(ask, place, known)
    return found


def fingerprint(examples: pl.DataFrame) -> str:
    """Changes when an example or this code does."""
    digest = hashlib.sha256(Path(__file__).read_bytes())
    digest.update(examples.select("topic", "body").sort("topic", "body").write_csv().encode())
    return digest.hexdigest()[:8]


def compare(examples: pl.DataFrame, models: Mapping[str, Candidate]) -> pl.DataFrame:
    """Scores of each model by topic on the examples that it did not learn from, by SCORES, with the champion marked.

    models: as of `candidates`, the keywords first; they stay unless another one is surely right more often. A model
    that fails is noted, never raised.
    """
    fold_of = np.random.default_rng(0).permutation(len(examples)) % FOLDS
    truth = examples["topic"].to_numpy()
    told: dict[str, NDArray[np.str_]] = {}
    failed: dict[str, str] = {}
    for name, model in models.items():
        answers = np.full(len(examples), UNCLEAR, dtype=object)
        try:
            for part in range(FOLDS):
                held_out = pl.Series(fold_of == part)
                made = model(examples.filter(~held_out))(examples.filter(held_out)["body"])
                answers[fold_of == part] = made["topic"].to_numpy()
            told[name] = answers
        except Exception as error:  # whatever a library or an endpoint throws, the keywords stay
            failed[name] = FAILED.format(error=type(error).__name__)
    keywords = next(iter(models))
    right = {name: answers == truth for name, answers in told.items()}
    chance = {name: _chance(found, right[keywords]) for name, found in right.items()}
    tables = {name: _by_topic(answers, truth) for name, answers in told.items()}
    surely = [name for name in told if name != keywords and chance[name] <= LEVEL]
    champion = max(surely, key=lambda name: tables[name]["f1"][0], default=keywords)
    rows = [
        table.with_columns(labeller=pl.lit(name), chance=pl.lit(chance[name]), champion=pl.lit(name == champion))
        for name, table in tables.items()
    ]
    notes = [
        {"labeller": name, "topic": ALL, "examples": len(examples), "champion": False, "note": note}
        for name, note in failed.items()
    ]
    scores = pl.concat([SCORES.to_frame(), *rows, pl.DataFrame(notes, SCORES)], how="diagonal_relaxed")
    made_from = "" if failed else judged_from(examples, models)  # what failed is asked again the next time
    return scores.with_columns(judged_from=pl.lit(made_from)).select(SCORES.names())


def judged_from(examples: pl.DataFrame, models: Mapping[str, Candidate]) -> str:
    """Changes when the comparison would have to be made again."""
    return hashlib.sha256("|".join([fingerprint(examples), *models]).encode()).hexdigest()[:16]


def _chance(right: Flags, keywords: Flags) -> float:
    """McNemar's exact test: of the letters that only one of both tells right, are more than half the model's?"""
    only, lost = int((right & ~keywords).sum()), int((keywords & ~right).sum())
    return float(binomtest(only, only + lost, 0.5, alternative="greater").pvalue) if only + lost else 1.0


def _by_topic(told: NDArray[np.str_], truth: NDArray[np.str_]) -> pl.DataFrame:
    """Precision, recall and F1 of each topic, and first the means over the topics."""
    frame = pl.DataFrame({"told": told.astype(str), "truth": truth.astype(str)})
    topics_given = frame.group_by(topic="truth").agg(
        examples=pl.len().cast(pl.Int64),
        recall=(pl.col("told") == pl.col("truth")).mean(),
        unclear=(pl.col("told") == UNCLEAR).mean(),
    )
    so_labelled = frame.group_by(topic="told").agg(precision=(pl.col("told") == pl.col("truth")).mean())
    both = topics_given.join(so_labelled, on="topic", how="left").sort("topic")
    precise, found = pl.col("precision").fill_null(0), pl.col("recall")
    both = both.with_columns(
        f1=pl.when(precise + found > 0).then(2 * precise * found / (precise + found)).otherwise(0.0)
    )
    mean = both.select(
        pl.lit(ALL).alias("topic"), pl.col("examples").sum(), pl.col("recall", "unclear", "precision", "f1").mean()
    )
    return pl.concat([mean, both.select(mean.columns)])

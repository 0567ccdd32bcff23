"""Petitions whose text was sent before, word for word or nearly so, by the same sender or by others.

Resemblance is the cosine of TF-IDF of runs of three words: what every letter says (greetings, thanks) weighs little,
and names, numbers or a sentence that differ leave it high. Letters that resemble each other, also by way of a third
one, are copies of the first of them.
"""

from datetime import datetime, timedelta

import numpy as np
import polars as pl
from scipy.sparse import vstack
from scipy.sparse.csgraph import connected_components

from models_ml.petition_topics import fold

WINDOW_DAYS = 90  # letters that are compared: as long as their texts are kept
RUN = 3  # words
LEAST_RESEMBLANCE = 0.75
FEWEST_WORDS = 12  # shorter letters resemble each other by chance
CHUNK = 1000  # letters compared with all others at a time, which bounds the memory
SCHEMA = pl.Schema({"petition_id": pl.String(), "copy_of": pl.String(), "same_sender": pl.Boolean()})


def find_copies(letters: pl.DataFrame, now: datetime) -> pl.DataFrame:
    """The letters that are copies, with the first of their kind and whether its sender is the same, by SCHEMA.

    letters: petition_id, sender_pseudonym, received_at, body; those received more than WINDOW_DAYS before now, without
    a text or with fewer than FEWEST_WORDS are not compared.
    """
    known = letters.filter(
        pl.col("received_at") > now - timedelta(days=WINDOW_DAYS),
        pl.col("body").str.count_matches(r"\S+") >= FEWEST_WORDS,
    ).sort("received_at", "petition_id")
    if len(known) < 2:
        return SCHEMA.to_frame()
    from sklearn.feature_extraction.text import TfidfVectorizer

    runs = TfidfVectorizer(ngram_range=(RUN, RUN), preprocessor=fold, token_pattern=r"\S+", sublinear_tf=True)
    told = runs.fit_transform(known["body"].to_list())
    alike = []
    for start in range(0, len(known), CHUNK):
        near = (told[start : start + CHUNK] @ told.T).tocsr()
        near.data[near.data < LEAST_RESEMBLANCE] = 0
        near.eliminate_zeros()
        alike.append(near)
    _, group = connected_components(vstack(alike), directed=False)
    first = np.unique(group, return_index=True)[1][group]  # letters are in the order of their receipt
    sender = known["sender_pseudonym"].to_numpy()
    return (
        known.select("petition_id")
        .with_columns(
            copy_of=known["petition_id"].gather(first),
            same_sender=pl.Series(sender == sender[first], dtype=pl.Boolean()),
        )
        .filter(pl.col("petition_id") != pl.col("copy_of"))
        .cast(SCHEMA)
        .sort("petition_id")
    )

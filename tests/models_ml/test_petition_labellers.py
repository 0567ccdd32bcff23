"""Petitions are labelled by what surely tells topics best; nothing waits for a model that fails."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from lake.contract import read_contract
from models_ml import petition_labellers
from models_ml.petition_labellers import ALL, SCORES, candidates, compare, label_new, learn
from models_ml.petition_topics import UNCLEAR, read_rules
from models_ml.remote import Endpoint
from simulator import faults
from simulator.ai_platform import TABLE
from simulator.server import Running

NOW = datetime(2026, 11, 24, tzinfo=UTC)
FOLDER = Path(petition_labellers.__file__).parents[1] / "lake" / "contracts" / "models"
LABELS, SCORED = read_contract(FOLDER / "petition_labels.yaml"), read_contract(FOLDER / "label_scores.yaml")
NOTHING = pl.DataFrame(schema={"body": pl.String(), "topic": pl.String()})
# words that the keywords do not know, so that only who learns can tell them
WORDS = {"land": "bờ rào mốc giới", "environment": "khói bụi hôi hám", "procedures": "con dấu bản sao"}


@pytest.fixture(scope="module")
def examples() -> pl.DataFrame:
    rng = np.random.default_rng(3)
    topic = rng.choice(list(WORDS), 300)
    rest = rng.choice(["kính gửi ủy ban", "đề nghị xem xét", "gia đình tôi mong", "đã nhiều lần trình bày"], (300, 2))
    body = [f"{first} {rng.choice(WORDS[one].split())} {last}" for one, (first, last) in zip(topic, rest, strict=True)]
    return pl.DataFrame({"body": body, "topic": topic})


@pytest.fixture
def texts() -> pl.DataFrame:
    return pl.DataFrame({"petition_id": ["a", "b", "c"], "body": ["tranh chấp đất", "bãi rác hôi", None]})


@pytest.fixture
def place(running: Running, no_waiting: None) -> Endpoint:
    env = running.env
    return Endpoint(f"{env['AI_PLATFORM_URL']}/v1", "openai", env["AI_PLATFORM_MODEL"], env["AI_PLATFORM_KEY"])


def empty(schema: object) -> pl.DataFrame:
    return pl.DataFrame(schema=schema)  # type: ignore[arg-type]


def first_time(
    texts: pl.DataFrame, examples: pl.DataFrame, place: Endpoint | None = None
) -> petition_labellers.Labelled:
    return label_new(texts, empty(LABELS.row_schema), examples, empty(SCORED.row_schema), place, NOW)


def test_without_examples_the_keywords_label(texts: pl.DataFrame) -> None:
    named = {column.name: column.values for column in LABELS.columns}
    assert {*read_rules().topics, "other", UNCLEAR} == set(named["topic"] or [])
    made = first_time(texts, NOTHING)
    assert made.scores is None and not made.problem
    assert made.rows.columns == list(named)
    assert made.rows["topic"].to_list() == ["land", "environment", UNCLEAR]
    assert made.rows["labeller"].unique().to_list() == [read_rules().version]


def test_only_what_the_labeller_has_not_labelled_is_labelled(texts: pl.DataFrame) -> None:
    version = read_rules().version
    labels = pl.DataFrame({"petition_id": ["a", "b"], "labeller": [version, "keywords-of-before"]})
    made = label_new(texts, labels, NOTHING, empty(SCORED.row_schema), None, NOW)
    assert made.rows["petition_id"].to_list() == ["b", "c"]


def test_who_learned_labels_when_it_is_surely_right_more_often(texts: pl.DataFrame, examples: pl.DataFrame) -> None:
    made = first_time(texts, examples)
    assert made.scores is not None and dict(made.scores.schema) == dict(SCORES)
    overall = made.scores.filter(pl.col("topic") == ALL)
    assert overall.filter("champion")["labeller"][0].startswith("learned-")
    assert overall.filter("champion")["chance"][0] < 0.01
    assert made.rows["labeller"][0].startswith("learned-")
    again = label_new(texts, made.rows, examples, made.scores, None, NOW)
    assert again.scores is None and again.rows.is_empty()


def test_the_keywords_stay_unless_another_is_surely_better(examples: pl.DataFrame) -> None:
    guessing = {**candidates(read_rules(), None, NOTHING), "guess": lambda _: lambda texts: pl.DataFrame(
        {"topic": ["land"] * len(texts), "score": [1.0] * len(texts)})}  # fmt: skip
    known = pl.DataFrame({"body": ["tranh chấp đất đai", "bãi rác thải"] * 40, "topic": ["land", "environment"] * 40})
    scores = compare(known, guessing)
    assert scores.filter("champion")["labeller"].unique().to_list() == [read_rules().version]


def test_who_learned_says_that_it_does_not_know(examples: pl.DataFrame) -> None:
    shuffled = examples.with_columns(topic=examples["topic"].shuffle(seed=1))  # there is nothing to learn
    told = learn(shuffled)(examples["body"])["topic"]
    assert (told == UNCLEAR).mean() > 0.9  # type: ignore[operator]
    assert learn(examples)(pl.Series([None], dtype=pl.String()))["topic"].to_list() == [UNCLEAR]


def test_scores_are_of_letters_that_were_not_learned_from(examples: pl.DataFrame) -> None:
    own = (
        examples.with_row_index("n").with_columns(body=pl.format("mã{}số kính gửi ủy ban", pl.col("n"))).drop("n")
    )  # no word twice
    scores = compare(own, candidates(read_rules(), None, own))
    learned = scores.filter(pl.col("labeller").str.starts_with("learned-") & (pl.col("topic") == ALL))
    assert learned["f1"][0] < 0.5


def test_a_remote_model_is_compared_like_the_others_and_labels(
    texts: pl.DataFrame, examples: pl.DataFrame, place: Endpoint, running: Running
) -> None:
    known = pl.DataFrame(
        {
            "body": ["trại heo cạnh khu dân cư", "ranh giới đất ở với hộ liền kề"] * 150,
            "topic": ["environment", "land"] * 150,
        }
    )
    scores = compare(known, candidates(read_rules(), place, known))
    remotely = scores.filter(pl.col("labeller").str.starts_with("remote-") & (pl.col("topic") == ALL))
    assert remotely["f1"][0] == pytest.approx(1)
    chosen = scores.with_columns(champion=pl.col("labeller").str.starts_with("remote-"))
    made = label_new(texts, empty(LABELS.row_schema), known, chosen, place, NOW)
    assert made.rows["labeller"].unique().to_list() == [f"remote-{place.model}"] and not made.problem
    with faults.fault(running, "500", table=TABLE):
        without = label_new(texts, empty(LABELS.row_schema), known, chosen, place, NOW)
    assert not without.rows["labeller"][0].startswith("remote-") and len(without.rows) == len(texts)
    assert "RemoteModelDown" in without.problem


def test_a_remote_model_that_does_not_answer_is_left_out_and_asked_again(
    texts: pl.DataFrame, examples: pl.DataFrame, place: Endpoint, running: Running
) -> None:
    with faults.fault(running, "down", table=TABLE):
        made = first_time(texts, examples, place)
    assert made.scores is not None
    note = made.scores.filter(pl.col("labeller").str.starts_with("remote-"))["note"].to_list()
    assert note == ["Bộ phân loại gặp lỗi khi chạy (RemoteModelDown) nên không được xét"]
    assert label_new(texts, made.rows, examples, made.scores, place, NOW).scores is not None

"""The champion surely beats both simple rules, or climatology is shown and says why."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ttest_rel

from models_ml.candidates import BASELINE
from models_ml.champions import LEVEL, NOTHING_BETTER, chance_of, choose
from models_ml.panel import Floats

CLIMATOLOGY = np.array([20.0, 24, 18, 22, 30, 21, 19, 25])
NAIVE = np.array([26.0, 20, 25, 27, 22, 30, 28, 24])


def choice(**losses: Floats) -> tuple[str, str | None]:
    champion = choose({BASELINE: CLIMATOLOGY, "seasonal_naive": NAIVE, **losses})
    return champion.model, champion.note


def test_the_best_of_those_surely_better_is_shown() -> None:
    assert choice(good=CLIMATOLOGY * 0.7, better=CLIMATOLOGY * 0.6, poor=CLIMATOLOGY * 2) == ("better", None)


def test_better_than_one_simple_rule_is_not_enough() -> None:
    assert choice(middling=(CLIMATOLOGY + NAIVE) / 2) == (BASELINE, NOTHING_BETTER)


def test_what_is_best_by_luck_is_named_but_not_shown() -> None:
    lucky = CLIMATOLOGY * np.array([0.1, 1.1, 1.1, 1.1, 0.2, 1.1, 1.1, 1.1])
    name, note = choice(lucky=lucky)
    assert name == BASELINE and note is not None and note != NOTHING_BETTER
    assert "lucky" in note and "mức cùng tháng các năm trước" in note
    assert choice(lucky=lucky, sure=CLIMATOLOGY * 0.8) == ("sure", None)


def test_one_epidemic_does_not_hide_that_a_model_is_always_better() -> None:
    usual = np.array([10.0, 12, 9, 11, 10, 9, 900, 12])
    model = usual * np.array([0.5, 0.6, 0.5, 0.7, 0.6, 0.5, 0.4, 0.6])
    assert chance_of(model, usual) < 0.001 < ttest_rel(model, usual, alternative="less").pvalue


def test_a_tie_and_nothing_to_compare_are_no_gain() -> None:
    assert chance_of(NAIVE, NAIVE) == 1.0
    assert chance_of(np.array([np.nan, 1.0]), np.array([2.0, 2.0])) == 1.0
    assert chance_of(np.zeros(3), np.zeros(3)) == 1.0


def test_only_rules_that_were_scored_are_asked() -> None:
    assert choose({BASELINE: CLIMATOLOGY, "good": CLIMATOLOGY * 0.7}).model == "good"
    assert choose({BASELINE: CLIMATOLOGY}).note == NOTHING_BETTER


@settings(max_examples=200, deadline=None)
@given(st.lists(st.lists(st.floats(0, 1e4), min_size=8, max_size=8), min_size=1, max_size=4))
def test_a_worse_candidate_is_never_champion(rows: list[list[float]]) -> None:
    losses = {f"m{n}": np.array(row) for n, row in enumerate(rows)}
    champion = choose({BASELINE: CLIMATOLOGY, "seasonal_naive": NAIVE, **losses})
    if champion.model != BASELINE:
        loss = losses[champion.model]
        assert champion.note is None
        assert loss.mean() < min(CLIMATOLOGY.mean(), NAIVE.mean())
        assert max(champion.chance[champion.model, rival] for rival in (BASELINE, "seasonal_naive")) <= LEVEL
    else:
        assert champion.note


@pytest.mark.parametrize("seed", range(3))
def test_noise_is_shown_as_seldom_as_the_level_says(seed: int) -> None:
    rng = np.random.default_rng(seed)
    shown = [
        choose(
            {BASELINE: rng.gamma(4, 5, 12), "seasonal_naive": rng.gamma(4, 5, 12), "noise": rng.gamma(4, 5, 12)}
        ).model
        == "noise"
        for _ in range(1000)
    ]
    assert np.mean(shown) < LEVEL

"""A refresh collects garbage seldom, and leaves the process as it found it."""

import gc

import pytest

from orchestration.refresh import GARBAGE, _collecting_after


def test_garbage_is_looked_for_seldom_within_and_as_before_afterwards() -> None:
    before = gc.get_threshold()
    with pytest.raises(RuntimeError), _collecting_after(GARBAGE):
        assert gc.get_threshold()[0] > before[0]
        assert gc.get_threshold()[1:] == before[1:]
        raise RuntimeError
    assert gc.get_threshold() == before

"""The key and what is made with it."""

import hashlib
import hmac
import multiprocessing
import stat
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from lake.pseudonyms import Key, hide_numbers, hide_numbers_in, load_key, pseudonymise
from lake.settings import Settings, SettingsError


def test_a_pseudonym_is_the_hmac_of_the_identifier() -> None:
    key = Key("k", (b"secret" * 8,))
    found = pseudonymise(pl.Series("citizen", ["068190001234", None, "x", "068190001234"]), key)
    expected = hmac.new(key.secrets[0], b"068190001234", hashlib.sha256).hexdigest()
    assert found.to_list() == [expected, None, hmac.new(key.secrets[0], b"x", hashlib.sha256).hexdigest(), expected]
    assert pseudonymise(pl.Series([], dtype=pl.String()), key).is_empty()
    assert pseudonymise(pl.Series([None], dtype=pl.String()), key).to_list() == [None]


def test_the_key_is_made_once_and_is_for_its_owner(installation: Callable[..., Settings]) -> None:
    settings = installation()
    key = load_key(settings)
    path = settings.pseudonym_key_file
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert load_key(settings) == key
    assert len(key.secrets[0]) == 32 and key.secrets[0].hex() not in repr(key)
    assert list(path.parent.iterdir()) == [path], "nothing is left behind"


def make_key(home: str) -> str:
    from lake.settings import load_settings

    return load_key(load_settings({"KHO_HOME": home})).key_id


def test_two_runs_at_once_agree_on_the_key(tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        assert len(set(pool.map(make_key, [str(tmp_path)] * 8, chunksize=1))) == 1


@pytest.mark.parametrize("content", ["", "not hexadecimal", "abcd"])
def test_a_file_that_is_no_key(installation: Callable[..., Settings], tmp_path: Path, content: str) -> None:
    path = tmp_path / "key"
    path.write_text(content)
    with pytest.raises(SettingsError, match=r"key is no pseudonym key: expected at least 32 bytes") as caught:
        load_key(installation(KHO_PSEUDONYM_KEY_FILE=path))
    assert not content or content not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("068190001234", "…"),
        ("0681 9000 1234", "…"),
        ("068.190.001.234", "…"),
        ("CCCD 68190001234.", "CCCD …."),
        ("24829", "24829"),
        ("2026-07-01", "2026-07-01"),
        (None, None),
    ],
)
def test_numbers_that_may_identify_a_person_are_hidden(text: str | None, hidden: str | None) -> None:
    assert hide_numbers(pl.Series([text], dtype=pl.String())).to_list() == [hidden]
    assert text is None or hide_numbers_in(text) == hidden

"""Keyed pseudonyms: identifiers are replaced before anything is written."""

import hashlib
import hmac
import os
import re
import secrets
from dataclasses import dataclass, field

import polars as pl

from lake.settings import Settings, SettingsError

KEY_BYTES = 32
# Nine digits and more, also in groups (0681 9000 1234, 068.190.001.234): a citizen, old identity or phone number.
LONG_NUMBER = r"\d(?:[ .\u00a0]?\d){8,}"
HIDDEN = "…"


@dataclass(frozen=True)
class Key:
    """The secret of the pseudonyms and the id by which ledger entries name it."""

    key_id: str
    secret: bytes = field(repr=False)


def load_key(settings: Settings) -> Key:
    """The key of this installation; made at first use, readable by its owner alone.

    Raises SettingsError if the file cannot be a key.
    """
    path = settings.pseudonym_key_file
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        partial = path.with_name(f"{path.name}.{os.getpid()}-{secrets.token_hex(4)}")
        handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w") as file:
            file.write(secrets.token_hex(KEY_BYTES))
            file.flush()
            os.fsync(handle)  # pseudonyms of a key that a power cut took could never be made again
        try:
            os.link(partial, path)  # two runs at once agree on the first key
        except FileExistsError:
            pass
        finally:
            partial.unlink()
    try:
        secret = bytes.fromhex(path.read_text().strip())
    except ValueError:
        secret = b""
    if len(secret) < KEY_BYTES:
        raise SettingsError(f"{path} is no pseudonym key: expected at least {KEY_BYTES} bytes in hexadecimal")
    return Key(hashlib.sha256(b"key id" + secret).hexdigest()[:12], secret)


def pseudonymise(identifiers: pl.Series, key: Key) -> pl.Series:
    """HMAC-SHA-256 of each identifier (text; null stays null), in hexadecimal, in the same order."""
    distinct = identifiers.unique().drop_nulls()
    start = hmac.new(key.secret, digestmod=hashlib.sha256)

    def digest(value: str) -> str:
        one = start.copy()
        one.update(value.encode())
        return one.hexdigest()

    names = pl.Series([digest(value) for value in distinct], dtype=pl.String())
    return identifiers.replace_strict(distinct, names, default=None, return_dtype=pl.String())


def hide_numbers(texts: pl.Series) -> pl.Series:
    """Texts of which nothing is known but that they are wrong, without numbers that may identify a person."""
    return texts.str.replace_all(LONG_NUMBER, HIDDEN)


def hide_numbers_in(text: str) -> str:
    """As hide_numbers, of one text."""
    return re.sub(LONG_NUMBER, HIDDEN, text)

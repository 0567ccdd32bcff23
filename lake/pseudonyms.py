"""Keyed pseudonyms: identifiers are replaced before anything is written."""

import hashlib
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
BLOCK = 64  # bytes, of SHA-256
MANY = 0.7  # share of distinct values


class UnknownKey(SettingsError):
    """Something was made with a key that is not the installation's."""


@dataclass(frozen=True)
class Key:
    """The secrets of the pseudonyms, applied one after the other, and the id by which ledger entries name them all."""

    key_id: str
    secrets: tuple[bytes, ...] = field(repr=False)

    def after(self, key_id: str) -> tuple[bytes, ...]:
        """The secrets that an earlier key, named by its id, lacks. Raises UnknownKey if this one does not extend it."""
        for count in range(1, len(self.secrets) + 1):
            if key_id in (self.key_id if count == len(self.secrets) else "", chain_id(self.secrets[:count])):
                return self.secrets[count:]
        raise UnknownKey(f"pseudonyms were made with key {key_id}, which is no part of the key file; bring it back")


def chain_id(chain: tuple[bytes, ...]) -> str:
    """The name of a key; it tells nothing of the secrets."""
    return hashlib.sha256(b"key id" + b"".join(chain)).hexdigest()[:12]


def load_key(settings: Settings) -> Key:
    """The key of this installation, a secret a line; made at first use, readable by its owner alone.

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
        chain = tuple(bytes.fromhex(line) for line in path.read_text().split())
    except ValueError:
        chain = ()
    if not chain or min(map(len, chain)) < KEY_BYTES:
        raise SettingsError(f"{path} is no pseudonym key: expected at least {KEY_BYTES} bytes in hexadecimal a line")
    return Key(chain_id(chain), chain)


def add_secret(settings: Settings) -> Key:
    """A new key: a new secret after those there are. What was pseudonymised before has to be advanced to it."""
    chain = (*load_key(settings).secrets, secrets.token_bytes(KEY_BYTES))
    path = settings.pseudonym_key_file
    partial = path.with_name(f"{path.name}.new")
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write("\n".join(secret.hex() for secret in chain))
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
    return load_key(settings)


def pseudonymise(identifiers: pl.Series, key: Key) -> pl.Series:
    """HMAC-SHA-256 of each identifier (text; null stays null), in hexadecimal, in the same order."""
    return advance(identifiers, key.secrets)


def advance(values: pl.Series, chain: tuple[bytes, ...]) -> pl.Series:
    """HMAC-SHA-256 under each secret in turn, of the hexadecimal text of the one before; null stays null.

    So pseudonyms of an earlier key become those of a later one without the identifiers.
    """
    distinct = values.unique().drop_nulls()
    if len(distinct) > MANY * len(values):  # then looking each value up costs more than hashing the few twice
        return _hashed(values, chain).alias(values.name)
    return values.replace_strict(distinct, _hashed(distinct, chain), default=None, return_dtype=pl.String())


def _hashed(values: pl.Series, chain: tuple[bytes, ...]) -> pl.Series:
    """HMAC as RFC 2104 puts it together, because the module hmac takes twice the time for each of millions."""
    for secret in chain:
        block = (secret if len(secret) <= BLOCK else hashlib.sha256(secret).digest()).ljust(BLOCK, b"\0")
        inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in block)).copy
        outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in block)).copy
        digests: list[bytes | None] = []
        for value in values.cast(pl.Binary()).to_list():
            if value is None:
                digests.append(None)
                continue
            within, around = inner(), outer()
            within.update(value)
            around.update(within.digest())
            digests.append(around.digest())
        values = pl.Series(digests, dtype=pl.Binary()).bin.encode("hex")
    return values


def hide_numbers(texts: pl.Series) -> pl.Series:
    """Texts of which nothing is known but that they are wrong, without numbers that may identify a person."""
    return texts.str.replace_all(LONG_NUMBER, HIDDEN)


def hide_numbers_in(text: str) -> str:
    """As hide_numbers, of one text."""
    return re.sub(LONG_NUMBER, HIDDEN, text)

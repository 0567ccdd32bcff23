"""What every connector gives and how it fails."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import polars as pl
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential_jitter

from lake.settings import Settings


class SourceError(RuntimeError):
    """The source cannot be read now; trying later can help. Never holds a row's value or a secret."""


class SourceFormatError(ValueError):
    """What the source delivers, or how we ask it, must be mended by people; trying again does not help."""


@dataclass(frozen=True)
class Window:
    """Update times to read: start ≤ t < end, both aware."""

    start: datetime
    end: datetime


@dataclass(frozen=True)
class SourceFile:
    """A file that was read, by its content."""

    name: str
    sha256: str


@dataclass(frozen=True)
class Extract:
    """Rows as the source gives them, with the source's column names; of one file, if the source is files.

    error: set, with an empty table, when this file cannot be read.
    """

    table: pl.DataFrame
    file: SourceFile | None = None
    error: SourceFormatError | None = None


def setting(settings: Settings, value: str) -> str:
    """A contract's `${NAME}` or text holding one, filled from the settings. Raises SettingsError."""
    while "${" in value:
        before, _, rest = value.partition("${")
        name, _, after = rest.partition("}")
        value = before + settings.source(name) + after
    return value


def retrying(settings: Settings) -> Retrying:
    """Try again with growing waits while the source is down; KHO_RETRY_SECONDS scales the waits."""
    scale = float(settings.env.get("KHO_RETRY_SECONDS", "1"))
    return Retrying(
        retry=retry_if_exception_type(SourceError),
        wait=wait_exponential_jitter(initial=scale, max=20 * scale, jitter=scale),
        stop=stop_after_attempt(5),
        reraise=True,
    )


Reader = Callable[..., Iterator[Extract]]
Source = dict[str, Any]

"""What every connector gives and how it fails."""

import threading
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import polars as pl
from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception_type,
    sleep_using_event,
    stop_after_attempt,
    stop_when_event_set,
    wait_exponential_jitter,
)

from lake.settings import Settings, names_in

LONGEST_WAIT = 60.0  # seconds; a source that asks for more is left to the next run


class SourceError(RuntimeError):
    """The source cannot be read now; trying later can help. Never holds a row's value or a secret.

    after: seconds that the source asked us to wait.
    """

    def __init__(self, message: str, after: float = 0) -> None:
        super().__init__(message)
        self.after = after


class SourceFormatError(ValueError):
    """What the source delivers, or how we ask it, must be mended by people; trying again does not help."""


@dataclass(frozen=True)
class Window:
    """Update times to read: start ≤ t < end, both aware."""

    start: datetime
    end: datetime


@dataclass(frozen=True)
class SourceFile:
    """A file that was read, by its content. skipped: rows that by the contract are no records, such as totals."""

    name: str
    sha256: str
    skipped: int = 0


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


def setting_names(*values: str) -> str:
    """The settings that a contract's values refer to, for messages: never the values, which may be secret."""
    return ", ".join(names_in(" ".join(values))) or "the contract's source"


def spelling(name: str) -> str:
    """A column's name as it is compared: composed letters, single blanks, no case."""
    return " ".join(unicodedata.normalize("NFC", name).split()).casefold()


def retrying(settings: Settings, stopped: threading.Event | None = None) -> Retrying:
    """Try again with growing waits while the source is down; KHO_RETRY_SECONDS scales the waits.

    stopped: set by who no longer wants the answer; then a wait ends at once and nothing is tried again.
    """
    scale = float(settings.env.get("KHO_RETRY_SECONDS", "1"))
    growing = wait_exponential_jitter(multiplier=scale, max=20 * scale, jitter=scale)
    stopped = stopped or threading.Event()

    def wait(state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        asked = error.after if isinstance(error, SourceError) else 0
        return max(growing(state), min(asked, LONGEST_WAIT))

    return Retrying(
        retry=retry_if_exception_type(SourceError),
        wait=wait,
        sleep=sleep_using_event(stopped),
        stop=stop_after_attempt(5) | stop_when_event_set(stopped),
        reraise=True,
    )


Reader = Callable[..., Iterator[Extract]]
Source = dict[str, Any]

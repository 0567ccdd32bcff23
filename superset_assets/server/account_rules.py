"""What holds for every account, wherever it comes from."""

import re
from collections.abc import Iterable
from datetime import datetime, timedelta

USERNAME = re.compile(r"[a-z0-9][a-z0-9._-]{1,63}")
MACHINE_NAMES = ("admin",)  # accounts of this machine: no directory speaks for them, and they are never closed
MACHINE_PREFIX = "may-"  # so do those that a deployment makes, as whom it prints what is mailed
IDLE_DAYS = 45
BASE_ROLE = "Public"  # has no right; whoever signs in by the directory has it, and whoever is not signed in


def idle(username: str, seen: Iterable[datetime | None], now: datetime) -> bool:
    """Whether an account is closed because nobody used it. seen: its last sign-in, making and change, and now: naive.

    A change counts: an account that is opened again has the same time anew.
    """
    known = [when for when in seen if when is not None]
    return not of_machine(username) and bool(known) and max(known) < now - timedelta(days=IDLE_DAYS)


def of_machine(username: str) -> bool:
    """Whether this is a name of an account of this machine."""
    return username in MACHINE_NAMES or username.startswith(MACHINE_PREFIX)


class NotLetInError(ValueError):
    """Whom the directory sent is no person for us; the message says why."""


def directory_name(told: object) -> str:
    """The name of an account for what a directory calls a person: in small letters, and no account of this machine.

    Raises NotLetInError. Nothing is cut off or read as another sign: a name that only looks like one of ours (spaces,
    wide or accented letters, the sign of Kelvin, whose small letter is a k) is refused and never becomes it.
    """
    name = str(told or "")
    if not name.isascii() or not USERNAME.fullmatch(name := name.lower()):
        raise NotLetInError("the directory's name for this person is none that an account can have")
    if of_machine(name):
        raise NotLetInError(f"{name} is an account of this machine and not of the directory")
    return name

"""The time the upstream systems believe in: the real one, one that started elsewhere, or one that stands still."""

from datetime import UTC, datetime, timedelta


class Clock:
    """now() is aware, in UTC. Without a start it is the machine's time."""

    def __init__(self, start: datetime | None = None, frozen: bool = False) -> None:
        self.set(start, frozen)

    def set(self, start: datetime | None, frozen: bool = False) -> None:
        """Make it `start` now (aware; None: the machine's time) and let it run on, or stand still."""
        if start is not None and start.tzinfo is None:
            raise ValueError(f"{start} has no time zone; give one such as +07:00")
        machine = datetime.now(UTC)
        self._frozen_at = (start or machine) if frozen else None
        self._offset = start - machine if start is not None else timedelta()

    def now(self) -> datetime:
        """The simulated moment."""
        return (self._frozen_at or datetime.now(UTC) + self._offset).astimezone(UTC)

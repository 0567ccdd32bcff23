"""What is going on, told to whoever listens: the `kho` command shows it, Dagster's own processes do not."""

from collections.abc import Callable

_listeners: list[Callable[[str], None]] = []


def report(text: str) -> None:
    """Tell the listeners in a few words what is going on."""
    for listener in _listeners:
        listener(text)


def listen(listener: Callable[[str], None]) -> Callable[[], None]:
    """Have `listener` told from now on; returns what ends it."""
    _listeners.append(listener)
    return lambda: _listeners.remove(listener)

"""The pages that groups of readers get by mail."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from lake.settings import Settings, SettingsError
from orchestration.mail import send
from superset_assets.accounts import mailings
from superset_assets.launch import SupersetError
from superset_assets.letters import letter


@dataclass(frozen=True)
class Mailed:
    """What became of a mailing. to: its addresses, separated by commas; error: empty if it was sent."""

    name: str
    to: str
    error: str = ""


def mail_dashboards(settings: Settings, url: str, names: Collection[str] = (), to: str = "") -> Iterator[Mailed]:
    """Print and send, one mailing after the other; what fails does not stop the others.

    names: of the mailings, none for all; to: addresses in place of theirs, to try. Raises SettingsError for a name that
    is not there, and where there is none.
    """
    known = mailings(settings)
    if not known:
        raise SettingsError("the file of users names no mailings")
    if unknown := sorted(set(names) - set(known)):
        raise SettingsError(f"no mailing {', '.join(unknown)} (there are {', '.join(known)})")
    for name in names or known:
        addresses = to or ", ".join(known[name].to)
        try:
            with letter(settings, url, known[name]) as ready:
                send(settings, addresses, ready.subject, ready.text, ready.attached)
        except (SupersetError, SettingsError, OSError) as problem:
            yield Mailed(name, addresses, str(problem))
        else:
            yield Mailed(name, addresses)

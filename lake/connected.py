"""Which sources an installation has: those that it was told an address or secret of."""

import json

from lake.contract import Contract
from lake.settings import Settings, names_in


def setting_names(contract: Contract) -> list[str]:
    """The settings that the contract's source names as `${NAME}`, each once."""
    return names_in(json.dumps(contract.source))


def connected(contract: Contract, settings: Settings) -> bool:
    """False if the source needs settings and none of them is set: a province joins its sources one after another.

    With some of them set and others not, it is a connected source with a mistake, which is told when it is read.
    """
    names = setting_names(contract)
    return not names or any(settings.env.get(name) for name in names)

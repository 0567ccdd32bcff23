"""The accounts that a single sign-on makes: what they may is what groups of the users' file give, and nothing else.

Who is in which group is known to the directory alone and told at each sign-in. What can be told without it: an account
has the roles of some of our groups, each whole, or it was changed by hand or holds what a group gave before.
"""

from collections.abc import Mapping
from typing import Any

from superset_assets.server.account_rules import BASE_ROLE, of_machine

There = Mapping[str, dict[str, Any]]


def from_groups(roles: frozenset[str], groups: Mapping[str, frozenset[str]]) -> frozenset[str]:
    """The part of an account's roles that whole groups give."""
    return frozenset().union(*(given for given in groups.values() if given <= roles))


def beyond_groups(there: There, groups: Mapping[str, frozenset[str]]) -> dict[str, list[str]]:
    """Account -> what it has and no group of ours gives, in words; those alone that have something, and are open."""
    found = {}
    for name, account in there.items():
        if of_machine(name) or not account["active"]:
            continue
        roles = _roles(account)
        told = [f"has the role {role}, which no group of the file gives" for role in
                sorted(roles - from_groups(roles, groups) - {BASE_ROLE})]  # fmt: skip
        told += ["is in a group of the server, the file does not say so"] if account.get("groups") else []
        if told:
            found[name] = told
    return found


def roles_to_keep(account: dict[str, Any], groups: Mapping[str, frozenset[str]]) -> frozenset[str]:
    """The roles that are left of an account when what no group gives is taken away; never none."""
    return from_groups(_roles(account), groups) | {BASE_ROLE}


def _roles(account: dict[str, Any]) -> frozenset[str]:
    return frozenset(role["name"] for role in account["roles"])

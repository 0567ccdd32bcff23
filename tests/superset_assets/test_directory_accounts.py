"""What an account of the directory may have, without a server."""

from typing import Any

import pytest

from superset_assets.directory_accounts import beyond_groups, roles_to_keep

GROUPS = {
    "lanh-dao": frozenset({"leader"}),
    "xa-a": frozenset({"commune", "unit_24820"}),
    "xa-b": frozenset({"commune", "unit_24821"}),
}


def account(*roles: str, active: bool = True, groups: tuple[str, ...] = ()) -> dict[str, Any]:
    return {"roles": [{"name": role} for role in roles], "active": active, "groups": groups}


@pytest.mark.parametrize(
    ("roles", "beyond", "kept"),
    [
        (("Public",), set(), {"Public"}),
        (("Public", "leader"), set(), {"Public", "leader"}),
        (("commune", "unit_24820", "unit_24821"), set(), {"Public", "commune", "unit_24820", "unit_24821"}),
        (("Public", "Admin", "leader"), {"Admin"}, {"Public", "leader"}),
        (("Public", "commune"), {"commune"}, {"Public"}),  # the unit's role went with its group
        (("Public", "unit_24820"), {"unit_24820"}, {"Public"}),
        (("Public", "leader", "unit_24820"), {"unit_24820"}, {"Public", "leader"}),
        (("commune", "unit_24820", "unit_99999"), {"unit_99999"}, {"Public", "commune", "unit_24820"}),
    ],
)
def test_roles_that_no_whole_group_gives_are_named_and_taken(
    roles: tuple[str, ...], beyond: set[str], kept: set[str]
) -> None:
    there = {"somebody": account(*roles)}
    found = beyond_groups(there, GROUPS)
    assert {told.split()[3].rstrip(",") for told in found.get("somebody", [])} == beyond
    assert roles_to_keep(there["somebody"], GROUPS) == kept


def test_the_accounts_of_the_machine_and_closed_ones_are_left_alone() -> None:
    of_the_machine = {"admin": account("Admin"), "may-sang": account("commune")}
    there = {**of_the_machine, "closed": account("Admin", active=False), "grouped": account(groups=("x",))}
    assert list(beyond_groups(there, GROUPS)) == ["grouped"]

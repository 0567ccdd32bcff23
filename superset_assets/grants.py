"""Roles, row rule and users on the server: brought to what the files say, and compared with it."""

import json
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from lake.settings import Settings, SettingsError
from superset_assets.access import Access, Role, read_access
from superset_assets.accounts import Accounts, User, read_accounts
from superset_assets.bundle import ASSETS, Assets
from superset_assets.client import SignedInClient
from superset_assets.directory_accounts import beyond_groups, roles_to_keep
from superset_assets.launch import SupersetError, machine_password_file, write_secret
from superset_assets.server.account_rules import BASE_ROLE, MACHINE_NAMES, idle, of_machine
from superset_assets.server.single_sign_on import by_directory

BUILT_IN = frozenset({"Admin", "Public", "Alpha", "Gamma", "sql_lab"})
Pair = tuple[str, str]


@dataclass(frozen=True)
class Meant:
    """What shall be: role -> pairs of right and object; the numbers of the datasets that the rule is laid on."""

    roles: dict[str, frozenset[Pair]]
    limited: frozenset[int]
    access: Access
    accounts: Accounts


def meant(settings: Settings, client: SignedInClient, assets: Assets, folder: Path = ASSETS) -> Meant:
    """Work out what the server shall hold, in its own numbers. Raises AssetError, SettingsError, SupersetError."""
    access = read_access(assets, settings.province, folder, passwords=not by_directory(settings.env))
    accounts = read_accounts(settings, access.roles)
    _expect_pages(accounts, {one["slug"] for one in assets.dashboards.values()})
    datasets = _numbers(client, "dataset", assets.datasets)
    databases = _numbers(client, "database", assets.databases)

    def rights(role: Role) -> frozenset[Pair]:
        data = {("datasource_access", _dataset_object(assets, name, datasets[name])) for name in role.datasets}
        files = {
            ("database_access", f"[{assets.databases[name]['database_name']}].(id:{databases[name]})")
            for name in role.databases
        }
        return role.permissions | data | files

    roles = {name: rights(role) for name, role in access.roles.items()}
    roles |= {name: frozenset() for name in accounts.unit_roles}
    return Meant(roles, frozenset(datasets[name] for name in access.rule.datasets), access, accounts)


def apply(settings: Settings, client: SignedInClient, wanted: Meant) -> list[str]:
    """Bring roles, the rule and the users to what the files say; returns what was removed. Raises SupersetError."""
    removed = []
    # the limit first: no moment at which a role is there and its limit is not
    pairs = _pairs(client)
    roles = _roles(client)
    for name in wanted.roles:
        if name not in roles:
            made = client.ask_to("post", "security/roles/", {"name": name}, f"making the role {name}")
            roles[name] = int(made["id"])
    _apply_rule(client, wanted, roles)
    for name, rights in wanted.roles.items():
        if lacking := sorted(right for right in rights if right not in pairs):
            raise SupersetError(f"the role {name} wants what the server does not know: {lacking}")
        if _rights(client, roles[name]) != rights:
            numbers = sorted(pairs[right] for right in rights)
            client.ask_to(
                "post", f"security/roles/{roles[name]}/permissions",
                {"permission_view_menu_ids": numbers}, f"giving the role {name} its rights",
            )  # fmt: skip
    # what a single sign-on's groups mean; the server reads it at each sign-in
    groups = {group: sorted(names) for group, names in wanted.accounts.groups.items()}
    write_secret(settings.home / "superset" / "groups.json", json.dumps(groups, ensure_ascii=False))
    removed += _apply_users(settings, client, wanted, roles)
    for name, number in roles.items():
        if name not in wanted.roles and name not in BUILT_IN:
            client.ask_to("delete", f"security/roles/{number}", None, f"removing the role {name}")
            removed.append(f"role {name}")
    return removed


def _apply_rule(client: SignedInClient, wanted: Meant, roles: dict[str, int]) -> None:
    rule = wanted.access.rule
    # every field each time: a change of one alone clears roles and tables, and then everybody sees all
    body = {
        "name": rule.name,
        "description": rule.description,
        "filter_type": "Base",
        "tables": sorted(wanted.limited),
        "roles": sorted(roles[name] for name in rule.exempt),
        "group_key": None,
        "clause": rule.clause,
    }
    there = {one["name"]: one["id"] for one in client.all_of("rowlevelsecurity")}
    if rule.name not in there:
        client.ask_to("post", "rowlevelsecurity/", body, "making the row rule")
    elif _rule_differences(client, wanted):
        client.ask_to("put", f"rowlevelsecurity/{there[rule.name]}", body, "changing the row rule")
    for name, number in there.items():
        if name != rule.name:
            client.ask_to("delete", f"rowlevelsecurity/{number}", None, f"removing the row rule {name}")


def _apply_users(settings: Settings, client: SignedInClient, wanted: Meant, roles: dict[str, int]) -> list[str]:
    there = {one["username"]: one for one in client.all_of("security/users")}
    for user in wanted.accounts.readers.values():
        kept = machine_password_file(settings, user.username)
        if user.username in there and not kept.exists():  # nobody could sign in as it any more
            password = secrets.token_urlsafe(24)
            body = {"password": password, "active": True}
            number = there[user.username]["id"]
            client.ask_to("put", f"security/users/{number}", body, f"giving {user.username} a new password")
            write_secret(kept, password)
        _apply_user(client, user, there.get(user.username), roles, kept)
    if by_directory(settings.env):
        return [*_take_away(client, wanted, there, roles), *_close(settings, client, wanted, there)]
    for name, user in wanted.accounts.users.items():
        # handed over once and changed by its owner
        _apply_user(client, user, there.get(name), roles, settings.home / "secrets" / "first_passwords" / name)
    return _close(settings, client, wanted, there)


def _apply_user(
    client: SignedInClient, user: User, there: dict[str, Any] | None, roles: dict[str, int], password_file: Path
) -> None:
    """Make the account, with a password that is written to the file, or bring it to what is meant."""
    first, _, last = user.name.rpartition(" ")
    about: dict[str, Any] = {
        "first_name": first or user.name,
        "last_name": last if first else "",
        "email": user.email,
        "roles": sorted(roles[role] for role in user.roles),
    }
    if there is None:
        password = secrets.token_urlsafe(12)
        client.ask_to(
            "post", "security/users/", {**about, "username": user.username, "password": password, "active": True},
            f"making the account {user.username}",
        )  # fmt: skip
        write_secret(password_file, password)
    elif _user_differences(user, there):
        changed = {**about, "groups": [], "active": True}
        client.ask_to("put", f"security/users/{there['id']}", changed, f"changing {user.username}")


def _close(settings: Settings, client: SignedInClient, wanted: Meant, there: dict[str, dict[str, Any]]) -> list[str]:
    removed = []
    for name in _strangers(settings, wanted, there):
        client.ask_to("put", f"security/users/{there[name]['id']}", {"active": False}, f"closing the account {name}")
        removed.append(f"account {name}")
    return removed


def _take_away(
    client: SignedInClient, wanted: Meant, there: dict[str, dict[str, Any]], roles: dict[str, int]
) -> list[str]:
    """What no group gives is taken from the directory's accounts; what a group gives, the next sign-in brings."""
    groups = wanted.accounts.groups
    removed = []
    for name in beyond_groups(there, groups):
        kept = sorted(roles[role] for role in roles_to_keep(there[name], groups))
        body = {"roles": kept, "groups": []}
        client.ask_to("put", f"security/users/{there[name]['id']}", body, f"taking roles from {name}")
        removed.append(f"roles of account {name}")
    return removed


def _strangers(settings: Settings, wanted: Meant, there: dict[str, dict[str, Any]]) -> list[str]:
    """The accounts that may sign in and are in no file; with a directory those of this machine alone."""
    known = {*MACHINE_NAMES, *_people(settings, wanted)}
    ours = [name for name in there if of_machine(name) or not by_directory(settings.env)]
    return [name for name in ours if name not in known and there[name]["active"]]


def _people(settings: Settings, wanted: Meant) -> dict[str, User]:
    """The accounts that a deployment makes: the readers of mailings, and the users where no directory tells of them."""
    return {**wanted.accounts.readers, **({} if by_directory(settings.env) else wanted.accounts.users)}


def _expect_pages(accounts: Accounts, slugs: set[str]) -> None:
    """Raises SettingsError for a mailing of a page that is not there."""
    for one in accounts.mailings.values():
        if unknown := sorted(set(one.pages) - slugs):
            raise SettingsError(f"mailing {one.name}: no such page: {', '.join(unknown)}")


def access_differences(settings: Settings, client: SignedInClient, wanted: Meant) -> list[str]:
    """Every difference between the server's roles, rule and users and the files; none when all is as it should be."""
    found = []
    roles = _roles(client)
    for name, rights in wanted.roles.items():
        if name not in roles:
            found.append(f"role {name}: not on the server")
            continue
        now = _rights(client, roles[name])
        found += [f"role {name}: lacks {right} on {thing}" for right, thing in sorted(rights - now)]
        found += [f"role {name}: has {right} on {thing}, not in the code" for right, thing in sorted(now - rights)]
    found += [f"role {name}: not in the code" for name in sorted(roles.keys() - wanted.roles.keys() - BUILT_IN)]
    found += [f"role {name}: gives everybody {right} on {thing}" for name in (BASE_ROLE,) if name in roles
              for right, thing in sorted(_rights(client, roles[name]))]  # fmt: skip
    found += _rule_differences(client, wanted)
    there = {one["username"]: one for one in client.all_of("security/users")}
    for name, user in _people(settings, wanted).items():
        if name not in there:
            found.append(f"user {name}: not on the server")
        else:
            found += [f"user {name}: {told}" for told in _user_differences(user, there[name])]
    if by_directory(settings.env):
        beyond = beyond_groups(there, wanted.accounts.groups)
        found += [f"user {name}: {told}" for name, parts in beyond.items() for told in parts]
    strangers = _strangers(settings, wanted, there)
    return found + [f"user {name}: not in the file of users, but may sign in" for name in strangers]


def _rule_differences(client: SignedInClient, wanted: Meant) -> list[str]:
    rule = wanted.access.rule
    there = {one["name"]: one for one in client.all_of("rowlevelsecurity")}
    found = [f"row rule {name}: not in the code" for name in sorted(there.keys() - {rule.name})]
    if rule.name not in there:
        return [*found, f"row rule {rule.name}: not on the server"]
    now = client.ask(f"rowlevelsecurity/{there[rule.name]['id']}")["result"]
    facts = (
        ("clause", rule.clause, now["clause"]),
        ("kind", "Base", now["filter_type"]),
        ("group key", None, now["group_key"] or None),
        ("description", rule.description, now["description"]),
        ("datasets", sorted(wanted.limited), sorted(table["id"] for table in now["tables"])),
        ("roles without limit", sorted(rule.exempt), sorted(role["name"] for role in now["roles"])),
    )
    return found + [
        f"row rule {rule.name}: {what} is {is_now}, the code says {said}"
        for what, said, is_now in facts
        if said != is_now
    ]


def _user_differences(user: User, there: dict[str, Any]) -> list[str]:
    now = frozenset(role["name"] for role in there["roles"])
    found = [f"lacks the role {role}" for role in sorted(user.roles - now)]
    found += [f"has the role {role}, the file does not say so" for role in sorted(now - user.roles)]
    if there.get("groups"):
        found.append("is in a group of the server, the file does not say so")
    if not there["active"] and not _idle(there):
        found.append("is closed, the file names it")
    return found


def _idle(there: dict[str, Any]) -> bool:
    """Whether the server keeps an account closed because nobody used it; such a one is opened by hand."""
    seen = [
        datetime.fromisoformat(told) for name in ("last_login", "created_on", "changed_on") if (told := there[name])
    ]
    return idle(there["username"], seen, datetime.now())


def _numbers(client: SignedInClient, kind: str, ours: dict[str, dict[str, Any]]) -> dict[str, int]:
    there = {str(one["uuid"]): int(one["id"]) for one in client.all_of(kind)}
    if lacking := sorted(name for name, one in ours.items() if one["uuid"] not in there):
        raise SupersetError(f"not on the server: {kind} {', '.join(lacking)}")
    return {name: there[one["uuid"]] for name, one in ours.items()}


def _dataset_object(assets: Assets, name: str, number: int) -> str:
    dataset = assets.datasets[name]
    return f"[{assets.databases[dataset['database']]['database_name']}].[{dataset['table_name']}](id:{number})"


def _roles(client: SignedInClient) -> dict[str, int]:
    return {one["name"]: int(one["id"]) for one in client.all_of("security/roles")}


def _pairs(client: SignedInClient) -> dict[Pair, int]:
    return {
        (one["permission"]["name"], one["view_menu"]["name"]): int(one["id"])
        for one in client.all_of("security/permissions-resources")
    }


def _rights(client: SignedInClient, role: int) -> frozenset[Pair]:
    listed: Iterable[dict[str, Any]] = client.ask(f"security/roles/{role}/permissions/")["result"]
    return frozenset((one["permission_name"], one["view_menu_name"]) for one in listed)

"""The users that a province keeps in a file of its own: who is in which group, never a password.

groups:
  lanh-dao: {roles: [leader]}
  xa-22264: {roles: [commune], units: ["22264"]}
users:
  - {username: bi-thu, name: Bí thư Tỉnh ủy, email: bi-thu@tinh.example, groups: [lanh-dao]}
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from lake.settings import Settings, SettingsError
from superset_assets.access import UNIT_ROLE
from superset_assets.server.account_rules import MACHINE_NAMES, USERNAME

UNIT = re.compile(r"\d{5}")


@dataclass(frozen=True)
class User:
    """An account. roles: names of roles, `unit_<code>` among them."""

    username: str
    name: str
    email: str
    roles: frozenset[str]


@dataclass(frozen=True)
class Accounts:
    """groups: group -> its roles, for the file and for what a single sign-on tells; users by name."""

    groups: dict[str, frozenset[str]]
    users: dict[str, User]

    @property
    def unit_roles(self) -> frozenset[str]:
        """The unit roles that somebody may have."""
        return frozenset(role for roles in self.groups.values() for role in roles if role.startswith(UNIT_ROLE))


def users_file(settings: Settings) -> Path:
    """KHO_USERS_FILE, or users.yaml below the installation's folder."""
    return Path(settings.env.get("KHO_USERS_FILE") or settings.home / "users.yaml")


def read_accounts(settings: Settings, roles: Collection[str]) -> Accounts:
    """The province's users; none where there is no file. roles: the names there are. Raises SettingsError."""
    path = users_file(settings)
    if not path.exists():
        return Accounts({}, {})
    try:
        read = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except yaml.YAMLError as problem:
        raise SettingsError(f"{path} is no YAML: {problem}") from problem
    groups = {}
    for name, group in (read.get("groups") or {}).items():
        if unknown := sorted(set(group["roles"]) - set(roles)):
            raise SettingsError(f"{path}: group {name}: there is no role {', '.join(unknown)}")
        units = [str(unit) for unit in group.get("units", [])]
        if wrong := [unit for unit in units if not UNIT.fullmatch(unit)]:
            raise SettingsError(f"{path}: group {name}: {', '.join(wrong)} is no code of five digits")
        groups[str(name)] = frozenset([*group["roles"], *(f"{UNIT_ROLE}{unit}" for unit in units)])
    users: dict[str, User] = {}
    for written in read.get("users") or []:
        user = _user(written, groups, path)
        if user.username in users:
            raise SettingsError(f"{path}: {user.username} is there twice")
        users[user.username] = user
    return Accounts(groups, users)


def _user(written: dict[str, Any], groups: dict[str, frozenset[str]], path: Path) -> User:
    username = str(written.get("username", ""))
    where = f"{path}: user {username!r}"
    if not USERNAME.fullmatch(username) or username in MACHINE_NAMES:
        ours = ", ".join(MACHINE_NAMES)
        raise SettingsError(f"{where}: a name is of a-z, 0-9, dot, dash and underscore, and not {ours}")
    if secret := sorted(key for key in written if "pass" in key.lower()):
        raise SettingsError(f"{where}: no password belongs into this file ({', '.join(secret)})")
    named = [str(group) for group in written.get("groups") or []]
    if not named or (unknown := sorted(set(named) - set(groups))):
        told = f"there is no group {', '.join(unknown)}" if named else "is in no group"
        raise SettingsError(f"{where}: {told}")
    return User(
        username=username,
        name=str(written.get("name") or username),
        email=str(written.get("email") or f"{username}@localhost"),
        roles=frozenset(role for group in named for role in groups[group]),
    )

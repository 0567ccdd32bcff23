"""The users that a province keeps in a file of its own: who is in which group, never a password.

groups:
  lanh-dao: {roles: [leader]}
  xa-22264: {roles: [commune], units: ["22264"]}
users:
  - {username: bi-thu, name: Bí thư Tỉnh ủy, email: bi-thu@tinh.example, groups: [lanh-dao]}
"""

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from lake.settings import Settings, SettingsError
from superset_assets.access import UNIT_ROLE, read_access
from superset_assets.bundle import placeholders, read_assets
from superset_assets.server.account_rules import MACHINE_NAMES, MACHINE_PREFIX, USERNAME, of_machine

UNIT = re.compile(r"\d{5}")
ADDRESS = re.compile(r"[^@\s,;<>\"]+@[^@\s,;<>\"]+")


@dataclass(frozen=True)
class User:
    """An account. roles: names of roles, `unit_<code>` among them."""

    username: str
    name: str
    email: str
    roles: frozenset[str]


@dataclass(frozen=True)
class Mailing:
    """Pages that are mailed as one group sees them. pages: last parts of their addresses; to: addresses of mail.

    reader: the account of this machine that opens the pages; it has the group's roles and no others.
    """

    name: str
    group: str
    pages: tuple[str, ...]
    to: tuple[str, ...]
    reader: User


@dataclass(frozen=True)
class Accounts:
    """groups: group -> its roles, for the file and for what a single sign-on tells; users and mailings by name."""

    groups: dict[str, frozenset[str]]
    users: dict[str, User]
    mailings: dict[str, Mailing] = field(default_factory=dict)

    @property
    def readers(self) -> dict[str, User]:
        """The accounts of this machine that the mailings need, by name."""
        return {one.reader.username: one.reader for one in self.mailings.values()}

    @property
    def unit_roles(self) -> frozenset[str]:
        """The unit roles that somebody may have."""
        return frozenset(role for roles in self.groups.values() for role in roles if role.startswith(UNIT_ROLE))


def users_file(settings: Settings) -> Path:
    """KHO_USERS_FILE, or users.yaml below the installation's folder."""
    return Path(settings.env.get("KHO_USERS_FILE") or settings.home / "users.yaml")


def mailings(settings: Settings) -> dict[str, Mailing]:
    """What the file of users asks to be mailed, by name. Raises SettingsError and AssetError."""
    roles = read_access(read_assets(placeholders(settings)), settings.province).roles
    return read_accounts(settings, roles).mailings


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
    mailings = {
        str(name): _mailing(str(name), written, groups, read.get("users") or [], path)
        for name, written in (read.get("mailings") or {}).items()
    }
    return Accounts(groups, users, mailings)


def _mailing(
    name: str, written: dict[str, Any], groups: dict[str, frozenset[str]], users: list[dict[str, Any]], path: Path
) -> Mailing:
    """Goes to the addresses that it names itself, else to those of the group's users."""
    where, group = f"{path}: mailing {name}", str(written.get("group", ""))
    username = f"{MACHINE_PREFIX}{name}"
    if not USERNAME.fullmatch(username):
        raise SettingsError(f"{where}: a name is of a-z, 0-9, dot, dash and underscore")
    if group not in groups:
        raise SettingsError(f"{where}: there is no group {group}")
    pages = tuple(map(str, written.get("pages") or []))
    if not pages:
        raise SettingsError(f"{where}: names no pages")
    of_group = [one["email"] for one in users if one.get("email") and group in map(str, one.get("groups") or [])]
    to = tuple(dict.fromkeys(map(str, written.get("to") or of_group)))
    if not to:
        raise SettingsError(f"{where}: names no addresses (to), and no user of the group {group} has an email")
    if wrong := [one for one in to if not ADDRESS.fullmatch(one)]:
        raise SettingsError(f"{where}: {', '.join(wrong)} is no address of mail")
    reader = User(username, f"Thư {name}", f"{username}@localhost", groups[group])
    return Mailing(name, group, pages, to, reader)


def _user(written: dict[str, Any], groups: dict[str, frozenset[str]], path: Path) -> User:
    username = str(written.get("username", ""))
    where = f"{path}: user {username!r}"
    if not USERNAME.fullmatch(username) or of_machine(username):
        ours = ", ".join([*MACHINE_NAMES, f"{MACHINE_PREFIX}…"])
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

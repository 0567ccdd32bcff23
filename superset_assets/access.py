"""Who may see what, as the files say: roles, the rule that limits rows, and what they mean for each dataset."""

from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import yaml

from superset_assets.bundle import ASSETS, AssetError, Assets

ADMINISTRATORS = "Admin"  # the server's own role; it sees every row
UNIT_ROLE = "unit_"  # followed by the five digits of a commune
OWN_PASSWORD = "own_password"  # the rights of whoever has a password here, see roles.yaml


@dataclass(frozen=True)
class Role:
    """permissions: (right, object) pairs of the server; datasets, databases: names of their files."""

    name: str
    title: str
    permissions: frozenset[tuple[str, str]]
    datasets: frozenset[str]
    databases: frozenset[str]
    own_rows: bool


@dataclass(frozen=True)
class Rule:
    """The limit of rows. datasets: those it is laid on; exempt: roles that see every row."""

    name: str
    description: str
    clause: str
    datasets: frozenset[str]
    exempt: frozenset[str]


@dataclass(frozen=True)
class Access:
    """All of it. Roles by name."""

    roles: dict[str, Role]
    rule: Rule


def read_access(assets: Assets, province: str, folder: Path = ASSETS, passwords: bool = True) -> Access:
    """Read roles.yaml and rls.yaml and work out what they mean for these datasets. Raises AssetError.

    passwords: whether people have one here, and not at a directory.
    """
    written = _mapping(folder / "roles.yaml")
    limits = _mapping(folder / "rls.yaml")
    if unknown := sorted(set(limits["province_wide"]) - set(assets.datasets)):
        raise AssetError(f"rls.yaml: province_wide names no dataset of ours: {', '.join(unknown)}")
    limited = frozenset(
        name
        for name, dataset in assets.datasets.items()
        if any(column["column_name"] == limits["column"] for column in dataset["columns"])
    )
    open_to_communes = limited | frozenset(limits["province_wide"])
    roles = {}
    for name, role in written["roles"].items():
        own_rows = _one_of(role["rows"], ("all", "own"), f"roles.yaml: {name}: rows") == "own"
        readable = frozenset(
            dataset for dataset, about in assets.datasets.items() if _may_read(role, about["database"], about["reads"])
        )
        sets = [written["permissions"][part] for part in role["permissions"] if passwords or part != OWN_PASSWORD]
        databases = frozenset(role.get("sql", []))
        if own_rows and databases:
            raise AssetError(f"roles.yaml: {name} is limited to its own rows: free SQL would pass by the limit")
        if unknown := sorted(databases - set(assets.databases)):
            raise AssetError(f"roles.yaml: {name}: there is no database {', '.join(unknown)}")
        roles[name] = Role(
            name=name,
            title=role["title"],
            permissions=frozenset((right, thing) for part in sets for right, thing in part),
            datasets=readable & open_to_communes if own_rows else readable,
            databases=databases,
            own_rows=own_rows,
        )
    rule = Rule(
        name=limits["name"],
        description=limits["description"],
        clause=limits["clause"].replace("${province}", province),
        datasets=limited,
        exempt=frozenset({ADMINISTRATORS, *(role.name for role in roles.values() if not role.own_rows)}),
    )
    return Access(roles, rule)


def _may_read(role: dict[str, Any], database: str, marts: list[str]) -> bool:
    allowed = [*role.get("reads", {}).get(database, []), *role.get("themes", {}).get(database, [])]
    return all(any(fnmatchcase(mart, pattern) for pattern in allowed) for mart in marts)


def _one_of(value: str, known: tuple[str, ...], where: str) -> str:
    if value not in known:
        raise AssetError(f"{where} is {value!r}, not one of {', '.join(known)}")
    return value


def _mapping(path: Path) -> dict[str, Any]:
    read = yaml.safe_load(path.read_text(encoding="utf-8"))
    if not isinstance(read, dict):
        raise AssetError(f"{path.name} holds no mapping")
    return read

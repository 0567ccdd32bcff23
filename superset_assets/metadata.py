"""Superset's own store: accounts, roles, dashboards. A file of the installation, or PostgreSQL by one setting."""

from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

import adbc_driver_manager
import adbc_driver_postgresql.dbapi as postgres

from lake.settings import Settings, SettingsError

SETTING = "KHO_SUPERSET_METADATA"
ACCOUNTS = "ab_user"  # the table that every set-up makes
CONNECT_SECONDS = 10


class UnreachableError(RuntimeError):
    """The store does not answer; the message names it without its password."""


def place(settings: Settings) -> str:
    """Where the store is, for people and for comparing: the address without a password. Raises SettingsError."""
    address = settings.env.get(SETTING)
    if not address:
        return str(settings.home / "superset" / "superset.db")
    parts = urlsplit(address)
    if parts.scheme not in ("postgresql", "postgresql+psycopg2"):
        raise SettingsError(f"{SETTING} is no address of PostgreSQL (postgresql://user:password@host/database)")
    host = parts.netloc.rpartition("@")[2]
    options = urlencode([(name, told) for name, told in parse_qsl(parts.query) if "password" not in name], safe="/")
    return f"postgresql://{parts.username or ''}@{host}{parts.path}" + (f"?{options}" if options else "")


def accounts(settings: Settings) -> int | None:
    """How many accounts the store holds; None where it was not set up. Raises SettingsError, UnreachableError."""
    where = place(settings)
    address = settings.env.get(SETTING)
    if not address:
        return _accounts_of_file(settings)
    known = address.replace("postgresql+psycopg2://", "postgresql://", 1)
    joined = "&" if urlsplit(known).query else "?"
    try:
        with (
            postgres.connect(f"{known}{joined}connect_timeout={CONNECT_SECONDS}") as connection,
            connection.cursor() as cursor,
        ):
            cursor.execute(f"select to_regclass('{ACCOUNTS}') is not null")
            if cursor.fetchone() != (True,):
                return None
            cursor.execute(f"select count(*) from {ACCOUNTS}")
            row = cursor.fetchone()
            return int(row[0]) if row else 0
    except adbc_driver_manager.Error as problem:
        raise UnreachableError(f"{where}: {_without_secrets(str(problem), address)}") from None


def _without_secrets(told: str, address: str) -> str:
    """The driver's words, which may hold the address as it was given."""
    parts = urlsplit(address)
    secrets = [parts.password, *(value for name, value in parse_qsl(parts.query) if "password" in name)]
    for secret in filter(None, secrets):
        told = told.replace(secret, "…").replace(unquote(secret), "…")
    return told


def _accounts_of_file(settings: Settings) -> int | None:
    import sqlite3

    path = settings.home / "superset" / "superset.db"
    if not path.exists():
        return None
    try:
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as connection:
            if not connection.execute("select 1 from sqlite_master where name = ?", (ACCOUNTS,)).fetchone():
                return None
            return int(connection.execute(f"select count(*) from {ACCOUNTS}").fetchone()[0])
    except sqlite3.DatabaseError as problem:
        raise UnreachableError(f"{path}: {problem}") from None

"""`kho doctor`: is this installation whole, and what is to be mended."""

import os
import shutil
import stat
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import click

from lake.connected import connected, setting_names
from lake.contract import Contract, load_contracts
from lake.settings import Settings, load_settings
from orchestration.cli.output import show

FREE_GIB = 5
Finding = tuple[str, bool, str]  # what, whether it is well, what was found or is to be done


@click.command("doctor")
@click.option("--json", "as_json", is_flag=True)
def command(as_json: bool) -> None:
    """Check this installation and say what to mend; exit code 2 if something is."""
    settings = load_settings()
    found = list(examine(settings))
    show([{"check": what, "ok": well, "found": told} for what, well, told in found], as_json)
    sys.exit(0 if all(well for _, well, _ in found) else 2)


def examine(settings: Settings) -> Iterator[Finding]:
    """Every check, each on its own: one that cannot be made does not hide the others."""
    contracts = load_contracts(settings.contracts)
    yield "contracts", True, f"{len(contracts)} in {settings.contracts}"
    for name, check in CHECKS.items():
        try:
            yield (name, *check(settings, contracts))
        except Exception as error:  # the doctor names what fails, whatever it is
            yield name, False, f"{type(error).__name__}: {error}"


def _home(settings: Settings, _: dict[str, Contract]) -> tuple[bool, str]:
    settings.home.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(settings.home).free / 2**30
    writable = os.access(settings.home, os.W_OK)
    return writable and free >= FREE_GIB, f"{settings.home}, {free:.0f} GiB free" + (
        "" if writable else ", not writable"
    )


def _sources(settings: Settings, contracts: dict[str, Contract]) -> tuple[bool, str]:
    lacking = {
        name: one.dataset
        for one in contracts.values()
        if not one.source.get("optional") and connected(one, settings)
        for name in setting_names(one)
        if not settings.env.get(name)
    }
    if lacking:
        told = ", ".join(f"{name} ({dataset})" for name, dataset in sorted(lacking.items()))
        return False, f"not set: {told}; put them into {settings.home / 'kho.env'}"
    apart = sorted(one.dataset for one in contracts.values() if not connected(one, settings))
    if not any(connected(one, settings) and setting_names(one) for one in contracts.values()):
        return (
            False,
            f"none is connected; put the settings that the contracts name into {settings.home / 'kho.env'}",
        )
    told = f"; not connected: {', '.join(apart)}" if apart else ""
    return True, f"every setting of the connected sources is set{told}"


def _lake(settings: Settings, contracts: dict[str, Contract]) -> tuple[bool, str]:
    from lake.ledger import read_index
    from lake.store import AlreadyExists, delete, list_paths, open_store, put_once

    store = open_store(settings)
    path = f"doctor/{datetime.now(UTC):%Y%m%dT%H%M%S%f}"
    put_once(store, path, b"probe")
    try:
        put_once(store, path, b"again")
        return False, f"{settings.lake_url} overwrites: it does not honour a conditional create"
    except AlreadyExists:
        pass
    finally:
        delete(store, [path])
    loads = read_index(settings, store, contracts)
    there = {path for place in ("raw/", "quarantine/") for path in list_paths(store, place)}
    lost = [
        path
        for name in ("object", "quarantine_object")
        for path in loads.filter("standing")[name].drop_nulls()
        if path not in there
    ]
    if lost:
        return (
            False,
            f"{len(lost)} objects are gone, first {lost[0]}: bring them back from a copy, or `kho reject` the load",
        )
    return True, f"{settings.lake_url}: {len(loads):,} loads"


def _engine(settings: Settings, _: dict[str, Contract]) -> tuple[bool, str]:
    import duckdb

    from lake.store import prepare_duckdb

    with duckdb.connect() as connection:
        prepare_duckdb(connection, settings)
    return True, f"DuckDB {duckdb.__version__} reads the lake"


def _key(settings: Settings, contracts: dict[str, Contract]) -> tuple[bool, str]:
    from lake.ledger import expect_key
    from lake.store import open_store

    expect_key(settings, open_store(settings), contracts)
    path = settings.pseudonym_key_file
    if not path.exists():
        return True, f"{path} is made at first use"
    mode = stat.S_IMODE(path.stat().st_mode)
    return not mode & 0o077, f"{path}, mode {mode:o}" + (": `chmod 600` it" if mode & 0o077 else "")


def _dbt(settings: Settings, contracts: dict[str, Contract]) -> tuple[bool, str]:
    from orchestration.dbt_manifest import prepare_manifest

    return True, f"{prepare_manifest(settings, contracts)}"


def _superset(settings: Settings, _: dict[str, Contract]) -> tuple[bool, str]:
    from superset_assets.launch import BIN

    there = (BIN / "gunicorn").exists()
    return there, f"{BIN.parent}" + ("" if there else " is not installed: run `make superset`")


def _metadata(settings: Settings, _: dict[str, Contract]) -> tuple[bool, str]:
    from superset_assets.launch import WORKERS, workers
    from superset_assets.metadata import SETTING, accounts, place

    found = accounts(settings)
    if found is None:
        return True, f"{place(settings)} is set up at the first start"
    alone = not settings.env.get(SETTING)
    told = f"{place(settings)}, {found} accounts"
    if alone and workers(settings) > WORKERS:
        many = f"{workers(settings)} workers wait for each other on one file"
        return False, f"{told}: {many}; name a PostgreSQL in {SETTING}"
    return True, told


def _sign_in(settings: Settings, _: dict[str, Contract]) -> tuple[bool, str]:
    from superset_assets.server.single_sign_on import sign_in_settings

    try:
        sign_in_settings(settings.home, settings.env)
    except ValueError as problem:
        return False, str(problem)
    return True, settings.env.get("KHO_SUPERSET_AUTH") or "database"


def _published(settings: Settings, _: dict[str, Contract]) -> tuple[bool, str]:
    from lake.snapshots import current, list_snapshots, nothing_published, open_published, switched_at

    snapshot = current(settings)
    if snapshot is None:
        return not list_snapshots(settings), nothing_published(settings)
    with open_published(settings) as reader:
        tables = reader.execute("select count(*) from duckdb_tables()").fetchone()
    age = datetime.now(UTC) - switched_at(settings)
    old = age > timedelta(days=2)
    return not old, f"{snapshot}, {tables[0] if tables else 0} tables, {age.total_seconds() / 3600:.1f} hours old"


def _runs(settings: Settings, _: dict[str, Contract]) -> tuple[bool, str]:
    from orchestration.installation import prepare_home

    prepare_home(settings)
    import dagster as dg

    with dg.DagsterInstance.get() as instance:
        states = [dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.STARTING]
        running = instance.get_runs(dg.RunsFilter(statuses=states))
        failed = instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.FAILURE]), limit=1)
    told = f"{len(running)} running" + (f", last failed {failed[0].job_name} {failed[0].run_id}" if failed else "")
    return True, told


def _alerts(settings: Settings, _: dict[str, Contract]) -> tuple[bool, str]:
    ways = [name for name in ("KHO_ALERT_WEBHOOK", "KHO_ALERT_EMAIL") if settings.env.get(name)]
    if "KHO_ALERT_EMAIL" in ways and not settings.env.get("KHO_SMTP_URL"):
        return False, "KHO_ALERT_EMAIL is set and KHO_SMTP_URL is not"
    return True, f"failed runs are told by {', '.join(ways)}" if ways else "failed runs are told to nobody (optional)"


def _mailings(settings: Settings, _: dict[str, Contract]) -> tuple[bool, str]:
    from orchestration.mail import SERVER
    from superset_assets.accounts import mailings

    asked = mailings(settings)
    if not asked:
        return True, "none are asked for in the file of users"
    from superset_assets.launch import machine_password_file
    from superset_assets.screenshot import browser_path

    browser_path()
    if not settings.env.get(SERVER):
        return False, f"{', '.join(asked)}: {SERVER} is not set"
    missing = [name for name, one in asked.items() if not machine_password_file(settings, one.reader.username).exists()]
    if missing:
        return False, f"{', '.join(missing)}: no account reads for it yet: run `kho dashboards deploy`"
    return True, "; ".join(f"{name} to {', '.join(one.to)}" for name, one in asked.items())


CHECKS: dict[str, Callable[[Settings, dict[str, Contract]], tuple[bool, str]]] = {
    "home": _home,
    "sources": _sources,
    "lake": _lake,
    "engine": _engine,
    "pseudonym key": _key,
    "dbt": _dbt,
    "Superset": _superset,
    "Superset's metadata": _metadata,
    "sign-in": _sign_in,
    "published": _published,
    "Dagster runs": _runs,
    "alerts": _alerts,
    "mailings": _mailings,
}

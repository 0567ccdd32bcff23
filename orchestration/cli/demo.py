"""`kho demo`: one province on stand-in sources, from nothing to published dashboards, and a summary."""

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import click

from lake.contract import load_contracts
from lake.settings import Settings, load_settings


@click.command("demo")
@click.option("--seed", default=7, help="of the generated data")
@click.option("--months", default=24, help="of history")
@click.option("--scale", default=1.0, help="share of the usual number of rows")
@click.option("--communes", type=int, help="how many; all 124 unless given")
@click.pass_obj
def command(debug: bool, seed: int, months: int, scale: float, communes: int | None) -> None:
    """Stand-in sources for Lâm Đồng, a full refresh, dashboards deployed, a summary; stops what it started."""
    options = {"seed": seed, "months": months, "scale": scale, "communes": communes}
    sys.exit(run_demo(load_settings(), options, debug))


def run_demo(settings: Settings, options: dict[str, Any], debug: bool = False) -> int:
    """Returns the exit code of the refresh, or 1 if the dashboards could not be deployed."""
    from orchestration.cli.refresh import run_refresh
    from orchestration.cli.sources import start_sources
    from orchestration.cli.watched import watched
    from orchestration.dbt_manifest import prepare_manifest
    from orchestration.progress import report
    from superset_assets.deploy import deploy
    from superset_assets.launch import password_file, set_up, start

    started = time.monotonic()
    # Nobody waits for these two: what fails here is tried again, and told, where it is needed.
    beside = ThreadPoolExecutor(2)
    beside.submit(prepare_manifest, settings, load_contracts(settings.contracts))
    beside.submit(set_up, settings)
    with watched(settings, "demo", debug, started):
        report("starting the stand-in source systems of Lâm Đồng")
        running = start_sources(settings, options)
    try:
        code = run_refresh(load_settings(), debug=debug, since=started)
        if code == 1:
            return code
        with watched(settings, "demo", debug, started):
            report("starting Superset")
            with start(settings) as server:
                report("deploying the dashboards")
                deployed = deploy(settings, server.url)
    finally:
        running.stop()
        beside.shutdown()
    click.echo(summary(settings))
    if not deployed.passed:
        click.echo("\n".join(["the dashboards differ from the code:", *deployed.problems]), err=True)
        return 1
    objects = ", ".join(f"{count} {kind}" for kind, count in deployed.counts.items())
    click.echo(f"dashboards deployed ({objects}): {' · '.join(deployed.dashboards)}")
    click.echo(
        f"\n`make up` serves Dagster and Superset and prints their addresses. Superset: user admin, password in\n"
        f"{password_file(settings)}. All alerts, for example:\n"
        f'.venv/bin/kho sql "select title_vi, reason_vi from mart_alert order by rank"\n'
        f"{time.monotonic() - started:.0f} s in all"
    )
    return code


def summary(settings: Settings) -> str:
    """What a person wants to know after a demo: rows, audit, snapshot, champions, alerts."""
    import polars as pl

    from lake.current import read_current
    from lake.snapshots import open_published
    from orchestration.cli.status import status

    told = status(settings)
    contracts = load_contracts(settings.contracts)
    width = max(len(name) for name in contracts)
    lines = [
        f"snapshot {told['snapshot']}, data as of {told['data_as_of']} (Vietnamese time)",
        f"audit {told['audit']}: {told['checks']} checks",
        "",
        f"{'dataset':<{width}} {'received':>10} {'accepted':>10} {'quarantined':>11}",
    ]
    for one in told["datasets"]:
        counts = f"{one['received']:>10,} {one['accepted']:>10,} {one['quarantined']:>11,}"
        lines.append(f"{one['dataset']:<{width}} {counts}  {one['title']}")
    scores = read_current(settings, contracts["models.backtests"])
    newest = scores.filter(
        pl.col("champion")
        & (pl.col("horizon") == 0)
        & (pl.col("origin") == pl.col("origin").max().over("disease_code"))
    ).sort("disease_code")
    lines += ["", f"{'disease':<{width}} {'champion':<20} {'CRPS':>8} {'skill against climatology':>26}"]
    for disease, model, crps, skill in newest.select("disease_code", "model", "crps", "skill_climatology").iter_rows():
        score = f"{crps:>8.1f} {skill:>+26.0%}" if crps is not None and skill is not None else f"{'–':>8} {'–':>26}"
        lines.append(f"{disease:<{width}} {model:<20} {score}")
    with open_published(settings) as reader:
        alerts = reader.execute("select severity_vi, title_vi, reason_vi from mart_alert order by rank")
        found = alerts.fetchall()
    lines += [
        "",
        f"{len(found)} open alerts{', the first ten of them:' if len(found) > 10 else ':' if found else ''}",
        *(f"  {level}: {title}. {reason}." for level, title, reason in found[:10]),
    ]
    return "\n".join([*lines, ""])

"""`kho demo`: one province on stand-in sources, from nothing to published figures, and a summary."""

import click
import polars as pl

from lake.contract import load_contracts
from lake.current import read_current
from lake.settings import Settings, load_settings
from lake.snapshots import open_published
from orchestration.cli.refreshing import run_refresh
from orchestration.cli.status import status


def run_demo(settings: Settings) -> int:
    """Start the sources, refresh, say what there is, stop the sources; returns the refresh's exit code."""
    from simulator.server import start

    click.echo("starting the stand-in source systems of Lâm Đồng", err=True)
    running = start(settings.home / "simulator")
    try:
        lines = [f"{name}='{value}'" for name, value in running.env.items()]
        settings.home.mkdir(parents=True, exist_ok=True)
        (settings.home / "kho.env").write_text("\n".join(lines) + "\n")
        (settings.home / "kho.env").chmod(0o600)
        code = run_refresh(load_settings({**settings.env, **running.env}), nightly=True)
    finally:
        running.stop()
    if code != 1:
        click.echo(summary(settings))
    return code


def summary(settings: Settings) -> str:
    """What a person wants to know after a demo: rows, audit, snapshot, champions, alerts, how to go on."""
    told = status(settings)
    lines = [f"snapshot {told['snapshot']}, audit {told['audit']}", "", "dataset: received / accepted / quarantined"]
    lines += [
        f"  {one['dataset']}: {one['received']:,} / {one['accepted']:,} / {one['quarantined']:,}"
        for one in told["datasets"]
    ]
    scores = read_current(settings, load_contracts(settings.contracts)["models.backtests"])
    best = scores.filter(pl.col("champion") & (pl.col("horizon") == 0)).sort("disease_code")
    lines += ["", "champion by disease (CRPS in cases, skill against climatology)"]
    lines += [
        f"  {disease}: {model} ({crps:.1f}, {skill:+.0%})"
        for disease, model, crps, skill in best.select("disease_code", "model", "crps", "skill_climatology").iter_rows()
        if crps is not None and skill is not None
    ]
    with open_published(settings) as reader:
        query = "select severity_vi, title_vi, reason_vi from mart_alert order by severity_order, since limit 10"
        alerts = reader.execute(query).fetchall()
    lines += ["", "alerts", *(f"  {severity}: {title} – {reason}" for severity, title, reason in alerts), ""]
    lines += ["`make up` serves Dagster and keeps the stand-in sources running; `kho sql` reads the figures."]
    return "\n".join(lines)

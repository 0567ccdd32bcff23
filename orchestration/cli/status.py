"""`kho status`: what is published, how old it is, and how each dataset stands."""

from datetime import UTC, datetime
from typing import Any

import click

from lake.contract import Contract, load_contracts
from lake.settings import Settings, load_settings
from orchestration.cli.output import show, write_json


@click.command("status")
@click.option("--json", "as_json", is_flag=True)
def command(as_json: bool) -> None:
    """The published snapshot, its age and audit; per dataset the last load, its counts and freshness."""
    told = status(load_settings())
    if as_json:
        write_json(told)
        return
    if told["snapshot"]:
        click.echo(
            f"snapshot {told['snapshot']}, published {told['age_hours']:.1f} hours ago, "
            f"data as of {told['data_as_of']}, audit {told['audit']}"
        )
    else:
        click.echo(told["unpublished"])
    hidden = ("title", "rejected_loads", "owner", "last_load", "rejected")
    show([{name: value for name, value in one.items() if name not in hidden} for one in told["datasets"]])
    for one in told["datasets"]:
        for load in one["rejected_loads"]:
            click.echo(f"{one['dataset']} {load['day']}: load {load['load_id']} does not count: {load['reasons']}")
    for dataset, problem in told["failed_models"].items():
        click.echo(f"{dataset}: the models failed, its rows of the night before stay: {problem}")
    for sentence in told["drifted_forecasts"]:
        click.echo(f"forecasts of {sentence}")
    if told["refused_facts"]:
        click.echo(f"the rows of the datasets stay as of {told['facts']}, newer ones were refused by the audit:")
        click.echo(told["refused_facts"])
    if told["refused_candidate"]:
        click.echo(f"the last candidate was refused by the audit:\n{told['refused_candidate']}")


def status(settings: Settings) -> dict[str, Any]:
    """The published snapshot with its age and audit, what was refused since, and a row a dataset under `datasets`."""
    from lake.ledger import read_index
    from lake.snapshots import FACTS, FIGURES, current, list_snapshots, nothing_published, switched_at
    from lake.store import open_store
    from orchestration.nightly_models import drifted_forecasts, failed_models

    contracts = load_contracts(settings.contracts)
    index = read_index(settings, open_store(settings), contracts)
    pointed = current(settings)
    snapshot = next((one for one in list_snapshots(settings) if one["snapshot_id"] == pointed), {})
    published = switched_at(settings) if pointed else None
    now = datetime.now(UTC)
    return {
        "snapshot": pointed,
        "unpublished": None if pointed else nothing_published(settings),
        "built_at": snapshot.get("built_at"),
        "published_at": published,
        "age_hours": (now - published).total_seconds() / 3600 if published else None,
        "data_as_of": snapshot.get("data_as_of"),
        "audit": snapshot.get("audit"),
        "checks": snapshot.get("checks"),
        "refused_candidate": _refused(settings, FIGURES, pointed),
        "facts": current(settings, FACTS),
        "refused_facts": _refused(settings, FACTS, current(settings, FACTS)),
        "failed_models": failed_models(settings),
        "drifted_forecasts": drifted_forecasts(settings),
        "datasets": [_dataset(one, index, now) for one in contracts.values()],
    }


def _dataset(contract: Contract, index: Any, now: datetime) -> dict[str, Any]:
    import polars as pl

    mine = index.filter(pl.col("dataset") == contract.dataset)
    counted = mine.filter("current")
    newest = counted["profile"].str.json_path_match("$.newest_event").max()
    at = datetime.fromisoformat(newest) if newest else None
    at = at.replace(tzinfo=UTC) if at and at.tzinfo is None else at
    age = (now - at).total_seconds() / 3600 if at else None
    limit = contract.stale_after_hours
    refused = _rejected(contract, mine)
    return {
        "dataset": contract.dataset,
        "title": contract.title,
        "owner": contract.owner,
        "received": counted["received"].sum(),
        "accepted": counted["accepted"].sum(),
        "quarantined": counted["quarantined"].sum(),
        "last_load": counted["load_id"].max(),
        "last_loaded_at": counted["finished_at"].max(),
        "newest_event": at.isoformat() if at else None,
        "age_hours": round(age, 1) if age is not None else None,
        "stale": age is not None and limit is not None and age > limit,
        "rejected": refused[0]["reasons"] if refused else None,
        "rejected_days": len(refused),
        "rejected_loads": refused,
    }


def _rejected(contract: Contract, loads: Any) -> list[dict[str, Any]]:
    """The loads that are the newest of their partition and do not count, newest first."""
    import polars as pl

    partition = ["dataset"] if contract.mode == "full" else ["dataset", "day"]
    newest = loads.filter((pl.col("load_id") == pl.col("load_id").max().over(partition)) & ~pl.col("standing"))
    told = pl.coalesce("rejected_reason", pl.col("reasons").str.json_decode(pl.List(pl.String())).list.join("; "))
    found: list[dict[str, Any]] = (
        newest.select("load_id", "day", reasons=told).sort("load_id", descending=True).to_dicts()
    )
    return found


def _refused(settings: Settings, product: str, pointed: str | None) -> str | None:
    """The findings of a candidate newer than the published snapshot that did not pass."""
    import json

    from lake.snapshots import DESCRIPTION

    for folder in sorted((settings.published / product).glob("2*"), reverse=True):
        if folder.name == pointed or not (folder / DESCRIPTION).exists():
            break
        described = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
        if described.get("audit") == "failed":
            return "\n".join(described.get("findings", []))
    return None

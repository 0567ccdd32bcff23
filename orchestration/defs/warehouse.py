"""dbt's models as assets, built by one invocation a refresh, and the freshness of what they are built from."""

import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import polars as pl
from dagster_dbt import DagsterDbtTranslator, DbtCliResource, DbtProject, dbt_assets
from dagster_dbt.core.dbt_cli_invocation import DbtCliInvocation
from packaging.version import Version

from lake.contract import Contract
from lake.ledger import read_index, sweep_orphans, write_index
from lake.rewrite import expire
from lake.settings import Settings
from lake.store import open_store
from orchestration.dbt_manifest import dbt_command
from orchestration.defs.ingest import asset_key
from orchestration.installation import dbt_project, dbt_target
from orchestration.progress import report
from orchestration.writer_lock import writer_lock

AS_OF = "kho/as_of"  # build from what was known then
NIGHTLY = "kho/nightly"  # sources, models, facts and what is done once a day; hourly runs do less
FULL = "kho/full"  # rebuild what is usually appended to
ORPHAN_HOURS = 24
RELEASE_SECONDS = 120.0
VINTAGES = dg.AssetKey(["publish", "vintages"])
OUTBOX = dg.AssetKey(["directives", "outbox"])
WRITTEN_AFTER = (VINTAGES, OUTBOX)  # loads that a refresh writes when it has published
LAYERS = ("staging", "intermediate", "marts")


def warehouse_writer(settings: Settings) -> dg.ResourceDefinition:
    """The right to write the warehouse, held for as long as a run lasts (which is one process)."""

    @dg.resource(description="The lock of the warehouse")
    def writer(context: dg.InitResourceContext) -> Iterator[None]:
        with writer_lock(settings, say=context.log.info if context.log else None):
            yield

    return writer


class QuietDbt(DbtCliResource):
    """dbt as a plain subprocess: the usual one starts dbt twice more to learn what is known here."""

    @property
    def _cli_version(self) -> Version:
        from importlib.metadata import version

        return Version(version("dbt-core"))

    def _initialize_dbt_core_adapter(self, args: Any) -> Any:
        return None


class Translator(DagsterDbtTranslator):
    """Groups, owners and tags of dbt's models; sources are the raw assets by the same key."""

    def get_asset_spec(self, manifest: Mapping[str, Any], unique_id: str, project: DbtProject | None) -> dg.AssetSpec:
        spec = super().get_asset_spec(manifest, unique_id, project)
        # what a refresh reads of these are the loads of the refreshes before: no circle
        if any(dep.asset_key in WRITTEN_AFTER for dep in spec.deps):
            spec = spec.replace_attributes(deps=[dep for dep in spec.deps if dep.asset_key not in WRITTEN_AFTER])
        return spec

    def get_asset_key(self, dbt_resource_props: Mapping[str, Any]) -> dg.AssetKey:
        if dbt_resource_props["resource_type"] == "source":
            return dg.AssetKey([dbt_resource_props["source_name"], dbt_resource_props["name"]])
        return dg.AssetKey(dbt_resource_props["name"])

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str:
        if dbt_resource_props["resource_type"] == "seed":
            return "seeds"
        return next((part for part in dbt_resource_props["fqn"] if part in LAYERS), "marts")

    def get_description(self, dbt_resource_props: Mapping[str, Any]) -> str:
        # without the SQL that is usually below it: the catalog shows the raw text
        return str(dbt_resource_props.get("description") or "").strip()

    def get_owners(self, dbt_resource_props: Mapping[str, Any]) -> list[str]:
        owner = (dbt_resource_props.get("config", {}).get("meta") or {}).get("owner") or "data-platform"
        return [f"team:{owner}"]

    def get_tags(self, dbt_resource_props: Mapping[str, Any]) -> Mapping[str, str]:
        audience = (dbt_resource_props.get("config", {}).get("meta") or {}).get("audience") or []
        return {f"audience/{name}": "" for name in audience}


def warehouse_asset(settings: Settings, contracts: dict[str, Contract], manifest: Path) -> dg.AssetsDefinition:
    """All seeds and models; a run with models between asks for it in two parts."""

    @dbt_assets(
        manifest=manifest,
        name="warehouse",
        dagster_dbt_translator=Translator(),
        required_resource_keys={"warehouse_writer", "dbt"},
    )
    def warehouse(context: dg.AssetExecutionContext) -> Iterator[Any]:
        wait_for_release(settings)
        as_of = context.run.tags.get(AS_OF)
        if NIGHTLY in context.run.tags and not as_of:
            gone = expire(settings, contracts, datetime.now(UTC))
            context.log.info(f"{gone:,} objects reached the end of their retention")
        refresh_index(settings, contracts, datetime.fromisoformat(as_of) if as_of else None)
        arguments = ["build", "--exclude-resource-type", "unit_test"]
        if FULL in context.run.tags:
            arguments.append("--full-refresh")
        invocation = context.resources.dbt.cli(arguments, context=context, target_path=dbt_target(settings))
        yield from _with_row_counts(context, settings, list(_followed(invocation)))

    return warehouse


def wait_for_release(settings: Settings) -> None:
    """Wait until a dbt whose refresh was killed has ended: it must not find another index half-way.

    Raises Failure if it does not end.
    """
    deadline = time.monotonic() + RELEASE_SECONDS
    while settings.warehouse.exists():
        try:
            duckdb.connect(settings.warehouse).close()
        except duckdb.IOException as error:
            if time.monotonic() > deadline:
                raise dg.Failure(f"another process keeps the warehouse open: {error}", allow_retries=False) from None
            report("waiting: another process has the warehouse open")
            time.sleep(0.5)
            continue
        return


def refresh_index(settings: Settings, contracts: dict[str, Contract], as_of: datetime | None) -> None:
    """Remove what killed runs left behind and write the index of the loads that SQL reads."""
    report("reading the ledger")
    store = open_store(settings)
    sweep_orphans(store, timedelta(hours=ORPHAN_HOURS), datetime.now(UTC))
    write_index(settings, store, contracts, as_of)


def _followed(invocation: DbtCliInvocation) -> Iterator[Any]:
    """The events of a dbt process, with its progress told."""
    done = 0
    for event in invocation.stream():
        if isinstance(event, dg.Output):
            done += 1
            report(f"dbt: {done} built, last {event.output_name}")
        yield event


def _with_row_counts(context: dg.AssetExecutionContext, settings: Settings, events: list[Any]) -> Iterator[Any]:
    """The same events; tables with their number of rows, which can be counted once dbt has let go of the file."""
    with duckdb.connect(settings.warehouse, read_only=True) as connection:
        counts = dict(connection.execute("select table_name, estimated_size from duckdb_tables()").fetchall())
    for event in events:
        if isinstance(event, dg.Output):
            name = str(event.metadata["unique_id"].value).rsplit(".", 1)[-1]
            if name in counts:
                event = event.with_metadata({**event.metadata, "dagster/row_count": counts[name]})
        yield event


def freshness_checks(settings: Settings, contracts: dict[str, Contract]) -> dg.AssetChecksDefinition:
    """How old the newest event of each dataset is; a backfill of old days does not make it younger."""
    limited = [one for one in contracts.values() if one.stale_after_hours and one.event_time and one.tier != "derived"]
    specs = [
        dg.AssetCheckSpec(
            "fresh",
            asset=asset_key(one),
            description=f"The newest {one.event_time} is at most {one.stale_after_hours:g} hours old",
        )
        for one in limited
    ]

    @dg.multi_asset_check(name="freshness", specs=specs, can_subset=True)
    def freshness(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
        index = read_index(settings, open_store(settings), contracts)
        newest = newest_events(index)
        now = datetime.now(UTC)
        asked = {check.asset_key for check in context.selected_asset_check_keys}
        for one in (one for one in limited if asset_key(one) in asked):
            at = newest.get(one.dataset)
            hours = (now - at).total_seconds() / 3600 if at else None
            yield dg.AssetCheckResult(
                passed=hours is not None and hours <= (one.stale_after_hours or 0),
                check_name="fresh",
                asset_key=asset_key(one),
                severity=dg.AssetCheckSeverity.WARN,
                metadata={
                    "newest_event": at.isoformat() if at else "none",
                    "age_hours": round(hours, 1) if hours is not None else "unknown",
                    "limit_hours": one.stale_after_hours or 0,
                },
            )

    return freshness


def newest_events(index: pl.DataFrame) -> dict[str, datetime]:
    """The newest event of each dataset's standing loads, in UTC."""
    profiles = index.filter("standing").with_columns(newest=pl.col("profile").str.json_path_match("$.newest_event"))
    rows = profiles.filter(pl.col("newest").is_not_null()).group_by("dataset").agg(pl.col("newest").max())
    found = {}
    for dataset, text in rows.select("dataset", "newest").iter_rows():
        at = datetime.fromisoformat(text)
        found[dataset] = at if at.tzinfo else at.replace(tzinfo=UTC)
    return found


def dbt_resource(settings: Settings) -> QuietDbt:
    """dbt of this environment on our project."""
    return QuietDbt(
        project_dir=str(dbt_project(settings)),
        profiles_dir=str(dbt_project(settings)),
        dbt_executable=dbt_command(),
        # the log file tells what the console does: every statement in JSON is more than ten megabytes a run
        global_config_flags=["--no-use-colors", "--log-level-file", "info", "--log-format-file", "text"],
    )

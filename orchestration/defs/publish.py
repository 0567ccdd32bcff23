"""Candidate files, their audit, and the switch by which readers see them."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import dagster as dg
import duckdb

from lake.code_version import code_version
from lake.contract import Contract
from lake.settings import TIME_ZONE, Settings
from lake.snapshots import FACTS, FIGURES, build_candidate, current, describe, new_snapshot_id, prune, switch
from lake.staging import staging_name
from lake.vintages import append_vintages
from orchestration.dbt_manifest import tables_by_audience
from orchestration.progress import report

CANDIDATE = dg.AssetKey("candidate_files")
AUDIT = "audit"
ONLY_HOURLY = "kho/hourly"  # the facts are published nightly


def publish_assets(
    settings: Settings, contracts: dict[str, Contract], manifest: dict[str, Any]
) -> list[dg.AssetsDefinition]:
    """The candidate with its blocking audit, and the published snapshot below it."""
    figures = tables_by_audience(manifest)
    facts = {"facts": {staging_name(one): staging_name(one) for one in contracts.values() if one.tier != "derived"}}
    marts = sorted({name for wanted in figures.values() for name in wanted} | set(facts["facts"]))

    @dg.multi_asset(
        name="candidate",
        specs=[
            dg.AssetSpec(
                CANDIDATE,
                deps=[dg.AssetKey(name) for name in marts],
                group_name="publish",
                owners=["team:data-platform"],
                kinds={"duckdb"},
                description="The files as readers will see them, before anyone may.",
            )
        ],
        check_specs=[
            dg.AssetCheckSpec(
                AUDIT,
                asset=CANDIDATE,
                blocking=True,
                description="Great Expectations on the candidate files: disclosure, schema, registry, reconciliation",
            )
        ],
        required_resource_keys={"warehouse_writer"},
    )
    def candidate(context: dg.AssetExecutionContext) -> Iterator[Any]:
        from quality.gate import audit
        from quality.load_suites import judge

        now = datetime.now(UTC)
        append_vintages(settings, contracts["publish.vintages"], judge, now)  # those that a kill left out
        products = {FIGURES: figures}
        if ONLY_HOURLY not in context.run.tags or current(settings, FACTS) is None:
            products[FACTS] = facts
        snapshot = new_snapshot_id(now)
        info = {"code_version": code_version(), "data_as_of": data_as_of(settings)}
        problems: list[str] = []
        checks = 0
        for product, tables in products.items():
            report(f"writing the {product} files")
            folder = build_candidate(settings, product, tables, snapshot, info)
            report(f"auditing the {product} files")
            verdict = audit(folder, settings)
            checks += verdict.checks
            describe(settings, product, snapshot, audit="passed" if verdict.passed else "failed")
            if not verdict.passed:
                problems.append(verdict.summary())
        metadata: dict[str, Any] = {"snapshot_id": snapshot, "products": ", ".join(products), "checks": checks}
        yield dg.MaterializeResult(CANDIDATE, metadata=metadata)
        yield dg.AssetCheckResult(
            passed=not problems,
            check_name=AUDIT,
            asset_key=CANDIDATE,
            metadata={"checks": checks, "findings": "\n".join(problems) or "none", "snapshot_id": snapshot},
        )

    @dg.asset(
        key=dg.AssetKey("published_snapshot"),
        deps=[CANDIDATE],
        group_name="publish",
        owners=["team:data-platform"],
        kinds={"duckdb"},
        required_resource_keys={"warehouse_writer"},
        description="What Superset and `kho sql` read.",
    )
    def published_snapshot(context: dg.AssetExecutionContext) -> dg.MaterializeResult[Any]:
        from quality.load_suites import judge

        newest = {product: _newest(settings, product) for product in (FACTS, FIGURES)}
        for product, snapshot in newest.items():
            if snapshot:
                switch(settings, product, snapshot)
        now = datetime.now(UTC)
        kept = append_vintages(settings, contracts["publish.vintages"], judge, now)
        for product in newest:
            if newest[product]:
                prune(settings, product)
        return dg.MaterializeResult(
            metadata={"snapshot_id": newest[FIGURES] or "", "vintages": kept.accepted if kept else 0}
        )

    return [candidate, published_snapshot]


def _newest(settings: Settings, product: str) -> str | None:
    """The newest snapshot that passed its audit."""
    from lake.snapshots import list_snapshots

    found = list_snapshots(settings, product)
    return str(found[0]["snapshot_id"]) if found else None


def data_as_of(settings: Settings) -> datetime | None:
    """The newest event of hourly sources that the warehouse knows, local time."""
    with duckdb.connect(settings.warehouse, read_only=True) as connection:
        row = connection.execute(
            "select max(newest_event_at) from mart_dataset_quality where schedule = 'hourly'"
        ).fetchone()
    newest: datetime | None = row[0] if row else None
    return newest.astimezone(TIME_ZONE).replace(tzinfo=None) if newest and newest.tzinfo else newest

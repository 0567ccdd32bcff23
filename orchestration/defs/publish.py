"""Candidate files, their audit, the switch by which readers see them, and what hangs below."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
import duckdb
import yaml

from lake.code_version import code_version
from lake.connected import connected
from lake.contract import Contract
from lake.settings import Settings
from lake.snapshots import (
    FACTS,
    FIGURES,
    build_candidate,
    current,
    new_snapshot_id,
    prune,
    record_audit,
    switch,
)
from lake.staging import staging_name
from lake.vintages import append_vintages
from orchestration.defs.ingest import describe_asset, load_metadata
from orchestration.defs.warehouse import AS_OF, FULL, NIGHTLY, VINTAGES
from orchestration.progress import report

if TYPE_CHECKING:
    from quality.gate import AuditReport

CANDIDATE = {FIGURES: dg.AssetKey("candidate_files"), FACTS: dg.AssetKey("candidate_facts")}
PUBLISHED = {FIGURES: dg.AssetKey("published_snapshot"), FACTS: dg.AssetKey("published_facts")}
AUDIT = "audit"
SNAPSHOT = "snapshot_id"
OWNERS = ["team:data-platform"]
WRITER = {"warehouse_writer"}
DASHBOARDS = Path(__file__).parents[2] / "superset_assets" / "dashboards"

Tables = Mapping[str, dict[str, str]]


def fact_tables(contracts: dict[str, Contract]) -> Tables:
    """The pseudonymised rows of every dataset that comes from a source."""
    sourced = [one for one in contracts.values() if one.protocol != "derived"]
    return {FACTS: {staging_name(one): staging_name(one) for one in sourced}}


def publish_assets(
    settings: Settings, contracts: dict[str, Contract], figures: Tables
) -> list[dg.AssetsDefinition | dg.AssetSpec]:
    """Candidates with their blocking audits, the published files, the vintages and the dashboards below them."""
    facts = fact_tables(contracts)
    return [
        _candidate(settings, contracts, FIGURES, figures),
        _published(settings, FIGURES, "What Superset and `kho sql` read: figures, a file an audience."),
        _candidate(settings, contracts, FACTS, facts),
        _published(settings, FACTS, "Pseudonymised rows for the analytics unit; nightly."),
        _vintages(settings, contracts["publish.vintages"]),
        *dashboard_specs(),
    ]


def _candidate(settings: Settings, contracts: dict[str, Contract], product: str, tables: Tables) -> dg.AssetsDefinition:
    key = CANDIDATE[product]
    marts = sorted({name for wanted in tables.values() for name in wanted.values()})

    @dg.asset(
        key=key,
        deps=[dg.AssetKey(name) for name in marts],
        output_required=False,
        group_name="publish",
        owners=OWNERS,
        kinds={"duckdb"},
        description=f"The files of `{product}` as readers will see them, before anyone may.",
        required_resource_keys=WRITER,
    )
    def candidate(context: dg.AssetExecutionContext) -> Iterator[Any]:
        if product == FACTS and NIGHTLY not in context.run.tags and not missing_facts(settings, tables):
            context.log.info("the published facts lack no dataset; new ones are published nightly")
            return
        now = datetime.now(UTC)
        if product == FIGURES and AS_OF not in context.run.tags:  # those that a kill left out
            _keep_vintages(settings, contracts["publish.vintages"], now)
        snapshot = new_snapshot_id(now)
        report(f"writing the files of {product}")
        info = {
            "code_version": code_version(),
            "data_as_of": data_as_of(settings),
            "as_of": context.run.tags.get(AS_OF),
        }
        folder = build_candidate(settings, product, dict(tables), snapshot, info)
        yield dg.MaterializeResult(
            asset_key=key,
            metadata={
                SNAPSHOT: snapshot,
                "bytes": {path.name: path.stat().st_size for path in sorted(folder.glob("*.duckdb"))},
                "data_as_of": str(info["data_as_of"]),
                "code_version": str(info["code_version"]),
            },
        )

    return candidate


def audits(settings: Settings) -> list[dg.AssetChecksDefinition]:
    """The audits of the candidates: they alone stop a publication."""
    return [_audit(settings, product) for product in (FIGURES, FACTS)]


def _audit(settings: Settings, product: str) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=CANDIDATE[product],
        name=AUDIT,
        blocking=True,
        description="Great Expectations on the candidate files: disclosure, schema, registry, reconciliation; "
        "and whether every dashboard works on them",
        required_resource_keys=WRITER,
    )
    def audit_candidate(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
        from quality.gate import audit

        snapshot = candidate_snapshot(context.instance, product)
        folder = settings.published / product / snapshot
        report(f"auditing the files of {product}")
        published = current(settings) if product == FIGURES else None
        # a rebuild in full is somebody's decision, and what was known at another time is another thing
        compared = published and not {AS_OF, FULL} & set(context.run.tags)
        verdict = audit(folder, settings, settings.published / FIGURES / str(published) if compared else None)
        if product == FIGURES:
            verdict = with_dashboards(verdict, folder, settings)
        failed = [one.check for one in verdict.findings]
        record_audit(settings, product, snapshot, verdict.checks, failed, [str(one) for one in verdict.findings])
        metadata: dict[str, Any] = {"checks": verdict.checks, "findings": verdict.summary(), SNAPSHOT: snapshot}
        return dg.AssetCheckResult(passed=verdict.passed, metadata=metadata)

    return audit_candidate


def with_dashboards(verdict: "AuditReport", folder: Path, settings: Settings) -> "AuditReport":
    """The verdict on a candidate of the figures, with what the dashboards ask of it and it no longer has.

    Readers would otherwise see an error where a chart was.
    """
    from quality.gate import AuditReport, Finding
    from superset_assets.binding import candidate_faults
    from superset_assets.bundle import placeholders, read_assets

    found = list(candidate_faults(read_assets(placeholders(settings)), folder))
    told = "Bảng điều hành cần bảng hoặc cột mà tệp công bố không có: {}"
    findings = [Finding("dashboards.columns", name, told.format(one)) for name, faults in found for one in faults]
    return AuditReport(verdict.checks + len(found), [*verdict.findings, *findings])


def candidate_snapshot(instance: dg.DagsterInstance, product: str) -> str:
    """The snapshot that the newest candidate is. Raises Failure if there is none."""
    event = instance.get_latest_materialization_event(CANDIDATE[product])
    if event is None or event.asset_materialization is None:
        raise dg.Failure(f"there is no candidate of {product}: materialise {CANDIDATE[product].to_user_string()}")
    return str(event.asset_materialization.metadata[SNAPSHOT].value)


def _published(settings: Settings, product: str, description: str) -> dg.AssetsDefinition:
    @dg.asset(
        key=PUBLISHED[product],
        deps=[CANDIDATE[product]],
        group_name="publish",
        owners=OWNERS,
        kinds={"duckdb"},
        required_resource_keys=WRITER,
        description=description,
    )
    def published(context: dg.AssetExecutionContext) -> dg.MaterializeResult[Any]:
        from superset_assets.launch import clear_cache

        snapshot = candidate_snapshot(context.instance, product)
        before = current(settings, product)
        report(f"publishing {product} {snapshot}")
        switch(settings, product, snapshot)
        clear_cache(settings)
        removed = prune(settings, product)
        return dg.MaterializeResult(
            metadata={SNAPSHOT: snapshot, "former_snapshot": before or "", "snapshots_removed": len(removed)}
        )

    return published


def _vintages(settings: Settings, contract: Contract) -> dg.AssetsDefinition:
    spec = describe_asset(contract, datetime.now(UTC).date())

    @dg.multi_asset(
        name="vintages",
        specs=[spec.replace_attributes(deps=[PUBLISHED[FIGURES]], kinds={"parquet"})],
        required_resource_keys=WRITER,
    )
    def vintages(context: dg.AssetExecutionContext) -> dg.MaterializeResult[Any]:
        kept = _keep_vintages(settings, contract, datetime.now(UTC))
        return dg.MaterializeResult(VINTAGES, metadata=kept)

    return vintages


def _keep_vintages(settings: Settings, contract: Contract, now: datetime) -> dict[str, Any]:
    from quality.load_suites import judge

    load = append_vintages(settings, contract, judge, now)
    return load_metadata(load) if load else {"dagster/row_count": 0}


def missing_facts(settings: Settings, tables: Tables) -> set[str]:
    """Datasets that the published facts do not hold yet."""
    wanted = set(tables[FACTS])
    snapshot = current(settings, FACTS)
    if snapshot is None:
        return wanted
    path = settings.published / FACTS / snapshot / f"{FACTS}.duckdb"
    with duckdb.connect(path, read_only=True) as connection:
        return wanted - {name for (name,) in connection.execute("select table_name from duckdb_tables()").fetchall()}


def dashboard_specs() -> list[dg.AssetSpec]:
    """The dashboards as assets that Dagster shows and does not make."""
    specs = []
    for path in sorted(DASHBOARDS.glob("*.yaml")):
        about = yaml.safe_load(path.read_text(encoding="utf-8"))
        specs.append(
            dg.AssetSpec(
                dg.AssetKey(["dashboards", path.stem]),
                deps=[PUBLISHED[FIGURES]],
                group_name="dashboards",
                owners=OWNERS,
                kinds={"superset"},
                description=str(about.get("dashboard_title", path.stem)),
            )
        )
    return specs


def data_as_of(settings: Settings) -> datetime | None:
    """The newest event of hourly sources that the warehouse knows, local time."""
    with duckdb.connect(settings.warehouse, read_only=True) as connection:
        row = connection.execute(
            "select max(newest_event_at) from mart_dataset_quality where schedule = 'hourly'"
        ).fetchone()
    newest: datetime | None = row[0] if row else None
    return newest


def withheld(settings: Settings, contracts: dict[str, Contract]) -> list[str]:
    """Why indicators of the newest month were published without a number, one line a reason.

    What stands on a source that was never connected is no gap of this refresh.
    """
    told = [one.dataset for one in contracts.values() if connected(one, settings)]
    with duckdb.connect(settings.warehouse, read_only=True) as connection:
        rows = connection.execute(
            """select reason, string_agg(distinct indicator_code, ', ' order by indicator_code) from int_withheld
            where month = (select max(month) from int_withheld) and dataset in (select unnest($1))
            group by reason order by reason""",
            [told],
        ).fetchall()
    return [f"withheld: {codes}: {reason}" for reason, codes in rows]

"""Raw assets: one a dataset, made from its contract."""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import dagster as dg

from lake.connectors import SourceError, SourceFormatError
from lake.contract import Column, Contract
from lake.current import UNIT_DATASETS
from lake.ledger import Entry, entries, load_time
from lake.loads import ingest
from lake.settings import Settings, SettingsError
from lake.store import open_store
from lake.sweep import sweep_due, sweep_keys
from orchestration.event_log import together
from orchestration.partitions import definition
from orchestration.progress import report

ATTENDED = "kho/attended"  # a person waits: fail at once instead of trying again minutes later
VERDICT = "load_accepted"
TOLD = 31  # loads a run tells of in its log
UNITS = [dg.AssetKey(dataset.split(".")) for dataset in UNIT_DATASETS]


def asset_key(contract: Contract) -> dg.AssetKey:
    """[system, dataset]."""
    return dg.AssetKey([contract.system, contract.name])


def describe_asset(contract: Contract, first: date) -> dg.AssetSpec:
    """Everything Dagster shows of a dataset before anything was read."""
    refers = any(column.unit_reference for column in contract.columns)
    return dg.AssetSpec(
        key=asset_key(contract),
        deps=UNITS if refers else [],
        description=f"{contract.title}. {contract.description}",
        group_name=contract.system,
        owners=[f"team:{contract.owner}"],
        tags={"tier": contract.tier, "secrecy": contract.secrecy, "mode": contract.mode, "schedule": contract.schedule},
        kinds={contract.protocol, "parquet"},
        partitions_def=definition(contract, first),
        metadata={
            "dagster/column_schema": dg.TableSchema(columns=[_column(column) for column in contract.kept_columns]),
            "dagster/table_name": f"stg_{contract.system}__{contract.name}",
            "key": ", ".join(contract.key),
            "contract": f"{contract.system}/{contract.name}.yaml",
        },
        code_version=contract.sha256[:12],
    )


def _column(column: Column) -> dg.TableColumn:
    unit = f" ({column.unit})" if column.unit else ""
    protected = " · pseudonym" if column.protect else ""
    return dg.TableColumn(
        column.name,
        "text" if column.protect else column.type,
        description=f"{column.label} · {column.description}{unit}{protected}",
        constraints=dg.TableColumnConstraints(nullable=not column.required),
    )


def raw_asset(contract: Contract, settings: Settings, first: date) -> dg.AssetsDefinition:
    """The asset that reads one dataset from its source through the door into the lake.

    A load that was accepted materialises its partition, a rejected one does not: it stays to be asked for.
    """
    spec = describe_asset(contract, first)

    @dg.multi_asset(
        name=f"{contract.system}__{contract.name}",
        specs=[spec.replace_attributes(skippable=True)],
        check_specs=[
            dg.AssetCheckSpec(
                VERDICT, asset=spec.key, description="Great Expectations on the load as a whole, from the contract"
            )
        ],
        backfill_policy=dg.BackfillPolicy.multi_run(31),
        retry_policy=dg.RetryPolicy(max_retries=2, delay=60, backoff=dg.Backoff.EXPONENTIAL),
        op_tags={"dagster/priority": "1"},
    )
    def read_source(context: dg.AssetExecutionContext) -> Iterator[Any]:
        days = None
        if spec.partitions_def is not None and contract.protocol != "files":
            days = [date.fromisoformat(key) for key in context.partition_keys]
        started = datetime.now(UTC)
        problem: Exception | None = None
        try:
            from quality.load_suites import judge

            loads = ingest(contract, days, settings, judge, started, report)
            if sweep_due(contract, settings, started):
                loads.append(sweep_keys(contract, settings, started, report))
        except (SourceError, SourceFormatError, SettingsError) as error:
            problem = error
            loads = [
                one for one in entries(open_store(settings), contract.dataset) if load_time(one.load_id) >= started
            ]
        except Exception as error:  # a fault of ours: trying again does not help
            raise dg.Failure(f"{contract.dataset}: {type(error).__name__}: {error}", allow_retries=False) from error
        yield from _events(context, contract, spec, loads)
        if problem:
            again = isinstance(problem, SourceError) and ATTENDED not in context.run.tags
            raise dg.Failure(str(problem), allow_retries=again) from None

    return read_source


def _events(
    context: dg.AssetExecutionContext, contract: Contract, spec: dg.AssetSpec, loads: list[Entry]
) -> Iterator[Any]:
    known = set(spec.partitions_def.get_partition_keys()) if spec.partitions_def else set()
    rejected = [load for load in loads if load.status == "rejected"]
    accepted = [load for load in loads if load.status == "accepted"]
    for load in (*rejected, *accepted[-TOLD:]):  # each is told by its materialisation as well
        context.log.info(told(load))
    if spec.partitions_def is None:
        yield from (dg.MaterializeResult(spec.key, metadata=load_metadata(load)) for load in accepted)
    else:
        with together(context.instance):
            for load in accepted:
                if load.day in known:
                    event = dg.AssetMaterialization(spec.key, partition=load.day, metadata=load_metadata(load))
                    context.log_event(event)
    yield dg.AssetCheckResult(
        passed=not rejected,
        check_name=VERDICT,
        asset_key=spec.key,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={
            "loads": len(loads),
            "rejected": len(rejected),
            **{load.load_id: "; ".join(load.reasons) for load in rejected[:10]},
        },
    )


def told(load: Entry) -> str:
    """One line on a load."""
    counts = f"received {load.received:,}, accepted {load.accepted:,}, quarantined {load.quarantined:,}"
    reasons = f": {'; '.join(load.reasons)}" if load.reasons else ""
    return f"{load.dataset} {load.day} {load.status} ({counts}){reasons}"


def load_metadata(load: Entry) -> dict[str, Any]:
    """What Dagster shows of a load."""
    return {
        "dagster/row_count": load.accepted,
        "received": load.received,
        "quarantined": load.quarantined,
        "load_id": load.load_id,
        "object": load.object or "",
        "quarantine_reasons": json.dumps(load.reason_counts),
        "new_columns_ignored": ", ".join(load.drift),
        "code_version": load.code_version,
    }

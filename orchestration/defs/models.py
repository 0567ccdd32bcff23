"""The steps of the models: what they computed in a night and whether it failed, and the labels of petitions."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from lake.contract import Contract
from lake.current import read_current, read_texts
from lake.ledger import Entry
from lake.loads import write_derived
from lake.settings import Settings, SettingsError
from models_ml.series_registry import GENERAL
from orchestration.defs.alerts import tell
from orchestration.defs.ingest import asset_key, describe_asset, load_metadata
from orchestration.nightly_models import FORECASTS, Night, judge_forecasts, parts, run_models

COMPUTED, HOLDS = "computed", "intervals_hold"
PETITIONS, EXAMPLES = "inspection.petitions", "inspection.petition_examples"
LABELS, LABEL_SCORES, COPIES = "models.petition_labels", "models.label_scores", "models.petition_copies"


def model_assets(settings: Settings, contracts: dict[str, Contract], first: Any) -> dg.AssetsDefinition:
    """One step that makes what models tell, part by part.

    A part that fails is told by its checks and leaves its rows of the night before: it stops neither the others nor the
    publication.
    """
    made_of = parts(settings)
    made = [dataset for part in made_of for dataset in part.datasets]
    if lacking := [dataset for dataset in made if dataset not in contracts]:
        raise SettingsError(
            f"{settings.contracts} has no contract of {', '.join(lacking)}: copy it from the folder that comes with kho"
        )
    specs = [
        describe_asset(contracts[dataset], first).replace_attributes(
            deps=[dg.AssetKey(one) for one in part.tables], kinds={"polars", "parquet"}
        )
        for part in made_of
        for dataset in part.datasets
    ]
    checks = [
        dg.AssetCheckSpec(COMPUTED, asset=spec.key, description="The models ran and their load was accepted")
        for spec in specs
    ]

    checks += [
        dg.AssetCheckSpec(
            HOLDS, asset=asset_key(contracts[one]), description="The 80 % intervals of the last origins held what came"
        )
        for one in (FORECASTS, GENERAL)
    ]

    @dg.multi_asset(
        name="models",
        specs=specs,
        check_specs=checks,
        required_resource_keys={"warehouse_writer"},
        op_tags={"kind": "ml"},
    )
    def models(context: dg.AssetExecutionContext) -> Iterator[Any]:
        night = Night(settings, contracts, datetime.now(UTC))
        for result in run_models(night, made_of):
            key = asset_key(contracts[result.dataset])
            if result.error:
                context.log.error(f"{result.dataset}: its rows of the night before stay", exc_info=result.error)
            yield dg.MaterializeResult(key, metadata=load_metadata(result.load) if result.load else {"unchanged": True})
            yield dg.AssetCheckResult(
                passed=not result.problem,
                check_name=COMPUTED,
                asset_key=key,
                metadata={"problem": result.problem or "none"},
            )
        yield from _drift_checks(night)

    return models


def _drift_checks(night: Night) -> Iterator[dg.AssetCheckResult]:
    """Whether the intervals hold; who is on duty is told once when they begin not to. Nothing here fails a night."""
    try:
        found, news = judge_forecasts(night)
        if news:
            text = "\n".join(sentence for sentences in found.values() for sentence in sentences)
            tell(night.settings, "Kho Tỉnh: khoảng dự báo không còn đúng", text, {"check": HOLDS})
    except Exception as error:
        found = {one: [f"not judged: {type(error).__name__}: {error}"] for one in (FORECASTS, GENERAL)}
    for dataset, sentences in found.items():
        yield dg.AssetCheckResult(
            passed=not sentences,
            check_name=HOLDS,
            asset_key=asset_key(night.contracts[dataset]),
            severity=dg.AssetCheckSeverity.WARN,
            metadata={"problem": "; ".join(sentences) or "none"},
        )


def petition_label_assets(settings: Settings, contracts: dict[str, Contract], first: Any) -> list[dg.AssetsDefinition]:
    """The step that labels petitions and finds their copies, where there are any.

    A failure is told by the check and stops nothing.
    """
    made = (LABELS, LABEL_SCORES, COPIES)
    if not {PETITIONS, EXAMPLES, *made} <= set(contracts):
        return []
    # Not the raw assets: what hangs below labels and below the other models is then built by one start of dbt.
    read = [dg.AssetKey(f"stg_{contracts[one].system}__{contracts[one].name}") for one in (PETITIONS, EXAMPLES)]
    specs = [describe_asset(contracts[one], first).replace_attributes(deps=read) for one in made]
    check = dg.AssetCheckSpec(COMPUTED, asset=specs[0].key, description="New petitions were labelled by the champion")

    # Before the other models, which read the labels, though not by a dependency: dbt would be started once more for it.
    first_of_all = {"kind": "ml", "dagster/priority": "1"}

    @dg.multi_asset(name="petition_labels", specs=specs, check_specs=[check], op_tags=first_of_all)
    def petition_labels(context: dg.AssetExecutionContext) -> Iterator[Any]:
        loads: dict[str, Entry] = {}
        problem = ""
        try:
            loads, problem = label_petitions(settings, contracts, datetime.now(UTC))
            loads |= note_copies(settings, contracts, datetime.now(UTC))
            problem = "; ".join([problem, *(reason for load in loads.values() for reason in load.reasons)]).strip("; ")
        except Exception as error:
            # only its kind: the message might repeat a text
            context.log.error(f"petitions could not be labelled: {type(error).__name__}; they stay without a topic")
            problem = type(error).__name__
        for dataset, spec in zip(made, specs, strict=True):
            load = loads.get(dataset)
            yield dg.MaterializeResult(spec.key, metadata=load_metadata(load) if load else {"unchanged": True})
        yield dg.AssetCheckResult(
            passed=not problem, check_name=COMPUTED, asset_key=specs[0].key, metadata={"problem": problem or "none"}
        )

    return [petition_labels]


def label_petitions(settings: Settings, contracts: dict[str, Contract], now: datetime) -> tuple[dict[str, Entry], str]:
    """Label the texts that the champion has not labelled yet; the new loads, and why it is not the champion if so."""
    from models_ml.petition_labellers import label_new
    from models_ml.remote import endpoint
    from quality.load_suites import judge

    letters = read_texts(settings, contracts[EXAMPLES])
    examples = letters.join(read_current(settings, contracts[EXAMPLES]), on="example_id").drop_nulls(["body", "topic"])
    made = label_new(
        read_texts(settings, contracts[PETITIONS]),
        read_current(settings, contracts[LABELS]),
        examples.select("body", "topic"),
        read_current(settings, contracts[LABEL_SCORES]),
        endpoint(settings.env, "LABELLER"),
        now,
    )
    frames = {LABEL_SCORES: made.scores, LABELS: made.rows if len(made.rows) else None}
    loads = {
        dataset: write_derived(contracts[dataset], frame, settings, judge, now)
        for dataset, frame in frames.items()
        if frame is not None
    }
    return loads, made.problem


def note_copies(settings: Settings, contracts: dict[str, Contract], now: datetime) -> dict[str, Entry]:
    """Find which of the latest petitions repeat the text of another; the new load if that changed."""
    from models_ml.petition_copies import SCHEMA, find_copies
    from quality.load_suites import judge

    letters = read_current(settings, contracts[PETITIONS]).select("petition_id", "sender_pseudonym", "received_at")
    texts = read_texts(settings, contracts[PETITIONS]).select("petition_id", "body")
    found = find_copies(letters.join(texts, on="petition_id"), now)
    if found.equals(read_current(settings, contracts[COPIES]).select(SCHEMA.names()).sort("petition_id")):
        return {}
    return {COPIES: write_derived(contracts[COPIES], found, settings, judge, now)}

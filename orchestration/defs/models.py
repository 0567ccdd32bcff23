"""Forecasts, their scores, early warnings and outlooks: read from the warehouse, written back to the lake as loads."""

import hashlib
import json
from collections.abc import Generator, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import polars as pl

from lake.code_version import code_version
from lake.contract import Contract
from lake.current import read_current, read_texts
from lake.ledger import Entry
from lake.loads import write_derived
from lake.settings import TIME_ZONE, Settings, SettingsError
from orchestration.defs.ingest import describe_asset, load_metadata
from orchestration.progress import report

MONTHS = "int_disease_province_month"
WEEKS = "int_case_commune_week"
FIGURES, TARGETS = "int_indicator", "dim_target"
COUNTED, UNITS = "int_measure", "dim_unit"
HOT = ("incidents", "incidents_by_kind", "petitions", "petitions_received")  # measures whose next month is told
DATASETS = ("models.backtests", "models.forecasts", "models.warnings", "models.outlooks", "models.hotspots")
COMPUTED = "computed"
PETITIONS, EXAMPLES = "inspection.petitions", "inspection.petition_examples"
LABELS, LABEL_SCORES = "models.petition_labels", "models.label_scores"


def model_assets(settings: Settings, contracts: dict[str, Contract], first: Any) -> dg.AssetsDefinition:
    """One step that makes backtests, forecasts and warnings.

    A failure is told by the checks and leaves the figures of the run before: it does not stop the publication.
    """
    if lacking := [dataset for dataset in DATASETS if dataset not in contracts]:
        raise SettingsError(
            f"{settings.contracts} has no contract of {', '.join(lacking)}: copy it from the folder that comes with kho"
        )
    specs = [
        describe_asset(contracts[dataset], first).replace_attributes(
            deps=[dg.AssetKey(one) for one in (MONTHS, WEEKS, FIGURES, TARGETS, COUNTED, UNITS)],
            kinds={"polars", "parquet"},
        )
        for dataset in DATASETS
    ]
    checks = [
        dg.AssetCheckSpec(COMPUTED, asset=spec.key, description="The models ran and their load was accepted")
        for spec in specs
    ]

    @dg.multi_asset(
        name="models",
        specs=specs,
        check_specs=checks,
        required_resource_keys={"warehouse_writer"},
        op_tags={"kind": "ml"},
    )
    def models(context: dg.AssetExecutionContext) -> Iterator[Any]:
        loads: dict[str, Entry] = {}
        problem = ""
        try:
            for load in run_models(settings, contracts, datetime.now(UTC)):
                loads[load.dataset] = load
        except Exception as error:  # whatever the models throw, what was observed must be published
            context.log.exception("the models failed; the figures of the run before stay")
            problem = f"{type(error).__name__}: {error}"
        for dataset, spec in zip(DATASETS, specs, strict=True):
            made = loads.get(dataset)
            refused = "; ".join(made.reasons) if made and made.status == "rejected" else ""
            unchanged = not problem and made is None
            metadata = load_metadata(made) if made else {"unchanged": True}
            yield dg.MaterializeResult(spec.key, metadata=metadata)
            yield dg.AssetCheckResult(
                passed=not refused and (made is not None or unchanged),
                check_name=COMPUTED,
                asset_key=spec.key,
                metadata={"problem": refused or (problem if made is None else "") or "none"},
            )

    return models


def petition_label_assets(settings: Settings, contracts: dict[str, Contract], first: Any) -> list[dg.AssetsDefinition]:
    """The step that labels petitions, where there are any. A failure is told by the check and stops nothing."""
    if not {PETITIONS, EXAMPLES, LABELS, LABEL_SCORES} <= set(contracts):
        return []
    # Not the raw assets: what hangs below labels and below the other models is then built by one start of dbt.
    read = [dg.AssetKey(f"stg_{contracts[one].system}__{contracts[one].name}") for one in (PETITIONS, EXAMPLES)]
    specs = [describe_asset(contracts[one], first).replace_attributes(deps=read) for one in (LABELS, LABEL_SCORES)]
    check = dg.AssetCheckSpec(COMPUTED, asset=specs[0].key, description="New petitions were labelled by the champion")

    @dg.multi_asset(name="petition_labels", specs=specs, check_specs=[check], op_tags={"kind": "ml"})
    def petition_labels(context: dg.AssetExecutionContext) -> Iterator[Any]:
        loads: dict[str, Entry] = {}
        problem = ""
        try:
            loads, problem = label_petitions(settings, contracts, datetime.now(UTC))
            problem = "; ".join([problem, *(reason for load in loads.values() for reason in load.reasons)]).strip("; ")
        except Exception as error:
            # only its kind: the message might repeat a text
            context.log.error(f"petitions could not be labelled: {type(error).__name__}; they stay without a topic")
            problem = type(error).__name__
        for dataset, spec in zip((LABELS, LABEL_SCORES), specs, strict=True):
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


def run_models(settings: Settings, contracts: dict[str, Contract], now: datetime) -> Iterator[Entry]:
    """Write the loads that are new: scores and forecasts when the months they learn from changed, warnings always."""
    from models_ml.candidates import CANDIDATES
    from models_ml.hotspots import next_month
    from models_ml.outlook import outlook
    from models_ml.remote import REMOTE, endpoint, remote_candidates
    from models_ml.warnings import warn
    from quality.load_suites import judge

    with duckdb.connect(settings.warehouse, read_only=True) as connection:
        months = connection.sql(f"select * from {MONTHS} order by all").pl()
        weeks = connection.sql(f"select * from {WEEKS} order by all").pl()
        december = f"from {TARGETS} where month_of_year = 12 and effective_to is null"
        targets = connection.sql(f"select indicator_code, target {december}").pl()
        parts = connection.sql(
            "select indicator_code, unit_code, month, numerator, denominator "
            f"from {FIGURES} where item = '' and withheld_reason is null "
            f"and indicator_code in (select indicator_code {december})"
        ).pl()
        centres = connection.sql(f"select unit_code, latitude, longitude from {UNITS} where level = 'commune'").pl()
        counted = connection.sql(
            f"select unit_code, month, measure, item, value from {COUNTED} "
            f"where measure in {HOT} and length(unit_code) = 5"
        ).pl()
    candidates = {**CANDIDATES, **remote_candidates(settings.env)}
    fingerprint = features_fingerprint(months, repr(endpoint(settings.env, "FORECASTER")))
    if _computed_from(settings) != fingerprint or read_current(settings, contracts["models.forecasts"]).is_empty():
        left_out = yield from _forecast(settings, contracts, months, candidates, now)
        if REMOTE not in left_out:  # one that did not answer is asked again the next night
            _remember(settings, fingerprint)
    today = now.astimezone(TIME_ZONE).date()
    report("early warnings")
    forecasts = newest_origin(read_current(settings, contracts["models.forecasts"]), ["unit_code", "disease_code"])
    warnings = warn(weeks, months, forecasts, today)
    if len(warnings):
        yield write_derived(contracts["models.warnings"], warnings, settings, judge, now)
    for dataset, told in (
        ("models.outlooks", outlook(parts, targets, today)),
        ("models.hotspots", next_month(counted, centres, today)),
    ):
        yield from _new(settings, contracts[dataset], told, now)


def _new(settings: Settings, contract: Contract, frame: pl.DataFrame, now: datetime) -> Iterator[Entry]:
    """Write what is not there yet, a load an origin."""
    from quality.load_suites import judge

    kept = read_current(settings, contract)
    for (origin,), rows in frame.sort(contract.key).partition_by("origin", as_dict=True).items():
        before = kept.filter(pl.col("origin") == origin).select(rows.columns).sort(contract.key)
        if not rows.equals(before):
            yield write_derived(contract, rows, settings, judge, now)


def _forecast(
    settings: Settings,
    contracts: dict[str, Contract],
    months: pl.DataFrame,
    candidates: Mapping[str, Any],
    now: datetime,
) -> Generator[Entry, None, dict[str, str]]:
    """Write scores and forecasts; returns the candidates that failed, with the reason."""
    from models_ml.backtests import backtest, failures
    from models_ml.forecasting import forecast
    from models_ml.workers import worker_pool
    from quality.load_suites import judge

    if months["cases"].null_count() == len(months):
        return {}
    with worker_pool() as pool:
        scores = backtest(
            months, candidates, progress=lambda done, of: report(f"models: {done} of {of} fits"), pool=pool
        )
        report("forecasts of the champions")
        forecasts = forecast(months, scores, code_version(), candidates, pool)
    for dataset, frame in (("models.backtests", scores), ("models.forecasts", forecasts)):
        for _, part in sorted(frame.partition_by("origin", as_dict=True).items()):
            yield write_derived(contracts[dataset], part, settings, judge, now)
    left_out = failures(scores)
    for model, note in left_out.items():
        report(f"models: {model} was left out: {note}")
    return left_out


def newest_origin(frame: pl.DataFrame, series: list[str]) -> pl.DataFrame:
    """Of each series the rows of its newest origin."""
    return frame.filter(pl.col("origin") == pl.col("origin").max().over(series)) if len(frame) else frame


def features_fingerprint(months: pl.DataFrame, remote: str = "") -> str:
    """Changes when a month that the models read, their code, or the remote model does."""
    digest = hashlib.sha256(json.dumps([months.write_csv(), remote]).encode())
    import models_ml

    for path in sorted(Path(models_ml.__path__[0]).glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _kept(settings: Settings) -> Path:
    return settings.home / "models_computed_from"


def _computed_from(settings: Settings) -> str:
    return _kept(settings).read_text() if _kept(settings).exists() else ""


def _remember(settings: Settings, fingerprint: str) -> None:
    partial = settings.home / ".models_computed_from"
    partial.write_text(fingerprint)
    partial.replace(_kept(settings))

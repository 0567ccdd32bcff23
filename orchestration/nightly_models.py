"""What the models compute in a night, in parts that stand alone: each reads the warehouse and writes loads."""

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

import duckdb
import polars as pl

from lake.code_version import code_fingerprint, code_version
from lake.contract import Contract
from lake.current import read_current
from lake.ledger import Entry
from lake.loads import write_derived
from lake.settings import TIME_ZONE, Settings
from models_ml.series_registry import GENERAL, MonthSeries, YearSeries, candidates_at, read_series, series_file
from orchestration.nightly_series import Incomplete, past_sql, registered, series_forecasts
from orchestration.progress import report

MONTHS = "int_disease_province_month"
CASES, WEEKS = "int_case", "int_case_commune_week"
INCIDENTS, PETITIONS = "int_incident", "int_petition"
FORECASTS = "models.forecasts"
TARGETS = "dim_target"
COUNTED, UNITS = "int_measure", "dim_unit"
FAILED, DRIFTED = "models_failed.json", "models_drifted.json"  # below home
HOT = ("incidents", "incidents_by_kind", "petitions", "petitions_received")  # measures whose next month is told


@dataclass(frozen=True)
class Night:
    """Where a night's models read and write, and the moment that counts as now."""

    settings: Settings
    contracts: dict[str, Contract]
    now: datetime

    @property
    def today(self) -> date:
        return self.now.astimezone(TIME_ZONE).date()

    def query(self, sql: str) -> pl.DataFrame:
        """Rows of the warehouse."""
        with duckdb.connect(self.settings.warehouse, read_only=True) as connection:
            return connection.sql(sql).pl()

    def kept(self, dataset: str) -> pl.DataFrame:
        """What the lake holds of a dataset already."""
        return read_current(self.settings, self.contracts[dataset])

    def write(self, dataset: str, frame: pl.DataFrame, day: date | None = None) -> Entry:
        """One load; day: the partition of one without rows."""
        from quality.load_suites import judge

        return write_derived(self.contracts[dataset], frame, self.settings, judge, self.now, day)


class Part(NamedTuple):
    """Datasets that are made together, the tables they are made of, and what makes them."""

    datasets: tuple[str, ...]
    tables: tuple[str, ...]
    compute: Callable[[Night], Iterator[Entry]]


@dataclass
class Result:
    """What came of one dataset.

    load: the last one written, None if nothing changed. problem: empty if all went well. error: where it was thrown.
    """

    dataset: str
    load: Entry | None = None
    problem: str = ""
    error: Exception | None = None


def run_models(night: Night, parts: Sequence[Part]) -> Iterator[Result]:
    """Compute every part, one after the other; whatever one throws leaves its figures of the night before and no more.

    Yields a result for each dataset. What failed is also kept in FAILED, for `kho status`.
    """
    failed: dict[str, str] = {}
    for part in parts:
        results = {dataset: Result(dataset) for dataset in part.datasets}
        thrown = None
        try:
            for load in part.compute(night):
                results[load.dataset].load = load
                if load.status == "rejected":
                    results[load.dataset].problem = "; ".join(load.reasons)
        except Exception as error:  # what was observed, and what other parts tell, must be published all the same
            thrown = error
            report(f"{', '.join(part.datasets)} failed: {type(error).__name__}")
        for result in results.values():
            if thrown and (result.load is None or isinstance(thrown, Incomplete)):
                result.problem, result.error = f"{type(thrown).__name__}: {thrown}", thrown
            if result.problem:
                failed[result.dataset] = result.problem
            yield result
    _keep(night.settings, FAILED, failed)


def failed_models(settings: Settings) -> dict[str, str]:
    """Datasets that the models could not make in the last night, and why."""
    return dict(_kept(settings, FAILED, {}))


def drifted_forecasts(settings: Settings) -> list[str]:
    """Sentences on the diseases and series whose forecasts held too little, as of the last night."""
    return list(_kept(settings, DRIFTED, []))


def judge_forecasts(night: Night) -> tuple[dict[str, list[str]], bool]:
    """Dataset → sentences on what of it holds too little by now, and whether any is new since the last night."""
    from models_ml.drift import coverage, drifted, series_coverage

    months = night.query(f"select * from {MONTHS}")
    found = {
        FORECASTS: drifted(coverage(night.kept(FORECASTS), months, night.kept("models.backtests"))),
        GENERAL: drifted(series_coverage(night.kept(GENERAL))),
    }
    told = [sentence for sentences in found.values() for sentence in sentences]
    names = [{sentence.partition(":")[0] for sentence in one} for one in (told, drifted_forecasts(night.settings))]
    _keep(night.settings, DRIFTED, told)
    return found, not names[0] <= names[1]


def _keep(settings: Settings, name: str, told: object) -> None:
    partial = settings.home / f".{name}"
    partial.write_text(json.dumps(told, ensure_ascii=False), encoding="utf-8")
    partial.replace(settings.home / name)


def _kept(settings: Settings, name: str, otherwise: Any) -> Any:
    path = settings.home / name
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else otherwise


def forecasts(night: Night) -> Iterator[Entry]:
    """Scores and forecasts, made anew when the months they learn from, the code or the remote model changed."""
    from models_ml.backtests import backtest, failures
    from models_ml.candidates import CANDIDATES
    from models_ml.forecasting import forecast
    from models_ml.remote import REMOTE, endpoint, remote_candidates
    from models_ml.workers import worker_pool

    (series,) = registered(night, FORECASTS)
    assert isinstance(series, MonthSeries)
    months = night.query(past_sql(series)).rename(
        {"unit_code": "province_code", "item": "disease_code", "period": "month", "value": "cases"}
    )
    if months["cases"].null_count() == len(months):
        return
    asked = repr(endpoint(night.settings.env, "FORECASTER")) + series.model_dump_json()
    fingerprint = features_fingerprint(months, asked)
    kept_from = night.settings.home / "models_computed_from"
    computed_from = kept_from.read_text() if kept_from.exists() else ""
    if computed_from == fingerprint and len(night.kept(FORECASTS)):
        return
    named = {name: CANDIDATES[name] for name in candidates_at(series, "province")}
    candidates = named | remote_candidates(night.settings.env)
    with worker_pool() as pool:
        scores = backtest(
            months, candidates, progress=lambda done, of: report(f"models: {done} of {of} fits"), pool=pool
        )
        report("forecasts of the champions")
        told = forecast(months, scores, code_version(), candidates, pool).drop("expected")
        told = told.filter(pl.col("horizon") <= series.horizon)
    for dataset, frame in (("models.backtests", scores), (FORECASTS, told)):
        for _, rows in sorted(frame.partition_by("origin", as_dict=True).items()):
            yield night.write(dataset, rows)
    left_out = failures(scores)
    for model, note in left_out.items():
        report(f"models: {model} was left out: {note}")
    if REMOTE not in left_out:  # one that did not answer is asked again the next night
        partial = night.settings.home / ".models_computed_from"
        partial.write_text(fingerprint)
        partial.replace(kept_from)


def warnings(night: Night) -> Iterator[Entry]:
    """Early warnings of the night; where nothing is unusual any more, a load without rows says so."""
    from models_ml.hit_rates import with_hit_rates
    from models_ml.nowcast import known_shares
    from models_ml.warnings import warn

    report("early warnings")
    weeks = night.query(f"select * from {WEEKS} order by all")
    months = night.query(f"select * from {MONTHS} order by all")
    told = newest_origin(night.kept(FORECASTS), ["unit_code", "disease_code"])
    found = warn(weeks, months, told, night.today, known_shares(reported_cases(night), night.today), communes(night))
    kept = night.kept("models.warnings")
    yield night.write("models.warnings", with_hit_rates(found, kept, weeks, months, night.today))


def nowcasts(night: Night) -> Iterator[Entry]:
    """Cases of the last weeks once late reports are in."""
    from models_ml.nowcast import nowcast

    yield night.write("models.nowcasts", nowcast(reported_cases(night), communes(night), night.today))


def outlooks(night: Night) -> Iterator[Entry]:
    """Year-end outlooks of all indicators with a target for December."""
    from models_ml.outlook import outlook

    (series,) = registered(night, "models.outlooks")
    assert isinstance(series, YearSeries)
    source, december = series.source, f"from {TARGETS} where month_of_year = 12 and effective_to is null"
    bounds = "select indicator_code, coalesce(max(valid_high), cast('infinity' as double)) as most from dim_indicator"
    targets = night.query(
        f"select indicator_code, target, most from (select * {december}) as targets "
        f"inner join ({bounds} group by indicator_code) as bounds using (indicator_code)"
    )
    parts = night.query(
        f"select {source.item} as indicator_code, {source.unit} as unit_code, {source.period} as month, "
        f"{source.value} as numerator, denominator "
        f"from {source.table} where item = '' and withheld_reason is null "
        f"and {source.item} in (select indicator_code {december})"
    )
    yield from what_changed(night, "models.outlooks", outlook(parts, targets, night.today))


def hotspots(night: Night) -> Iterator[Entry]:
    """Next month's incidents and petitions by commune."""
    from models_ml.hotspots import next_month

    centres = night.query(f"select unit_code, latitude, longitude from {UNITS} where level = 'commune'")
    counted = night.query(
        f"select unit_code, month, measure, item, value from {COUNTED} where measure in {HOT} and length(unit_code) = 5"
    )
    yield from what_changed(night, "models.hotspots", next_month(counted, centres, night.today))


def clusters(night: Night) -> Iterator[Entry]:
    """Clusters of communes in the last weeks: of cases, of incidents by kind, of petitions by topic."""
    from models_ml.clusters import find_clusters

    report("clusters of communes")
    counted = {
        "cases": f"select disease_code as item, commune_code as unit_code, week_start, cases as value from {WEEKS}",
        "incidents": "select category as item, commune_code as unit_code, week_start, count(*) as value "
        f"from {INCIDENTS} group by all",
    }
    tables = [night.query(sql).with_columns(measure=pl.lit(measure)) for measure, sql in counted.items()]
    tables.append(petition_weeks(night).rename({"topic": "item"}).with_columns(measure=pl.lit("petitions")))
    columns = ["measure", "item", "unit_code", "week_start", pl.col("value").cast(pl.Int64)]
    weekly = pl.concat([table.select(columns) for table in tables])
    yield night.write("models.clusters", find_clusters(weekly, communes(night), night.today))


def topic_trends(night: Night) -> Iterator[Entry]:
    """Topics of petitions against their usual rate."""
    from models_ml.topic_trends import topic_trends

    weekly = petition_weeks(night).group_by("topic", "week_start").agg(pl.col("value").sum())
    yield from what_changed(night, "models.topic_trends", topic_trends(weekly, night.today))


def petition_weeks(night: Night) -> pl.DataFrame:
    """topic, unit_code, week_start, value: petitions with a topic by commune and week."""
    week = "cast(date_trunc('week', received_on) as date)"
    letters = night.query(f"select petition_id, commune_code as unit_code, {week} as week_start from {PETITIONS}")
    topics = night.kept("models.petition_labels").select("petition_id", "topic").filter(pl.col("topic") != "unclear")
    return letters.join(topics, on="petition_id").group_by("topic", "unit_code", "week_start").agg(value=pl.len())


def series(night: Night) -> Iterator[Entry]:
    """The registered series that have no part of their own."""
    yield from series_forecasts(night, communes(night))


def parts(settings: Settings) -> tuple[Part, ...]:
    """What is made in a night. Raises SeriesError if the registry of series cannot be used."""
    registry = read_series(series_file(settings.env))

    def tables(told_by: str, *also: str) -> tuple[str, ...]:
        return tuple(dict.fromkeys([*(one.source.table for one in registry if one.told_by == told_by), *also]))

    return (
        Part(("models.backtests", FORECASTS), tables(FORECASTS), forecasts),
        *UNREGISTERED,
        Part(("models.outlooks",), tables("models.outlooks", TARGETS, "dim_indicator"), outlooks),
        Part((GENERAL,), tables(GENERAL, UNITS), series),
    )


# Each reads a table that every set of contracts has: Dagster finds no order for a step of which a part hangs elsewhere.
UNREGISTERED = (
    Part(("models.nowcasts",), (CASES, UNITS), nowcasts),
    Part(("models.warnings",), (CASES, WEEKS, MONTHS, UNITS), warnings),
    Part(("models.clusters",), (WEEKS, INCIDENTS, PETITIONS, UNITS), clusters),
    Part(("models.topic_trends",), (PETITIONS, UNITS), topic_trends),
    Part(("models.hotspots",), (COUNTED, UNITS), hotspots),
)


def communes(night: Night) -> pl.DataFrame:
    """Codes, clusters and centres of the province's communes."""
    ours = f"level = 'commune' and province_code = '{night.settings.province}'"
    return night.query(f"select unit_code, province_code, cluster_code, latitude, longitude from {UNITS} where {ours}")


def reported_cases(night: Night) -> pl.DataFrame:
    """Place, disease, days of onset and report of every case, and nothing of the person."""
    return night.query(
        f"select commune_code, disease_code, onset_date, cast(reported_at as date) as reported_on from {CASES}"
    )


def what_changed(night: Night, dataset: str, frame: pl.DataFrame) -> Iterator[Entry]:
    """Write what is not there yet, a load an origin, and a load without rows in place of what is not told any more.

    Only of the month that ended last and the running one: what was told in former months stays as it was told.
    """
    contract, kept = night.contracts[dataset], night.kept(dataset)
    told = {origin: rows for (origin,), rows in frame.sort(contract.key).partition_by("origin", as_dict=True).items()}
    last_month = (night.today.replace(day=1) - timedelta(days=1)).replace(day=1)
    gone = kept.filter(pl.col("origin") >= last_month)["origin"].unique().sort()
    for origin, rows in told.items():
        before = kept.filter(pl.col("origin") == origin).select(rows.columns).sort(contract.key)
        if not rows.equals(before):
            yield night.write(dataset, rows)
    for origin in gone:
        if origin not in told:
            yield night.write(dataset, frame.clear(), origin)


def newest_origin(frame: pl.DataFrame, series: list[str]) -> pl.DataFrame:
    """Of each series the rows of its newest origin."""
    return frame.filter(pl.col("origin") == pl.col("origin").max().over(series)) if len(frame) else frame


def features_fingerprint(months: pl.DataFrame, remote: str = "") -> str:
    """Changes when a month that the models read, their code, or the remote model does."""
    told = json.dumps([months.write_csv(), remote, code_fingerprint("models_ml/*.py")])
    return hashlib.sha256(told.encode()).hexdigest()

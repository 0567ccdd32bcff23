"""After a nightly publication the pages are mailed that the file of users asks for."""

from typing import Any

import dagster as dg

from lake.settings import Settings
from orchestration.defs.publish import FIGURES, OWNERS, PUBLISHED, SNAPSHOT

MAILED = dg.AssetKey("mailed_dashboards")
JOB = "mail_dashboards"
AFTER = "refresh_nightly"


def mailed_asset(settings: Settings) -> dg.AssetsDefinition:
    """The letters: a run of its own, so that a mail server that is down stops no publication."""

    @dg.asset(
        key=MAILED,
        deps=[PUBLISHED[FIGURES]],
        group_name="dashboards",
        owners=OWNERS,
        kinds={"superset"},
        description="Pages mailed as PDF to the groups that `mailings` of the file of users names.",
    )
    def mailed_dashboards(context: dg.AssetExecutionContext) -> dg.MaterializeResult[Any]:
        from orchestration.mailing import mail_dashboards
        from superset_assets.launch import serving

        with serving(settings) as url:
            sent = list(mail_dashboards(settings, url))
        if failed := [f"{one.name}: {one.error}" for one in sent if one.error]:
            raise dg.Failure(f"{len(failed)} of {len(sent)} mailings were not sent: " + "; ".join(failed))
        return dg.MaterializeResult(metadata={one.name: one.to for one in sent})

    return mailed_dashboards


def mailing_job() -> Any:
    """Prints and sends; what fails is told as every failed run is, and is sent again by running it again."""
    return dg.define_asset_job(
        JOB, dg.AssetSelection.assets(MAILED), executor_def=dg.in_process_executor,
        description="Mails the pages that the file of users asks for.",
    )  # fmt: skip


def mailing_sensor(settings: Settings) -> dg.SensorDefinition:
    """Asks for the letters once a snapshot that a nightly refresh published."""

    @dg.asset_sensor(
        name="mail_after_nightly_publication",
        asset_key=PUBLISHED[FIGURES],
        job_name=JOB,
        minimum_interval_seconds=60,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Mails the pages that the file of users asks for, after each nightly publication",
    )
    def due(context: dg.SensorEvaluationContext, event: dg.EventLogEntry) -> dg.RunRequest | dg.SkipReason:
        from superset_assets.accounts import mailings

        run = context.instance.get_run_by_id(event.run_id)
        if run is None or run.job_name != AFTER:
            return dg.SkipReason("an hourly publication")
        if not mailings(settings):
            return dg.SkipReason("the file of users names no mailings")
        published = event.asset_materialization
        return dg.RunRequest(run_key=str(published.metadata[SNAPSHOT].value) if published else event.run_id)

    return due

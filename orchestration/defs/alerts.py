"""A failed run is told to people: by webhook, by e-mail, by both."""

from collections.abc import Mapping

import dagster as dg
import httpx

from lake.settings import Settings
from orchestration.mail import send

SECONDS = 20.0


def tell(settings: Settings, subject: str, text: str, facts: Mapping[str, str]) -> list[str]:
    """Tell the addresses that are set; returns the ways by which it was told.

    KHO_ALERT_WEBHOOK gets a JSON object with `text`, which chat systems show, and the facts by name. KHO_ALERT_EMAIL
    (addresses separated by commas) gets a mail through KHO_SMTP_URL (`smtp://user:password@host:587`, or `smtps://`).
    Raises httpx.HTTPError, OSError or SettingsError.
    """
    ways = []
    if webhook := settings.env.get("KHO_ALERT_WEBHOOK"):
        answer = httpx.post(webhook, json={"text": f"{subject}\n{text}", **facts}, timeout=SECONDS)
        answer.raise_for_status()
        ways.append("webhook")
    if addresses := settings.env.get("KHO_ALERT_EMAIL"):
        send(settings, addresses, subject, text)
        ways.append("e-mail")
    return ways


def failure_sensor(settings: Settings) -> dg.SensorDefinition:
    """Tells every run that failed, with the steps and their errors."""

    @dg.run_failure_sensor(
        name="tell_failed_runs",
        default_status=dg.DefaultSensorStatus.RUNNING,
        minimum_interval_seconds=30,
        description="Tells failed runs to KHO_ALERT_WEBHOOK and KHO_ALERT_EMAIL",
    )
    def tell_failed_runs(context: dg.RunFailureSensorContext) -> None:
        run = context.dagster_run
        steps = [
            f"- {event.step_key}: {(event.event_specific_data.error_display_string or '')[:1000]}"  # type: ignore[union-attr]
            for event in context.get_step_failure_events()
        ]
        subject = f"Kho Tỉnh: lần chạy {run.job_name} thất bại"
        text = "\n".join([context.failure_event.message or "", *steps, f"run {run.run_id}"])
        ways = tell(settings, subject, text, {"job": run.job_name, "run_id": run.run_id})
        context.log.info(f"told by {', '.join(ways) or 'nobody: set KHO_ALERT_WEBHOOK or KHO_ALERT_EMAIL'}")

    return tell_failed_runs

"""When letters are asked for; the letters themselves: tests/e2e/test_letters.py."""

import json
from collections.abc import Iterator
from typing import Any

import dagster as dg
import pytest

from lake.settings import Settings
from orchestration.defs.mailing import JOB, mailing_sensor
from orchestration.defs.publish import FIGURES, PUBLISHED, SNAPSHOT

USERS = {
    "groups": {"lanh-dao": {"roles": ["leader"]}},
    "mailings": {"sang": {"group": "lanh-dao", "pages": ["tong-quan-tinh"], "to": ["a@tinh.example"]}},
}


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        yield made


def publish(instance: dg.DagsterInstance, job: str, snapshot: str) -> None:
    """A publication as a run of this job leaves it in the event log."""

    @dg.asset(key=PUBLISHED[FIGURES])
    def published() -> dg.MaterializeResult[Any]:
        return dg.MaterializeResult(metadata={SNAPSHOT: snapshot})

    defined = dg.define_asset_job(job, "*")
    done = dg.Definitions(assets=[published], jobs=[defined]).resolve_job_def(job).execute_in_process(instance=instance)
    assert done.success


def asked_for(settings: Settings, instance: dg.DagsterInstance) -> list[str | None]:
    """The keys of the runs that the sensor asks for now."""
    sensor = mailing_sensor(settings)
    assert sensor.job_name == JOB
    with dg.build_sensor_context(instance=instance) as context:
        return [one.run_key for one in sensor.evaluate_tick(context).run_requests or []]


def test_letters_are_asked_for_after_a_nightly_publication_once_a_snapshot(
    settings: Settings, instance: dg.DagsterInstance
) -> None:
    settings.home.mkdir()
    (settings.home / "users.yaml").write_text(json.dumps(USERS))
    publish(instance, "refresh_hourly", "hourly")
    assert asked_for(settings, instance) == []
    publish(instance, "refresh_nightly", "nightly")
    assert asked_for(settings, instance) == ["nightly"]


def test_nothing_is_asked_for_where_the_file_of_users_names_no_mailing(
    settings: Settings, instance: dg.DagsterInstance
) -> None:
    publish(instance, "refresh_nightly", "nightly")
    assert asked_for(settings, instance) == []

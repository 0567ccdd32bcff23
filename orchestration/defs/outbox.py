"""Proposals of the published snapshot go out to the assignment system; whether they do never holds up a publication."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from lake.contract import Contract
from lake.outbox import Delivery, published_proposals, send_proposals
from lake.settings import Settings
from orchestration.defs.ingest import describe_asset
from orchestration.defs.publish import PUBLISHED, WRITER
from orchestration.defs.warehouse import AS_OF, OUTBOX
from orchestration.progress import report

DELIVERED = "delivered"
NAMED = 5  # refusals told by name


def outbox_asset(settings: Settings, contract: Contract) -> dg.AssetsDefinition:
    """The drafts sent, one load a run that sent some; a check tells what was refused or not delivered."""
    spec = describe_asset(contract, datetime.now(UTC).date())

    @dg.multi_asset(
        name="outbox",
        specs=[spec.replace_attributes(deps=[PUBLISHED["figures"]], kinds={"parquet"})],
        check_specs=[
            dg.AssetCheckSpec(DELIVERED, asset=OUTBOX, description="Every proposal was taken by the assignment system")
        ],
        required_resource_keys=WRITER,
    )
    def outbox(context: dg.AssetExecutionContext) -> Iterator[Any]:
        try:
            delivery = deliver(settings, contract, context.run.tags.get(AS_OF))
        except Exception as error:  # whatever it is, the snapshot is published
            context.log.exception("the outbox failed")
            delivery = Delivery(problems=[f"{type(error).__name__}: {error}"])
        if delivery.skipped:
            context.log.info(delivery.skipped)
        problem = told(delivery)
        yield dg.MaterializeResult(
            OUTBOX,
            metadata={
                "sent": delivery.sent,
                "unchanged": delivery.unchanged,
                "refused": len(delivery.refused),
                "undelivered": delivery.undelivered,
                "skipped": delivery.skipped or "no",
            },
        )
        yield dg.AssetCheckResult(
            passed=not problem, check_name=DELIVERED, asset_key=OUTBOX, metadata={"problem": problem or "none"}
        )

    return outbox


def deliver(settings: Settings, contract: Contract, as_of: str | None = None) -> Delivery:
    """Send the published proposals; those of a snapshot of the past are no proposals any more."""
    from quality.load_suites import judge

    if as_of:
        return Delivery(skipped=f"the snapshot shows what was known at {as_of}: its proposals are not sent")
    proposals = published_proposals(settings)
    if proposals is None:
        return Delivery(skipped="the published snapshot holds no mart_directive_proposal: there is nothing to send")
    report(f"sending {len(proposals)} proposals")
    return send_proposals(settings, contract, proposals, judge, datetime.now(UTC), report)


def told(delivery: Delivery) -> str:
    """What is wrong, in words; "" if nothing is."""
    parts = []
    if delivery.problems:
        parts.append(f"{delivery.undelivered} proposals were not delivered: {'; '.join(delivery.problems)}")
    parts += delivery.refused[:NAMED]
    if len(delivery.refused) > NAMED:
        parts.append(f"{len(delivery.refused) - NAMED} more were refused")
    return "; ".join(parts)

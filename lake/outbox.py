"""Proposals of directives go to the province's assignment system as drafts: each once, acknowledged, tried again.

A proposal is PUT under its own name, so that asking again makes no second draft: a run killed between the
acknowledgement and the load that tells of it asks once more and is acknowledged once more.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import duckdb
import httpx
import orjson
import polars as pl

from lake.connectors.base import SourceError, SourceFormatError, retrying
from lake.connectors.rest import Session
from lake.contract import Contract
from lake.current import read_current
from lake.loads import Judge, write_derived
from lake.settings import Settings, SettingsError
from lake.snapshots import FIGURES, current

MART = "mart_directive_proposal"
SYSTEM = {
    "protocol": "rest",
    "url": "${ASSIGNMENT_URL}",
    "auth": {
        "token_url": "${ASSIGNMENT_URL}/oauth2/token",
        "client_id": "${ASSIGNMENT_CLIENT_ID}",
        "client_secret": "${ASSIGNMENT_CLIENT_SECRET}",
    },
}
# What is asked of whom until when. Why is told from newer figures every time and makes no other proposal of it.
ASKED = ("unit_code", "indicator_code", "title_vi", "target", "due_on", "legal_basis")
TOLD = (*ASKED, "reason_vi", "baseline", "snapshot_id")
TIMEOUT = httpx.Timeout(20, connect=5)
LOST = (408, 425)  # faults that pass, beside 429 and 5xx
OURS = (401, 403, 404, 405)  # the address or the rights are wrong, not the proposal
AGAIN = timedelta(days=1)  # a refused proposal is tried again: people may have mended what it was refused for
DOWN = 2  # proposals in a row without an answer: the system is down, the others are left to the next run
LONGEST_REASON = 300


@dataclass
class Delivery:
    """What became of the proposals. skipped: why none was sent, if none was to be; refused, problems: in words."""

    skipped: str = ""
    sent: int = 0
    unchanged: int = 0
    undelivered: int = 0
    refused: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def published_proposals(settings: Settings) -> pl.DataFrame | None:
    """The proposals of the published snapshot by rank, with its name; None where it holds no table of proposals."""
    snapshot = current(settings)
    if snapshot is None:
        return None
    with duckdb.connect(settings.published / FIGURES / snapshot / "leaders.duckdb", read_only=True) as connection:
        if not connection.execute("select 1 from duckdb_tables() where table_name = ?", [MART]).fetchone():
            return None
        columns = "proposal_id, unit_code, indicator_code, title_vi, reason_vi, baseline, target, due_on, legal_basis"
        # what was sent, assigned or declined is listed for people and not asked again
        found = connection.sql(f"select {columns} from {MART} where state = 'open' order by rank, proposal_id").pl()
    return found.with_columns(snapshot_id=pl.lit(snapshot))


def not_connected(settings: Settings) -> str:
    """Why nothing is sent from here, or "" if it is."""
    if settings.env.get("KHO_OUTBOX", "").lower() == "off":
        return "KHO_OUTBOX is off: proposals are not sent"
    if not settings.env.get("ASSIGNMENT_URL"):
        return "ASSIGNMENT_URL is not set: no assignment system is connected, proposals are not sent"
    return ""


def send_proposals(
    settings: Settings,
    contract: Contract,
    proposals: pl.DataFrame,
    judge: Judge,
    now: datetime,
    progress: Callable[[str], None] | None = None,
) -> Delivery:
    """Send what was not acknowledged yet with the same content, in the order of the rows.

    contract: directives.outbox. proposals: proposal_id and TOLD. What was answered is in the lake when this returns or
    raises; faults of the assignment system are told in the delivery and not raised.
    """
    if skipped := not_connected(settings):
        return Delivery(skipped=skipped)
    rows = proposals.select(
        "proposal_id", *ASKED, "reason_vi", pl.col("baseline").cast(pl.Float64), "snapshot_id"
    ).with_columns(pl.col("target").cast(pl.Float64), pl.col("due_on").cast(pl.Date))
    rows = rows.with_columns(pl.col("baseline", "target").fill_nan(None)).unique(
        "proposal_id", keep="first", maintain_order=True
    )
    known = {row["proposal_id"]: row for row in read_current(settings, contract).iter_rows(named=True)}
    delivery, answers = Delivery(), list[dict[str, Any]]()
    due = [row for row in rows.iter_rows(named=True) if not _settled(row, known, now, delivery)]
    try:
        if due:
            _send(settings, contract, due, now, delivery, answers, progress)
    finally:
        if answers:
            load = write_derived(contract, _as_rows(answers, contract), settings, judge, now)
            if load.status == "rejected":
                delivery.problems.append(f"{contract.dataset}: {'; '.join(load.reasons)}")
    return delivery


def content_sha256(proposal: dict[str, Any]) -> str:
    """Changes when what is asked does."""
    return hashlib.sha256(orjson.dumps([proposal[name] for name in ASKED])).hexdigest()


def _settled(row: dict[str, Any], known: dict[str, dict[str, Any]], now: datetime, delivery: Delivery) -> bool:
    """Whether this proposal was answered with the same content; counted, and told if it was refused of late."""
    before = known.get(row["proposal_id"])
    if before is None or before["content_sha256"] != content_sha256(row):
        return False
    if before["state"] == "refused":
        if now - before["sent_at"] >= AGAIN:
            return False
        delivery.refused.append(_refusal(row["proposal_id"], before["http_status"], before["reason"]))
    else:
        delivery.unchanged += 1
    return True


def _send(
    settings: Settings,
    contract: Contract,
    due: list[dict[str, Any]],
    now: datetime,
    delivery: Delivery,
    answers: list[dict[str, Any]],
    progress: Callable[[str], None] | None,
) -> None:
    silent = 0
    with httpx.Client(timeout=TIMEOUT, trust_env=False) as client:
        session = Session(client, contract.model_copy(update={"source": SYSTEM}), settings)
        for number, row in enumerate(due, 1):
            try:
                status, reason = _put(session, row)
            except SourceError as error:
                delivery.undelivered += 1
                delivery.problems.append(str(error))
                silent += 1
                if silent == DOWN:
                    delivery.undelivered += len(due) - number
                    return
                continue
            except (SourceFormatError, SettingsError) as error:
                delivery.undelivered += len(due) - number + 1
                delivery.problems.append(str(error))
                return
            silent = 0
            answers.append({**row, "http_status": status, "reason": reason, "sent_at": now})
            if reason is None:
                delivery.sent += 1
            else:
                delivery.refused.append(_refusal(row["proposal_id"], status, reason))
            if progress:
                progress(f"outbox: {number} of {len(due)} proposals answered")


def _put(session: Session, row: dict[str, Any]) -> tuple[int, str | None]:
    """The status of the answer, and why the proposal was refused if it was; tried again while the system is down."""
    address = (
        f"{session.settings.source('ASSIGNMENT_URL').rstrip('/')}/api/v1/drafts/{quote(row['proposal_id'], safe='')}"
    )
    body = {**{name: row[name] for name in TOLD}, "due_on": row["due_on"] and row["due_on"].isoformat()}
    for attempt in retrying(session.settings):
        with attempt:
            answer = session.ask("PUT", address, json=body)
            status = answer.status_code
            if status in LOST:
                raise SourceError(f"{session.contract.dataset}: the assignment system answers {status}")
            if 400 <= status < 500 and status not in (*OURS, 429):
                return status, _reason(answer)
            told = session.decoded(session.good(answer))
            if not isinstance(told, dict) or told.get("proposal_id") != row["proposal_id"]:
                raise SourceFormatError(
                    f"{session.contract.dataset}: the answer does not acknowledge the proposal; check ASSIGNMENT_URL"
                )
            return status, None
    raise AssertionError("unreachable: retrying re-raises")


def _reason(answer: httpx.Response) -> str:
    """What the system says of a proposal that it does not take."""
    try:
        told = orjson.loads(answer.content)
    except orjson.JSONDecodeError:
        told = None
    text = str(told.get("message") or told.get("error") or "") if isinstance(told, dict) else ""
    return " ".join(text.split())[:LONGEST_REASON] or "không nói lý do"


def _refusal(proposal_id: str, status: int, reason: str | None) -> str:
    return f"proposal {proposal_id} was refused ({status}): {reason}"


def _as_rows(answers: list[dict[str, Any]], contract: Contract) -> pl.DataFrame:
    """The answers by the contract's columns."""
    whole = [
        {
            **one,
            "content_sha256": content_sha256(one),
            "state": "sent" if one["reason"] is None else "refused",
            "sent_at": one["sent_at"].astimezone(UTC),
        }
        for one in answers
    ]
    schema = {name: dtype for name, dtype in contract.row_schema.items() if name != "_load_id"}
    return pl.DataFrame([{name: one[name] for name in schema} for one in whole], schema=schema)

"""The province's assignment system: drafts of tasks by REST behind OAuth2, each kept once by its proposal's name."""

import asyncio
import re
from datetime import date, datetime
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from simulator.drafts import Drafts
from simulator.office_calendar import local_naive
from simulator.rest_gateway import Gateway, answer, refuse_token, spoil, token_route

TABLE = "drafts"  # the name by which faults are switched on for it
_TEXTS = ("unit_code", "indicator_code", "title_vi", "reason_vi", "legal_basis", "snapshot_id")
_NUMBERS = ("baseline", "target")
# What is asked of whom until when; a proposal may be explained anew from newer figures and is still the same.
_ASKED = ("unit_code", "indicator_code", "title_vi", "target", "due_on", "legal_basis")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}")


class BadDraft(ValueError):
    """The body is no draft; the message says in Vietnamese what is wrong."""


def create_assignments(gateway: Gateway, drafts: Drafts) -> Starlette:
    """The web application: POST /oauth2/token, PUT and GET /api/v1/drafts/<proposal_id>."""

    async def draft(request: Request) -> Response:
        gateway.requests[TABLE] = gateway.requests.get(TABLE, 0) + 1
        if refusal := await spoil(gateway, TABLE) or refuse_token(gateway, request):
            return refusal
        proposal_id, now = request.path_params["proposal_id"], gateway.clock.now()
        if not _NAME.fullmatch(proposal_id):
            return _refused(400, "invalid_name", "Mã đề xuất không hợp lệ")
        if request.method == "GET":
            known = drafts.get(proposal_id)
            if known is None:
                return _refused(404, "not_found", "Không có dự thảo này")
            return await _told(request, 200, await asyncio.to_thread(drafts.state, known, now))
        try:
            content = _content(await request.body(), drafts.units, now)
        except BadDraft as error:
            return _refused(422, "invalid_draft", str(error))
        kept, new = await asyncio.to_thread(drafts.keep, proposal_id, content, now)
        if any(kept[name] != content[name] for name in _ASKED):
            return _refused(409, "conflict", "Đề xuất này đã có dự thảo với nội dung khác")
        return await _told(request, 201 if new else 200, await asyncio.to_thread(drafts.state, kept, now))

    async def _told(request: Request, status: int, state: dict[str, Any]) -> Response:
        response = await answer(gateway, request, TABLE, orjson.dumps(state))
        response.status_code = status
        return response

    return Starlette(
        routes=[token_route(gateway), Route("/api/v1/drafts/{proposal_id}", draft, methods=["GET", "PUT"])]
    )


def _refused(status: int, error: str, message: str) -> Response:
    return JSONResponse({"error": error, "message": message}, status)


def _content(body: bytes, units: dict[str, str], now: datetime) -> dict[str, Any]:
    """The draft's fields. Raises BadDraft."""
    try:
        given = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise BadDraft("Nội dung không phải JSON") from None
    if not isinstance(given, dict):
        raise BadDraft("Nội dung phải là một đối tượng JSON")
    for name in _TEXTS:
        if not isinstance(given.get(name), str) or not given[name].strip():
            raise BadDraft(f"Thiếu {name}")
    for name in _NUMBERS:
        if not isinstance(given.get(name), int | float) or isinstance(given[name], bool):
            raise BadDraft(f"{name} phải là số")
    if given["unit_code"] not in units:
        raise BadDraft(f"Đơn vị {given['unit_code']} không thuộc tỉnh")
    try:
        due = date.fromisoformat(str(given.get("due_on")))
    except ValueError:
        raise BadDraft("due_on phải là ngày dạng YYYY-MM-DD") from None
    if due < local_naive(now).date():
        raise BadDraft("Hạn hoàn thành đã qua")
    return {**{name: given[name] for name in (*_TEXTS, *_NUMBERS)}, "due_on": due.isoformat()}

"""The operator's side of the stand-in systems, on a port of its own: faults, bad loads, clock, database."""

import asyncio
import hmac
from collections.abc import Awaitable, Callable
from datetime import date, datetime
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from simulator.database import Database
from simulator.drafts import Drafts
from simulator.one_stop import BAD_LOADS
from simulator.rest_gateway import FAULTS, Fault, Gateway

Handler = Callable[[dict[str, Any]], Awaitable[dict[str, object]]]


def create_admin(
    gateway: Gateway,
    database: Database,
    drafts: Drafts,
    token: str,
    listen: Callable[[bool, str | None], Awaitable[None]],
    tick: Callable[[], None],
) -> Starlette:
    """POST /admin/<what> with a JSON body and `Authorization: Bearer <token>`; answers the state.

    listen opens or closes the ports of the web services, or of the one that has a table; tick brings database and
    drop folder up to the clock.
    """

    async def faults(body: dict[str, Any]) -> dict[str, object]:
        fault = Fault(str(body["kind"]), body.get("times"), body.get("table"), float(body.get("seconds", 1.0)))
        if fault.kind == "none":
            gateway.faults.clear()
            await listen(True, None)
        elif fault.kind not in FAULTS:
            raise ValueError(f"kind is {fault.kind!r}; expected none, {', '.join(FAULTS)}")
        elif fault.kind == "down":
            await listen(False, fault.table)
            gateway.faults.append(fault)
        else:
            gateway.faults.append(fault)
        return {}

    async def bad_loads(body: dict[str, Any]) -> dict[str, object]:
        day = date.fromisoformat(body["day"])
        kind = body.get("kind")
        if kind is None:
            gateway.bad_loads.pop(day, None)
        elif kind not in BAD_LOADS:
            raise ValueError(f"kind is {kind!r}; expected {', '.join(BAD_LOADS)}, or null to mend")
        else:
            gateway.bad_loads[day] = kind
        gateway.result_sets.forget()
        return {}

    async def clock(body: dict[str, Any]) -> dict[str, object]:
        now = datetime.fromisoformat(body["now"]) if body.get("now") else None
        gateway.clock.set(now, bool(body.get("frozen", False)))
        await asyncio.to_thread(tick)
        return {}

    async def database_state(body: dict[str, Any]) -> dict[str, object]:
        await asyncio.to_thread(database.start if body["running"] else database.stop)
        if body["running"]:
            await asyncio.to_thread(tick)
        return {}

    async def tables(body: dict[str, Any]) -> dict[str, object]:
        if body.get("kind"):
            await asyncio.to_thread(database.spoil, body["place"], body["column"], body["kind"])
        else:
            await asyncio.to_thread(database.mend)
            await asyncio.to_thread(tick)
        return {}

    async def draft(body: dict[str, Any]) -> dict[str, object]:
        now = gateway.clock.now()
        await asyncio.to_thread(drafts.decide, str(body["proposal_id"]), str(body["what"]), now, body)
        await asyncio.to_thread(tick)
        return {}

    async def tokens(body: dict[str, Any]) -> dict[str, object]:
        gateway.tokens.clear()
        gateway.token_seconds = float(body.get("seconds", gateway.token_seconds))
        return {}

    async def state(body: dict[str, Any]) -> dict[str, object]:
        return {}

    def guarded(handler: Handler) -> Callable[[Request], Awaitable[Response]]:
        async def handle(request: Request) -> Response:
            given = request.headers.get("authorization", "").removeprefix("Bearer ")
            if not hmac.compare_digest(given.encode(), token.encode()):
                return JSONResponse({"error": "wrong admin token"}, 401)
            try:
                await handler(await request.json() if request.method == "POST" else {})
            except (KeyError, ValueError, TypeError) as error:
                return JSONResponse({"error": f"{type(error).__name__}: {error}"}, 400)
            return JSONResponse(
                {
                    "now": gateway.clock.now().isoformat(),
                    "faults": [vars(fault) for fault in gateway.faults],
                    "bad_loads": {day.isoformat(): kind for day, kind in gateway.bad_loads.items()},
                    "database_running": database.running,
                    "requests": gateway.requests,
                }
            )

        return handle

    return Starlette(
        routes=[
            Route("/admin", guarded(state)),
            Route("/admin/faults", guarded(faults), methods=["POST"]),
            Route("/admin/bad_loads", guarded(bad_loads), methods=["POST"]),
            Route("/admin/clock", guarded(clock), methods=["POST"]),
            Route("/admin/database", guarded(database_state), methods=["POST"]),
            Route("/admin/tables", guarded(tables), methods=["POST"]),
            Route("/admin/drafts", guarded(draft), methods=["POST"]),
            Route("/admin/tokens", guarded(tokens), methods=["POST"]),
        ]
    )

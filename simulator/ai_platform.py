"""The national AI platform: an OpenAI-compatible and a KServe v2 endpoint that forecast series and sort letters.

What it knows of forecasting is the usual course of a year and how far the last months are off it. What it receives is
kept in a file, so that it can be searched for what should never have left the province.
"""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray
from scipy.stats import norm
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from simulator.petition_topics import TOPICS
from simulator.rest_gateway import Gateway, answer, spoil

TABLE = "ai_platform"  # the name by which faults are switched on for it
MODEL = "du-bao-chung"
_SEASON = 12
_FADING = 0.75  # what is left after a month of how far a series is off its usual course

Floats = NDArray[np.float64]


class BadRequest(ValueError):
    """The body is no request that the platform understands."""


@dataclass(frozen=True)
class Platform:
    """The platform. key: what readers must show; received: the file that keeps every body, a line each."""

    gateway: Gateway
    key: str
    received: Path


def create_platform(platform: Platform) -> Starlette:
    """The web application: /v1/models, /v1/chat/completions, /v2/models/<model>/infer, /v2/health/ready."""

    def guarded(make: Callable[[dict[str, Any]], dict[str, Any]]) -> Callable[[Request], Any]:
        async def handle(request: Request) -> Response:
            gateway = platform.gateway
            gateway.requests[TABLE] = gateway.requests.get(TABLE, 0) + 1
            body = await request.body()
            if body:
                with platform.received.open("ab") as file:
                    file.write(body.replace(b"\n", b" ") + b"\n")
            if refusal := await spoil(gateway, TABLE):
                return refusal
            if request.headers.get("authorization") != f"Bearer {platform.key}":
                return _error(401, "Incorrect API key provided")
            try:
                asked = json.loads(body) if body else {}
                return await answer(gateway, request, TABLE, orjson.dumps(await asyncio.to_thread(make, asked)))
            except (BadRequest, KeyError, TypeError, ValueError) as problem:
                return _error(400, f"{type(problem).__name__}: {problem}")

        return handle

    return Starlette(
        routes=[
            Route("/v1/models", guarded(_models), methods=["GET"]),
            Route("/v1/chat/completions", guarded(_chat), methods=["POST"]),
            Route("/v2/health/ready", guarded(lambda asked: {"ready": True}), methods=["GET"]),
            Route(f"/v2/models/{MODEL}/infer", guarded(_infer), methods=["POST"]),
        ]
    )


def _error(status: int, message: str) -> JSONResponse:
    return JSONResponse({"error": {"message": message, "type": "invalid_request_error"}}, status)


def _models(asked: dict[str, Any]) -> dict[str, Any]:
    return {"object": "list", "data": [{"id": MODEL, "object": "model", "owned_by": "nen-tang-dung-chung"}]}


def _chat(asked: dict[str, Any]) -> dict[str, Any]:
    """Answers the last message, a JSON document that names its task."""
    task = json.loads(asked["messages"][-1]["content"])
    if task["task"] == "forecast":
        values = np.array([[np.nan if v is None else v for v in series] for series in task["series"]], dtype=np.float64)
        found = _forecast(values, task["horizon"], np.array(task["quantiles"]))
        content: dict[str, Any] = {"forecast": np.round(found, 3).tolist()}
    elif task["task"] == "topic":
        content = {"topics": [_topic(text, task["topics"]) for text in task["texts"]]}
    else:
        raise BadRequest(f"no task {task['task']!r}")
    message = {"role": "assistant", "content": json.dumps(content, ensure_ascii=False)}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "model": asked["model"],
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
    }


def _infer(asked: dict[str, Any]) -> dict[str, Any]:
    given = {one["name"]: np.array(one["data"]).reshape(one["shape"]) for one in asked["inputs"]}
    values = np.where(given["reported"], given["values"], np.nan).astype(np.float64)
    found = _forecast(values, int(given["horizon"].item()), given["quantiles"].astype(np.float64))
    output = {"name": "forecast", "datatype": "FP64", "shape": list(found.shape), "data": found.ravel().tolist()}
    return {"model_name": MODEL, "outputs": [output]}


def _forecast(values: Floats, horizon: int, levels: Floats) -> Floats:
    """(series, horizon, levels): the month's usual value, moved by what the last month was off it, fading."""
    logs = np.log1p(values)
    months = logs.shape[1]
    calendar = np.arange(months + horizon) % _SEASON
    known = ~np.isnan(logs)
    overall = _mean(logs, known)
    usual = np.stack([_mean(logs[:, calendar[:months] == m], known[:, calendar[:months] == m]) for m in range(_SEASON)])
    usual = np.where(np.isnan(usual), overall, usual).T
    off = np.where(known, logs - usual[:, calendar[:months]], 0.0)
    spread = np.sqrt(np.maximum((off**2).sum(axis=1) / np.maximum(known.sum(axis=1), 1), 1e-4))
    steps = np.arange(1, horizon + 1)
    mean = usual[:, calendar[months:]] + off[:, -1:] * _FADING**steps
    width = spread[:, None] * np.sqrt(1 - _FADING ** (2 * steps))
    return np.maximum(np.expm1(mean[..., None] + width[..., None] * norm.ppf(levels)), 0)


def _mean(values: Floats, known: NDArray[np.bool_]) -> Floats:
    count = known.sum(axis=1)
    total: Floats = np.where(known, values, 0.0).sum(axis=1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _topic(text: str, topics: list[str]) -> str:
    """The topic most of whose turns of phrase are in the text."""
    found = {
        name: sum(phrase in text for part in ("things", "wrongs", "harms", "wishes") for phrase in getattr(topic, part))
        for name, topic in TOPICS.items()
        if name in topics
    }
    best = max(found, key=lambda name: found[name])
    return best if found[best] else "unclear"

"""Models that run elsewhere, such as on the national AI platform: one more candidate, over HTTP.

Two protocols: OpenAI's chat completions, and the Open Inference Protocol (KServe v2). A series travels without the name
of its unit or of what it counts, a text only as the door scrubbed it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

import httpx
import numpy as np
import polars as pl
from scipy.stats import norm
from tenacity import retry, retry_if_exception_type, stop_after_attempt, wait_exponential_jitter

from lake.settings import SettingsError
from models_ml.candidates import Candidate
from models_ml.panel import QUANTILES, Floats, Panel

REMOTE = "remote"
LEVELS: Floats = np.array([0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95])  # asked for; what lies between is interpolated
TEXTS_A_REQUEST = 50
FEWEST_MONTHS = 24  # reported months from which a series is sent
PROTOCOLS = ("openai", "kserve")
FORECAST_TASK = (
    "You forecast monthly counts. The user gives a JSON document: series (a list a series, one value a month from "
    "first_month on, null where nothing was reported), horizon (months to forecast after the last one) and quantiles. "
    'Answer with JSON alone: {"forecast": [series][month ahead][quantile]}, numbers that are not negative and do not '
    "fall from one quantile to the next."
)
TOPIC_TASK = (
    "You sort letters of citizens of Vietnam by what they are about. The user gives a JSON document: texts and topics. "
    'Answer with JSON alone: {"topics": [one of the topics for each text, or "unclear"]}.'
)


class RemoteModelError(RuntimeError):
    """The remote model gave no usable answer; the message names the host and what was wrong, never what was sent."""


class RemoteModelDown(RemoteModelError):
    """It could not be reached, was busy or failed: worth another try."""


@dataclass(frozen=True)
class Endpoint:
    """Where a remote model answers. url: with its `/v1` for openai, without its `/v2` for kserve."""

    url: str
    protocol: Literal["openai", "kserve"]
    model: str
    key: str = field(default="", repr=False)
    seconds: float = 60.0

    @property
    def name(self) -> str:
        """Host and model, for people."""
        return f"{self.model} @ {httpx.URL(self.url).host}"


def endpoint(env: Mapping[str, str], purpose: Literal["FORECASTER", "LABELLER"]) -> Endpoint | None:
    """The endpoint by the settings `REMOTE_<PURPOSE>_URL`, `_MODEL`, `_PROTOCOL`, `_KEY`, `_SECONDS`; None without URL.

    The protocol is openai unless told otherwise. Raises SettingsError for half an endpoint.
    """
    prefix = f"REMOTE_{purpose}"
    url = env.get(f"{prefix}_URL", "").rstrip("/")
    if not url:
        return None
    protocol, model = env.get(f"{prefix}_PROTOCOL") or "openai", env.get(f"{prefix}_MODEL", "")
    if protocol not in PROTOCOLS:
        raise SettingsError(f"{prefix}_PROTOCOL is {protocol!r}; expected {' or '.join(PROTOCOLS)}")
    if protocol == "kserve" and purpose == "LABELLER":
        raise SettingsError(f"{prefix}_PROTOCOL is kserve, which has no texts here; expected openai")
    if not model:
        raise SettingsError(f"{prefix}_MODEL is not set: name the model that is asked at {prefix}_URL")
    try:
        seconds = float(env.get(f"{prefix}_SECONDS") or 60)
    except ValueError:
        raise SettingsError(f"{prefix}_SECONDS is no number: expected how long an answer may take") from None
    return Endpoint(url, "kserve" if protocol == "kserve" else "openai", model, env.get(f"{prefix}_KEY", ""), seconds)


def remote_candidates(env: Mapping[str, str]) -> dict[str, Candidate]:
    """The remote forecaster that the settings name, as one more candidate; none where they name none."""
    place = endpoint(env, "FORECASTER")
    return {REMOTE: partial(forecast, place)} if place else {}


def forecast(place: Endpoint, panel: Panel, horizon: int) -> Floats:
    """A candidate once `place` is bound: quantiles (series, horizon, 99) in cases, NaN for series reported too rarely.

    Raises RemoteModelError.
    """
    result = np.full((len(panel.units), horizon, len(QUANTILES)), np.nan)
    able = np.flatnonzero(panel.known.sum(axis=1) >= FEWEST_MONTHS)
    if not len(able):
        return result
    asked = _asked_by_chat if place.protocol == "openai" else _asked_by_tensors
    shape = (len(able), horizon, len(LEVELS))
    try:
        told = np.asarray(asked(place, panel.only(able), horizon), dtype=np.float64)
    except (KeyError, IndexError, StopIteration, TypeError, ValueError) as problem:
        raise RemoteModelError(f"{place.name}: the answer is no forecast ({type(problem).__name__})") from None
    if told.shape != shape or not np.isfinite(told).all():
        raise RemoteModelError(f"{place.name}: expected finite quantiles of shape {shape}, got {told.shape}")
    result[able] = _between(np.sort(np.maximum(told, 0), axis=-1))
    return result


def topics(place: Endpoint, texts: pl.Series, known: list[str]) -> pl.Series:
    """One of the known topics, or "unclear", for each text, in their order. Raises RemoteModelError."""
    found: list[str] = []
    for part in texts.fill_null("").to_frame().iter_slices(TEXTS_A_REQUEST):
        told = _chat(place, TOPIC_TASK, {"task": "topic", "topics": known, "texts": part.to_series().to_list()})
        answer = told.get("topics") if isinstance(told, dict) else None
        if not isinstance(answer, list) or len(answer) != len(part):
            raise RemoteModelError(f"{place.name}: expected a topic for each of {len(part)} texts")
        found += [one if one in known else "unclear" for one in answer]
    return pl.Series("topic", found, dtype=pl.String())


def _between(told: Floats) -> Floats:
    """QUANTILES out of LEVELS: lines over normal scores on the log scale, the outermost ones going on."""
    scores, wanted = norm.ppf(LEVELS), norm.ppf(QUANTILES)
    logs = np.log1p(told)
    place = np.clip(np.searchsorted(scores, wanted) - 1, 0, len(scores) - 2)
    share = (wanted - scores[place]) / (scores[place + 1] - scores[place])
    lines = logs[..., place] + share * (logs[..., place + 1] - logs[..., place])
    return np.maximum(np.expm1(lines), 0)


def _asked_by_chat(place: Endpoint, panel: Panel, horizon: int) -> Any:
    series = [[None if np.isnan(value) else value for value in row] for row in panel.cases.tolist()]
    document = {"task": "forecast", "first_month": str(panel.months[0]), "series": series, "horizon": horizon}
    return _chat(place, FORECAST_TASK, {**document, "quantiles": LEVELS.tolist()})["forecast"]


def _chat(place: Endpoint, task: str, document: dict[str, Any]) -> Any:
    """What the model answers to a document, both JSON."""
    asked = {
        "model": place.model,
        "temperature": 0,
        "response_format": {"type": "json_object"},
        "messages": [
            {"role": "system", "content": task},
            {"role": "user", "content": json.dumps(document, ensure_ascii=False)},
        ],
    }
    answer = _post(place, f"{place.url}/chat/completions", asked)
    try:
        return json.loads(answer["choices"][0]["message"]["content"])
    except (KeyError, IndexError, TypeError, ValueError):
        raise RemoteModelError(f"{place.name}: the answer is no chat completion that holds JSON") from None


def _asked_by_tensors(place: Endpoint, panel: Panel, horizon: int) -> Any:
    known = panel.known
    inputs = [
        _tensor("values", "FP64", np.where(known, panel.cases, 0.0)),
        _tensor("reported", "BOOL", known),
        _tensor("first_month", "BYTES", np.array([str(panel.months[0])])),
        _tensor("horizon", "INT64", np.array([horizon])),
        _tensor("quantiles", "FP64", LEVELS),
    ]
    answer = _post(place, f"{place.url}/v2/models/{place.model}/infer", {"inputs": inputs})
    told = next(one for one in answer["outputs"] if one["name"] == "forecast")
    return np.array(told["data"]).reshape(told["shape"])


def _tensor(name: str, kind: str, values: np.ndarray[Any, Any]) -> dict[str, Any]:
    return {"name": name, "datatype": kind, "shape": list(values.shape), "data": values.ravel().tolist()}


@retry(
    retry=retry_if_exception_type(RemoteModelDown),
    wait=wait_exponential_jitter(multiplier=0.5, max=10),
    stop=stop_after_attempt(3),
    reraise=True,
)
def _post(place: Endpoint, url: str, body: dict[str, Any]) -> Any:
    headers = {"Authorization": f"Bearer {place.key}"} if place.key else {}
    try:
        answer = httpx.post(url, json=body, headers=headers, timeout=place.seconds)
    except httpx.HTTPError as problem:
        raise RemoteModelDown(f"{place.name} does not answer ({type(problem).__name__})") from None
    if answer.status_code == 429 or answer.status_code >= 500:
        raise RemoteModelDown(f"{place.name} answers {answer.status_code}")
    if answer.status_code != 200:
        raise RemoteModelError(f"{place.name} answers {answer.status_code}: check its key and model")
    try:
        return answer.json()
    except ValueError:
        raise RemoteModelDown(f"{place.name}: the answer is no whole JSON") from None

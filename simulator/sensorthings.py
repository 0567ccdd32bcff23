"""The stations' OGC SensorThings API 1.1 service, for reading: entities, Observations, the data array extension."""

import asyncio
import re
from typing import Any
from urllib.parse import quote

import orjson
import polars as pl
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from simulator.office_calendar import local_naive
from simulator.rest_gateway import Gateway, answer, refuse_token, spoil, take, token_route
from simulator.result_sets import Query, QueryError, ResultSets
from simulator.sensors import state_at
from simulator.sensorthings_query import (
    OPTIONS,
    Paging,
    Wish,
    observation_filter,
    observation_order,
    read_paging,
    read_wish,
)
from simulator.spoilt_rows import OF_ANSWERS, OF_PAGES, SKEW, WORDS, committed, page_of, renamed, shuffled
from simulator.stations import Network

ROOT = "/v1.1"
ENTITY_SETS = ("Things", "Locations", "Datastreams", "ObservedProperties", "Observations")
CONFORMANCE = [
    "http://www.opengis.net/spec/iot_sensing/1.1/req/datamodel",
    "http://www.opengis.net/spec/iot_sensing/1.1/req/resource-path/resource-path-to-entities",
    "http://www.opengis.net/spec/iot_sensing/1.1/req/request-data",
    "http://www.opengis.net/spec/iot_sensing/1.1/req/data-array/data-array",
]
_PATH = re.compile(r"([A-Z]\w+)(?:\((\d+)\))?(?:/(Observations))?")
_FIELDS = ("id", "phenomenonTime", "resultTime", "result")
_UTC = "%Y-%m-%dT%H:%M:%SZ"


class Service:
    """What the service knows. made: all observations that will ever be, see `simulator.sensors.observations`."""

    def __init__(self, gateway: Gateway, network: Network, made: pl.DataFrame) -> None:
        self.gateway = gateway
        self.network = network
        self.made = made
        # all pages of one question are of the moment of its first one
        self.result_sets = ResultSets(
            lambda query, as_of: self._rows(query.table, state_at(self.made, local_naive(as_of)))
        )

    def _rows(self, question: str, known: pl.DataFrame) -> pl.DataFrame:
        where, order = orjson.loads(question)
        columns, falling = observation_order(order)
        return known.filter(observation_filter(where)).sort(columns, descending=falling)

    def entities(self, kind: str) -> dict[int, dict[str, object]]:
        network = self.network
        return {
            "Things": network.things,
            "Locations": network.locations,
            "Datastreams": network.datastreams,
            "ObservedProperties": network.properties,
        }[kind]

    def entity(self, kind: str, identity: int, wish: Wish) -> dict[str, object]:
        """One entity with what was asked to be expanded. Raises QueryError."""
        thing, observed = self.network.owner.get(identity, (0, 0))
        leads: Any = {
            "Things": {"Locations": [("Locations", identity)]},
            "Datastreams": {"Thing": ("Things", thing), "ObservedProperty": ("ObservedProperties", observed)},
        }.get(kind, {})
        whole: dict[str, object] = {"@iot.id": identity, **self.entities(kind)[identity]}
        names = None if wish.select is None else ["@iot.id" if name == "id" else name for name in wish.select]
        shown = {name: value for name, value in whole.items() if names is None or name in names}
        for name, inner in wish.expand.items():
            if name not in leads and name != "Sensor":
                raise QueryError(f"$expand: {kind} lead to no {name} here")
            target = leads.get(name)  # sensors themselves are not described here
            if isinstance(target, list):
                shown[name] = [self.entity(set_name, one, inner) for set_name, one in target]
            elif target is not None:
                shown[name] = self.entity(target[0], target[1], inner)
        return shown


def create_sensors(service: Service) -> Starlette:
    """The web application: POST /oauth2/token, GET /v1.1, GET /v1.1/<entity set>, /<set>(id), /Datastreams(id)/…"""
    gateway = service.gateway

    async def root(request: Request) -> Response:
        if refusal := await spoil(gateway, "sensorthings") or refuse_token(gateway, request):
            return refusal
        address = str(request.url.replace(query="")).rstrip("/")
        return JSONResponse(
            {
                "value": [{"name": name, "url": f"{address}/{name}"} for name in ENTITY_SETS],
                "serverSettings": {"conformance": CONFORMANCE},
            }
        )

    async def entities(request: Request) -> Response:
        found = _PATH.fullmatch(request.path_params["path"])
        kind = (found[3] or found[1]) if found else ""
        gateway.requests[kind] = gateway.requests.get(kind, 0) + 1
        if refusal := await spoil(gateway, kind) or refuse_token(gateway, request):
            return refusal
        if found is None or kind not in ENTITY_SETS:
            return _error(404, "nothing is here")
        try:
            body = await asyncio.to_thread(_answer, service, request, found[1], found[2], kind)
        except QueryError as error:
            return _error(400, str(error))
        except KeyError:
            return _error(404, "there is no such entity")
        return await answer(gateway, request, kind, body)

    return Starlette(
        routes=[
            token_route(gateway),
            Route(ROOT, root),
            Route(f"{ROOT}/", root),
            Route(ROOT + "/{path:path}", entities),
        ]
    )


def _error(status: int, message: str) -> Response:
    return JSONResponse({"code": status, "type": "error", "message": message}, status)


def _answer(service: Service, request: Request, first: str, identity: str | None, kind: str) -> bytes:
    options = dict(request.query_params)
    if unknown := [name for name in options if name not in OPTIONS]:
        raise QueryError(f"{', '.join(unknown)} is not spoken here; {', '.join(OPTIONS)} are")
    wish = read_wish(options)
    if kind == "Observations":
        if identity is not None and first == "Datastreams":
            service.entities(first)[int(identity)]
            options["$filter"] = " and ".join(filter(None, [f"Datastream/id eq {identity}", options.get("$filter")]))
        elif identity is not None:
            options["$filter"] = f"id eq {identity}"
        return _observations(service, request, options, wish)
    if identity is not None:
        return orjson.dumps(service.entity(first, int(identity), wish))
    if unspoken := {"$filter", "$orderby", "$resultFormat"} & set(options):
        raise QueryError(f"{', '.join(unspoken)} is spoken for Observations alone")
    paging = read_paging(options)
    everything = sorted(service.entities(kind))
    shown = [service.entity(kind, one, wish) for one in everything[paging.skip : paging.skip + paging.top]]
    return orjson.dumps({**_about(request, paging, len(everything)), "value": shown})


def _about(request: Request, paging: Paging, length: int) -> dict[str, object]:
    about: dict[str, object] = {"@iot.count": length} if paging.count else {}
    if paging.top and paging.skip + paging.top < length:
        options = {**request.query_params, "$top": str(paging.top), "$skip": str(paging.skip + paging.top)}
        query = "&".join(f"{name}={quote(value)}" for name, value in options.items())
        about["@iot.nextLink"] = str(request.url.replace(query=query))
    return about


def _observations(service: Service, request: Request, options: dict[str, str], wish: Wish) -> bytes:
    """One page, written in columns."""
    paging = read_paging(options)
    where, order = options.get("$filter", ""), options.get("$orderby", "")
    observation_filter(where), observation_order(order)  # refused before it becomes a question
    query = Query(orjson.dumps([where, order]).decode(), None, None)
    now = service.gateway.clock.now()
    as_of = service.result_sets.moment_of(query, 2 if paging.skip else 1, now)
    gateway = service.gateway
    spoilt = {kind for kind in (*OF_ANSWERS, *OF_PAGES) if take(gateway, kind, "Observations")}
    rows = _spoil_rows(service.result_sets.rows(query, as_of), spoilt)
    about = _about(request, paging, len(rows))
    names = [{"@iot.id": "id"}.get(name, name) for name in wish.select] if wish.select else list(_FIELDS)
    if unknown := set(names) - set(_FIELDS):
        raise QueryError(f"$select: Observations have no {', '.join(sorted(unknown))}")
    page = _written(page_of(rows, paging.skip, paging.top, spoilt))
    form = options.get("$resultFormat", "")
    if form not in ("", "dataArray"):
        raise QueryError("$resultFormat must be dataArray")
    if form:
        value = _data_arrays(page, names)
    else:
        if unknown := set(wish.expand) - {"Datastream"}:
            raise QueryError(f"$expand: Observations lead to no {', '.join(sorted(unknown))} here")
        value = _objects(service, page, names, wish.expand.get("Datastream"))
    if "renamed_column" in spoilt:
        value = value.replace('"result"', f'"{renamed("result")}"')
    return orjson.dumps(about)[:-1] + (b"," if about else b"") + b'"value":[' + value.encode() + b"]}"


def _spoil_rows(rows: pl.DataFrame, kinds: set[str]) -> pl.DataFrame:
    """The observations with faults of the source's program."""
    if "late_commit" in kinds and len(rows):
        rows = committed(rows, rows["result_at"], rows["result_at"].max())  # type: ignore[arg-type]
    if "clock_skew" in kinds:
        rows = rows.with_columns(pl.col("result_at") + SKEW)
    if "out_of_order" in kinds:
        rows = shuffled(rows)
    if "retyped_column" in kinds:
        rows = rows.with_columns(pl.lit(WORDS).alias("text"))
    return rows


def _written(page: pl.DataFrame) -> pl.DataFrame:
    """The fields of Observations as JSON, column by column; datastream stays a number."""

    def utc(moment: pl.Expr) -> pl.Expr:
        return (moment - pl.duration(hours=7)).dt.strftime(_UTC)

    start = utc(pl.col("phenomenon_at"))
    end = utc(pl.col("phenomenon_at") + pl.duration(minutes=pl.col("minutes")))
    times = pl.when(pl.col("minutes") == 0).then(start).otherwise(pl.concat_str(start, pl.lit("/"), end))
    number = pl.col("result").cast(pl.String).fill_null("null")
    return page.select(
        "datastream",
        id=pl.col("id").cast(pl.String),
        phenomenonTime=pl.format('"{}"', times),
        resultTime=pl.format('"{}"', utc(pl.col("result_at"))),
        result=pl.when(pl.col("text").is_not_null()).then(pl.format('"{}"', "text")).otherwise(number),
    )


def _data_arrays(page: pl.DataFrame, names: list[str]) -> str:
    row = pl.concat_str(pl.lit("["), pl.concat_str(names, separator=","), pl.lit("]"))
    groups = page.group_by("datastream", maintain_order=True).agg(row.str.join(",").alias("rows"), pl.len())
    components = orjson.dumps(names).decode()
    return ",".join(
        f'{{"Datastream@iot.navigationLink":"Datastreams({datastream})","components":{components},'
        f'"dataArray@iot.count":{count},"dataArray":[{rows}]}}'
        for datastream, rows, count in groups.iter_rows()
    )


def _objects(service: Service, page: pl.DataFrame, names: list[str], wish: Wish | None) -> str:
    parts = [pl.format(f'"{"@iot.id" if name == "id" else name}":{{}}', name) for name in names]
    if wish is not None:
        texts = {
            identity: orjson.dumps(service.entity("Datastreams", identity, wish)).decode()
            for identity in page["datastream"].unique()
        }
        owner = pl.col("datastream").replace_strict(texts, return_dtype=pl.String)
        parts.append(pl.format('"Datastream":{}', owner))
    row = pl.concat_str(pl.lit("{"), pl.concat_str(parts, separator=","), pl.lit("}"))
    return str(page.select(row.str.join(",")).item() or "") if len(page) else ""

"""The officers' app on ODK Central: sessions, and the OData service of its one form with its repeat group."""

import asyncio
import base64
import binascii
import hmac
import json
import secrets
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import polars as pl
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from simulator.field_reports import state_at
from simulator.odk_filter import submission_filter
from simulator.office_calendar import local_naive
from simulator.rest_gateway import Gateway, answer, refuse_token, spoil
from simulator.result_sets import QueryError

FORM = "phan_anh_hien_truong"
PROJECT = "1"
ROOT_TABLE = "Submissions"
REPEAT_TABLE = "Submissions.thiet_hai.hang_muc"
TABLES = (ROOT_TABLE, REPEAT_TABLE)
OPTIONS = ("$filter", "$top", "$skip", "$skiptoken", "$count", "$expand")
_SERVICE = "/v1/projects/{project}/forms/{form}.svc"


@dataclass
class Central:
    """What the server knows. made: all reports that will ever be, see `simulator.field_reports.field_reports`."""

    gateway: Gateway
    made: pl.DataFrame
    email: str
    password: str


def create_central(central: Central) -> Starlette:
    """The web application: POST /v1/sessions, GET /v1/projects/1/forms/<form>.svc and its tables."""
    gateway = central.gateway

    async def sessions(request: Request) -> Response:
        if refusal := await spoil(gateway, "token"):
            return refusal
        try:
            body = json.loads(await request.body())
            email, password = str(body["email"]), str(body["password"])
        except (ValueError, KeyError, TypeError):
            return _problem(400, 400.3, "Required parameters missing. Expected (email, password).")
        known = hmac.compare_digest(email.encode(), central.email.encode())
        if not (known & hmac.compare_digest(password.encode(), central.password.encode())):
            return _problem(401, 401.2, "Could not authenticate with the provided credentials.")
        value, now = secrets.token_urlsafe(48), time.monotonic()
        gateway.tokens = {kept: end for kept, end in gateway.tokens.items() if end > now}
        gateway.tokens[value] = now + gateway.token_seconds
        made = datetime.now(UTC)
        ends = made + timedelta(seconds=gateway.token_seconds)
        about = {"token": value, "csrf": secrets.token_urlsafe(48), "createdAt": _utc(made), "expiresAt": _utc(ends)}
        return JSONResponse(about)

    async def service(request: Request) -> Response:
        if refusal := await spoil(gateway, FORM) or _refuse(gateway, request):
            return refusal
        address = str(request.url.replace(query=""))
        tables = [{"name": name, "kind": "EntitySet", "url": name} for name in TABLES]
        return JSONResponse({"@odata.context": f"{address}/$metadata", "value": tables})

    async def rows(request: Request) -> Response:
        table = request.path_params["table"]
        gateway.requests[table] = gateway.requests.get(table, 0) + 1
        if refusal := await spoil(gateway, table) or _refuse(gateway, request):
            return refusal
        if table not in TABLES:
            return _problem(404, 404.1, "Could not find the resource you were looking for.")
        try:
            body = await asyncio.to_thread(_page, central, request, table)
        except QueryError as error:
            return _problem(400, 400.1, str(error))
        return await answer(gateway, request, table, body, {"OData-Version": "4.0"})

    return Starlette(
        routes=[
            Route("/v1/sessions", sessions, methods=["POST"]),
            Route(_SERVICE, service),
            Route(f"{_SERVICE}/{{table}}", rows),
        ]
    )


def _refuse(gateway: Gateway, request: Request) -> Response | None:
    if refuse_token(gateway, request):
        return _problem(401, 401.2, "Could not authenticate with the provided credentials.")
    if request.path_params["project"] != PROJECT or request.path_params["form"] != FORM:
        return _problem(404, 404.1, "Could not find the resource you were looking for.")
    return None


def _problem(status: int, code: float, message: str) -> Response:
    return JSONResponse({"code": code, "message": message}, status)


def _utc(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _page(central: Central, request: Request, table: str) -> bytes:
    """One page of a table, newest submissions first. A page begins behind the row that $skiptoken names.

    That row's place does not move when something new is submitted or edited.
    """
    options = dict(request.query_params)
    if unknown := [name for name in options if name not in OPTIONS]:
        raise QueryError(f"{', '.join(unknown)} is not spoken here; {', '.join(OPTIONS)} are")
    expand = options.get("$expand", "")
    if expand not in ("", "*") or (expand and table != ROOT_TABLE):
        raise QueryError("$expand must be * and is for Submissions")
    known = state_at(central.made, local_naive(central.gateway.clock.now()))
    found = known.filter(submission_filter(options.get("$filter", ""), table == ROOT_TABLE))
    found = found if table == ROOT_TABLE else _lines(found)
    top, skip = (_whole(options[name], name) if name in options else None for name in ("$top", "$skip"))
    rest = found.slice(skip or 0)
    if token := options.get("$skiptoken"):
        rest = rest.filter(_behind(token, table))
    page = rest if top is None else rest.head(top)
    about: dict[str, object] = {
        "@odata.context": str(request.url.replace(path=f"{_service(request)}/$metadata", query=""))
    }
    if options.get("$count") == "true":
        about["@odata.count"] = len(found)
    if len(page) and len(page) < len(rest):
        kept = {name: value for name, value in options.items() if name not in ("$skip", "$skiptoken")}
        query = "&".join(f"{quote(k)}={quote(v)}" for k, v in {**kept, "$skiptoken": _token(page, table)}.items())
        about["@odata.nextLink"] = str(request.url.replace(query=query))
    shown = _submissions(page, bool(expand)) if table == ROOT_TABLE else page.select(*_LINE, _OWNER)
    value = shown.write_json() if len(page) else "[]"
    return f'{json.dumps(about)[:-1]},"value":{value}}}'.encode()


def _service(request: Request) -> str:
    return request.url.path.rpartition("/")[0]


def _token(page: pl.DataFrame, table: str) -> str:
    last = page.row(-1, named=True)
    place = [last["submitted_at"].isoformat(), last["id"], last["place"] if table == REPEAT_TABLE else 0]
    return "01" + quote(base64.urlsafe_b64encode(json.dumps(place).encode()).decode(), safe="")


def _behind(token: str, table: str) -> pl.Expr:
    try:
        text = base64.urlsafe_b64decode(token.removeprefix("01").replace("%3D", "="))
        submitted, identity, place = json.loads(text)
        moment = datetime.fromisoformat(submitted)
    except (ValueError, TypeError, binascii.Error):
        raise QueryError("$skiptoken is not one that this server gave out") from None
    same = pl.col("submitted_at") == moment
    behind = (pl.col("submitted_at") < moment) | (same & (pl.col("id") < identity))
    if table == REPEAT_TABLE:
        behind |= same & (pl.col("id") == identity) & (pl.col("place") > place)
    return behind


def _whole(text: str, name: str) -> int:
    if not text.isdecimal():
        raise QueryError(f"{name} must be a whole number")
    return int(text)


def _zulu(name: str) -> pl.Expr:
    return (pl.col(name) - pl.duration(hours=7)).dt.strftime("%Y-%m-%dT%H:%M:%S%.3fZ")


_OWNER = pl.col("id").alias("__Submissions-id")
_LINE = (
    pl.col("line").struct.field("id").alias("__id"),
    pl.col("line").struct.field("kind").alias("loai"),
    pl.col("line").struct.field("quantity").alias("so_luong"),
    pl.col("line").struct.field("unit").alias("don_vi_tinh"),
)


def _lines(reports: pl.DataFrame) -> pl.DataFrame:
    """The repeat's rows: submitted_at and id of the submission, place within it, line."""
    lines = reports.select("submitted_at", "id", pl.col("items").alias("line")).filter(pl.col("line").list.len() > 0)
    return lines.explode("line").with_columns(place=pl.int_range(pl.len()).over("id"))


def _submissions(page: pl.DataFrame, expand: bool) -> pl.DataFrame:
    """Submissions as the form is built, with its groups and, expanded, its repeat."""
    nothing = pl.lit(None, pl.String)
    line = pl.element().struct
    lines = pl.col("items").list.eval(
        pl.struct(
            line.field("id").alias("__id"),
            line.field("kind").alias("loai"),
            line.field("quantity").alias("so_luong"),
            line.field("unit").alias("don_vi_tinh"),
        )
    )
    link = pl.format("Submissions('{}')/thiet_hai/hang_muc", pl.col("id").str.replace(":", "%3A", literal=True))
    point = pl.struct(
        pl.lit("Point").alias("type"),
        pl.concat_list("longitude", "latitude", pl.lit(0.0)).alias("coordinates"),
        pl.struct("accuracy").alias("properties"),
    )
    return page.select(
        pl.col("id").alias("__id"),
        pl.struct(
            _zulu("submitted_at").alias("submissionDate"),
            _zulu("updated_at").alias("updatedAt"),
            nothing.alias("deletedAt"),
            pl.col("commune_code").alias("submitterId"),
            pl.format("may-{}", "commune_code").alias("submitterName"),
            pl.lit(0).alias("attachmentsPresent"),
            pl.lit(0).alias("attachmentsExpected"),
            nothing.alias("status"),
            pl.col("review_state").alias("reviewState"),
            pl.format("collect:{}", pl.col("id").str.slice(5, 8)).alias("deviceId"),
            pl.sum_horizontal(pl.col("edited_at", "mended_at").is_not_null().cast(pl.Int64)).alias("edits"),
            pl.lit("2025070101").alias("formVersion"),
        ).alias("__system"),
        pl.struct(pl.col("id").alias("instanceID"), pl.col("code").alias("instanceName")).alias("meta"),
        pl.col("code").alias("ma_phieu"),
        pl.struct(
            pl.col("shown_code").alias("ma_xa"),
            pl.col("commune_name").alias("ten_xa"),
            pl.col("officer").alias("so_dinh_danh"),
        ).alias("don_vi"),
        pl.struct(
            pl.col("category").alias("linh_vuc"),
            pl.col("severity").alias("muc_do"),
            pl.col("observed_at").dt.strftime("%Y-%m-%dT%H:%M:%S%.3f+07:00").alias("thoi_diem"),
            point.alias("vi_tri"),
            pl.col("place").alias("dia_diem"),
            pl.col("text").alias("mo_ta"),
        ).alias("su_viec"),
        pl.struct(link.alias("hang_muc@odata.navigationLink"), *([lines.alias("hang_muc")] if expand else [])).alias(
            "thiet_hai"
        ),
    )

"""Lists of the server, page after page."""

import json
from collections.abc import Iterator

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from lake.settings import Settings
from superset_assets.client import PAGE, SignedInClient, connect
from superset_assets.launch import SupersetError, password_file
from tests.conftest import serve

ROWS = [{"id": number, "name": f"{number % 7}"} for number in range(1, 2 * PAGE + 51)]


async def listed(request: Request) -> JSONResponse:
    """A page as PostgreSQL gives it: in the order asked for, else in one that is different on each page."""
    query = json.loads(request.query_params["q"])
    page, size = query["page"], query["page_size"]
    if "order_column" in query:
        rows = sorted(ROWS, key=lambda row: (row[query["order_column"]], row["id"]))
    else:
        rows = ROWS if page % 2 else ROWS[::-1]
    answered = rows[page * size : (page + 1) * size]
    if request.path_params["kind"] == "changing" and page:
        answered = answered[1:]
    return JSONResponse({"count": len(ROWS), "result": answered})


async def let_in(request: Request) -> JSONResponse:
    return JSONResponse({"access_token": "a", "token_type": "Bearer", "result": "b"})


@pytest.fixture
def client(settings: Settings) -> Iterator[SignedInClient]:
    password_file(settings).parent.mkdir(parents=True)
    password_file(settings).write_text("not a secret")
    routes = [
        Route("/api/v1/security/login", let_in, methods=["POST"]),
        Route("/api/v1/security/csrf_token/", let_in),
        Route("/api/v1/{kind:path}/", listed),
    ]
    with serve(Starlette(routes=routes)) as url:
        yield connect(settings, url)


@pytest.mark.parametrize("kind", ["security/permissions-resources", "security/users", "rowlevelsecurity"])
def test_no_row_falls_between_two_pages(client: SignedInClient, kind: str) -> None:
    assert sorted(one["id"] for one in client.all_of(kind)) == [row["id"] for row in ROWS]


def test_a_list_that_changes_while_it_is_read_is_no_list(client: SignedInClient) -> None:
    with pytest.raises(SupersetError, match=f"changing: {len(ROWS)} are there and {len(ROWS) - 2} were listed"):
        list(client.all_of("changing"))

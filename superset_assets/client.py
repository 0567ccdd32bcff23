"""A signed-in connection to the Superset server, through superset-client."""

import os
from collections.abc import Iterator
from typing import Any, cast
from urllib.parse import urlsplit

import requests
from supersetapiclient.base import raise_for_status
from supersetapiclient.client import SupersetClient
from supersetapiclient.exceptions import BadRequestError, ComplexBadRequestError

from lake.settings import Settings
from superset_assets.launch import ADMINISTRATOR, SupersetError, password_file

PAGE = 100  # Superset answers no more at once
# what a list may be ordered by, where it is not the number
ORDERS = {
    "chart": "slice_name",
    "dashboard": "dashboard_title",
    "database": "database_name",
    "dataset": "table_name",
    "rowlevelsecurity": "name",
}


class SignedInClient(SupersetClient):
    """The client, on a session that does not read proxies from the environment for this machine."""

    def all_of(self, kind: str) -> Iterator[dict[str, Any]]:
        """Every chart, dashboard, role, permission … of the server, page after page.

        Raises SupersetError if the pages do not hold each of them once.
        """
        # without an order PostgreSQL gives each page in one of its own, and rows fall between two pages
        order = {"order_column": ORDERS.get(kind, "id"), "order_direction": "asc"}
        seen: set[int] = set()
        page = 0
        while True:
            found = self.ask(f"{kind}/", {"page": page, "page_size": PAGE, **order})
            seen |= {int(one["id"]) for one in found["result"]}
            yield from found["result"]
            page += 1
            if page * PAGE >= found["count"]:
                if len(seen) != found["count"]:
                    raise SupersetError(f"{kind}: {found['count']} are there and {len(seen)} were listed; try again")
                return

    def ask(self, path: str, query: dict[str, Any] | None = None) -> dict[str, Any]:
        """The JSON of a GET request. Raises SupersetError."""
        from json import dumps

        response = self.get(f"{self.base_url}/{path}", params={"q": dumps(query)} if query else None)
        _checked(response, f"asking for {path}")
        return cast("dict[str, Any]", response.json())

    def ask_to(self, method: str, path: str, body: dict[str, Any] | None, doing: str) -> dict[str, Any]:
        """The JSON that a change (`post`, `put`, `delete`) is answered with. Raises SupersetError naming `doing`."""
        response = getattr(self, method)(f"{self.base_url}/{path}", **({} if body is None else {"json": body}))
        _checked(response, doing)
        return cast("dict[str, Any]", response.json())


def connect(settings: Settings, url: str) -> SignedInClient:
    """Sign in as the administrator. Raises SupersetError if the server does not let us in."""
    password = password_file(settings)
    if not password.exists():
        raise SupersetError(f"there is no {password}: Superset was not set up in this installation")
    if urlsplit(url).hostname in ("127.0.0.1", "localhost"):
        os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"  # the token does not leave this machine
    client = SignedInClient(url, ADMINISTRATOR, password.read_text().strip())
    try:
        client.session.trust_env = False
    except requests.RequestException as problem:
        raise SupersetError(f"Superset does not let us in at {url}: {problem}") from problem
    except (BadRequestError, ComplexBadRequestError) as problem:
        raise SupersetError(f"Superset refused the sign-in at {url}: {problem}") from problem
    return client


def _checked(response: requests.Response, doing: str) -> None:
    try:
        raise_for_status(response)
    except (requests.RequestException, BadRequestError, ComplexBadRequestError) as problem:
        raise SupersetError(f"{doing}: {problem}; {response.text[:500]}") from problem


def import_bundle(client: SignedInClient, packed: bytes) -> None:
    """Import a bundle of assets; objects of the same uuid are overwritten. Raises SupersetError."""
    # not client.assets.import_file, which opens the archive in the working directory only
    response = client.post(
        client.assets.import_url,
        files={"bundle": ("kho_tinh.zip", packed, "application/zip")},
        headers={"Accept": "application/json"},
    )
    _checked(response, "importing the dashboards")


def export_bundle(client: SignedInClient) -> bytes:
    """All assets of the server as an archive. Raises SupersetError."""
    response = client.get(client.assets.export_url)
    _checked(response, "exporting the dashboards")
    return bytes(response.content)

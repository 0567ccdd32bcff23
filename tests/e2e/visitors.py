"""People at the door of a Superset server, through the same pages and interfaces that a browser uses."""

import re
from dataclasses import dataclass
from typing import Any

import requests

WAIT = 240  # seconds for an answer, on a busy machine
TOKEN = re.compile(r'name="csrf_token"[^>]*value="([^"]+)"|value="([^"]+)"[^>]*name="csrf_token"')


@dataclass
class Visitor:
    """One person's session. signed_in: whether the server let them in."""

    url: str
    username: str
    session: requests.Session
    signed_in: bool
    token: str

    def get(self, path: str, **options: Any) -> requests.Response:
        """GET of a path, a redirect to the log-in page included."""
        return self.session.get(f"{self.url}{path}", timeout=WAIT, **options)

    def send(self, method: str, path: str, body: Any = None, **options: Any) -> requests.Response:
        """A change or a question, with the token that the server asks of its own pages."""
        headers = {"X-CSRFToken": self.token, "Referer": self.url}
        return self.session.request(method, f"{self.url}{path}", json=body, headers=headers, timeout=WAIT, **options)

    def post(self, path: str, body: Any = None, **options: Any) -> requests.Response:
        """POST of JSON."""
        return self.send("POST", path, body, **options)


def sign_in(url: str, username: str, password: str) -> Visitor:
    """Sign in by the log-in form."""
    session = new_session()
    page = session.get(f"{url}/login/", timeout=WAIT).text
    found = re.search(r"csrf_token&#34;: &#34;([^&]+)&#34;", page) or TOKEN.search(page)
    token = next(group for group in found.groups() if group) if found else ""
    session.post(
        f"{url}/login/", data={"username": username, "password": password, "csrf_token": token}, timeout=WAIT,
        headers={"Referer": f"{url}/login/"}, allow_redirects=False,
    )  # fmt: skip
    return arrived(url, username, session)


def sign_in_at_directory(url: str, username: str, password: str) -> Visitor:
    """Sign in at the page of the province's single sign-on, which sends the person back."""
    session = new_session()
    asked = session.get(f"{url}/login/tinh", timeout=WAIT)
    session.post(asked.url, data={"username": username, "password": password}, timeout=WAIT)
    return arrived(url, username, session)


def new_session() -> requests.Session:
    """A browser that has been nowhere yet."""
    session = requests.Session()
    session.trust_env = False
    session.headers["User-Agent"] = "visitor"
    return session


def arrived(url: str, username: str, session: requests.Session) -> Visitor:
    """Who this session is for the server."""
    me = session.get(f"{url}/api/v1/me/", timeout=WAIT)
    if me.status_code != 200:
        return Visitor(url, username, session, False, "")
    answer = session.get(f"{url}/api/v1/security/csrf_token/", timeout=WAIT)
    return Visitor(url, username, session, True, answer.json().get("result", ""))

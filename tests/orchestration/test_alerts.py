import json
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import httpx
import pytest

from lake.settings import Settings, SettingsError, load_settings
from orchestration.defs.alerts import tell
from tests.mail_server import mail_server


@contextmanager
def served(server: socketserver.BaseServer) -> Iterator[int]:
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_address[1]  # type: ignore[misc]
    finally:
        server.shutdown()
        server.server_close()


def test_a_webhook_is_told_as_chat_systems_expect_it(settings: Settings) -> None:
    told: list[dict[str, str]] = []

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            return None

    with served(HTTPServer(("127.0.0.1", 0), Hook)) as port:
        env = {**settings.env, "KHO_ALERT_WEBHOOK": f"http://127.0.0.1:{port}/hook"}
        ways = tell(load_settings(env), "Lần chạy thất bại", "vì nguồn đóng", {"job": "ingest_hourly"})
    assert ways == ["webhook"]
    assert told == [{"text": "Lần chạy thất bại\nvì nguồn đóng", "job": "ingest_hourly"}]


def test_a_webhook_that_refuses_is_an_error(settings: Settings) -> None:
    class Refusing(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(500)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            return None

    with served(HTTPServer(("127.0.0.1", 0), Refusing)) as port:
        env = {**settings.env, "KHO_ALERT_WEBHOOK": f"http://127.0.0.1:{port}/"}
        with pytest.raises(httpx.HTTPStatusError):
            tell(load_settings(env), "a", "b", {})


def test_nobody_is_told_where_nothing_is_set(settings: Settings) -> None:
    assert tell(settings, "a", "b", {}) == []


def test_mail_goes_to_every_address(settings: Settings) -> None:
    with mail_server() as there:
        env = {
            **settings.env,
            "KHO_ALERT_EMAIL": "truc@tinh.example, kythuat@tinh.example",
            "KHO_SMTP_URL": there.url,
        }
        assert tell(load_settings(env), "Thất bại", "vì nguồn đóng", {}) == ["e-mail"]
    (received,) = there.received
    assert received.to == ["truc@tinh.example", "kythuat@tinh.example"]
    assert received.message["Subject"] == "Thất bại"
    assert received.message.get_content().strip() == "vì nguồn đóng"


def test_a_mail_address_without_a_server_names_the_setting(settings: Settings) -> None:
    with pytest.raises(SettingsError, match="KHO_SMTP_URL"):
        tell(load_settings({**settings.env, "KHO_ALERT_EMAIL": "a@tinh.example"}), "a", "b", {})

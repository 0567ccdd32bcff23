"""Scripts, styles and fonts of the pages are corrected and compressed once a process, and then sent from memory.

A page asks for some sixty of them, and each was read, corrected and compressed anew. They are the same for
everybody: sent as differing by cookie, each had to be asked for again after each sign-in.
"""

import re
from collections.abc import Callable, Iterable
from typing import Any

from werkzeug.wrappers import Request, Response

NAMED_BY_CONTENT = re.compile(r"^/static/assets/[\w.-]*\b[0-9a-f]{20}\b[\w.-]*\.(js|css|woff2?)$")
WAYS = ("zstd", "br", "gzip")  # of compression, the best first


class KeptFiles:
    """In front of the server."""

    def __init__(self, app: Callable[..., Iterable[bytes]]) -> None:
        self.app = app
        self.kept: dict[tuple[str, str], Response] = {}  # of files that are there, in three ways: some dozens of MB

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if environ["REQUEST_METHOD"] != "GET" or not NAMED_BY_CONTENT.match(path):
            return self.app(environ, start_response)
        accepted = Request(environ).accept_encodings
        way = next((one for one in WAYS if accepted.quality(one)), None)
        if way is None:
            return self.app(environ, start_response)
        kept = self.kept.get((path, way))
        if kept is None:
            kept = self._asked(environ, way)
            if kept.status_code != 200:
                return kept(environ, start_response)
            self.kept[path, way] = kept
        answer = Response(kept.get_data(), headers=kept.headers)
        return answer.make_conditional(environ)(environ, start_response)

    def _asked(self, environ: dict[str, Any], way: str) -> Response:
        """What the server answers to a request of nobody's for the whole file."""
        plain = {name: value for name, value in environ.items() if not name.startswith("HTTP_")}
        plain |= {"HTTP_HOST": environ.get("HTTP_HOST", ""), "HTTP_ACCEPT_ENCODING": way, "QUERY_STRING": ""}
        answer = Response.from_app(self.app, plain, buffered=True)
        if answer.status_code == 200:
            answer.headers["Vary"] = "Accept-Encoding"
            answer.headers.pop("Set-Cookie", None)
            answer.cache_control.immutable = True
            answer.add_etag(overwrite=True)  # of what is sent: the file's own does not change with a correction
        return answer


def send_kept_files(app: Any) -> None:
    """Put them in front of the server."""
    app.wsgi_app = KeptFiles(app.wsgi_app)

"""What stands in front of the server for the files of pages, in the server's own environment."""

import subprocess

from superset_assets.launch import BIN, SERVER

FILES = """
from kept_files import KeptFiles
from werkzeug.test import Client
from werkzeug.wrappers import Request, Response

NAMED = "/static/assets/vendors.0123456789abcdef0123.entry.js"
asked = []

@Request.application
def server(request):
    way = request.headers.get("Accept-Encoding")
    asked.append((request.path, way, request.cookies.get("session")))
    if request.path.endswith("0000.js"):
        return Response("not found", 404)
    answer = Response(f"{request.path} {way}", mimetype="text/javascript")
    answer.headers["Cache-Control"] = "public, max-age=31536000"
    answer.headers["Vary"] = "Accept-Encoding, Cookie"
    answer.set_cookie("session", "own")
    answer.set_etag("of-the-file")
    return answer

def get(path, way="gzip, br", session="a", **headers):
    client = Client(in_front)
    client.set_cookie("session", session)
    return client.get(path, headers={"Accept-Encoding": way, **headers})

in_front = KeptFiles(server)

first, second = get(NAMED), get(NAMED, session="b")
assert asked == [(NAMED, "br", None)], "once, in nobody's name"
assert first.data == second.data == f"{NAMED} br".encode()
for one in (first, second):
    assert one.headers["Vary"] == "Accept-Encoding" and "Set-Cookie" not in one.headers
    assert "immutable" in one.headers["Cache-Control"] and "max-age=31536000" in one.headers["Cache-Control"]
    assert "of-the-file" not in one.headers["ETag"]

again = get(NAMED, **{"If-None-Match": first.headers["ETag"]})
assert (again.status_code, again.data) == (304, b"")

assert get(NAMED, way="gzip").data == f"{NAMED} gzip".encode(), "each way of compression is another answer"
for _ in range(2):
    assert get(NAMED, way="br;q=0").data == f"{NAMED} br;q=0".encode() and asked[-1][2] == "a", "the server's"

for path in ("/static/service-worker.js", "/api/v1/chart/data", "/static/assets/package.json"):
    before = len(asked)
    for _ in range(2):
        assert "Cookie" in get(path).headers["Vary"]
    assert len(asked) == before + 2 and asked[-1][2] == "a", "all else is the server's"

missing = "/static/assets/0123456789abcdef0000.js"
assert get(missing).status_code == get(missing).status_code == 404
assert [path for path, _, _ in asked].count(missing) == 2, "a refusal is not kept"
"""


def test_files_are_asked_for_once_and_are_the_same_for_everybody() -> None:
    done = subprocess.run([BIN / "python", "-c", FILES], cwd=SERVER, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr

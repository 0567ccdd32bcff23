"""The province's single sign-on: an OpenID Connect server with the authorisation code flow, PKCE and signed tokens.

It signs its tokens itself (RFC 7515, RS256) and can spoil them, so that whoever reads them shows whether it looks.
`kho simulate` does not start it.
"""

import base64
import hashlib
import hmac
import html
import json
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote, urlencode

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

CODE_SECONDS = 60
TOKEN_SECONDS = 300
_KEY_BITS = 2048
_KEY_ID = "tinh-1"
_PAGE = """<!doctype html><html lang="vi"><meta charset="utf-8"><title>Đăng nhập một lần</title>
<form method="post"><p>{told}</p><input name="username" aria-label="Tên"><input name="password" type="password"
aria-label="Mật khẩu"><button>Đăng nhập</button></form></html>"""


def _new_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=_KEY_BITS)


@dataclass
class Person:
    """Someone in the directory. claims: more of what is told of them, or instead of what usually is."""

    password: str
    groups: list[str]
    claims: dict[str, Any] = field(default_factory=dict)


@dataclass
class SignOn:
    """The server's state; tests change it while it runs.

    url: its own address. redirects: the addresses that a person may be sent back to. people: by name.
    spoil: one of FAULTS, for the tokens given out from now on. groups_in_token: else the user-info page tells them.
    """

    url: str
    client_id: str
    client_secret: str
    people: dict[str, Person]
    redirects: set[str] = field(default_factory=set)
    spoil: str | None = None
    groups_in_token: bool = True
    key: rsa.RSAPrivateKey = field(default_factory=_new_key)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)  # access token -> name


def create_sign_on(server: SignOn) -> Starlette:
    """The web application: discovery, /authorize, /token, /userinfo and /jwks."""

    async def discovery(request: Request) -> Response:
        return JSONResponse(
            {
                "issuer": server.url,
                "authorization_endpoint": f"{server.url}/authorize",
                "token_endpoint": f"{server.url}/token",
                "userinfo_endpoint": f"{server.url}/userinfo",
                "jwks_uri": f"{server.url}/jwks",
                "response_types_supported": ["code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256"],
                "code_challenge_methods_supported": ["S256"],
                "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
            }
        )

    async def jwks(request: Request) -> Response:
        public = server.key.public_key().public_numbers()
        numbers = {"n": _number(public.n), "e": _number(public.e)}
        return JSONResponse({"keys": [{"kty": "RSA", "use": "sig", "alg": "RS256", "kid": _KEY_ID, **numbers}]})

    async def authorize(request: Request) -> Response:
        asked = {name: request.query_params.get(name, "") for name in _ASKED}
        if asked["client_id"] != server.client_id or asked["redirect_uri"] not in server.redirects:
            return HTMLResponse(_PAGE.format(told="Không biết ứng dụng này."), 400)
        if asked["response_type"] != "code" or asked["code_challenge_method"] != "S256" or not asked["code_challenge"]:
            return _back(asked, {"error": "invalid_request"})
        if request.method == "GET":
            return HTMLResponse(_PAGE.format(told="Mời đăng nhập."))
        form = {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
        person = server.people.get(form.get("username", ""))
        if person is None or not hmac.compare_digest(person.password, form.get("password", "")):
            return HTMLResponse(_PAGE.format(told=html.escape("Sai tên hoặc mật khẩu.")), 401)
        code = secrets.token_urlsafe(24)
        server.codes[code] = {**asked, "name": form["username"], "until": str(time.time() + CODE_SECONDS)}
        return _back(asked, {"code": code})

    async def token(request: Request) -> Response:
        form = {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
        if not _client_known(server, request, form):
            return JSONResponse({"error": "invalid_client"}, 401)
        given = server.codes.pop(form.get("code", ""), None)  # good once
        if given is None or float(given["until"]) < time.time() or given["redirect_uri"] != form.get("redirect_uri"):
            return JSONResponse({"error": "invalid_grant"}, 400)
        verifier = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        if not hmac.compare_digest(_text(verifier), given["code_challenge"]):
            return JSONResponse({"error": "invalid_grant", "error_description": "PKCE"}, 400)
        access = secrets.token_urlsafe(24)
        server.tokens[access] = given["name"]
        answer = {"access_token": access, "token_type": "Bearer", "expires_in": TOKEN_SECONDS, "scope": given["scope"]}
        if server.spoil != "no id_token":
            answer["id_token"] = _id_token(server, given["name"], given["nonce"])
        return JSONResponse(answer, headers={"Cache-Control": "no-store"})

    async def userinfo(request: Request) -> Response:
        name = server.tokens.get(request.headers.get("authorization", "").removeprefix("Bearer "))
        if name is None:
            return JSONResponse({"error": "invalid_token"}, 401)
        told = {**_about(server, name), "groups": server.people[name].groups}
        return JSONResponse({**told, "sub": "another"} if server.spoil == "page of another person" else told)

    return Starlette(
        routes=[
            Route("/.well-known/openid-configuration", discovery),
            Route("/jwks", jwks),
            Route("/authorize", authorize, methods=["GET", "POST"]),
            Route("/token", token, methods=["POST"]),
            Route("/userinfo", userinfo),
        ]
    )


_ASKED = ("client_id", "redirect_uri", "response_type", "scope", "state", "nonce", "code_challenge",
          "code_challenge_method")  # fmt: skip


def _back(asked: dict[str, str], told: dict[str, str]) -> Response:
    query = urlencode({**told, "state": asked["state"]})
    return RedirectResponse(f"{asked['redirect_uri']}?{query}", 303)


def _client_known(server: SignOn, request: Request, form: dict[str, str]) -> bool:
    name, secret = form.get("client_id", ""), form.get("client_secret", "")
    kind, _, packed = request.headers.get("authorization", "").partition(" ")
    if kind.lower() == "basic":
        name, _, secret = (unquote(part) for part in base64.b64decode(packed).decode().partition(":"))
    return hmac.compare_digest(f"{name}:{secret}", f"{server.client_id}:{server.client_secret}")


def _about(server: SignOn, name: str) -> dict[str, Any]:
    usual = {"sub": f"id-{name}", "preferred_username": name, "name": name, "email": f"{name}@tinh.example"}
    return usual | server.people[name].claims


def _id_token(server: SignOn, name: str, nonce: str) -> str:
    now = int(time.time())
    claims = _about(server, name) | {"iss": server.url, "aud": server.client_id, "nonce": nonce}
    claims |= {"iat": now, "exp": now + TOKEN_SECONDS}
    if server.groups_in_token:
        claims["groups"] = server.people[name].groups
    return FAULTS[server.spoil](server, claims) if server.spoil in FAULTS else _signed(claims, server.key)


def _signed(claims: dict[str, Any], key: rsa.RSAPrivateKey) -> str:
    head = _json({"alg": "RS256", "typ": "JWT", "kid": _KEY_ID})
    text = f"{head}.{_json(claims)}"
    return f"{text}.{_text(key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


def _changed(server: SignOn, claims: dict[str, Any]) -> str:
    """Signed, and then everybody's groups are put in."""
    head, _, signature = _signed(claims, server.key).split(".")
    every = sorted({group for person in server.people.values() for group in person.groups})
    return f"{head}.{_json({**claims, 'groups': every})}.{signature}"


def _symmetric(server: SignOn, claims: dict[str, Any]) -> str:
    """Signed with the key that everybody can read, for a reader who takes the kind of signature from the token."""
    public = server.key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    text = f"{_json({'alg': 'HS256', 'typ': 'JWT', 'kid': _KEY_ID})}.{_json(claims)}"
    return f"{text}.{_text(hmac.digest(public, text.encode(), 'sha256'))}"


def _with(**changes: Any) -> Callable[[SignOn, dict[str, Any]], str]:
    return lambda server, claims: _signed({**claims, **changes}, server.key)


FAULTS: dict[str, Callable[[SignOn, dict[str, Any]], str]] = {
    "expired": lambda server, claims: _signed(
        {**claims, "iat": claims["iat"] - 7200, "exp": claims["iat"] - 3600}, server.key
    ),
    "another key": lambda server, claims: _signed(claims, _new_key()),
    "no signature": lambda server, claims: f"{_json({'alg': 'none', 'typ': 'JWT'})}.{_json(claims)}.",
    "signed with the public key": _symmetric,
    "changed afterwards": _changed,
    "for another client": _with(aud="another"),
    "of another issuer": _with(iss="https://another.example"),
    "of another sign-in": _with(nonce="another"),
    "without a nonce": lambda server, claims: _signed(
        {name: value for name, value in claims.items() if name != "nonce"}, server.key
    ),
}
ANSWER_FAULTS = ("no id_token", "page of another person")  # spoil the answer, not the token


def _json(content: dict[str, Any]) -> str:
    return _text(json.dumps(content).encode())


def _number(value: int) -> str:
    return _text(value.to_bytes((value.bit_length() + 7) // 8, "big"))


def _text(content: bytes) -> str:
    """Base64 with the signs of addresses and without padding."""
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()

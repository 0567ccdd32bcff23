"""The province's single sign-on: its settings, and what is taken from what the directory tells of a person.

KHO_SUPERSET_AUTH is `database` (accounts of the users' file), `oidc` or `ldap`; the rest of the settings is in
docs/access.md. Group -> roles comes from the users' file in each case.
"""

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

USERNAME = re.compile(r"[a-z0-9][a-z0-9._-]{1,63}")
MACHINE_NAMES = ("admin",)  # accounts of this machine: no directory speaks for them, and they are never closed
PROVIDER = "tinh"
SCOPE = "openid profile email groups"
HERE = ("127.0.0.1", "localhost", "::1")
Told = Mapping[str, Any]


class NotLetIn(ValueError):
    """Whom the directory sent is no person for us; the message says why."""


def directory_name(told: object) -> str:
    """The name of an account for what a directory calls a person: in small letters, and no account of this machine.

    Raises NotLetIn. The form is checked after the letters are made small: nothing is cut off or read as another sign,
    so a name that only looks like one of ours (spaces, wide or accented letters) is refused and never becomes it.
    """
    name = str(told or "").lower()
    if not USERNAME.fullmatch(name):
        raise NotLetIn("the directory's name for this person is none that an account can have")
    if name in MACHINE_NAMES:
        raise NotLetIn(f"{name} is an account of this machine and not of the directory")
    return name


def person(answer: Told, user_info: Callable[[], Told]) -> dict[str, Any]:
    """The account that the answer of the OIDC server speaks of. Raises NotLetIn.

    answer: the tokens; `userinfo` in it are the claims of the id_token, there only after its signature, issuer,
    audience, time and nonce were verified. user_info: asks the server's user-info page, for groups that are told there
    alone; what it tells counts if it is of the same subject (OpenID Connect Core 1.0, 5.3.2).
    """
    claims = answer.get("userinfo")
    if not claims or not claims.get("sub"):
        raise NotLetIn("the answer holds no verified id_token")
    told = dict(claims)
    if "groups" not in told:
        more = user_info()
        if more.get("sub") != claims["sub"]:
            raise NotLetIn("the user-info page speaks of another person than the id_token")
        told = {**more, **told}
    groups = told.get("groups") or []
    name = str(told.get("name") or told.get("preferred_username") or "")
    first, _, last = name.rpartition(" ")
    return {
        "username": directory_name(told.get("preferred_username") or told["sub"]),
        "email": told.get("email") or "",
        "first_name": told.get("given_name") or first or name,
        "last_name": told.get("family_name") or (last if first else ""),
        "role_keys": [str(group).removeprefix("/") for group in ([groups] if isinstance(groups, str) else groups)],
    }


def sign_in_settings(home: Path, env: Mapping[str, str]) -> dict[str, Any]:
    """The settings of Superset for the way of signing in that the environment names.

    Raises ValueError, and KeyError for a setting that lacks.
    """
    way = env.get("KHO_SUPERSET_AUTH") or "database"
    if way == "database":
        return {}
    shared: dict[str, Any] = {
        "AUTH_USER_REGISTRATION_ROLE": "Public",  # it has no right: whoever is in no group of ours sees nothing
        "AUTH_ROLES_MAPPING": lambda: group_roles(home),  # asked at each sign-in: a deployment needs no new start
        "AUTH_ROLES_SYNC_AT_LOGIN": True,  # a group taken away is a role taken away
    }
    if way == "oidc":
        issuer = _private(env["KHO_OIDC_ISSUER"].rstrip("/"), "KHO_OIDC_ISSUER", ("https",))
        from flask_appbuilder.const import AUTH_OAUTH

        return {
            **shared,
            "AUTH_TYPE": AUTH_OAUTH,
            "OAUTH_PROVIDERS": [
                {
                    "name": PROVIDER,
                    "icon": "fa-key",
                    "token_key": "access_token",
                    "remote_app": {
                        "client_id": env["KHO_OIDC_CLIENT_ID"],
                        "client_secret": env["KHO_OIDC_CLIENT_SECRET"],
                        "server_metadata_url": f"{issuer}/.well-known/openid-configuration",
                        "client_kwargs": {
                            "scope": env.get("KHO_OIDC_SCOPE") or SCOPE,
                            "code_challenge_method": "S256",
                        },
                    },
                }
            ],
        }
    if way == "ldap":
        start_tls = env.get("KHO_LDAP_TLS", "1") == "1"
        server = _private(env["KHO_LDAP_SERVER"], "KHO_LDAP_SERVER", ("ldap", "ldaps") if start_tls else ("ldaps",))
        from flask_appbuilder.const import AUTH_LDAP

        return {
            **shared,
            "AUTH_TYPE": AUTH_LDAP,
            "AUTH_LDAP_SERVER": server,
            "AUTH_LDAP_USE_TLS": start_tls,
            "AUTH_LDAP_SEARCH": env["KHO_LDAP_SEARCH"],
            "AUTH_LDAP_BIND_USER": env.get("KHO_LDAP_BIND_USER", ""),
            "AUTH_LDAP_BIND_PASSWORD": env.get("KHO_LDAP_BIND_PASSWORD", ""),
            "AUTH_LDAP_UID_FIELD": env.get("KHO_LDAP_UID_FIELD", "uid"),
            "AUTH_LDAP_GROUP_FIELD": env.get("KHO_LDAP_GROUP_FIELD", "memberOf"),
        }
    raise ValueError(f"KHO_SUPERSET_AUTH is {way!r}, not database, oidc or ldap")


def group_roles(home: Path) -> dict[str, list[str]]:
    """Group -> names of its roles, as the last deployment wrote them; none before the first."""
    path = home / "superset" / "groups.json"
    found: dict[str, list[str]] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return found


def _private(address: str, setting: str, schemes: tuple[str, ...]) -> str:
    """The address, if nobody on the way reads what is said there. Raises ValueError."""
    parts = urlsplit(address)
    if parts.scheme not in schemes and parts.hostname not in HERE:
        raise ValueError(f"{setting}: passwords and tokens would travel in the clear, {' or '.join(schemes)} is needed")
    return address

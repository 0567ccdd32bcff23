"""The province's single sign-on: its settings, and what is taken from what the directory tells of a person.

KHO_SUPERSET_AUTH is `database` (accounts of the users' file), `oidc` or `ldap`; the rest of the settings is in
docs/access.md. Group -> roles comes from the users' file in each case.
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

PROVIDER = "tinh"
SCOPE = "openid profile email groups"
AUTH_TYPES = {"ldap": 2, "oidc": 4}  # AUTH_LDAP and AUTH_OAUTH of flask_appbuilder.const
NEEDED = {
    "ldap": ("KHO_LDAP_SERVER", "KHO_LDAP_SEARCH"),
    "oidc": ("KHO_OIDC_ISSUER", "KHO_OIDC_CLIENT_ID", "KHO_OIDC_CLIENT_SECRET"),
}
HERE = ("127.0.0.1", "localhost", "::1")
Told = Mapping[str, Any]


class UnverifiedError(ValueError):
    """What came back from the directory is no proof of who somebody is; the message says why."""


def person(answer: Told, user_info: Callable[[], Told]) -> dict[str, Any]:
    """Whom the answer of the OIDC server speaks of, with the name as it is told. Raises UnverifiedError.

    answer: the tokens; `userinfo` in it are the claims of the id_token, there only after its signature, issuer,
    audience, time and nonce were verified. user_info: asks the server's user-info page, for groups that are told there
    alone; what it tells counts if it is of the same subject (OpenID Connect Core 1.0, 5.3.2).
    """
    claims = answer.get("userinfo")
    if not claims or not claims.get("sub"):
        raise UnverifiedError("the answer holds no verified id_token")
    told = dict(claims)
    if "groups" not in told:
        more = user_info()
        if more.get("sub") != claims["sub"]:
            raise UnverifiedError("the user-info page speaks of another person than the id_token")
        told = {**more, **told}
    groups = told.get("groups") or []
    name = str(told.get("name") or told.get("preferred_username") or "")
    first, _, last = name.rpartition(" ")
    return {
        "username": str(told.get("preferred_username") or told["sub"]),
        "email": told.get("email") or "",
        "first_name": told.get("given_name") or first or name,
        "last_name": told.get("family_name") or (last if first else ""),
        "role_keys": [str(group).removeprefix("/") for group in ([groups] if isinstance(groups, str) else groups)],
    }


def by_directory(env: Mapping[str, str]) -> bool:
    """Whether a directory tells who people are, and not the file of users."""
    return (env.get("KHO_SUPERSET_AUTH") or "database") != "database"


def sign_in_settings(home: Path, env: Mapping[str, str]) -> dict[str, Any]:
    """The settings of Superset for the way of signing in that the environment names. Raises ValueError."""
    if not by_directory(env):
        return {}
    way = env["KHO_SUPERSET_AUTH"]
    if way not in NEEDED:
        raise ValueError(f"KHO_SUPERSET_AUTH is {way!r}, not database, oidc or ldap")
    if lacking := [name for name in NEEDED[way] if not env.get(name)]:
        raise ValueError(f"KHO_SUPERSET_AUTH is {way}, and not set: {', '.join(lacking)}")
    shared: dict[str, Any] = {
        "AUTH_USER_REGISTRATION_ROLE": "Public",  # it has no right: whoever is in no group of ours sees nothing
        "AUTH_ROLES_MAPPING": lambda: group_roles(home),  # asked at each sign-in: a deployment needs no new start
        "AUTH_ROLES_SYNC_AT_LOGIN": True,  # a group taken away is a role taken away
        # the administrator's password at the API, for deploying and verifying; see Accounts.auth_user_db
        "AUTH_API_LOGIN_ALLOW_MULTIPLE_PROVIDERS": True,
    }
    if way == "oidc":
        issuer = _private(env["KHO_OIDC_ISSUER"].rstrip("/"), "KHO_OIDC_ISSUER", ("https",))
        return {
            **shared,
            "AUTH_TYPE": AUTH_TYPES[way],
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
    start_tls = env.get("KHO_LDAP_TLS", "1") == "1"
    server = _private(env["KHO_LDAP_SERVER"], "KHO_LDAP_SERVER", ("ldap", "ldaps") if start_tls else ("ldaps",))
    return {
        **shared,
        "AUTH_TYPE": AUTH_TYPES[way],
        "AUTH_LDAP_SERVER": server,
        "AUTH_LDAP_USE_TLS": start_tls,
        "AUTH_LDAP_SEARCH": env["KHO_LDAP_SEARCH"],
        "AUTH_LDAP_BIND_USER": env.get("KHO_LDAP_BIND_USER", ""),
        "AUTH_LDAP_BIND_PASSWORD": env.get("KHO_LDAP_BIND_PASSWORD", ""),
        "AUTH_LDAP_UID_FIELD": env.get("KHO_LDAP_UID_FIELD", "uid"),
        "AUTH_LDAP_GROUP_FIELD": env.get("KHO_LDAP_GROUP_FIELD", "memberOf"),
    }


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

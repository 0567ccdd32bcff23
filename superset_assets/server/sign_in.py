"""Accounts: names that cannot reach a query, closing after idleness, and the province's single sign-on.

KHO_SUPERSET_AUTH is `database` (accounts of the users' file), `oidc` or `ldap`; the rest of the settings is in
docs/access.md. Group -> roles comes from the users' file in each case.
"""

import json
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from superset.security import SupersetSecurityManager

USERNAME = re.compile(r"[a-z0-9][a-z0-9._-]{1,63}")
MACHINE_NAMES = ("admin",)  # never closed: somebody must be able to let the others in again


class Accounts(SupersetSecurityManager):
    """The server's accounts with the rules of this project."""

    def add_user(self, username: str, *arguments: Any, **named: Any) -> Any:
        """An account; none for a name with signs that mean something elsewhere."""
        return super().add_user(username, *arguments, **named) if USERNAME.fullmatch(username or "") else False

    def find_user(self, username: str | None = None, email: str | None = None) -> Any:
        """The account, closed if it has been idle for too long."""
        user = super().find_user(username=username, email=email)
        if user is not None and user.is_active and self.idle(user):
            user.active = False
            self.update_user(user)
        return user

    def idle(self, user: Any) -> bool:
        """Whether nobody has signed in for the days after which an account is closed."""
        from flask import current_app

        if user.username in MACHINE_NAMES:
            return False
        # opening an account again by hand gives it the same time anew
        seen = [when for when in (user.last_login, user.created_on, user.changed_on) if when is not None]
        return bool(seen) and max(seen) < datetime.now() - timedelta(days=current_app.config["IDLE_DAYS"])

    def oauth_user_info(self, provider: str, response: Any = None) -> dict[str, Any]:
        """What the province's OIDC server says of a person, from the verified token or its user-info page."""
        told = (response or {}).get("userinfo") or self.appbuilder.sm.oauth_remotes[provider].userinfo()
        name = str(told.get("name") or told.get("preferred_username") or "")
        first, _, last = name.rpartition(" ")
        return {
            "username": str(told.get("preferred_username") or told.get("sub") or "").lower(),
            "email": told.get("email") or "",
            "first_name": told.get("given_name") or first or name,
            "last_name": told.get("family_name") or (last if first else ""),
            "role_keys": [str(group).lstrip("/") for group in told.get("groups") or []],
        }


def sign_in_settings(home: Path, env: Mapping[str, str]) -> dict[str, Any]:
    """The settings of Superset for the way of signing in that the environment names. Raises ValueError, KeyError."""
    way = env.get("KHO_SUPERSET_AUTH") or "database"
    if way == "database":
        return {}
    groups = home / "superset" / "groups.json"
    shared: dict[str, Any] = {
        "AUTH_USER_REGISTRATION": True,
        "AUTH_USER_REGISTRATION_ROLE": "Public",  # it has no right: whoever is in no group of ours sees nothing
        "AUTH_ROLES_MAPPING": json.loads(groups.read_text()) if groups.exists() else {},
        "AUTH_ROLES_SYNC_AT_LOGIN": True,  # a group taken away is a role taken away
    }
    if way == "oidc":
        from flask_appbuilder.const import AUTH_OAUTH

        issuer = env["KHO_OIDC_ISSUER"].rstrip("/")
        return {
            **shared,
            "AUTH_TYPE": AUTH_OAUTH,
            "OAUTH_PROVIDERS": [
                {
                    "name": "tinh",
                    "icon": "fa-key",
                    "token_key": "access_token",
                    "remote_app": {
                        "client_id": env["KHO_OIDC_CLIENT_ID"],
                        "client_secret": env["KHO_OIDC_CLIENT_SECRET"],
                        "server_metadata_url": f"{issuer}/.well-known/openid-configuration",
                        "client_kwargs": {"scope": "openid profile email groups", "code_challenge_method": "S256"},
                    },
                }
            ],
        }
    if way == "ldap":
        from flask_appbuilder.const import AUTH_LDAP

        return {
            **shared,
            "AUTH_TYPE": AUTH_LDAP,
            "AUTH_LDAP_SERVER": env["KHO_LDAP_SERVER"],
            "AUTH_LDAP_USE_TLS": env.get("KHO_LDAP_TLS", "1") == "1",
            "AUTH_LDAP_SEARCH": env["KHO_LDAP_SEARCH"],
            "AUTH_LDAP_BIND_USER": env.get("KHO_LDAP_BIND_USER", ""),
            "AUTH_LDAP_BIND_PASSWORD": env.get("KHO_LDAP_BIND_PASSWORD", ""),
            "AUTH_LDAP_UID_FIELD": env.get("KHO_LDAP_UID_FIELD", "uid"),
            "AUTH_LDAP_GROUP_FIELD": env.get("KHO_LDAP_GROUP_FIELD", "memberOf"),
        }
    raise ValueError(f"KHO_SUPERSET_AUTH is {way!r}, not database, oidc or ldap")

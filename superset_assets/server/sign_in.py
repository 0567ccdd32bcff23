"""Accounts on the server: names that cannot reach a query, closing after idleness, and who may come by which way."""

from datetime import datetime
from typing import Any

from account_rules import USERNAME, NotLetInError, directory_name, idle, of_machine
from single_sign_on import PROVIDER, UnverifiedError, person
from superset.security import SupersetSecurityManager


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
        return idle(user.username, (user.last_login, user.created_on, user.changed_on), datetime.now())

    def auth_user_db(self, username: str, password: str) -> Any:
        """Sign in by password: with single sign-on the machine's own accounts alone, by name and not by mail.

        A password from before would go around the directory, and Superset's API asks for one in every configuration.
        """
        if self._directory() and not of_machine(username):
            return None
        return super().auth_user_db(username, password)

    def auth_user_ldap(self, username: str, password: str) -> Any:
        """Sign in by the directory, where it is the way, and never as an account of this machine."""
        from flask_appbuilder.const import AUTH_LDAP

        # many directories take a name without a password for a question of nobody, and say yes (RFC 4513, 5.1.2)
        if self.auth_type != AUTH_LDAP or not password.strip("\x00"):
            return None
        try:
            return super().auth_user_ldap(directory_name(username), password)
        except NotLetInError:
            return None

    def oauth_user_info(self, provider: str, response: Any = None) -> dict[str, Any]:
        """What the province's OIDC server says of a person. Raises an error, which is a refused sign-in."""
        if provider != PROVIDER:
            raise UnverifiedError(f"{provider} is not the province's server")
        told = person(response or {}, self.oauth_remotes[provider].userinfo)
        return {**told, "username": directory_name(told["username"])}

    @property
    def auth_user_registration(self) -> bool:
        """A person of the directory gets an account by signing in; there is no page to make one for oneself.

        Pages are registered before any request, and would be there if the setting of this name were on.
        """
        from flask import has_request_context

        return self._directory() and has_request_context()

    def _directory(self) -> bool:
        from flask_appbuilder.const import AUTH_DB

        return bool(self.auth_type != AUTH_DB)

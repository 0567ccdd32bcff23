"""What is taken from a directory's word about a person, without a server."""

from pathlib import Path
from typing import Any

import pytest

from lake.settings import load_settings
from orchestration.cli.doctor import CHECKS
from superset_assets.server.single_sign_on import UnverifiedError, group_roles, person, sign_in_settings

CLAIMS = {"sub": "7", "preferred_username": "Chu-Tich", "name": "Nguyễn Văn Thử", "email": "chu-tich@tinh.example"}

OIDC = {
    "KHO_SUPERSET_AUTH": "oidc",
    "KHO_OIDC_ISSUER": "https://sso.tinh.example/",
    "KHO_OIDC_CLIENT_ID": "kho",
    "KHO_OIDC_CLIENT_SECRET": "bi-mat",
}
LDAP = {
    "KHO_SUPERSET_AUTH": "ldap",
    "KHO_LDAP_SERVER": "ldap://ldap.tinh.example",
    "KHO_LDAP_SEARCH": "dc=tinh,dc=example",
}


def no_page() -> dict[str, Any]:
    raise AssertionError("the user-info page is asked although the id_token tells the groups")


def test_a_person_is_who_the_verified_token_says() -> None:
    found = person({"userinfo": {**CLAIMS, "groups": ["lanh-dao", "/so-y-te", "/khac/lanh-dao"]}}, no_page)
    assert found["username"] == "Chu-Tich"
    assert (found["first_name"], found["last_name"]) == ("Nguyễn Văn", "Thử")
    assert found["role_keys"] == ["lanh-dao", "so-y-te", "khac/lanh-dao"], "a group inside another is not that group"


def test_groups_may_be_told_on_the_user_info_page_alone() -> None:
    page = {"sub": "7", "preferred_username": "other", "groups": "lanh-dao"}
    found = person({"userinfo": CLAIMS}, lambda: page)
    assert found["role_keys"] == ["lanh-dao"]
    assert found["username"] == "Chu-Tich", "the token is signed, the page is not"
    with pytest.raises(UnverifiedError, match="another person"):
        person({"userinfo": CLAIMS}, lambda: {**page, "sub": "8"})


@pytest.mark.parametrize("answer", [{}, {"access_token": "x"}, {"userinfo": None}, {"userinfo": {"groups": []}}])
def test_without_a_verified_token_nobody_is_let_in(answer: dict[str, Any]) -> None:
    with pytest.raises(UnverifiedError, match="no verified id_token"):
        person(answer, lambda: {**CLAIMS, "groups": ["lanh-dao"]})


@pytest.mark.parametrize(
    ("env", "told"),
    [
        ({"KHO_SUPERSET_AUTH": "saml"}, "not database, oidc or ldap"),
        ({**OIDC, "KHO_OIDC_ISSUER": "http://sso.tinh.example"}, "KHO_OIDC_ISSUER.*https"),
        ({**OIDC, "KHO_OIDC_CLIENT_SECRET": ""}, "not set: KHO_OIDC_CLIENT_SECRET"),
        ({**LDAP, "KHO_LDAP_TLS": "0", "KHO_LDAP_SERVER": "ldap://ldap.tinh.example"}, "KHO_LDAP_SERVER.*ldaps"),
        ({"KHO_SUPERSET_AUTH": "ldap"}, "not set: KHO_LDAP_SERVER, KHO_LDAP_SEARCH"),
    ],
)
def test_a_wrong_setting_is_named(tmp_path: Path, env: dict[str, str], told: str) -> None:
    right = LDAP if env["KHO_SUPERSET_AUTH"] == "ldap" else OIDC
    with pytest.raises(ValueError, match=told):
        sign_in_settings(tmp_path, env)
    well, named = CHECKS["sign-in"](load_settings({"KHO_HOME": str(tmp_path), **env}), {})
    assert not well and "KHO_" in named
    assert CHECKS["sign-in"](load_settings({"KHO_HOME": str(tmp_path), **right}), {}) == (
        True,
        right["KHO_SUPERSET_AUTH"],
    )


def test_groups_are_read_as_the_last_deployment_wrote_them(tmp_path: Path) -> None:
    assert group_roles(tmp_path) == {}
    (tmp_path / "superset").mkdir()
    (tmp_path / "superset" / "groups.json").write_text('{"xã-a": ["commune", "unit_24820"]}', encoding="utf-8")
    assert group_roles(tmp_path) == {"xã-a": ["commune", "unit_24820"]}

"""What is taken from a directory's word about a person, without a server."""

from pathlib import Path
from typing import Any

import pytest

from superset_assets.server.single_sign_on import NotLetIn, directory_name, group_roles, person, sign_in_settings

CLAIMS = {"sub": "7", "preferred_username": "Chu-Tich", "name": "Nguyễn Văn Thử", "email": "chu-tich@tinh.example"}


def no_page() -> dict[str, Any]:
    raise AssertionError("the user-info page is asked although the id_token tells the groups")


@pytest.mark.parametrize(
    "name",
    [
        *("admin", "Admin", "ADMIN", " admin", "admin ", "admin\n", "ad min", "\tadmin", "admin\u200b", "admin\x00"),
        *("ａｄｍｉｎ", "аdmin", "admın", "ADMİN", "ádmin"),  # wide, Cyrillic, dotless, dotted, accented
        *("x' or '1'='1", "", None, "a", "a/b"),
    ],
)
def test_no_word_of_a_directory_becomes_an_account_of_the_machine(name: str | None) -> None:
    with pytest.raises(NotLetIn):
        directory_name(name)
    with pytest.raises(NotLetIn):
        person({"userinfo": {"sub": name, "preferred_username": name, "groups": []}}, no_page)


def test_a_person_is_who_the_verified_token_says() -> None:
    found = person({"userinfo": {**CLAIMS, "groups": ["lanh-dao", "/so-y-te", "/khac/lanh-dao"]}}, no_page)
    assert found["username"] == "chu-tich"
    assert (found["first_name"], found["last_name"]) == ("Nguyễn Văn", "Thử")
    assert found["role_keys"] == ["lanh-dao", "so-y-te", "khac/lanh-dao"], "a group inside another is not that group"


def test_groups_may_be_told_on_the_user_info_page_alone() -> None:
    page = {"sub": "7", "preferred_username": "other", "groups": "lanh-dao"}
    found = person({"userinfo": CLAIMS}, lambda: page)
    assert found["role_keys"] == ["lanh-dao"]
    assert found["username"] == "chu-tich", "the token is signed, the page is not"
    with pytest.raises(NotLetIn, match="another person"):
        person({"userinfo": CLAIMS}, lambda: {**page, "sub": "8"})


@pytest.mark.parametrize("answer", [{}, {"access_token": "x"}, {"userinfo": None}, {"userinfo": {"groups": []}}])
def test_without_a_verified_token_nobody_is_let_in(answer: dict[str, Any]) -> None:
    with pytest.raises(NotLetIn, match="no verified id_token"):
        person(answer, lambda: {**CLAIMS, "groups": ["lanh-dao"]})


@pytest.mark.parametrize(
    ("env", "told"),
    [
        ({"KHO_SUPERSET_AUTH": "saml"}, "not database, oidc or ldap"),
        ({"KHO_SUPERSET_AUTH": "oidc", "KHO_OIDC_ISSUER": "http://sso.tinh.example"}, "KHO_OIDC_ISSUER.*https"),
        (
            {"KHO_SUPERSET_AUTH": "ldap", "KHO_LDAP_TLS": "0", "KHO_LDAP_SERVER": "ldap://ldap.tinh.example"},
            "KHO_LDAP_SERVER.*ldaps",
        ),
    ],
)
def test_a_wrong_setting_is_named(tmp_path: Path, env: dict[str, str], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        sign_in_settings(tmp_path, env)


def test_groups_are_read_as_the_last_deployment_wrote_them(tmp_path: Path) -> None:
    assert group_roles(tmp_path) == {}
    (tmp_path / "superset").mkdir()
    (tmp_path / "superset" / "groups.json").write_text('{"xã-a": ["commune", "unit_24820"]}', encoding="utf-8")
    assert group_roles(tmp_path) == {"xã-a": ["commune", "unit_24820"]}

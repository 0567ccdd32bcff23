"""What the files of roles, rows and users mean, without a server."""

from pathlib import Path

import pytest
import yaml

from lake.settings import Settings, SettingsError
from superset_assets.access import Access, read_access
from superset_assets.accounts import read_accounts
from superset_assets.bundle import Assets


@pytest.fixture
def access(assets: Assets) -> Access:
    return read_access(assets, "68")


def test_a_commune_reads_no_dataset_without_its_column_unless_it_tells_of_the_province(
    access: Access, assets: Assets
) -> None:
    commune = access.roles["commune"]
    assert commune.datasets and not commune.databases
    limits = yaml.safe_load((Path(__file__).parents[2] / "superset_assets" / "rls.yaml").read_text(encoding="utf-8"))
    for name in commune.datasets - set(limits["province_wide"]):
        assert "unit_code" in {column["column_name"] for column in assets.datasets[name]["columns"]}, name
        assert name in access.rule.datasets
    assert "commune" not in access.rule.exempt


def test_a_department_opens_no_file_of_another(access: Access, assets: Assets) -> None:
    for role, forbidden in {
        "leader": {"health", "security", "facts"},
        "health": {"security", "facts"},
        "security": {"health", "facts"},
        "finance": {"health", "security", "facts"},
        "commune": {"health", "security", "facts"},
        "auditor": {"leaders", "health", "security", "facts"},
    }.items():
        opened = {assets.datasets[name]["database"] for name in access.roles[role].datasets}
        assert not opened & forbidden, role
        assert not access.roles[role].databases, role


def test_viewers_may_change_nothing(access: Access) -> None:
    own = {"DashboardFilterStateRestApi", "DashboardPermalinkRestApi"}  # where one stands on a page
    for role in access.roles.values():
        if role.name == "data_engineer":
            continue
        written = {thing for right, thing in role.permissions if right in ("can_write", "can_add", "can_edit")}
        private = {"SavedQuery", "ExploreFormDataRestApi", "ExplorePermalinkRestApi", "SqlLabPermalinkRestApi"}
        assert written <= own | (private if role.name == "analyst" else set()), role.name


def test_nobody_has_a_right_to_a_password_where_a_directory_keeps_them(access: Access, assets: Assets) -> None:
    by_directory = read_access(assets, "68", passwords=False)
    for name, role in access.roles.items():
        taken = {thing for _, thing in role.permissions - by_directory.roles[name].permissions}
        assert taken == {"UserDBModelView", "ResetMyPasswordView"}, name
        assert by_directory.roles[name].permissions < role.permissions, name


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ("groups: {a: {roles: [king]}}", "no role king"),
        ("groups: {a: {roles: [commune], units: ['1 or 1=1']}}", "no code of five digits"),
        ("groups: {a: {roles: [leader]}}\nusers: [{username: \"x' or '1'='1\", groups: [a]}]", "a name is of"),
        ("groups: {a: {roles: [leader]}}\nusers: [{username: admin, groups: [a]}]", "not admin"),
        ("groups: {a: {roles: [leader]}}\nusers: [{username: ab, groups: [b]}]", "no group b"),
        ("groups: {a: {roles: [leader]}}\nusers: [{username: ab}]", "in no group"),
        ("groups: {a: {roles: [leader]}}\nusers: [{username: ab, groups: [a], password: x}]", "no password"),
        ("groups: {a: {roles: [leader]}}\nusers: [{username: ab, groups: [a]}, {username: ab, groups: [a]}]", "twice"),
        ("groups: [", "no YAML"),
    ],
)
def test_a_wrong_file_of_users_is_named(settings: Settings, access: Access, wrong: str, told: str) -> None:
    (settings.home / "users.yaml").write_text(wrong)
    with pytest.raises(SettingsError, match=told):
        read_accounts(settings, access.roles)

"""What the files of roles, rows and users mean, without a server."""

from pathlib import Path

import pytest
import yaml

from lake.settings import Settings, SettingsError
from superset_assets.access import Access, read_access
from superset_assets.accounts import read_accounts
from superset_assets.bundle import Assets
from superset_assets.layout import shown_charts
from superset_assets.server.start_page import start_pages


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


SHARED = ("province_overview", "indicator", "commune", "quality", "environment")
OWN = {
    "health": ("health",),
    "security": ("security",),
    "home_affairs": ("reform",),
    "finance": ("economy",),
    "agriculture_environment": (),
    "inspectorate": ("petitions", "directives"),
}


@pytest.mark.parametrize("department", OWN)
def test_a_department_reads_the_whole_of_its_pages_and_of_what_all_share(
    access: Access, assets: Assets, department: str
) -> None:
    for page in (*SHARED, *OWN[department]):
        asked = {assets.charts[chart]["dataset"] for chart in shown_charts(assets.dashboards[page])}
        assert asked <= access.roles[department].datasets, page


def test_a_commune_reads_every_part_of_the_pages_on_the_leaders_file(access: Access, assets: Assets) -> None:
    """Of rows it sees its own and the province's alone."""
    for page, about in assets.dashboards.items():
        asked = {assets.charts[chart]["dataset"] for chart in shown_charts(about)}
        if {assets.datasets[name]["database"] for name in asked} == {"leaders"}:
            assert asked <= access.roles["commune"].datasets, page


def test_everybody_starts_on_a_page_whose_every_part_they_may_read(access: Access, assets: Assets) -> None:
    pages = {one["slug"]: one for one in assets.dashboards.values()}
    start = start_pages()
    assert start.keys() == access.roles.keys()
    assert start.pop("auditor") == "/actionlog/list", "an auditor reads the log and no figures"
    for role, slug in start.items():
        asked = {assets.charts[chart]["dataset"] for chart in shown_charts(pages[slug])}
        assert asked <= access.roles[role].datasets, role


def test_what_a_sector_counts_below_its_indicators_stays_with_it(access: Access, assets: Assets) -> None:
    closed = {
        "combined_disbursement_field",
        "combined_land_complaint",
        "directive_signs",
        "petition_topics",
        "petition_clusters",
        "petition_trend",
    }
    closed |= {"petition_copies", "petition_handling", "economy_forecast", "target_what_if"}
    closed |= {"revenue_month", "investment_projects"}
    assert not closed & access.roles["health"].datasets
    assert not closed & access.roles["security"].datasets


def test_a_page_that_a_role_may_open_holds_more_than_where_its_figures_come_from(
    access: Access, assets: Assets
) -> None:
    sources = {"source_line", "health_source", "security_source"}
    for role in access.roles.values():
        for name, page in assets.dashboards.items():
            seen = {chart for chart in shown_charts(page) if assets.charts[chart]["dataset"] in role.datasets}
            assert not seen or seen - sources, f"{role.name}: {name}"


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
        ("groups: {a: {roles: [leader]}}\nusers: [{username: may-a, groups: [a]}]", "not admin, may-"),
        (
            "groups: {a: {roles: [leader]}}\nmailings: {m: {group: b, pages: [x], to: [a@b]}}",
            "mailing m: there is no gro",
        ),
        ("groups: {a: {roles: [leader]}}\nmailings: {m: {group: a, to: [a@b]}}", "names no pages"),
        ("groups: {a: {roles: [leader]}}\nmailings: {m: {group: a, pages: [x]}}", "names no addresses"),
        (
            'groups: {a: {roles: [leader]}}\nmailings: {m: {group: a, pages: [x], to: ["a@b\\nBcc: c@d"]}}',
            "no address of",
        ),
        ("groups: {a: {roles: [leader]}}\nmailings: {M M: {group: a, pages: [x], to: [a@b]}}", "a name is of"),
        ("groups: [", "no YAML"),
    ],
)
def test_a_wrong_file_of_users_is_named(settings: Settings, access: Access, wrong: str, told: str) -> None:
    (settings.home / "users.yaml").write_text(wrong)
    with pytest.raises(SettingsError, match=told):
        read_accounts(settings, access.roles)


def test_a_mailing_goes_to_whom_it_names_else_to_the_users_of_its_group_and_its_reader_has_their_roles(
    settings: Settings, access: Access
) -> None:
    (settings.home / "users.yaml").write_text(
        """
groups: {lanh-dao: {roles: [leader]}, xa: {roles: [commune], units: ["24820"]}}
users:
  - {username: mot, groups: [xa], email: mot@xa.example}
  - {username: hai, groups: [xa, lanh-dao], email: hai@xa.example}
  - {username: ba, groups: [xa]}
mailings:
  sang: {group: lanh-dao, pages: [tong-quan-tinh], to: [van-thu@tinh.example]}
  xa: {group: xa, pages: [xa-toi, moi-truong]}
""",
        encoding="utf-8",
    )
    accounts = read_accounts(settings, access.roles)
    assert accounts.mailings["sang"].to == ("van-thu@tinh.example",)
    assert accounts.mailings["xa"].to == ("mot@xa.example", "hai@xa.example")
    assert {name: user.roles for name, user in accounts.readers.items()} == {
        "may-sang": {"leader"},
        "may-xa": {"commune", "unit_24820"},
    }

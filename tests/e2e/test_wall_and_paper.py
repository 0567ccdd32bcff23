"""The dashboards on a wall and on paper, on the figures of a demo."""

import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml

from superset_assets.bundle import ASSETS
from superset_assets.layout import all_rows
from superset_assets.printing import print_dashboards
from tests.e2e.reader import reader
from tests.e2e.served_demo import Province

pytestmark = [pytest.mark.e2e, pytest.mark.soak]

WALL = (1920, 1080)
A4_ACROSS = (842, 595)  # points


def test_the_wall_shows_one_page_after_the_other(province: Province, tmp_path: Path) -> None:
    with reader(province.url, tmp_path, WALL) as person:
        person.sign_in("chu-tich-tinh", province.password("chu-tich-tinh"))
        person.page.goto(f"{province.url}/man-hinh-lon?giay=5&trang=tong-quan-tinh,moi-truong")
        for title in ("Tổng quan tỉnh", "Môi trường"):
            person.page.get_by_role("heading", name=title).wait_for()
            person.page.get_by_text(re.compile(r"màn \d+/\d+")).wait_for()
            shown = person.page.frame_locator("iframe")
            assert shown.locator(".dashboard-component-chart-holder").count() > 5
            assert shown.locator("[role=alert], .ant-alert-error").count() == 0
            assert shown.get_by_role("navigation").count() == 0, "the pages stand there without their menus"
            person.picture(title)
        assert person.errors == []
        assert person.hosts <= {urlsplit(province.url).netloc}


def test_paper_holds_every_row_whole(province: Province, tmp_path: Path) -> None:
    pages = {
        one["slug"]: one for path in (ASSETS / "dashboards").glob("*.yaml") for one in [yaml.safe_load(path.open())]
    }
    titles = {slug: pages[slug]["dashboard_title"] for slug in ("tong-quan-tinh", "lop-du-lieu-ket-hop")}
    for printed in print_dashboards(province.settings, province.url, titles, tmp_path):
        page = pages[printed.path.stem]
        assert printed.parts == len(all_rows(page))
        assert printed.errors == [] and printed.external == []
        told = printed.path.read_bytes()
        assert told.startswith(b"%PDF")
        sheets = len(re.findall(rb"/Type\s*/Page\b", told))
        assert 1 < sheets <= printed.parts
        boxes = {tuple(map(float, box.split())) for box in re.findall(rb"/MediaBox\s*\[([^\]]+)\]", told)}
        assert {(round(box[2]), round(box[3])) for box in boxes} == {A4_ACROSS}

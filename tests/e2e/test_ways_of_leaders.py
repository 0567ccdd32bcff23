"""The ways that people go on the pages, click by click, on the figures of a demo.

KHO_PICTURES names a folder that keeps what they saw.
"""

import os
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from superset_assets.page_faults import english
from superset_assets.screenshot import PHONE
from tests.e2e.reader import Reader, reader
from tests.e2e.served_demo import Province

pytestmark = [pytest.mark.e2e, pytest.mark.soak]

MOST_CLICKS = 6
SCREEN = (1366, 768)


@pytest.fixture
def pictures(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    return Path(os.environ.get("KHO_PICTURES") or tmp_path) / request.node.name


def nothing_is_wrong(person: Reader, url: str) -> None:
    """No error in the browser and none on the page, no word of English, nothing asked of another host."""
    assert person.errors == []
    assert person.hosts <= {urlsplit(url).netloc}
    told = person.reads()
    assert english(told) == []
    for bad in ("Không tải được", "Có lỗi", "Không có quyền"):
        assert bad not in told


def test_the_chairman_goes_from_the_ten_decisions_to_an_effect(province: Province, pictures: Path) -> None:
    with reader(province.url, pictures, SCREEN) as person:
        person.sign_in("chu-tich-tinh", province.password("chu-tich-tinh"))
        decisions = person.chart("Mười việc cần quyết định hôm nay")
        decisions.scroll_into_view_if_needed()
        assert decisions.locator("tbody tr").count() == 10
        person.picture("muoi-viec")
        nothing_is_wrong(person, province.url)

        person.click(decisions.get_by_role("link", name=province.unit_name, exact=True).first)
        alerts = person.chart("Cảnh báo tại xã")
        alerts.scroll_into_view_if_needed()
        assert province.unit_name in person.chart("Xã đứng ở đâu?").inner_text()
        assert "Không có cảnh báo" not in alerts.inner_text()
        person.picture("xa")
        nothing_is_wrong(person, province.url)

        tasks = person.chart("Nhiệm vụ tỉnh giao cho xã")
        person.click(tasks.get_by_role("link", name=province.document, exact=True).first)
        effects = person.chart("Tác động so với đơn vị tương đồng")
        effects.scroll_into_view_if_needed()
        assert province.document in effects.inner_text()
        person.picture("tac-dong")
        nothing_is_wrong(person, province.url)
        assert person.clicks <= MOST_CLICKS
        print(f"\nthe chairman of the province: {person.clicks} clicks from the log-in to the effect")


def test_a_commune_chairman_goes_from_the_own_page_to_what_to_do(province: Province, pictures: Path) -> None:
    with reader(province.url, pictures, PHONE) as person:
        person.sign_in("chu-tich-xa", province.password("chu-tich-xa"))
        assert province.unit_name in person.chart("Xã đứng ở đâu?").inner_text()
        person.picture("xa-toi")
        nothing_is_wrong(person, province.url)
        tasks = person.chart("Nhiệm vụ tỉnh giao cho xã")
        tasks.scroll_into_view_if_needed()
        person.picture("nhiem-vu")

        person.click(tasks.get_by_role("link", name=province.document, exact=True).first)
        effects = person.chart("Tác động so với đơn vị tương đồng")
        effects.scroll_into_view_if_needed()
        assert province.document in effects.inner_text()
        for told in ("Kết luận", "Tác động (khoảng tin cậy)", "Tương đồng thay đổi"):
            place = effects.locator(f'td[data-label="{told}"]').first.bounding_box()
            assert place is not None and place["x"] + place["width"] <= PHONE[0], f"{told} is seen without swiping"
        person.picture("tac-dong")
        nothing_is_wrong(person, province.url)
        assert person.clicks <= MOST_CLICKS
        print(f"\nthe chairman of a commune: {person.clicks} clicks from the log-in to the effect")

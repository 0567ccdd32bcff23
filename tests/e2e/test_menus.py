"""What opens when a viewer clicks on a page: menus, dialogs and choices, on the figures of a demo."""

from pathlib import Path

import pytest

from superset_assets.page_faults import english
from tests.e2e.reader import Reader, reader
from tests.e2e.served_demo import Province

pytestmark = [pytest.mark.e2e, pytest.mark.soak]

OPENED = """() => [...document.querySelectorAll('.ant-dropdown, .ant-popover, .ant-modal, [role=menu], [role=dialog]')]
  .filter(part => part.getClientRects().length).map(part => part.innerText).join('\\n')"""
CHART = "Diễn biến và dự báo số ca"


def opened(person: Reader, name: str, says: str) -> None:
    """What is open now says this, and no word of it is English."""
    person.page.get_by_text(says).locator("visible=true").first.wait_for()
    person.page.wait_for_timeout(500)
    told = person.page.evaluate(OPENED)
    person.picture(name)
    assert says in told
    assert english(told) == [], told


def test_what_a_viewer_opens_is_vietnamese(province: Province, tmp_path: Path) -> None:
    with reader(province.url, tmp_path, (1366, 900)) as person:
        person.sign_in("chu-tich-tinh", province.password("chu-tich-tinh"))
        page = person.page
        person.click(page.locator(".header-with-actions button").last)
        opened(person, "trang", "Xem toàn màn hình")
        page.keyboard.press("Escape")

        person.click(page.locator('[data-test="time-range-trigger"], [data-test=date-filter-control]').first)
        opened(person, "thời gian", "Chọn khoảng thời gian")
        person.click(page.locator(".ant-modal, .ant-popover").last.locator(".ant-select").first)
        opened(person, "cách chọn", "Kỳ trước")
        page.keyboard.press("Escape")
        page.keyboard.press("Escape")

        chart = person.chart(CHART)
        chart.scroll_into_view_if_needed()
        chart.get_by_role("button").last.click()
        opened(person, "biểu đồ", "Tải xuống")
        page.get_by_role("menuitem").filter(has_text="Xem từng dòng").click()
        page.locator(".ant-modal").filter(has_text=CHART).wait_for()
        page.wait_for_timeout(3000)
        opened(person, "từng dòng", CHART)
        assert person.errors == []


def test_the_menu_leads_to_the_own_account_and_its_password(province: Province, tmp_path: Path) -> None:
    with reader(province.url, tmp_path, (1366, 900)) as person:
        person.sign_in("chu-tich-tinh", province.password("chu-tich-tinh"))
        page = person.page
        page.get_by_text("Thiết lập").first.hover()
        page.get_by_role("link", name="Thông tin", exact=True).click()
        page.get_by_role("link", name="Đổi mật khẩu của tôi").wait_for()
        told = page.inner_text("body")
        assert "chu-tich-tinh" in told and english(told.replace("chu-tich-tinh@tinh.example", "")) == []
        page.get_by_role("link", name="Đổi mật khẩu của tôi").click()
        page.get_by_label("Nhập lại mật khẩu").wait_for()
        assert english(page.inner_text("body")) == []
        person.picture("mat-khau")
        assert person.errors == []

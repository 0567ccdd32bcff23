"""The report on pages names what a reader would stumble over, and nothing else."""

import pytest
from playwright.sync_api import sync_playwright

from superset_assets.bundle import READING
from superset_assets.page_faults import english, look
from superset_assets.screenshot import FLAGS, browser_path

HOLDER = '<div class="dashboard-component-chart-holder" style="width:300px;height:200px">{}</div>'
CHART = (
    '<div data-test="chart-grid-component" data-test-chart-name="{title}">'
    '<div id="chart-id-1" style="height:150px;width:280px">{body}</div></div>'
)
ELLIPSIS = '<p style="width:60px;overflow:hidden;white-space:nowrap">Phường Lâm Viên – Đà Lạt</p>'


def test_words_left_in_english_and_names_of_columns_are_named() -> None:
    assert english("Số ca trong tháng\nLoading\nToàn tỉnh, theo xã; không có dữ liệu") == ["Loading", "loading"]
    assert english("Ngày: day_vi") == ["day_vi"]
    assert english("PM2.5 và PM10, mô hình Prophet, bản 20261127T164202237499Z-f5fe0f, 1.234,5 µg/m³") == []


@pytest.mark.e2e
def test_empty_charts_cut_texts_and_wide_pages_are_named() -> None:
    body = "".join(
        HOLDER.format(CHART.format(title=title, body=content))
        for title, content in (
            ("Tốt", "<canvas></canvas>"),
            ("Trống", ""),
            ("Bảng trống", "<table><tbody></tbody></table>"),
            ("Bị cắt", ELLIPSIS),
        )
    )
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(browser_path()), args=list(FLAGS))
        page = browser.new_page(viewport={"width": 400, "height": 800})
        page.set_content(f'<div class="dashboard-content">{body}<div style="width:600px">rộng</div></div>')
        found = look(page)
        browser.close()
    assert found["empty"] == ["Trống", "Bảng trống"]
    assert any(one.startswith("Bị cắt: «Phường") for one in found["cut"])
    assert any("px too wide" in one for one in found["cut"])
    assert not any(one.startswith("Tốt") for one in found["cut"])


# a table as the server draws it: head and rows in boxes of their own, columns of a fixed width
NAMES = ["Văn bản", "Nội dung", "Đơn vị", "Chỉ tiêu", "Ngày giao", "Hạn", "Tình trạng", "Tiến độ (%)"]
HEAD = "".join(f"<th>{name}</th>" for name in NAMES)
CELLS = "".join(f'<td data-label="{name}">Phường Lâm Viên</td>' for name in NAMES)
COLUMNS = "<colgroup>" + '<col width="110">' * len(NAMES) + "</colgroup>"
FIXED = '<table role="presentation" class="table table-condensed" style="table-layout:fixed;border-spacing:0">'
TABLE = (
    '<div class="superset-chart-table"><div role="table" style="width:342px;height:150px;overflow:hidden">'
    '<div role="presentation" style="overflow:hidden;width:342px">'
    f"{FIXED}{COLUMNS}<thead><tr>{HEAD}</tr></thead></table></div>"
    '<div role="presentation" style="overflow:auto;height:130px;width:342px">'
    f"{FIXED}{COLUMNS}<tbody><tr>{CELLS}</tr></tbody>"
    "</table></div></div></div>"
)


@pytest.mark.e2e
def test_a_table_lies_sideways_on_no_telephone() -> None:
    page_of_one = HOLDER.format(CHART.format(title="Nhiệm vụ", body=TABLE)).replace("width:300px", "width:360px")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(browser_path()), args=list(FLAGS))
        told = {}
        for width in (390, 1366):
            page = browser.new_page(viewport={"width": width, "height": 800})
            style = f"<style>{READING.read_text(encoding='utf-8')}</style>"
            page.set_content(f'{style}<div class="dashboard-content">{page_of_one}</div>')
            told[width] = look(page)["cut"]
            if width == 390:
                right = [
                    box["x"] + box["width"] for box in (cell.bounding_box() for cell in page.locator("td").all()) if box
                ]
                named = page.locator("td").first.evaluate("cell => getComputedStyle(cell, '::before').content")
        browser.close()
    assert max(right) <= 390 and len(right) == len(NAMES)
    assert named == '"Văn bản"'
    assert not any("wider than its box" in one for one in told[390])
    assert any("wider than its box" in one for one in told[1366]), "a screen has room; there it is a fault"

"""The server's own refusals, as they are sent."""

import sys
from pathlib import Path

import pytest

SERVER = Path(__file__).parents[2] / "superset_assets" / "server"


@pytest.mark.parametrize(
    ("english", "told"),
    [
        ("This endpoint requires the datasource 2, database or `all_datasource_access` permission",
         "Bạn không có quyền xem số liệu này."),
        ("403 Forbidden: You don't have the permission to access the requested resource.",
         "Bạn không có quyền mở trang này."),
        ("Not found", "Không tìm thấy."),
        ("You don't have access to this dashboard.", "Bạn không có quyền xem bảng điều hành này."),
        ("Truy vấn chạy quá 30 giây nên đã bị dừng", "Truy vấn chạy quá 30 giây nên đã bị dừng"),
    ],
)  # fmt: skip
def test_refusals_are_told_in_vietnamese(english: str, told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [str(SERVER), *sys.path])  # as the server finds its modules
    from superset_assets.server import refusals

    assert refusals.said(english, refusals.words()) == told

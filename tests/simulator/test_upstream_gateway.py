"""The REST gateway over real HTTP: tokens, paging, windows, faults, tables of others."""

from datetime import timedelta

import httpx
import polars as pl
import pytest

from simulator import faults, truth
from simulator.server import Running
from tests.simulator.conftest import NOW, new_token

PATH = "/api/v1/dossiers"


def by_page(client: httpx.Client, size: int = 700, **window: str) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    page = 1
    while True:
        body = client.get(PATH, params={"page": page, "page_size": size, **window}).json()
        rows += body["data"]
        if page >= body["total_pages"]:
            assert len(rows) == body["total"]
            return rows
        page += 1


def test_pages_cursor_and_links_give_the_same_rows(client: httpx.Client) -> None:
    paged = by_page(client)
    by_cursor: list[dict[str, object]] = []
    asked: dict[str, object] = {"page_size": 900}
    while True:
        body = client.get(PATH, params=asked).json()
        by_cursor += body["data"]
        if body["next_cursor"] is None:
            break
        asked = {"page_size": 900, "cursor": body["next_cursor"]}
    linked: list[dict[str, object]] = []
    link: str | None = f"{PATH}?page_size=1100"
    while link:
        body = client.get(link).json()
        linked += body["data"]
        link = body["next"]
    assert paged == by_cursor == linked
    assert len(paged) > 1000
    assert client.get(PATH, params={"page": 999, "page_size": 1000}).json()["data"] == []


def test_a_window_holds_what_changed_in_it(client: httpx.Client) -> None:
    since, before = NOW - timedelta(days=3), NOW - timedelta(days=1)
    rows = by_page(client, updated_since=since.isoformat(), updated_before=before.isoformat())
    everything = by_page(client)
    wanted = [row for row in everything if since.isoformat() <= str(row["capNhatLuc"]) < before.isoformat()]
    assert rows == wanted and rows
    assert all(str(row["capNhatLuc"]) <= NOW.isoformat() for row in everything)


def test_rows_bear_the_systems_own_field_names(client: httpx.Client) -> None:
    row = client.get(PATH, params={"page_size": 1}).json()["data"][0]
    assert list(row) == [
        "maHoSo", "maXa", "maThuTuc", "soDinhDanh", "hoTen", "soDienThoai", "kenhNop", "ngayTiepNhan", "ngayHenTra",
        "ngayHoanThanh", "ngayTraKetQua", "ngayDungTuChoi", "soGioChoBoSung", "soLanBoSung", "trangThai",
        "daDongBo", "thoiDiemDongBo", "phiLePhi", "thanhToanTrucTuyen", "soHoaHoSo", "ketQuaDienTu",
        "luuKetQuaDungChung", "soBanSaoChungThuc", "soBanSaoChungThucDienTu", "taiSuDungDuLieu", "khaiThacDuLieuDanCu",
        "mucDoHaiLong", "capNhatLuc",
    ]  # fmt: skip
    assert row["ngayTiepNhan"].endswith("+07:00")


def test_bad_rows_go_over_the_wire(client: httpx.Client, running: Running) -> None:
    rows = by_page(client)
    bad = truth.bad_rows(running.home, "dossiers", NOW)
    texts = {str(row["maHoSo"]) for row in rows if isinstance(row["soLanBoSung"], str)}
    assert texts == set(bad.filter(kind="wrong_type_number")["record_id"])
    assert len(rows) - len({str(row["maHoSo"]) for row in rows}) == len(bad.filter(kind="exact_duplicate"))


def test_only_a_valid_token_opens(client: httpx.Client, running: Running) -> None:
    for header in ("", "Bearer", "Bearer wrong", "Basic a2hvOmtobw=="):
        assert client.get(PATH, headers={"Authorization": header}).status_code == 401
    form = {"grant_type": "client_credentials", "client_id": running.env["ONE_STOP_CLIENT_ID"], "client_secret": "no"}
    assert client.post("/oauth2/token", data=form).status_code == 401
    assert client.post("/oauth2/token", data={"grant_type": "password"}).status_code == 400
    basic = (running.env["ONE_STOP_CLIENT_ID"], running.env["ONE_STOP_CLIENT_SECRET"])
    assert client.post("/oauth2/token", data={"grant_type": "client_credentials"}, auth=basic).status_code == 200


def test_a_token_ends(client: httpx.Client, running: Running) -> None:
    faults.expire_tokens(running)
    assert client.get(PATH).status_code == 401
    client.headers["Authorization"] = f"Bearer {new_token(client, running)}"
    assert client.get(PATH).status_code == 200
    faults.expire_tokens(running, seconds=0)
    try:
        client.headers["Authorization"] = f"Bearer {new_token(client, running)}"
        assert client.get(PATH).status_code == 401
    finally:
        faults.expire_tokens(running, seconds=600)


@pytest.mark.parametrize(
    "params",
    [
        {"page_size": "10001"}, {"page_size": "0"}, {"page": "x"}, {"cursor": "%%%"},
        {"updated_since": "yesterday"}, {"updated_since": "2026-11-23T00:00:00"},
    ],
)  # fmt: skip
def test_wrong_parameters_are_named(client: httpx.Client, params: dict[str, str]) -> None:
    answer = client.get(PATH, params=params)
    assert answer.status_code == 400
    assert next(iter(params)) in answer.json()["message"]


def test_an_unknown_table_is_not_found(client: httpx.Client) -> None:
    assert client.get("/api/v1/nothing").status_code == 404
    assert client.get("/api/v1/..%2Fsecrets").status_code == 404


def test_gzip_when_asked(client: httpx.Client) -> None:
    plain = client.get(PATH, headers={"Accept-Encoding": "identity"})
    packed = client.get(PATH, headers={"Accept-Encoding": "gzip"})
    assert packed.headers["Content-Encoding"] == "gzip" and "Content-Encoding" not in plain.headers
    assert packed.json()["data"] == plain.json()["data"]


def test_a_table_somebody_adds_is_served(client: httpx.Client, running: Running) -> None:
    folder = running.home / "extra"
    (folder / "markets.csv").write_text(
        "code,name,stalls,updated_at\n"
        "01,Chợ Đà Lạt,400,2026-11-20T08:00:00+07:00\n02,Chợ Phan Thiết,320,2026-11-21 09:00:00\n"
        "03,Chợ Gia Nghĩa,90,2027-01-01T00:00:00+07:00\n"
    )
    pl.DataFrame({"id": [1, 2], "updated_at": [NOW - timedelta(days=2), NOW - timedelta(hours=1)]}).write_parquet(
        folder / "buses.parquet"
    )
    assert {"dossiers", "markets", "buses"} <= set(client.get("/api/v1/").json()["tables"])
    rows = client.get("/api/v1/markets").json()["data"]
    assert [(row["code"], row["stalls"]) for row in rows] == [("01", 400), ("02", 320)]  # the third is still to come
    since = {"updated_since": (NOW - timedelta(days=1)).isoformat()}
    assert [row["id"] for row in client.get("/api/v1/buses", params=since).json()["data"]] == [2]
    assert client.get("/api/v1/buses").json()["data"][1]["updated_at"] == "2026-11-23T13:20:00+07:00"
    (folder / "broken.csv").write_text("a,b\n1,2\n")
    assert "updated_at" in client.get("/api/v1/broken").json()["message"]


def test_faults_strike_as_often_as_told(client: httpx.Client, running: Running) -> None:
    faults.switch_on(running, "500", times=2)
    assert [client.get(PATH).status_code for _ in range(3)] == [500, 500, 200]
    faults.switch_on(running, "429", times=1, seconds=3)
    limited = client.get(PATH)
    assert (limited.status_code, limited.headers["Retry-After"]) == (429, "3")
    with faults.fault(running, "half_json"), pytest.raises(ValueError):
        client.get(PATH).json()
    with faults.fault(running, "cut"), pytest.raises(httpx.RemoteProtocolError):
        client.get(PATH)
    with faults.fault(running, "401"):
        assert client.get(PATH).status_code == 401
        assert client.post("/oauth2/token", data={"grant_type": "client_credentials"}).status_code == 401
    with faults.fault(running, "500", table="markets"):
        assert client.get(PATH).status_code == 200
    assert client.get(PATH).status_code == 200
    with pytest.raises(RuntimeError, match="earthquake"):
        faults.switch_on(running, "earthquake")


def test_down_refuses_connections_until_it_is_up_again(client: httpx.Client, running: Running) -> None:
    with faults.fault(running, "down"), pytest.raises(httpx.ConnectError):
        client.get(PATH)
    assert client.get(PATH).status_code == 200


def test_a_bad_load_spoils_one_day_and_can_be_mended(client: httpx.Client, running: Running) -> None:
    day = NOW.date() - timedelta(days=4)
    start = NOW.replace(hour=0, minute=0) - timedelta(days=4)
    window = {"updated_since": start.isoformat(), "updated_before": (start + timedelta(days=1)).isoformat()}
    good = by_page(client, **window)
    faults.plant_bad_load(running, day)
    spoilt = by_page(client, **window)
    assert sum(row["maXa"] == "99999" for row in spoilt) > len(good) * 0.7
    faults.plant_bad_load(running, day, "flood")
    flood = by_page(client, **window)
    assert len(flood) == 5 * len(good)
    assert all(str(row["maHoSo"]).startswith("HS-68-") and len(str(row["maHoSo"])) == 21 for row in flood)
    faults.plant_bad_load(running, day, "thin")
    assert len(by_page(client, **window)) < len(good) * 0.3
    faults.mend(running, day)
    assert by_page(client, **window) == good


def test_the_admin_interface_is_guarded(running: Running) -> None:
    assert httpx.get(f"{running.admin.url}/admin", trust_env=False).status_code == 401
    wrong = {"Authorization": "Bearer wrong"}
    answer = httpx.post(f"{running.admin.url}/admin/faults", json={"kind": "500"}, headers=wrong, trust_env=False)
    assert answer.status_code == 401
    assert faults.state(running)["faults"] == []

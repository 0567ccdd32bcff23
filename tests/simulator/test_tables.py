"""The plain registers: deterministic, stable as time goes on, in the state of the moment, with the planted truths."""

import json
from datetime import date, datetime, timedelta
from pathlib import Path

import adbc_driver_manager
import adbc_driver_postgresql.dbapi as postgres
import httpx
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from simulator import bad_records, faults, server, truth
from simulator.province import read_communes
from simulator.shown_tables import ShownTable
from simulator.tables import DATABASE_SETTINGS, GATEWAY_TABLES, TABLES, generate_tables, newest_versions, state_at
from simulator.world import World, open_world
from tests.simulator.conftest import NOW

START, END = date(2025, 9, 1), date(2026, 9, 1)
Tables = dict[str, pl.DataFrame]


@pytest.fixture(scope="module")
def communes() -> pl.DataFrame:
    return read_communes(16)


@pytest.fixture(scope="module")
def tables(communes: pl.DataFrame) -> Tables:
    return generate_tables(communes, START, END, 7, 0.5)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tables")


@pytest.fixture(scope="module")
def world(home: Path) -> World:
    return open_world(home, NOW, seed=7, months=9, communes=16, scale=0.5)


def good(versions: pl.DataFrame) -> pl.DataFrame:
    return versions.filter(pl.col("_bad").is_null()).drop("_bad", "_field", "_unit")


def test_the_same_seed_gives_the_same_rows_and_another_does_not(tables: Tables, communes: pl.DataFrame) -> None:
    again = generate_tables(communes, START, END, 7, 0.5)
    other = generate_tables(communes, START, END, 8, 0.5)
    for name in TABLES:
        assert_frame_equal(tables[name], again[name])
        assert not tables[name].equals(other[name]), name


@pytest.mark.parametrize("name", TABLES)
def test_a_later_generation_holds_the_same_past(tables: Tables, communes: pl.DataFrame, name: str) -> None:
    table = TABLES[name]
    later = table.generate(communes, date(2026, 1, 1), date(2026, 12, 1), 7, 0.5)
    # what began in months that both hold; identifiers bear the month
    both = pl.col(table.key).str.contains("-2026$|-20260[1-8]-|-2026-")
    columns = [table.updated, table.key]
    before, after = (good(frame).filter(both).sort(columns) for frame in (tables[name], later))
    assert len(before) > 20
    assert_frame_equal(before, after)


@pytest.mark.parametrize("name", TABLES)
def test_a_whole_province_has_the_rows_it_should_have(name: str) -> None:
    table, month = TABLES[name], date(2026, 5, 1)
    rows = table.generate(read_communes(), month, date(2026, 6, 1), 7, 1.0)
    records = good(rows)[table.key].n_unique()
    usual = {
        "residents": 124 * 18 * 2,
        "insurance": 124 * 3,
        "enterprises": 25 * 31,
        "land": 60 * 31,
        "poverty": 2 * 4_000,
        "incidents": 25 * 31,
        "petitions": 20 * 31,
        "procedures": 124 * 32,
        "officers": 124,
        "budget": 124 * 4 * 20,
        "tasks": 17,
    }[name]
    assert 0.5 * usual <= records <= 1.6 * usual
    assert set(rows["_bad"].drop_nulls()) == set(bad_records.KINDS), "every kind, however few rows there are"


@pytest.mark.parametrize("name", TABLES)
@settings(max_examples=15, deadline=None)
@given(hours=st.integers(0, 24 * 330), more=st.integers(1, 24 * 40))
def test_the_state_of_a_moment(tables: Tables, name: str, hours: int, more: int) -> None:
    """It tells nothing of the future, has each record once, and what changed afterwards leads from one to another."""
    table, versions = TABLES[name], tables[name]
    moment = datetime(2025, 9, 10) + timedelta(hours=hours)
    later = moment + timedelta(hours=more)
    now = state_at(versions.lazy(), table, moment).collect()
    assert len(now) == 0 or now[table.updated].max() <= moment  # type: ignore[operator]
    assert now.filter(pl.col("_bad").is_null())[table.key].is_unique().all()
    changed = newest_versions(versions.lazy(), table, later).filter(pl.col(table.updated) > moment).collect()
    kept = changed.filter(~pl.col("_deleted")) if "_deleted" in changed.columns else changed
    stayed = now.filter(~pl.col(table.key).is_in(changed[table.key].implode()))
    then = state_at(versions.lazy(), table, later).collect()
    assert_frame_equal(pl.concat([stayed, kept]), then, check_row_order=False)


@pytest.mark.parametrize("name", TABLES)
def test_bad_records_stand_beside_good_ones(world: World, home: Path, name: str) -> None:
    table, versions = TABLES[name], world.tables[name]
    bad = pl.read_parquet(home / "truth" / f"bad_{name}.parquet")
    assert bad.columns == ["record_id", "kind", "field", "commune_code", "bad_from"]
    assert set(bad["kind"]) == set(bad_records.KINDS)
    assert set(bad["commune_code"]) <= set(read_communes(16)["code"])
    share = len(bad) / len(versions)
    assert share < 0.006 or len(bad) < 60
    own = bad.filter(pl.col("kind") != "duplicate")["record_id"]
    assert own.is_unique().all() and own.str.contains(r"-9\d{5}$").all()
    assert not good(versions)[table.key].str.contains(r"-9\d{5}$").any()
    copied = versions.filter(pl.col("_bad") == "duplicate").select(good(versions).columns)
    assert len(copied.join(good(versions), on=copied.columns, how="semi", nulls_equal=True)) == len(copied)
    shown = truth.bad_rows(home, name, NOW)
    assert set(shown["kind"]) == set(bad_records.KINDS), "each is there before the present"
    assert shown["bad_from"].max() <= NOW  # type: ignore[operator]


def test_residents_follow_from_births_deaths_and_moves(tables: Tables) -> None:
    rows = good(tables["residents"]).sort("capNhatLuc").unique("maBanGhi", keep="first")  # before they are corrected
    flows = pl.col("soSinh") - pl.col("soChet") + pl.col("soChuyenDen") - pl.col("soChuyenDi")
    balance = (
        rows.group_by("maXa", "kyBaoCao")
        .agg(pl.col("soNguoi").sum(), flows.sum().alias("change"))
        .sort("maXa", "kyBaoCao")
        .with_columns(pl.col("soNguoi").diff().over("maXa").alias("grown"))
        .drop_nulls()
    )
    assert len(balance) == 16 * 11
    assert (balance["grown"] == balance["change"]).all()


def test_a_task_only_moves_on_and_some_vanish(tables: Tables) -> None:
    tasks = good(tables["tasks"]).sort("ma_nhiem_vu", "cap_nhat_luc")
    steps = tasks.select(pl.col("tien_do", "so_lan_gia_han").diff().over("ma_nhiem_vu")).drop_nulls()
    assert steps.select(pl.all().min()).row(0) == (0, 0)
    gone = tasks.filter("_deleted")
    assert 0 < len(gone) < 0.2 * tasks["ma_nhiem_vu"].n_unique()
    now = state_at(tables["tasks"].lazy(), TABLES["tasks"], datetime(2027, 9, 1)).collect()
    assert not set(gone["ma_nhiem_vu"]) & set(now["ma_nhiem_vu"])


def test_tasks_that_are_made_to_look_better_are_known(world: World, home: Path) -> None:
    facts = json.loads((home / "truth" / "truth.json").read_text())
    tasks = good(world.tables["tasks"]).sort("ma_nhiem_vu", "cap_nhat_luc")
    moved = pl.col("han_hoan_thanh") != pl.col("han_hoan_thanh").first().over("ma_nhiem_vu")
    passed = pl.col("cap_nhat_luc").dt.date() > pl.col("han_hoan_thanh").first().over("ma_nhiem_vu")
    by_stealth = tasks.filter(moved & passed & (pl.col("so_lan_gia_han") == 0))
    assert facts["directives_edited_due"]
    assert {one["task_id"] for one in facts["directives_edited_due"]} == set(by_stealth["ma_nhiem_vu"])
    for one in facts["directives_done_unmoved"]:
        done = tasks.filter(ma_nhiem_vu=one["task_id"], trang_thai="done")
        days = (done["cap_nhat_luc"].dt.date() - done["ngay_giao"]).dt.total_days()
        assert days.max() <= 20  # type: ignore[operator]  # Tết may lie between


def test_shocks_and_waves_are_answered_by_a_task_each(world: World, home: Path) -> None:
    facts = json.loads((home / "truth" / "truth.json").read_text())
    for kind, episodes, indicator in (
        ("directives_after_shocks", "revenue_shocks", "budget_revenue_ratio"),
        ("directives_after_waves", "complaint_waves", "petitions_on_time_ratio"),
    ):
        answered = {(one["episode"], one["commune_code"]): one for one in facts[kind]}
        for episode in facts[episodes]:
            first = date.fromisoformat(episode["from_day"])
            if not world.start + timedelta(days=70) < first < world.start + timedelta(days=270):
                continue  # its task lies outside
            for code in episode.get("communes", [episode["commune_code"]]):
                task = answered[episode["episode"], code]
                assert date.fromisoformat(task["assigned_on"]) > first
                assert task["indicator_code"] == indicator


def test_targets_can_be_reached(tables: Tables) -> None:
    tasks = good(tables["tasks"]).filter(pl.col("ma_chi_tieu") != "disease_incidence")
    assert tasks["gia_tri_muc_tieu"].is_between(0.1, 110).all()
    first = tasks.sort("cap_nhat_luc").unique("ma_nhiem_vu", keep="first")
    money = first.filter(ma_chi_tieu="budget_revenue_ratio")
    share = money["han_hoan_thanh"].dt.ordinal_day() / 365
    assert ((money["gia_tri_muc_tieu"] / 100 - share).abs() < 0.09).all(), "by then so much of the year's sum"


def test_hot_spots_stand_out(tables: Tables, world: World, home: Path) -> None:
    spots = json.loads((home / "truth" / "truth.json").read_text())["hot_spots"]
    assert len(spots) >= 2
    for spot in spots:
        thefts = good(world.tables["incidents"]).unique("ma_vu_viec").filter(pl.col("loai_vu_viec") == "theft")
        here = thefts.filter(
            pl.col("ma_xa") == spot["commune_code"],
            ((pl.col("vi_do") - spot["latitude"]).abs() < 0.012)
            & ((pl.col("kinh_do") - spot["longitude"]).abs() < 0.012),
        )
        during = pl.col("xay_ra_luc").is_between(
            datetime.fromisoformat(spot["from_day"]), datetime.fromisoformat(spot["to_day"])
        )
        assert here.filter(during, pl.col("_hot_spot") == spot["episode"]).height > 40
        assert here.filter(during).height > 5 * here.filter(~during, pl.col("_hot_spot").is_null()).height


def test_waves_are_about_one_topic_in_one_place(world: World, home: Path) -> None:
    waves = json.loads((home / "truth" / "truth.json").read_text())["complaint_waves"]
    told = pl.read_parquet(home / "truth" / "petitions.parquet")
    letters = good(world.tables["petitions"]).unique("ma_don").join(told, left_on="ma_don", right_on="petition_id")
    for wave in waves:
        first, last = (datetime.fromisoformat(wave[day]) for day in ("from_day", "to_day"))
        within = letters.filter(pl.col("ngay_nhan").is_between(first, last + timedelta(days=12)))
        here = within.filter(ma_xa=wave["commune_code"])
        assert (here["topic"] == wave["topic"]).mean() > 0.6  # type: ignore[operator]
        assert set(here.filter(wave=wave["episode"])["topic"]) == {wave["topic"]}
        assert here.filter(wave=wave["episode"]).height > 30


def test_neighbours_copy_a_letter_of_a_wave_and_some_senders_write_again(world: World) -> None:
    letters = good(world.tables["petitions"]).unique("ma_don")
    copied = letters.filter("_copied")
    assert len(copied) > 20 and copied["_wave"].null_count() == 0
    of_wave = letters.group_by("_wave").agg(
        pl.col("_copied").mean(), senders=pl.col("so_dinh_danh").n_unique() / pl.len()
    )
    assert of_wave.drop_nulls("_wave")["_copied"].min() > 0.2  # type: ignore[operator]
    assert of_wave.drop_nulls("_wave")["senders"].min() > 0.9, "they are neighbours"  # type: ignore[operator]
    base = letters.filter(pl.col("_wave").is_null())
    again = base.group_by("ma_xa", "_topic", "so_dinh_danh").len().filter(pl.col("len") > 1)
    assert 0.02 < (again["len"] - 1).sum() / len(base) < 0.3


def test_shocks_take_the_revenue_from_land(world: World, home: Path) -> None:
    shocks = json.loads((home / "truth" / "truth.json").read_text())["revenue_shocks"]
    rows = good(world.tables["budget"]).filter(pl.col("loai_thu") == "land_use")
    now = rows.sort("cap_nhat_luc").unique("ma_ban_ghi", keep="last")
    (shock, *_) = [one for one in shocks if date.fromisoformat(one["from_day"]) > now["ngay"].min()]
    first, last = (date.fromisoformat(shock[day]) for day in ("from_day", "to_day"))
    here = now.filter(pl.col("ma_xa").is_in(shock["communes"]))
    during = here.filter(pl.col("ngay").is_between(first, last, closed="left"))["so_thu"].mean()
    before = here.filter(pl.col("ngay").is_between(first - timedelta(days=90), first, closed="left"))["so_thu"].mean()
    assert during < 0.55 * before  # type: ignore[operator]


def test_a_correction_raises_an_older_month_on_its_day(world: World, home: Path) -> None:
    told = json.loads((home / "truth" / "truth.json").read_text())["planted_correction"]
    assert (told["dataset"], told["month"], told["corrected_at"]) == (
        "finance.budget_revenue", "2026-08-01", "2026-11-10T09:00:00",
    )  # fmt: skip
    moment, month = datetime.fromisoformat(told["corrected_at"]), date.fromisoformat(told["month"])
    table = TABLES["budget"]

    def revenue(when: datetime) -> pl.DataFrame:
        rows = state_at(world.tables["budget"].lazy(), table, when).filter(pl.col("_bad").is_null()).collect()
        return rows.group_by("ma_xa", pl.col("ngay").dt.truncate("1mo").alias("thang")).agg(
            pl.col("so_thu").sum().round(1)
        )

    before, after = revenue(moment - timedelta(seconds=1)), revenue(moment)
    changed = after.join(before, on=["ma_xa", "thang"]).filter(pl.col("so_thu") != pl.col("so_thu_right"))
    assert changed.select("ma_xa", "thang").rows() == [(told["commune_code"], month)]
    assert (changed["so_thu"] / changed["so_thu_right"]).item() == pytest.approx(told["factor"], rel=1e-3)


def test_few_hands_show_in_the_counts_of_officers(world: World, home: Path) -> None:
    few = json.loads((home / "truth" / "truth.json").read_text())["understaffed_communes"]
    rows = state_at(world.tables["officers"].lazy(), TABLES["officers"], NOW.replace(tzinfo=None)).collect()
    share = (
        rows.filter(pl.col("_bad").is_null())
        .group_by("ma_xa")
        .agg((pl.col("so_co_mat").sum() / pl.col("so_bien_che").sum()).alias("share"))
    )
    here = pl.col("ma_xa").is_in(few)
    assert few and share.filter(here)["share"].max() < 0.75 < share.filter(~here)["share"].min()  # type: ignore[operator]
    assert (rows.filter(pl.col("_bad").is_null())["so_mot_cua"] >= 2).all()


def test_procedures_are_those_of_the_dossiers_and_get_better(world: World) -> None:
    rows = state_at(world.tables["procedures"].lazy(), TABLES["procedures"], NOW.replace(tzinfo=None)).collect()
    rows = rows.filter(pl.col("_bad").is_null())
    assert set(rows["maThuTuc"]) >= set(world.dossiers["procedure_code"].drop_nulls())
    assert rows.group_by("maXa", "kyBaoCao").len()["len"].unique().to_list() == [32]
    closing = pl.col("ngayChot").str.to_date()
    assert rows.filter((pl.col("ngayCongKhai") > closing) | (pl.col("ngayCongKhai") < pl.col("ngayCongBo"))).is_empty()
    asked = rows.filter(pl.col("duDieuKienTrucTuyen"))
    assert rows.filter(~pl.col("duDieuKienTrucTuyen"))["mucDoTrucTuyen"].unique().to_list() == ["none"]
    online = (
        asked.group_by("kyBaoCao").agg((pl.col("mucDoTrucTuyen") != "none").mean()).sort("kyBaoCao")["mucDoTrucTuyen"]
    )
    assert 0.6 < online[0] < online[-1] < 0.98
    due = rows.drop_nulls("hanCapNhat")
    late = due.filter(pl.col("ngayCapNhatNoiDung").is_null() | (pl.col("ngayCapNhatNoiDung") > pl.col("hanCapNhat")))
    assert 0.02 < len(late) / len(due) < 0.3
    assert rows.filter(pl.col("coThanhToanTrucTuyen") & ~pl.col("choThanhToanTrucTuyen")).is_empty()


def test_only_answered_feedback_is_rated(tables: Tables) -> None:
    letters = good(tables["petitions"])
    rated = letters.drop_nulls("danh_gia")
    assert set(rated["loai_don"]) == {"feedback"} and set(rated["trang_thai"]) == {"resolved"}
    assert set(rated["danh_gia"]) == {"satisfied", "neutral", "dissatisfied"}


def test_petitions_read_each_in_its_own_words(world: World, home: Path) -> None:
    letters = good(world.tables["petitions"]).unique("ma_don")
    own = letters.filter(~pl.col("_copied"))
    assert own["noi_dung"].n_unique() > 0.98 * len(own)
    assert not letters["noi_dung"].str.contains(r"[{}]").any()
    told = pl.read_parquet(home / "truth" / "petitions.parquet").drop_nulls("identifier")
    assert 0.1 < len(told) / len(letters) < 0.2
    assert set(told["identifier_kind"]) == {"citizen_number", "phone", "email", "plate"}
    both = told.join(letters, left_on="petition_id", right_on="ma_don")
    assert both.select(pl.col("noi_dung").str.contains(pl.col("identifier"), literal=True).all()).item()


def read_table(uri: str, place: str) -> pl.DataFrame:
    with postgres.connect(uri) as connection, connection.cursor() as cursor:
        cursor.execute(f"select * from {place}")
        frame = pl.from_arrow(cursor.fetch_arrow_table())
    assert isinstance(frame, pl.DataFrame)
    return frame.with_columns(pl.col(pl.Datetime).dt.convert_time_zone("UTC"))


def test_a_reader_sees_its_own_table_and_changes_nothing(running: server.Running) -> None:
    for setting, place in DATABASE_SETTINGS.items():
        assert len(read_table(running.env[setting], place)) > 20
        others = [other for other in DATABASE_SETTINGS.values() if other != place]
        for statement in [f"delete from {place}", *(f"select * from {other}" for other in others)]:
            with (
                postgres.connect(running.env[setting]) as connection,
                connection.cursor() as cursor,
                pytest.raises(adbc_driver_manager.Error, match=r"read-only|permission denied"),
            ):
                cursor.execute("set default_transaction_read_only = off")
                cursor.execute(statement)


def test_the_database_follows_the_clock_both_ways(tmp_path: Path) -> None:
    past = NOW - timedelta(days=60)
    moving = server.start(tmp_path, past, seed=11, months=3, communes=5, scale=0.2, frozen=True)
    try:
        world = open_world(tmp_path, past, 11, 3, 5, 0.2)
        for now in (past, past + timedelta(days=25), past - timedelta(days=10)):
            faults.set_clock(moving, now, frozen=True)
            for setting, place in DATABASE_SETTINGS.items():
                (name,) = (name for name, table in TABLES.items() if table.place == place)
                expected = ShownTable(TABLES[name], world.tables[name]).changes(None, now).rows
                assert_frame_equal(read_table(moving.env[setting], place), expected, check_row_order=False)
    finally:
        moving.stop()


def test_the_gateway_gives_snapshots_by_period(client: httpx.Client) -> None:
    assert set(GATEWAY_TABLES) <= set(client.get("/api/v1/").json()["tables"])
    params = {
        "period_from": "2026-09-01T00:00:00+07:00",
        "period_before": "2026-10-01T00:00:00+07:00",
        "page_size": 10_000,
    }
    rows = client.get("/api/v1/residents", params=params).json()["data"]
    assert {row["kyBaoCao"] for row in rows} == {"2026-09"}
    assert 12 * 18 * 2 <= len(rows) < 12 * 18 * 2 * 1.05
    assert next(iter(rows[0])) == "maBanGhi" and not any(name.startswith("_") for name in rows[0])
    refused = client.get("/api/v1/residents", params={"period_from": "September"})
    assert refused.status_code == 400 and "period_from" in refused.json()["message"]

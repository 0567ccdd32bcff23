"""The line list in PostgreSQL and the monthly files: they agree, and both move with the clock."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path

import adbc_driver_manager
import adbc_driver_postgresql.dbapi as postgres
import httpx
import polars as pl
import pytest
import python_calamine

from simulator import faults, server, truth
from simulator.drop_folder import publish_populations
from simulator.province import read_communes
from tests.simulator.conftest import NOW, new_token


def read_cases(running: server.Running) -> pl.DataFrame:
    with postgres.connect(running.env["HEALTH_DATABASE_URI"]) as connection, connection.cursor() as cursor:
        cursor.execute("select * from public.ca_benh")
        frame = pl.from_arrow(cursor.fetch_arrow_table())
    assert isinstance(frame, pl.DataFrame)
    return frame.with_columns(pl.col(pl.Datetime).dt.convert_time_zone("UTC"))


def read_sheet(path: Path) -> pl.DataFrame:
    head, *rows = python_calamine.CalamineWorkbook.from_path(path).get_sheet_by_index(0).to_python()
    return pl.DataFrame(rows, schema=[str(name) for name in head], orient="row")


def read_reports(running: server.Running) -> pl.DataFrame:
    folder = Path(running.env["HEALTH_DROP_FOLDER"])
    names = {"Tháng": "time_period", "Đơn vị": "location_name", "Bệnh": "disease", "Số ca": "disease_cases"}
    diseases = {"Sốt xuất huyết": "dengue", "Tay chân miệng": "hfmd", "Cúm": "influenza", "Sởi": "measles"}
    frames = [pl.read_csv(path) for path in folder.glob("cdc_*.csv")]
    frames += [pl.read_parquet(path) for path in folder.glob("*.parquet")]
    frames += [
        read_sheet(path).rename(names, strict=False).with_columns(pl.col("disease").replace(diseases))
        for path in folder.glob("*.xlsx")
    ]
    columns = ["time_period", "location_name", "disease", "disease_cases"]
    counts = pl.col("disease_cases").cast(pl.Int64)
    return pl.concat([frame.select(columns).with_columns(counts) for frame in frames])


def test_reports_of_settled_months_equal_the_line_list(running: server.Running) -> None:
    bad = truth.bad_rows(running.home, "cases", NOW)
    is_bad = pl.col("ma_ca_benh").is_in(bad.filter(pl.col("kind") != "exact_duplicate")["record_id"].to_list())
    listed = (
        read_cases(running)
        .unique()
        .filter(~is_bad, pl.col("phan_loai") != "discarded", pl.col("ngay_khoi_phat") < date(2026, 11, 1))
        .group_by(
            pl.col("ngay_khoi_phat").dt.strftime("%Y-%m").alias("time_period"), pl.col("ma_benh").alias("disease")
        )
        .agg(pl.len().alias("listed"))
    )
    reported = (
        read_reports(running)
        .filter(pl.col("time_period") >= "2026-05")
        .group_by("time_period", "disease")
        .agg(pl.col("disease_cases").sum())
    )
    compared = reported.join(listed, on=["time_period", "disease"], how="left").fill_null(0)
    assert compared["time_period"].n_unique() == 6
    assert compared.filter(pl.col("listed") != pl.col("disease_cases")).is_empty()
    assert compared["listed"].sum() > 500


def test_the_archive_knows_old_provinces_and_missing_counts(running: server.Running) -> None:
    archive = pl.read_csv(next(Path(running.env["HEALTH_DROP_FOLDER"]).glob("cdc_*.csv")))
    assert (archive["time_period"].min(), archive["time_period"].max()) == ("2011-01", "2024-12")
    assert len(archive) == 14 * 12 * 3 * 4
    assert set(archive["location_name"]) == {"Lâm Đồng", "Đắk Nông", "Bình Thuận"}
    assert 0 < archive["disease_cases"].null_count() < 0.03 * len(archive)
    later = read_reports(running).filter(pl.col("time_period") >= "2025-07")
    assert set(later["location_name"]) == {"Lâm Đồng"}
    assert later.group_by("time_period").len()["len"].unique().to_list() == [4]


def test_the_populations_name_every_commune_and_year(tmp_path: Path) -> None:
    units = read_communes(None)
    name = publish_populations(tmp_path, units, 2024, NOW)
    assert name == "dan_so_xa_2026.csv"
    populations = pl.read_csv(tmp_path / name, separator=";", schema_overrides={"Mã xã": pl.String})
    years = populations.sort("Năm").group_by("Mã xã").agg("Năm", pl.col("Dân số").diff().drop_nulls().min())
    assert set(years["Mã xã"]) == set(units["code"]) and set(map(tuple, years["Năm"].to_list())) == {(2024, 2025, 2026)}
    assert (years["Dân số"] > 0).all(), "every commune grows"
    assert publish_populations(tmp_path, units, 2024, NOW) is None, "an edition once written is never touched again"


def test_bad_cases_are_shown_as_the_truth_says(running: server.Running) -> None:
    cases = read_cases(running)
    bad = truth.bad_rows(running.home, "cases", NOW)
    ids = {kind: set(bad.filter(kind=kind)["record_id"]) for kind in truth.BAD_CASES}
    wrong = {
        "unknown_commune": pl.col("ma_xa") == "99999",
        "future_date": pl.col("ngay_khoi_phat") > NOW.date(),
        "short_citizen_number": pl.col("so_dinh_danh").str.len_chars() == 11,
        "missing_required": pl.col("ma_benh").is_null(),
        "unknown_disease": pl.col("ma_benh") == "sot_la",
        "unknown_classification": pl.col("phan_loai") == "F0",
        "birth_year_out_of_range": pl.col("nam_sinh") < 1900,
        "reported_before_onset": (pl.col("ngay_khoi_phat") < NOW.date())
        & (pl.col("ngay_bao_cao").dt.convert_time_zone("Asia/Ho_Chi_Minh").dt.date() < pl.col("ngay_khoi_phat")),
        "exact_duplicate": pl.col("ma_ca_benh").is_duplicated(),
    }
    for kind, condition in wrong.items():
        assert set(cases.filter(condition)["ma_ca_benh"]) == ids[kind], kind
    assert all(ids.values())


def test_readers_cannot_write(running: server.Running) -> None:
    uri = running.env["HEALTH_DATABASE_URI"]
    refused = pytest.raises(adbc_driver_manager.Error, match=r"permission denied|read-only")
    with postgres.connect(uri) as connection, connection.cursor() as cursor, refused:
        cursor.execute("delete from public.ca_benh")


@pytest.fixture
def moving(running: server.Running) -> Iterator[server.Running]:
    """The running province, for tests that move its clock or stop its database."""
    yield running
    faults.start_database(running)
    faults.set_clock(running, NOW, frozen=True)


def dossiers(running: server.Running, since: datetime | None = None) -> dict[str, str]:
    with httpx.Client(base_url=running.env["ONE_STOP_URL"], trust_env=False) as client:
        params = {"page_size": "10000", **({"updated_since": since.isoformat()} if since else {})}
        header = {"Authorization": f"Bearer {new_token(client, running)}"}
        body = client.get("/api/v1/dossiers", params=params, headers=header).json()
        rows = body["data"]
    assert body["next"] is None
    return {row["maHoSo"]: row["trangThai"] for row in rows}


def test_hours_bring_new_and_changed_rows_to_every_source(moving: server.Running) -> None:
    cases, desk, files = read_cases(moving), dossiers(moving), set(read_reports(moving)["time_period"])
    later = datetime.fromisoformat("2026-12-15T10:00:00+07:00")
    faults.set_clock(moving, later, frozen=True)
    more, more_desk = read_cases(moving), dossiers(moving)
    changed = more.filter(pl.col("cap_nhat_luc") > NOW)
    assert len(more) > len(cases) and set(cases["ma_ca_benh"]) <= set(more["ma_ca_benh"])
    assert len(changed) > len(more) - len(cases)  # cases known before were classified since
    before, after = cases.unique().filter(pl.col("cap_nhat_luc") > NOW - timedelta(days=9)), more.unique()
    unchanged = before.join(changed, on="ma_ca_benh", how="anti")
    assert len(unchanged.join(after, on=unchanged.columns, how="semi", nulls_equal=True)) == len(unchanged)
    assert set(desk) < set(more_desk) and any(more_desk[number] != state for number, state in desk.items())
    assert set(dossiers(moving, since=NOW)) >= set(more_desk) - set(desk)
    assert set(read_reports(moving)["time_period"]) - files == {"2026-11"}
    faults.set_clock(moving, NOW, frozen=True)
    assert read_cases(moving).sort(pl.all()).equals(cases.sort(pl.all()))  # back in time, the same rows as before


def test_the_database_can_be_stopped_and_started(moving: server.Running) -> None:
    count = len(read_cases(moving))
    faults.stop_database(moving)
    with pytest.raises(adbc_driver_manager.Error):
        read_cases(moving)
    assert dossiers(moving)  # the other source goes on
    assert faults.state(moving)["database_running"] is False
    faults.start_database(moving)
    assert len(read_cases(moving)) == count


def test_a_broken_spreadsheet_can_be_dropped(moving: server.Running) -> None:
    path = faults.drop_broken_spreadsheet(moving)
    assert "Số ca" not in read_sheet(path).columns
    path.unlink()

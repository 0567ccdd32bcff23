"""The generated province: deterministic, stable as time goes on, with the planted truth in it."""

import json
from datetime import date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from simulator import truth
from simulator.dossiers import EVENTS, generate_dossiers, state_at
from simulator.one_stop import dossier_rows
from simulator.province import neighbour_weights, read_communes
from simulator.world import World, open_world

ISO = "%Y-%m-%dT%H:%M:%S%#z"
NOW = datetime.fromisoformat("2026-11-23T14:20:00+07:00")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("world")


@pytest.fixture(scope="module")
def world(home: Path) -> World:
    return open_world(home, NOW, seed=7, months=12, communes=None, scale=0.2)


def test_the_province_is_the_official_one() -> None:
    units = read_communes()
    assert len(units) == units["code"].n_unique() == 124
    assert units.filter(code="24781").row(0, named=True)["name"] == "Phường Xuân Hương - Đà Lạt"
    assert set(units["old_province"]) == {"60", "67", "68"}
    assert neighbour_weights(units).sum(axis=1) == pytest.approx(1)
    assert read_communes(["24781"])["code"].to_list() == ["24781"]
    with pytest.raises(ValueError, match="99999"):
        read_communes(["99999"])


def test_the_same_seed_gives_the_same_rows_and_another_does_not(world: World, tmp_path: Path) -> None:
    again = open_world(tmp_path / "again", NOW, seed=7, months=12, communes=None, scale=0.2)
    assert_frame_equal(world.dossiers, again.dossiers)
    assert_frame_equal(world.cases, again.cases)
    assert_frame_equal(world.months, again.months)
    other = open_world(tmp_path / "other", NOW, seed=8, months=12, communes=None, scale=0.2)
    assert len(other.cases) != len(world.cases)


def planted_late(home: Path) -> dict[str, str]:
    """The late commune of a home's truth: its code and the month since when."""
    told: dict[str, str] = json.loads((home / "truth" / "truth.json").read_text())["late_commune"]
    return told


def test_a_later_generation_holds_the_same_past(world: World, tmp_path: Path) -> None:
    later = open_world(tmp_path, NOW + timedelta(days=150), seed=7, months=12, communes=None, scale=0.2)
    troubled = pl.col("commune_code") == planted_late(tmp_path)["commune_code"]  # of the last months, planted anew
    both = pl.col("received_at").is_between(datetime(2026, 6, 1), datetime(2026, 10, 1)) & ~troubled
    columns = ["dossier_id", "citizen_number", "received_at", *EVENTS]
    assert_frame_equal(world.dossiers.filter(both).select(columns), later.dossiers.filter(both).select(columns))
    past = pl.col("month") < date(2026, 10, 1)  # before the outbreak, which is planted anew
    assert_frame_equal(world.months.filter(past), later.months.filter(past))


def test_a_kept_generation_is_used_while_it_covers_the_present(world: World, home: Path) -> None:
    later = open_world(home, NOW + timedelta(days=40), seed=7, months=12, communes=None, scale=0.2)
    assert later.fingerprint == world.fingerprint


def test_the_life_of_a_dossier_is_in_order(world: World) -> None:
    order = ["received_at", "processing_at", "supplement1_at", "resumed1_at", "supplement2_at", "resumed2_at"]
    for end in (["finished_at", "returned_at"], ["stopped_at"]):
        for i, former in enumerate(order + end[:-1]):
            for following in (order + end)[i + 1 :]:
                wrong = world.dossiers.filter(pl.col(former) >= pl.col(following))
                assert len(wrong) == 0, f"{former} is not before {following}"
    assert world.dossiers.filter(pl.col("finished_at").is_not_null() & pl.col("stopped_at").is_not_null()).is_empty()
    assert (world.dossiers["due_at"] > world.dossiers["received_at"]).all()


def test_the_state_of_a_moment_tells_nothing_of_the_future(world: World) -> None:
    moment = datetime(2026, 9, 15, 10, 30)
    state = state_at(world.dossiers.lazy(), moment).collect()
    assert state.select(pl.max_horizontal("received_at", "updated_at", *EVENTS).max()).item() <= moment
    assert set(state["status"]) == {"received", "processing", "supplement", "finished", "returned", "stopped"}
    later = state_at(world.dossiers.lazy(), moment + timedelta(hours=1)).collect()
    fresh = later.filter(pl.col("updated_at") > moment)
    assert len(later) > len(state) and len(fresh) > len(later) - len(state)  # some are new, others changed


def test_dossiers_look_like_an_offices_work(world: World) -> None:
    finished = world.dossiers.drop_nulls("finished_at")
    assert 0.84 < (finished["finished_at"] <= finished["due_at"]).mean() < 0.96  # type: ignore[operator]
    sunday = (world.dossiers["received_at"].dt.weekday() == 7).mean()
    assert sunday is not None and sunday < 0.04
    before_merger = generate_dossiers(read_communes(), [date(2025, 3, 1)], seed=7, scale=0.5)
    today = read_communes()["code"]
    assert 0.02 < (~before_merger["commune_code"].is_in(today.implode())).mean() < 0.08  # type: ignore[operator]
    assert world.dossiers["commune_code"].is_in(today.implode()).all()  # twelve months reach back to after it
    assert world.dossiers["citizen_number"].n_unique() < len(world.dossiers)  # people come back


def in_time(dossiers: pl.DataFrame) -> float:
    """Share of the finished ones that were finished by their due time."""
    share = dossiers.drop_nulls("finished_at").select((pl.col("finished_at") <= pl.col("due_at")).mean()).item()
    return float(share)


def test_the_late_commune_falls_and_stays_down(world: World, home: Path) -> None:
    late = planted_late(home)
    assert late["from_month"] == "2026-07-01"
    since = pl.col("received_at") >= datetime.fromisoformat(late["from_month"])
    here = world.dossiers.filter(pl.col("commune_code") == late["commune_code"])
    assert in_time(here.filter(~since)) > 0.85
    for month in (7, 8, 9, 10, 11):
        assert in_time(here.filter(since, pl.col("received_at").dt.month() == month)) < 0.7


def test_few_hands_make_dossiers_late(world: World, home: Path) -> None:
    told = json.loads((home / "truth" / "truth.json").read_text())
    few = told["understaffed_communes"]
    assert 3 <= len(few) <= 12
    others = world.dossiers.filter(~pl.col("commune_code").is_in([*few, told["late_commune"]["commune_code"]]))
    assert in_time(world.dossiers.filter(pl.col("commune_code").is_in(few))) < in_time(others) - 0.05


def test_what_a_desk_tells_of_its_service(world: World) -> None:
    now = NOW.replace(tzinfo=None)
    state = state_at(world.dossiers.lazy(), now).collect()
    unfinished = state.filter(pl.col("finished_at").is_null())
    for name in ("result_electronic", "result_shared", "certified_copies", "e_certified_copies", "rating"):
        assert unfinished[name].null_count() == len(unfinished), name
    assert (state["paid_online"].is_null() == (state["fee_thousand_vnd"] == 0)).all()
    assert state.filter(pl.col("e_certified_copies") > pl.col("certified_copies")).is_empty()
    assert (state["synchronised"] == state["synchronised_at"].is_not_null()).all()
    rated = state.drop_nulls("rating")
    assert 0.05 < len(rated) / len(state) < 0.2
    assert set(rated["rating"]) == {"satisfied", "neutral", "dissatisfied"}
    by_commune = state.group_by("unit").agg(
        (pl.col("finished_at") <= pl.col("due_at")).mean().alias("in_time"), pl.col("digitised").mean()
    )
    assert by_commune["digitised"].std() > 0.05  # type: ignore[operator]
    assert by_commune.select(pl.corr("in_time", "digitised")).item() > 0.2
    years = (
        state.group_by(pl.col("received_at").dt.year())
        .agg(pl.col("digitised", "paid_online").mean())
        .sort("received_at")
    )
    assert years["digitised"].is_sorted() and years["paid_online"].is_sorted()


def test_old_programs_tell_less() -> None:
    before, after = (
        generate_dossiers(read_communes(), [month], 7, 0.5) for month in (date(2025, 3, 1), date(2025, 8, 1))
    )
    assert 0.01 < before["digitised"].is_null().mean() < 0.2  # type: ignore[operator]
    assert after["digitised"].null_count() == after["data_reused"].null_count() == 0


def test_bad_rows_are_shown_as_the_truth_says(world: World, home: Path) -> None:
    rows = dossier_rows(world.dossiers, NOW, None, None, {})
    bad = truth.bad_rows(home, "dossiers", NOW)
    assert 0.002 < len(bad) / len(rows) < 0.004
    assert set(bad["kind"]) == set(truth.BAD_DOSSIERS)
    ids = {kind: set(bad.filter(kind=kind)["record_id"]) for kind in truth.BAD_DOSSIERS}
    received, due = pl.col("ngayTiepNhan").str.to_datetime(ISO), pl.col("ngayHenTra").str.to_datetime(ISO, strict=False)
    wrong = {
        "unknown_commune": pl.col("maXa") == "99999",
        "future_date": received > NOW,
        "short_citizen_number": pl.col("soDinhDanh").str.len_chars() == 11,
        "missing_required": pl.col("maThuTuc").is_null(),
        "wrong_type_date": due.is_null(),
        "wrong_type_number": pl.col("soLanBoSung") < 0,
        "due_before_received": due < received,
        "finished_before_received": (pl.col("ngayHoanThanh").str.to_datetime(ISO) < received) & (received <= NOW),
        "unknown_channel": ~pl.col("kenhNop").is_in(["online", "counter", "postal"]),
        "unknown_status": pl.col("trangThai") == "dang_luan_chuyen",
        "exact_duplicate": pl.col("maHoSo").is_duplicated(),
    }
    for kind, condition in wrong.items():
        assert set(rows.filter(condition)["maHoSo"]) == ids[kind], kind
    duplicates = rows.filter(pl.col("maHoSo").is_in(list(ids["exact_duplicate"])))
    assert duplicates.n_unique() * 2 == len(duplicates)


def test_a_small_world_holds_every_kind_of_bad_row(tmp_path: Path) -> None:
    open_world(tmp_path, NOW, seed=3, months=3, communes=5, scale=0.1)
    facts = json.loads((tmp_path / "truth" / "truth.json").read_text())
    assert set(facts["bad_dossiers"]) == set(truth.BAD_DOSSIERS)
    assert set(facts["bad_cases"]) == set(truth.BAD_CASES)


def test_the_outbreak_stands_out_in_its_commune(world: World, home: Path) -> None:
    planted = json.loads((home / "truth" / "truth.json").read_text())["outbreak"]
    dengue = world.cases.filter(
        pl.col("disease") == "dengue",
        pl.col("bad").is_null(),
        pl.col("final_class") != "discarded",
        pl.col("commune_code") == planted["commune_code"],
        pl.col("onset_date") < NOW.date(),
    )
    weekly = dengue.group_by(pl.col("onset_date").dt.truncate("1w").alias("week")).len().sort("week")
    grid = pl.DataFrame({"week": pl.date_range(date(2025, 12, 1), date(2026, 11, 16), "1w", eager=True)})
    weekly = grid.join(weekly, on="week", how="left").fill_null(0)
    before, during = weekly.head(-4)["len"], weekly.tail(4)["len"]
    limit = before.mean() + 2 * before.std()  # type: ignore[operator]
    assert (during > limit).all(), (during.to_list(), limit)
    assert planted["weeks"][0] == "2026-10-26"


def test_diseases_have_their_seasons(world: World) -> None:
    by_month = (
        world.months.filter(pl.col("month") < date(2024, 1, 1))
        .group_by("disease", pl.col("month").dt.month().alias("calendar"))
        .agg(pl.col("cases").sum())
    )
    share = {
        (disease, month): cases / by_month.filter(disease=disease)["cases"].sum()
        for disease, month, cases in by_month.iter_rows()
    }
    assert sum(share["dengue", month] for month in range(5, 12)) > 0.8
    assert share["hfmd", 4] > share["hfmd", 7] < share["hfmd", 10]
    assert share["influenza", 1] > 2 * share["influenza", 9]
    assert by_month.filter(disease="measles")["cases"].sum() < by_month["cases"].sum() * 0.02


def test_years_differ(world: World) -> None:
    years = (
        world.months.filter(pl.col("disease") == "dengue")
        .group_by(pl.col("month").dt.year())
        .agg(pl.col("cases").sum())
    )
    whole = years.filter(pl.col("month") < 2026)["cases"]
    assert whole.max() > 3 * whole.min()  # type: ignore[operator]


@pytest.mark.parametrize(("months", "scale"), [(0, 1.0), (24, 0.0), (24, -1.0)])
def test_parameters_without_sense_are_refused(tmp_path: Path, months: int, scale: float) -> None:
    with pytest.raises(ValueError, match="positive"):
        open_world(tmp_path, NOW, seed=1, months=months, communes=None, scale=scale)

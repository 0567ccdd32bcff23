"""What scripts rely on: names, exit codes, JSON on stdout alone."""

import json
import shutil
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from lake.connected import setting_names
from lake.contract import load_contracts
from lake.ledger import Entry, commit
from lake.pseudonyms import load_key
from lake.settings import Settings, load_settings
from lake.store import open_store
from orchestration.cli.demo import summary
from orchestration.cli.main import COMMANDS, cli
from orchestration.cli.refresh import parse_moment
from orchestration.cli.sources import write_env
from orchestration.refresh import Outcome, rejected

LOAD = "20260801T000000000001Z-abcdef"


def kho(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments, prog_name="kho")


def entry(load_id: str, status: str, day: str = "2026-08-01", reasons: list[str] | None = None) -> Entry:
    now = datetime(2026, 8, 1, 1, tzinfo=UTC).isoformat()
    return Entry(
        load_id=load_id, dataset="one_stop.dossiers", status=status, province="68", day=day,  # type: ignore[arg-type]
        received=10, accepted=9, quarantined=1, contract_sha256="", key_id="k", code_version="v", started_at=now,
        finished_at=now, reasons=reasons or [],
    )  # fmt: skip


def test_every_command_of_the_list_is_there_and_tells_its_options() -> None:
    for name in set(COMMANDS) - {"simulate"}:  # it hands its options on
        result = kho(name, "--help")
        assert result.exit_code == 0, name
        assert result.output.startswith(f"Usage: kho {name}")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["sql", "select 1"], "nothing is published yet"),
        (["sql", ""], "expected one statement"),
        (["sql", "select 1; select 2"], "expected one statement"),
        (["rollback", "20260101T000000000000Z-abcdef"], "no published snapshot"),
        (["diff", "20260101T000000000000Z-abcdef", "20260102T000000000000Z-abcdef"], "no snapshot"),
        (["reject", LOAD], f"no load {LOAD} in the ledger"),
        (["reject", "yesterday"], "'yesterday' is no load"),
        (["quarantine", "no.such"], "no dataset no.such"),
        (["refresh", "--datasets", "no.such"], "no dataset no.such"),
        (["refresh", "--from", "2026-01-01"], "--from and --to go together"),
        (["refresh", "--from", "2026-02-01", "--to", "2026-01-01"], "--from is after --to"),
        (["refresh", "--from", "soon", "--to", "2026-01-01"], "'soon' is no day"),
        (["refresh", "--as-of", "then"], "'then' is no time"),
        (["refresh", "--hourly", "--nightly"], "not both"),
        (["refresh", "--as-of", "2026-01-01", "--datasets", "admin.units"], "reads nothing"),
        (["refresh", "--as-of", "2999-01-01"], "in the future"),
        (["backtest"], "there is no backtest yet"),
        (["nonsense"], "No such command"),
    ],
)
def test_wrong_use_is_told_in_a_line_with_exit_code_2(settings: Settings, arguments: list[str], told: str) -> None:
    result = kho(*arguments)
    assert result.exit_code == 2, result.output
    assert told in result.stderr
    assert result.stdout == ""
    assert "Traceback" not in result.output


def test_a_wrong_contract_is_named_with_file_and_place(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "contracts"
    shutil.copytree(settings.contracts, folder)
    path = folder / "one_stop" / "dossiers.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("mode: stream", "mode: river"), encoding="utf-8")
    monkeypatch.setenv("KHO_CONTRACTS", str(folder))
    result = kho("datasets")
    assert result.exit_code == 2
    assert "one_stop/dossiers.yaml: line 6: mode:" in result.stderr


def test_an_unforeseen_error_is_a_line_and_its_traceback_is_kept(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: object) -> None:
        raise ZeroDivisionError("of ours")

    monkeypatch.setattr("orchestration.cli.snapshots.list_snapshots", broken)
    result = kho("snapshots")
    assert result.exit_code == 1
    assert "ZeroDivisionError: of ours" in result.stderr
    assert "Traceback" not in result.output
    assert "Traceback" in (settings.home / "logs" / "kho.log").read_text()
    assert isinstance(kho("--debug", "snapshots").exception, ZeroDivisionError)


@pytest.mark.parametrize("command", ["status", "datasets", "quarantine", "loads", "snapshots"])
def test_json_is_all_there_is_on_stdout(settings: Settings, command: str) -> None:
    result = kho(command, "--json")
    assert result.exit_code == 0, result.output
    json.loads(result.stdout)


def test_status_says_why_a_load_does_not_count_and_which_stays(settings: Settings) -> None:
    store = open_store(settings)
    commit(store, entry(LOAD, "accepted"))
    commit(store, entry("20260801T000000000002Z-abcdef", "rejected", reasons=["Chỉ 3 đơn vị gửi số liệu"]))
    told = json.loads(kho("status", "--json").stdout)
    (dossiers,) = [one for one in told["datasets"] if one["dataset"] == "one_stop.dossiers"]
    assert dossiers["last_load"] == LOAD
    assert (dossiers["received"], dossiers["accepted"], dossiers["quarantined"]) == (10, 9, 1)
    assert dossiers["rejected"] == "Chỉ 3 đơn vị gửi số liệu"
    assert "Chỉ 3 đơn vị gửi số liệu" in kho("status").stdout


def test_reject_takes_a_load_out_and_dagster_shows_it(settings: Settings) -> None:
    commit(open_store(settings), entry(LOAD, "accepted"))
    result = kho("reject", LOAD, "--reason", "Nhập nhầm")
    assert result.exit_code == 0, result.output
    again = kho("reject", LOAD)
    assert again.exit_code == 2 and "was taken out before" in again.stderr
    (told,) = json.loads(kho("loads", "--json").stdout)
    assert (told["standing"], told["reasons"]) == (False, "Nhập nhầm")

    import dagster as dg

    key = dg.AssetKey(["one_stop", "dossiers"])
    with dg.DagsterInstance.get() as instance:
        (seen,) = instance.fetch_observations(key, limit=1).records
    assert seen.partition_key == "2026-08-01"
    assert seen.asset_observation is not None
    assert seen.asset_observation.metadata["load_id"].value == LOAD


def test_gaps_are_the_loads_that_this_refresh_read_and_that_do_not_count(settings: Settings) -> None:
    from lake.ledger import read_index

    store = open_store(settings)
    commit(store, entry(LOAD, "rejected", reasons=["Quá ít"]))
    commit(store, entry("20260801T000000000002Z-abcdef", "rejected", "2026-08-02", ["Quá ít"]))
    commit(store, entry("20260801T000000000003Z-abcdef", "accepted", "2026-08-02"))
    index = read_index(settings, store, load_contracts(settings.contracts))
    began = datetime(2026, 8, 1, tzinfo=UTC)
    assert rejected(index, began) == [f"one_stop.dossiers 2026-08-01: load {LOAD} was rejected: Quá ít"]
    assert rejected(index, datetime(2026, 9, 1, tzinfo=UTC)) == []


def test_exit_codes() -> None:
    assert Outcome("s").exit_code == 0
    assert Outcome("s", ["a source is down"]).exit_code == 3
    assert Outcome("s", ["a source is down"], "the audit stopped it").exit_code == 1


def test_a_time_without_zone_is_vietnamese() -> None:
    assert parse_moment("2026-11-23T08:00") == datetime(2026, 11, 23, 1, tzinfo=UTC)
    assert parse_moment("2026-11-23T08:00+00:00") == datetime(2026, 11, 23, 8, tzinfo=UTC)


def test_settings_are_written_beside_what_a_person_wrote(settings: Settings) -> None:
    settings.home.mkdir()
    path = settings.home / "kho.env"
    path.write_text("MY_OWN=kept\nA='old'\n")
    awkward = "it's a \\ and a # and ${B}"
    write_env(path, {"A": "new", "SECRET": awkward})
    assert path.stat().st_mode & 0o777 == 0o600
    env = load_settings({"KHO_HOME": str(settings.home)}).env
    assert (env["MY_OWN"], env["A"], env["SECRET"]) == ("kept", "new", awkward)


def test_a_home_that_cannot_be_written_is_told_as_wrong_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KHO_HOME", "/proc/nowhere")  # nobody, not even root, makes a folder there
    for command in (["refresh"], ["demo"], ["up"]):
        result = kho(*command)
        assert result.exit_code == 2, command
        assert "KHO_HOME (/proc/nowhere) must be a folder" in result.output


def test_the_doctor_names_settings_that_are_missing(settings: Settings) -> None:
    from orchestration.cli.doctor import CHECKS

    begun = replace(settings, env={**settings.env, "ONE_STOP_CLIENT_ID": "kho-tinh"})
    well, told = CHECKS["sources"](begun, load_contracts(settings.contracts))
    assert not well
    assert "ONE_STOP_URL (one_stop." in told
    assert "SECURITY_DATABASE_URI" not in told, "a source of which nothing is set is not connected"
    everything = {name: "set" for one in load_contracts(settings.contracts).values() for name in setting_names(one)}
    apart = {name: value for name, value in everything.items() if "SECURITY" not in name and "BOUNDARIES" not in name}
    well, told = CHECKS["sources"](replace(settings, env={**settings.env, **apart}), load_contracts(settings.contracts))
    assert well and "not connected: " in told and "security.incidents" in told
    assert "BOUNDARIES_FOLDER" not in told, "what is optional may be missing"
    well, told = CHECKS["sources"](replace(settings, env={}), load_contracts(settings.contracts))
    assert not well and "none is connected" in told
    assert CHECKS["lake"](settings, load_contracts(settings.contracts))[0]


def test_the_doctor_misses_objects_that_entries_name(settings: Settings) -> None:
    from orchestration.cli.doctor import CHECKS

    commit(open_store(settings), replace(entry(LOAD, "accepted"), object="raw/one_stop/dossiers/lost.parquet"))
    well, told = CHECKS["lake"](settings, load_contracts(settings.contracts))
    assert not well and "raw/one_stop/dossiers/lost.parquet" in told


def test_a_lost_or_other_pseudonym_key_stops_the_refresh(settings: Settings) -> None:
    load_key(settings)
    commit(open_store(settings), entry(LOAD, "accepted"))
    other = kho("refresh")
    assert other.exit_code == 2 and "were made with the key k, and" in other.stderr and "another key" in other.stderr
    settings.pseudonym_key_file.unlink()
    lost = kho("refresh")
    assert lost.exit_code == 2 and "is not there" in lost.stderr
    assert not settings.pseudonym_key_file.exists(), "no new key is made instead"


@pytest.mark.parametrize("named", ["KHO_HOME", "KHO_CONTRACTS", "LAKE_URL"])
def test_places_that_cannot_be_are_told(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: str
) -> None:
    wrong = tmp_path / "file"
    wrong.write_text("")
    monkeypatch.setenv(named, (wrong / "lake").as_uri() if named == "LAKE_URL" else str(wrong))
    result = kho("status")
    assert result.exit_code == 2 and str(wrong) in result.stderr, result.output


def test_the_summary_needs_a_published_snapshot(settings: Settings) -> None:
    from lake.snapshots import SnapshotError

    with pytest.raises(SnapshotError):
        summary(settings)

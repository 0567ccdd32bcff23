"""Superset's store: where it is, whether it answers, and that nobody reads its password."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import adbc_driver_postgresql.dbapi as postgres
import pytest

from lake.settings import Settings, SettingsError, load_settings
from orchestration.cli.doctor import CHECKS
from superset_assets.metadata import UnreachableError, accounts, place
from tests.conftest import free_port, postgresql


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with postgresql(tmp_path_factory.mktemp("metadata")) as address:
        yield address


def settings_with(home: Path, **env: str) -> Settings:
    return load_settings({"KHO_HOME": str(home), **env})


def test_a_file_is_set_up_when_it_holds_accounts(tmp_path: Path) -> None:
    settings = settings_with(tmp_path)
    assert accounts(settings) is None
    (tmp_path / "superset").mkdir()
    with sqlite3.connect(place(settings)) as connection:
        assert accounts(settings) is None, "a file without tables"
        connection.execute("create table ab_user (username text)")
        connection.execute("insert into ab_user values ('admin')")
    assert accounts(settings) == 1
    Path(place(settings)).write_bytes(b"no database" * 100)
    with pytest.raises(UnreachableError, match=r"superset\.db"):
        accounts(settings)


@pytest.mark.parametrize("scheme", ["postgresql", "postgresql+psycopg2"])
def test_a_server_is_set_up_when_it_holds_accounts(tmp_path: Path, server: str, scheme: str) -> None:
    settings = settings_with(tmp_path, KHO_SUPERSET_METADATA=server.replace("postgresql", scheme, 1))
    assert accounts(settings) is None
    with postgres.connect(server) as connection, connection.cursor() as cursor:
        cursor.execute("create table ab_user (username text)")
        cursor.execute("insert into ab_user values ('admin'), ('chu-tich')")
        connection.commit()
        assert accounts(settings) == 2
        cursor.execute("drop table ab_user")
        connection.commit()
    assert accounts(settings) is None
    well, told = CHECKS["Superset's metadata"](settings, {})
    assert well and told.startswith("postgresql://") and "first start" in told


def test_a_server_that_does_not_answer_is_named_without_its_password(tmp_path: Path) -> None:
    address = f"postgresql://kho:bi%2Dmat@127.0.0.1:{free_port()}/superset?sslpassword=cung-kin&sslmode=prefer"
    settings = settings_with(tmp_path, KHO_SUPERSET_METADATA=address)
    assert place(settings) == address.replace(":bi%2Dmat", "").replace("sslpassword=cung-kin&", "")
    with pytest.raises(UnreachableError) as told:
        accounts(settings)
    assert place(settings) in str(told.value)
    assert not [secret for secret in ("bi%2Dmat", "bi-mat", "cung-kin") if secret in str(told.value)]


def test_another_kind_of_database_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="KHO_SUPERSET_METADATA"):
        accounts(settings_with(tmp_path, KHO_SUPERSET_METADATA="mysql://kho@db/superset"))


def test_the_doctor_advises_a_server_where_many_workers_share_a_file(tmp_path: Path) -> None:
    settings = settings_with(tmp_path, KHO_SUPERSET_WORKERS="4")
    (tmp_path / "superset").mkdir()
    with sqlite3.connect(place(settings)) as connection:
        connection.execute("create table ab_user (username text)")
    for few in ({}, {"KHO_SUPERSET_WORKERS": "2"}):
        assert CHECKS["Superset's metadata"](settings_with(tmp_path, **few), {})[0]
    well, told = CHECKS["Superset's metadata"](settings, {})
    assert not well and "KHO_SUPERSET_METADATA" in told

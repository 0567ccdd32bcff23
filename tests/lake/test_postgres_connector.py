"""PostgreSQL, read from a real server."""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import adbc_driver_postgresql.dbapi as dbapi
import polars as pl
import pytest

from lake.connectors import SourceError, SourceFormatError, Window, postgres
from lake.contract import Contract
from lake.door import admit
from lake.pseudonyms import Key
from lake.settings import Settings
from tests.conftest import postgresql

SECRET = "the-password"
CITIZEN = "068190001234"
STATEMENTS = [
    "create type mood as enum ('good', 'bad')",
    """create table cases (id int8, small int2, amount numeric(10, 3), ratio float4, token uuid, mood mood, facts jsonb,
       naive timestamp, changed timestamptz, day date, done boolean, tags text[], code char(7), took interval,
       citizen varchar, "Ghi chú" text)""",
    f"""insert into cases values (1, 2, 1.000, 0.5, '7f5bdbd4-2f1e-4d0e-9e6c-1b2a3c4d5e6f', 'good', '{{"a": 1}}',
       '2026-07-01 06:30', '2026-07-01 06:30+07', '2026-07-01', true, '{{a,b}}', '24829', '1 day', '{CITIZEN}', 'x'),
       (2, null, null, null, null, null, null, null, '2026-07-02 00:00+07', null, null, null, null, null, null,
       null)""",
    'create schema "Khác"',
    'create table "Khác"."Bảng" (id int8)',
    "create role reader login",
    "grant usage on schema public to reader",
]
COLUMNS: list[dict[str, Any]] = [
    {"name": "id", "type": "integer"},
    {"name": "small", "type": "integer"},
    {"name": "amount", "type": "integer"},
    {"name": "ratio", "type": "number"},
    {"name": "token", "type": "text"},
    {"name": "mood", "type": "text", "values": ["good"]},
    {"name": "facts", "type": "text"},
    {"name": "naive", "type": "timestamp"},
    {"name": "changed", "type": "timestamp"},
    {"name": "day", "type": "date"},
    {"name": "done", "type": "boolean"},
    {"name": "tags", "type": "text"},
    {"name": "code", "type": "text"},
    {"name": "took", "type": "text"},
]


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with postgresql(tmp_path_factory.mktemp("database")) as uri:
        with dbapi.connect(uri) as connection, connection.cursor() as cursor:
            for statement in STATEMENTS:
                cursor.execute(statement)
            connection.commit()
        yield uri


@pytest.fixture
def settings(database: str, installation: Callable[..., Settings]) -> Settings:
    return installation(DATABASE=database)


@pytest.fixture
def source(make_contract: Callable[..., Contract]) -> Callable[..., Contract]:
    def build(columns: list[dict[str, Any]] = COLUMNS, **changes: Any) -> Contract:
        fields = {"protocol": "postgres", "uri": "${DATABASE}", "table": "public.cases", "window_column": "changed"}
        return make_contract(columns, source={**fields, **changes})

    return build


def read(contract: Contract, settings: Settings, window: Window | None = None) -> pl.DataFrame:
    (extract,) = postgres.read(contract, window, settings)
    return extract.table


def test_types_arrive_as_the_contract_means_them(
    settings: Settings, source: Callable[..., Contract], key: Key, now: datetime
) -> None:
    contract = source()
    table = read(contract, settings)
    assert CITIZEN not in str(table.to_dicts()), "what the contract does not name stays in the source"
    admitted = admit(table, contract, None, key, now)
    assert admitted.drift == ["Ghi chú", "citizen"]
    assert admitted.quarantined.is_empty()
    moment = datetime(2026, 6, 30, 23, 30, tzinfo=UTC)
    first, second = admitted.accepted.drop("_load_id").to_dicts()
    assert first == {
        "id": 1,
        "small": 2,
        "amount": 1,  # numeric 1.000 is one, not a thousand
        "ratio": 0.5,
        "token": "7f5bdbd4-2f1e-4d0e-9e6c-1b2a3c4d5e6f",
        "mood": "good",
        "facts": '{"a": 1}',
        "naive": moment,
        "changed": moment,
        "day": date(2026, 7, 1),
        "done": True,
        "tags": "{a,b}",
        "code": "24829",
        "took": "1 day",
    }
    assert {name for name, value in second.items() if value is not None} == {"id", "changed"}


@pytest.mark.parametrize("column", ["changed", "naive", "day"])
def test_the_window(settings: Settings, source: Callable[..., Contract], column: str) -> None:
    begin = datetime.fromisoformat("2026-07-01T00:00:00+07:00")
    contract = source(window_column=column)
    assert read(contract, settings, Window(begin, begin + timedelta(days=1)))["id"].to_list() == [1]
    before = read(contract, settings, Window(begin - timedelta(days=1), begin))
    assert before.is_empty() and set(before.columns) >= {"id", "changed"}, "columns are known without rows"


def test_a_table_without_what_the_contract_needs(
    settings: Settings, source: Callable[..., Contract], key: Key, now: datetime
) -> None:
    lacking = source([{"name": "id", "type": "integer"}, {"name": "age", "type": "integer", "source": "tuoi"}])
    with pytest.raises(SourceFormatError, match=r"column tuoi is missing; found are .*changed"):
        admit(read(lacking, settings), lacking, None, key, now)
    nothing = source([{"name": "age", "type": "integer", "source": "tuoi"}])
    with pytest.raises(SourceFormatError, match="column tuoi is missing"):
        admit(read(nothing, settings), nothing, None, key, now)
    with pytest.raises(SourceFormatError, match=r"the database has no table public\.nowhere"):
        read(source(table="public.nowhere"), settings)
    with pytest.raises(SourceFormatError, match=r"\(SQLSTATE 42703\); check table and columns"):
        read(source(window_column="no_such"), settings, Window(datetime.now(UTC), datetime.now(UTC)))


def test_names_that_need_quotation(settings: Settings, source: Callable[..., Contract]) -> None:
    assert read(source([{"name": "id", "type": "integer"}], table="Khác.Bảng"), settings).is_empty()
    hostile = source(table='public.cases"; drop table cases; --')
    with pytest.raises(SourceFormatError, match="has no table"):
        read(hostile, settings)
    assert len(read(source(), settings)) == 2


def test_no_right_to_the_table(
    database: str, installation: Callable[..., Settings], source: Callable[..., Contract]
) -> None:
    settings = installation(DATABASE=database.replace("postgres:@", "reader:@"))
    with pytest.raises(SourceFormatError, match=r"refuses the query on public\.cases \(SQLSTATE 42501\)"):
        read(source(), settings)


@pytest.mark.parametrize(("old", "new"), [("/postgres?", "/no_such_database?"), ("postgres:@", f"nobody:{SECRET}@")])
def test_a_log_in_that_is_refused(
    database: str, installation: Callable[..., Settings], source: Callable[..., Contract], old: str, new: str
) -> None:
    settings = installation(DATABASE=database.replace(old, new))
    with pytest.raises(SourceFormatError, match=r"refuses the log-in; check address, user, .* in DATABASE") as e:
        read(source(), settings)
    assert SECRET not in str(e.value) and database not in str(e.value)


def test_a_server_that_is_switched_off(installation: Callable[..., Settings], source: Callable[..., Contract]) -> None:
    settings = installation(DATABASE=f"postgresql://reader:{SECRET}@127.0.0.1:1/health")
    with pytest.raises(SourceError, match=r"the database does not answer .*asked again by the next run") as caught:
        read(source(), settings)
    assert SECRET not in str(caught.value)


def test_an_address_that_is_none(installation: Callable[..., Settings], source: Callable[..., Contract]) -> None:
    for address in (f"postgresql://reader:{SECRET}@host:port/db", f"host {SECRET}"):
        with pytest.raises(SourceFormatError, match="DATABASE") as caught:
            read(source(), installation(DATABASE=address))
        assert SECRET not in str(caught.value)


def test_a_large_table_comes_in_batches(settings: Settings, source: Callable[..., Contract]) -> None:
    wide = source([{"name": "id", "type": "integer"}, {"name": "words", "type": "text"}], table="public.large")
    with dbapi.connect(settings.source("DATABASE"), autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute(
            "create table large as select n as id, now() as changed, repeat('chữ ', 60) as words, 1 as other "
            "from generate_series(1, 150000) as n"
        )
    tables = [extract.table for extract in postgres.read(wide, None, settings)]
    assert len(tables) > 1
    assert pl.concat(tables)["id"].sort().to_list() == list(range(1, 150_001))
    assert all(table["other"].dtype == pl.Null for table in tables)


def test_a_reading_that_nobody_wants_to_the_end(settings: Settings, source: Callable[..., Contract]) -> None:
    wide = source([{"name": "id", "type": "integer"}, {"name": "words", "type": "text"}], table="public.large")
    batches = postgres.read(wide, None, settings)
    assert len(next(batches).table) < 150_000
    batches.close()  # type: ignore[attr-defined]
    with dbapi.connect(settings.source("DATABASE")) as connection, connection.cursor() as cursor:
        cursor.execute(
            "select count(*) from pg_stat_activity where query like '%large%' and pid <> pg_backend_pid() "
            "and state <> 'idle'"
        )
        assert cursor.fetchone() == (0,), "no connection stays behind"


def test_a_server_that_goes_away_in_the_middle(settings: Settings, source: Callable[..., Contract]) -> None:
    wide = source([{"name": "id", "type": "integer"}, {"name": "words", "type": "text"}], table="public.large")
    batches = postgres.read(wide, None, settings)
    next(batches)
    with dbapi.connect(settings.source("DATABASE"), autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where query like '%\"words\"%' "
            "and pid <> pg_backend_pid()"
        )
    with pytest.raises(SourceError, match="the database broke off its answer"):
        list(batches)

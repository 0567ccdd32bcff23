"""How the server opens published files and reads statements, in its own environment."""

import subprocess
from pathlib import Path

from superset_assets.launch import BIN, SERVER

FILES = """
import sys
from pathlib import Path
import duckdb
from hardening import CONFIG
from published_files import connection

home = Path(sys.argv[1])
for number in (1, 2):
    (home / str(number)).mkdir()
    with duckdb.connect(home / str(number) / "leaders.duckdb") as file:
        file.execute(f"create table figures as select {number} as number")
current = home / "current"
current.symlink_to("1")
called = current / "leaders.duckdb"

def asked(sql):
    with connection(called, CONFIG) as own:
        return own.execute(sql).fetchall()

assert asked("from figures") == [(1,)]

running = connection(called, CONFIG)
running.execute("create temp table mine as select 1")
(home / "next").symlink_to("2")
(home / "next").rename(current)
assert asked("from figures") == [(2,)], "the next question reads what is published by then"
assert running.execute("from figures").fetchall() == [(1,)], "one that runs stays with its snapshot"
running.close()

for nothing in ("from mine", "set threads = 1", "load httpfs", "from read_text('/etc/hostname')",
                "attach ':memory:' as mine", "create table mine as select 1"):
    try:
        asked(nothing)
    except duckdb.Error:
        continue
    raise AssertionError(nothing)

asked("from enable_logging('QueryLog')")
asked("select 'secret'")
assert asked("from duckdb_logs") == [], "nobody reads what others ask"

called.resolve().unlink()
try:
    asked("from figures")
except duckdb.IOException:
    pass
else:
    raise AssertionError("a file that is gone was read")
"""

ADDRESS = """
import sys
from pathlib import Path
import duckdb, sqlalchemy
from hardening import hardened
from published_files import keep_published_files_open

keep_published_files_open()
home = Path(sys.argv[1])
with duckdb.connect(home / "leaders.duckdb") as file:
    file.execute('create table "order" as select 7 as "from"')
address = sqlalchemy.engine.make_url(f"duckdb:///{home / 'leaders.duckdb'}?access_mode=read_write")
uri, params = hardened(home)(address, {})
engine = sqlalchemy.create_engine(uri, poolclass=sqlalchemy.pool.NullPool, **params)
words = sqlalchemy.table("order", sqlalchemy.column("from"))
assert engine.execute(sqlalchemy.select(words.c["from"])).fetchall() == [(7,)]
assert sqlalchemy.inspect(engine).get_table_names() == ["order"]
"""

STATEMENTS = """
from remembered_statements import RememberingDuckDB
from sqlglot.dialects.duckdb import DuckDB
from sqlglot import errors, exp, parse

told = "with a as (from b select x) select a.x::int /* why */, [1, 2] from a anti join c using (x); select 2"
for _ in range(2):
    trees = parse(told, dialect=RememberingDuckDB)
    assert trees == DuckDB().parse(told)
    assert [tree.sql(DuckDB) for tree in trees] == [tree.sql(DuckDB) for tree in DuckDB().parse(told)]
    trees[0].find(exp.Table).set("this", exp.to_identifier("changed"))
for _ in range(2):
    try:
        parse("select (", dialect=RememberingDuckDB)
    except errors.ParseError:
        continue
    raise AssertionError("a statement that is none was read")
"""


def run(code: str, *told: str) -> None:
    command = [str(BIN / "python"), "-c", code, *told]
    done = subprocess.run(command, cwd=SERVER, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr


def test_a_question_reads_what_is_published_and_finds_nothing_of_others(tmp_path: Path) -> None:
    run(FILES, str(tmp_path))


def test_an_address_leads_to_the_file_whatever_it_says(tmp_path: Path) -> None:
    run(ADDRESS, str(tmp_path))


def test_a_remembered_statement_is_the_same_whatever_was_done_to_its_tree() -> None:
    run(STATEMENTS)

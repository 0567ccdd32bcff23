"""Nobody learns a count of 1 to 4 from the leaders' file, and the health sector's file tells it exactly."""

import random
import re
from collections.abc import Callable
from datetime import date

import duckdb
import pytest

from tests.dbt_project.conftest import Built
from tests.dbt_project.small_cell_attack import POPULATION, POVERTY, recovered

Open = Callable[[], duckdb.DuckDBPyConnection]
Row = tuple[str, date, str, str, float]
MONTHS = [date(2025, month, 1) for month in (8, 9, 10)]
COMMUNES = ["24829", "24830", "24831", "24832"]
COMPUTED = [
    "int_measure_carried", "int_indicator_part", "int_indicator", "int_indicator_told", "mart_indicator",
    "mart_poverty_year", "mart_population_month", "mart_disease_province_month", "mart_disease_forecast", "mart_load",
]  # fmt: skip


def small_world(seed: int) -> list[Row]:
    """What two to four communes counted in three months, most of it few; residents follow from who came and went."""
    dice = random.Random(seed)
    rows: list[Row] = []
    for unit in COMMUNES[: dice.choice([2, 3, 4])]:
        few = dice.choice([3, 6, 12])
        residents = dice.randint(800, 5000)
        for month in MONTHS:

            def counted(measure: str, most: int, item: str = "", unit: str = unit, month: date = month) -> int:
                count = dice.randint(0, most)
                rows.append((unit, month, measure, item, float(count)))
                return count

            kinds = [counted("incidents_by_kind", few, kind) for kind in ("theft", "fraud", "traffic")]
            rows.append((unit, month, "incidents", "", float(sum(kinds))))
            counted("incidents_closed", sum(kinds))
            for disease in ("dengue", "measles"):
                counted("cases", few, disease)
            for kind in ("complaint", "denunciation"):
                counted("petitions_received", few, kind)
            counted("petitions_resolved_on_time", counted("petitions_due", few))
            counted("complaints_resolved", counted("complaints_within_competence", few))
            counted("petitions_overdue", few)
            for kind in ("poor", "near_poor"):
                households = counted(f"{kind}_households", few)
                rows.append((unit, month, f"{kind}_persons", "", float(households + dice.randint(0, 3 * households))))
                counted(f"{kind}_persons_2027", few)
            born, died, came, left = (counted(movement, few) for movement in POPULATION)
            residents += born - died + came - left
            rows.append((unit, month, "residents", "", float(residents)))
    return rows


def a_day_later(world: list[Row], seed: int) -> tuple[list[Row], dict[str, int]]:
    """A few more cases and incidents, and how many rows told of them."""
    dice = random.Random(seed)
    more = {at: dice.choice([0, 0, 1, 2]) for at, row in enumerate(world)
            if row[2] == "cases" and row[1] == MONTHS[-1]}  # fmt: skip
    later = [(*row[:4], row[4] + more.get(at, 0)) for at, row in enumerate(world)]
    return later, {"health.case_reports": sum(more.values())}


def published(
    built: Built, connection: duckdb.DuckDBPyConnection, world: list[Row], loads: dict[str, int], sql: dict[str, str]
) -> duckdb.DuckDBPyConnection:
    """The marts of this world, computed by their own SQL; sql: that of models to be computed otherwise."""
    replace(connection, "dim_unit", "from dim_unit where false")
    units = sorted({row[0] for row in world})
    connection.execute(
        f"""insert into dim_unit by name select unit_code, level, '68' as province_code, 'Đơn vị' as name, 'Xã' as kind
        from (values {", ".join(f"('{unit}', 'commune')" for unit in units)}, ('68', 'province'))
          as t (unit_code, level)"""
    )
    replace(connection, "int_withheld", "from int_withheld where false")
    for model in ("int_measure", "int_measure_poverty", "int_measure_population", "int_measure_health"):
        replace(connection, model, f"from {model} where false")
        themes = {"int_measure_poverty": POVERTY, "int_measure_population": ("residents", *POPULATION),
                  "int_measure_health": ("cases",)}  # fmt: skip
        mine = [row for row in world if row[2] in themes.get(model, (row[2],))]
        if mine:
            connection.executemany(
                f"insert into {model} (unit_code, month, measure, item, value) values (?, ?, ?, ?, ?)", mine
            )
    exact = """(
      select unit_code, 'commune' as level, item as disease_code, month, sum(value) as cases
      from int_measure_health group by all
      union all
      select '68', 'province', item, month, sum(value) from int_measure_health group by all)"""
    replace(connection, "mart_disease_unit_month", "from mart_disease_unit_month where false")
    connection.execute(
        f"""insert into mart_disease_unit_month by name
        select unit_code, level, '68' as province_code, disease_code, month, cast(cases as bigint) as cases,
          10000 as population from {exact} where cases > 0"""
    )
    replace(connection, "int_disease_province_month", "from int_disease_province_month where false")
    connection.execute(
        f"""insert into int_disease_province_month by name
        select unit_code as province_code, disease_code, month, cast(cases as bigint) as cases
        from {exact} where level = 'province'"""
    )
    index = re.search(r"read_parquet\('[^']*ledger_index[^']*'[^)]*\)", built.compiled["mart_load"])
    assert index is not None
    connection.execute(f"create or replace table told_loads as from {index.group()} where false")
    for number, (dataset, count) in enumerate(loads.items()):
        connection.execute(
            """insert into told_loads by name select ? as load_id, ? as dataset, true as standing, 'accepted' as status,
            '[]' as reasons, ? as received, ? as accepted, 0 as quarantined""",
            [f"later-{number}", dataset, count, count],
        )
    for model in COMPUTED:
        text = sql.get(model, built.compiled[model])
        replace(connection, model, text.replace(index.group(), "told_loads") if model == "mart_load" else text)
    return connection


def replace(connection: duckdb.DuckDBPyConnection, name: str, query: str) -> None:
    connection.execute(f"create temp table replacing as {query}")
    kinds = connection.execute(
        "select table_type from information_schema.tables where table_name = ?", [name]
    ).fetchall()
    for (kind,) in kinds:
        connection.execute(f"drop {'view' if kind == 'VIEW' else 'table'} {name}")
    connection.execute(f"create table {name} as from replacing; drop table replacing")


def attacked(built: Built, warehouse: Open, seed: int, sql: dict[str, str] | None = None) -> list[str]:
    """What is recovered from the files of two days of one world."""
    world = small_world(seed)
    later, loads = a_day_later(world, seed)
    files = [
        published(built, warehouse(), world, {}, sql or {}),
        published(built, warehouse(), later, loads, sql or {}),
    ]
    return recovered(files, built.leaders)


@pytest.mark.parametrize("seed", range(8))
def test_no_count_under_five_is_recovered(built: Built, warehouse: Open, seed: int) -> None:
    assert attacked(built, warehouse, seed) == []


# files that tell more than they may, each in a way of its own: model, what is changed, into what
WEAKENED = {
    "counts are not rounded": (
        "int_indicator_told",
        r"case when numerator >= 5 then cast\(5 \* round\(numerator / 5\.0\) as bigint\) end",
        "numerator",
    ),
    "the total of the province is exact": (
        "mart_disease_province_month",
        r"cast\(figures.numerator as bigint\)",
        "cases.cases",
    ),
    "movements are exact": (
        "mart_population_month",
        r"(?s)cast\(residents as bigint\) as residents,.*",
        "residents, births, deaths, moved_in, moved_out from figures",
    ),
}


@pytest.mark.parametrize("weakness", WEAKENED)
def test_the_attack_succeeds_on_files_that_tell_more(built: Built, warehouse: Open, weakness: str) -> None:
    model, pattern, instead = WEAKENED[weakness]
    text, changed = re.subn(pattern, instead, built.compiled[model], count=1)
    assert changed == 1
    assert any(attacked(built, warehouse, seed, {model: text}) for seed in range(3))


def test_loads_that_tell_how_many_rows_came_give_a_count_away(built: Built, warehouse: Open) -> None:
    """Four cases yesterday, five today and one row between: who knows of the one row knows of the four."""
    world = [(unit, MONTHS[-1], "cases", "dengue", 4.0) for unit in COMMUNES[:2]]
    later = [(*world[0][:4], 5.0), world[1]]
    for open_counts, expected in ((False, 0), (True, 1)):
        text = built.compiled["mart_load"]
        sql = {"mart_load": text.replace("'restricted'", "'nothing'")} if open_counts else {}
        came = {"health.case_reports": 1}
        files = [published(built, warehouse(), world, {}, sql), published(built, warehouse(), later, came, sql)]
        assert (len(recovered(files, built.leaders)) > 0) == bool(expected)


def test_no_one_learns_that_there_was_something_to_answer(built: Built, warehouse: Open) -> None:
    """A share of nothing says the same as a share of few."""
    connection = warehouse()
    rows = [(COMMUNES[0], MONTHS[0], "petitions_due", "", 0.0), (COMMUNES[1], MONTHS[0], "petitions_due", "", 3.0)]
    rows += [(unit, MONTHS[0], "petitions_resolved_on_time", "", 0.0) for unit in COMMUNES[:2]]
    published(built, connection, rows, {}, {})
    told = connection.execute(
        """select distinct value, denominator, withheld_reason from mart_indicator
        where base_code = 'petitions_on_time_ratio' and level = 'commune'"""
    ).fetchall()
    assert told == [(None, None, "Dưới 5: không công bố số chính xác")]


def test_the_health_sector_reads_every_count(built: Built, warehouse: Open) -> None:
    """One case in a commune is in its file as one: early warning needs no more."""
    connection = warehouse()
    replace(connection, "dim_unit", "from dim_unit where false")
    connection.execute(
        """insert into dim_unit by name
        select '24829' as unit_code, 'commune' as level, '68' as province_code, 'Xã' as name"""
    )
    replace(connection, "int_case_unit", "from int_case_unit where false")
    connection.execute(
        """insert into int_case_unit by name select '24829' as unit_code, 'commune' as level, 'dengue' as disease_code,
        date '2025-10-01' as month, date '2025-09-29' as week_start from range(1)"""
    )
    for model in ("mart_disease_unit_month", "mart_disease_unit_week"):
        replace(connection, model, built.compiled[model])
        assert connection.execute(f"select unit_code, disease_code, cases from {model}").fetchall() == [
            ("24829", "dengue", 1)
        ]
    assert not {"mart_disease_unit_month", "mart_disease_unit_week", "mart_warning"} & set(built.leaders)

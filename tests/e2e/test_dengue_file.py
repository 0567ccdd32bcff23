"""The real monthly dengue counts of 63 old provinces, dropped into the folder: nothing lost, nothing invented."""

import json
import os
import shutil
from pathlib import Path

import polars as pl
import pytest

from simulator.server import Running
from tests.e2e.installation import REPOSITORY, Installation

pytestmark = [pytest.mark.e2e, pytest.mark.soak]
SHARED = Path(os.environ.get("KHO_SHARED") or REPOSITORY.parent / "shared")
FILE = SHARED / "data" / "disease_vn" / "chap_VNM_admin1_monthly.csv"


def test_the_real_dengue_file_becomes_forecasts_of_todays_provinces(tmp_path: Path, small_sources: Running) -> None:
    if not FILE.exists():
        pytest.skip(f"{FILE} is not here")
    folder = tmp_path / "drop"
    folder.mkdir()
    shutil.copy(FILE, folder)
    installation = Installation(tmp_path / "home", small_sources, months=1, env={"HEALTH_DROP_FOLDER": str(folder)})
    done = installation.kho("refresh", "--nightly")
    assert done.returncode in (0, 3), done.stderr[-3000:]
    told = installation.dataset("health.monthly_reports")
    assert (told["received"], told["accepted"], told["quarantined"]) == (9828, 9828, 0)

    file = pl.read_csv(FILE).with_columns(year=pl.col("time_period").str.head(4).cast(pl.Int64))
    wanted = file.group_by("year").agg(
        pl.col("disease_cases").sum().alias("cases"), missing=pl.col("disease_cases").null_count()
    )
    found = pl.DataFrame(
        installation.rows(
            "select cast(year(month) as bigint) as year, cast(sum(cases) as bigint) as cases, "
            "count(*) - count(cases) as missing from stg_health__monthly_reports group by 1"
        )
    )
    by_year = wanted.sort("year").select(pl.all().cast(pl.Int64)).rows()
    assert found.sort("year").select(wanted.columns).rows() == by_year
    assert sum(row[2] for row in by_year) == 216, "missing counts stay missing"

    provinces = installation.rows(
        "select count(distinct unit_code) as n from mart_disease_forecast "
        "where q50 is not null and disease_code = 'dengue'"
    )
    assert provinces[0]["n"] == 34, "every province of today has a forecast of its own last months"
    scores = json.loads(installation.kho("backtest", "--json").stdout)
    models = {row["model"]: row["crps"] for row in scores if row["disease_code"] == "dengue"}
    assert {"climatology", "seasonal_naive", "auto_ets", "prophet"} <= set(models)
    assert all(value > 0 for value in models.values())

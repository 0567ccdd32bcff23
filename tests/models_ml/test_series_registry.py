"""The registry of series: the one that comes with the code is right, and a mistake is told by file and line."""

from pathlib import Path
from typing import get_args

import pytest

from models_ml import candidates, daily, weekly
from models_ml.panel import WEATHER
from models_ml.series_registry import (
    Daily,
    Monthly,
    MonthSeries,
    SeriesError,
    Weather,
    Weekly,
    WeekSeries,
    read_series,
    series_file,
)

SHIPPED = series_file({})


def test_what_is_forecast_today_are_rows_of_it() -> None:
    told = {one.code: (one.frequency, one.told_by) for one in read_series(SHIPPED)}
    assert told == {
        "disease_cases_province_month": ("month", "models.forecasts"),
        "disease_cases_country_month": ("month", "models.series_forecasts"),
        "disease_cases_week": ("week", "models.series_forecasts"),
        "budget_revenue_month": ("month", "models.series_forecasts"),
        "disbursement_month": ("month", "models.series_forecasts"),
        "enterprises_founded_month": ("month", "models.series_forecasts"),
        "electricity_month": ("month", "models.series_forecasts"),
        "dossiers_day": ("day", "models.series_forecasts"),
        "petitions_day": ("day", "models.series_forecasts"),
        "year_end_targets": ("year", "models.outlooks"),
    }


def test_it_offers_the_candidates_and_covariates_that_there_are() -> None:
    assert set(get_args(Weekly)) == set(weekly.CANDIDATES)
    assert set(get_args(Daily)) == set(daily.CANDIDATES)
    assert set(get_args(Monthly)) == set(candidates.CANDIDATES)
    assert get_args(Weather) == WEATHER


@pytest.mark.parametrize(
    ("right", "wrong", "told"),
    [
        ("horizon: 4", "horizon: 9", "horizon: Input should be less than or equal to 4"),
        ("level, regression]", "level, prophet]", "candidates.3: Input should be"),
        ("[climatology, seasonal_naive, level", "[climatology, level", "candidates: lack seasonal_naive"),
        ("  settles_after_days: 7", "  settle_days: 7", "settle_days: is no field"),
        ("  audience: [health]", "  audience: [leaders]", "audience: communes' counts of persons are small"),
        ("hierarchy: [commune, cluster, province]", "hierarchy: [cluster, commune]", "hierarchy: is some of commune,"),
        ("- code: year_end_targets", "- code: disease_cases_week", "code: disease_cases_week is given twice"),
        ("  frequency: week", "  frequency: hour", "frequency: expected one of day, week, month, year"),
        ("seasonal_naive, mstl]", "seasonal_naive, level]", "candidates.2: Input should be"),
        (
            "{table: int_case_commune_week, unit",
            "{table: int_case_commune_week, level: province, unit",
            "source: of level",
        ),
        ("table: int_case_commune_week", "table: drop table x", "source.table: String should match pattern"),
        ("told_by: models.outlooks", "told_by: models.forecasts", "told_by: Input should be"),
    ],
)
def test_a_mistake_is_told_by_file_and_line(tmp_path: Path, right: str, wrong: str, told: str) -> None:
    text = SHIPPED.read_text(encoding="utf-8")
    before, _, after = text.rpartition(right)
    line = before.count("\n") + 1
    path = tmp_path / "series.yaml"
    path.write_text(before + wrong + after, encoding="utf-8")
    with pytest.raises(SeriesError) as error:
        read_series(path)
    assert str(error.value).startswith(f"{path}: line {line}: ") and told in str(error.value)


@pytest.mark.parametrize("text", ["", "series: 3", "other: []", "series: [", "- series"])
def test_what_is_no_registry_is_told_so(tmp_path: Path, text: str) -> None:
    path = tmp_path / "series.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SeriesError, match=str(path)):
        read_series(path)


@pytest.mark.parametrize("level", ["commune", "cluster"])
def test_small_counts_of_persons_are_told_to_their_sector_alone(level: str) -> None:
    (cases,) = (one for one in read_series(SHIPPED) if one.code == "disease_cases_week")
    told = cases.model_dump() | {"hierarchy": [level, "province"]}
    assert WeekSeries.model_validate(told).audience == ["health"]
    for wrong in (["health", "leaders"], ["security"]):
        with pytest.raises(ValueError, match="counts of persons are small"):
            WeekSeries.model_validate(told | {"audience": wrong})
    of_province = told | {"hierarchy": ["province"], "audience": ["health", "leaders"]}
    assert WeekSeries.model_validate(of_province).audience == ["health", "leaders"]


def test_only_the_general_series_are_told_of_clusters_and_the_country() -> None:
    (cases,) = (one for one in read_series(SHIPPED) if one.told_by == "models.forecasts")
    with pytest.raises(ValueError, match="tells no cluster and no country"):
        MonthSeries.model_validate(cases.model_dump() | {"hierarchy": ["province", "country"]})


def test_the_setting_names_another_file(tmp_path: Path) -> None:
    assert series_file({"KHO_SERIES": str(tmp_path / "mine.yaml")}) == tmp_path / "mine.yaml"

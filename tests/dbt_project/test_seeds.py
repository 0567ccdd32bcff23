"""Seeds name what the contracts and the rules need."""

import csv
from pathlib import Path

from lake.contract import load_contracts
from lake.settings import load_settings
from models_ml import candidates, daily, ensemble, weekly
from models_ml.remote import REMOTE

SEEDS = Path(__file__).parents[2] / "dbt_project" / "seeds"


def rows(name: str) -> list[dict[str, str]]:
    with (SEEDS / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_every_owner_of_a_dataset_is_an_agency() -> None:
    owners = {contract.owner for contract in load_contracts(load_settings({}).contracts).values()}
    assert owners <= {row["agency_code"] for row in rows("agencies")}


def test_an_indicator_names_the_datasets_of_its_measures() -> None:
    """Sums and figures of quality name none: theirs are derived."""
    datasets = {row["measure"]: row["dataset"] for row in rows("measures")}
    for row in rows("indicators"):
        derived = row["method"] == "sum" or row["theme"] == "quality"
        measures = [] if derived else [one for one in (row["numerator"], row["denominator"]) if one]
        named = set(filter(None, row["inputs"].split(";")))
        assert named == {datasets[one] for one in measures}, row["indicator_code"]


def test_every_kind_of_commune_has_classes_from_nothing_on() -> None:
    rules = rows("peer_rules")
    for kind in ("Xã", "Phường", "Đặc khu"):
        density = [row for row in rules if row["rule"] == "density" and row["kind"] == kind]
        assert min(float(row["from_value"]) for row in density) == 0
        ranks = [int(row["class_rank"]) for row in sorted(density, key=lambda row: float(row["from_value"]))]
        assert ranks == sorted(set(ranks))
    assert all(row["source_note"] for row in rules)


def test_weights_of_a_time_sum_to_one() -> None:
    sums: dict[tuple[str, str], float] = {}
    for row in rows("quality_weights"):
        period = (row["effective_from"], row["effective_to"])
        sums[period] = sums.get(period, 0) + float(row["weight"])
    assert {round(total, 9) for total in sums.values()} == {1}


def test_every_model_that_may_forecast_has_a_name_and_no_other_has() -> None:
    models = [*candidates.CANDIDATES, *ensemble.MEMBERS, REMOTE, *daily.CANDIDATES, *weekly.CANDIDATES, "mean"]
    assert {row["model"] for row in rows("forecast_models")} == set(models)
    assert all(row["name_vi"] and row["name_en"] for row in rows("forecast_models"))

"""On the real dengue file the baselines score as published and the models beat them without looking ahead."""

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.forecast_scores import PERIODS, known_months, read_features
from models_ml import backtests
from models_ml.backtests import roll, score
from models_ml.candidates import CANDIDATES
from models_ml.panel import Panel, panels

SHARED = Path(os.environ.get("KHO_SHARED") or Path(backtests.__file__).parents[2] / "shared")
FILE = SHARED / "data" / "disease_vn" / "chap_VNM_admin1_monthly.csv"
pytestmark = pytest.mark.skipif(not FILE.exists(), reason=f"the real dengue file is not at {FILE}")


@pytest.fixture(scope="module")
def dengue() -> Panel:
    (panel,) = panels(read_features(FILE))
    assert panel.cases.shape == (63, 156) and np.isnan(panel.cases).sum() == 216
    return panel


def scores(panel: Panel, known: list[int], names: list[str]) -> dict[str, float]:
    with ThreadPoolExecutor(1) as pool:
        (rolled,) = roll([panel], [known], {name: CANDIDATES[name] for name in names}, pool)
    overall = score(panel, known, rolled).filter(horizon=0)
    return dict(overall.select("model", "crps").iter_rows())


@pytest.mark.parametrize(
    ("period", "climatology", "naive"), [("2008–09", 65.6, 81.4), ("2010 (epidemic)", 101.2, 125.1)]
)
def test_baselines_score_as_published(dengue: Panel, period: str, climatology: float, naive: float) -> None:
    found = scores(dengue, known_months(dengue, *PERIODS[period]), ["climatology", "seasonal_naive"])
    assert found["climatology"] == pytest.approx(climatology, abs=0.1)
    assert found["seasonal_naive"] == pytest.approx(naive, abs=0.5)


def test_models_beat_the_baselines_but_not_beyond_belief(dengue: Panel) -> None:
    chosen = list(range(0, 63, 8))
    some = replace(dengue, units=[dengue.units[n] for n in chosen], cases=dengue.cases[chosen])
    found = scores(some, known_months(dengue, "2008-03", "2009-09")[::2], list(CANDIDATES))
    for name in ("auto_ets", "prophet", "anomaly_regression", "gradient_boosting", "ensemble"):
        assert 0.4 * found["climatology"] < found[name] < 0.95 * found["climatology"]

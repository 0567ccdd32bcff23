"""What tests of the lake share: the shipped contracts, the units of the package, a key, and made-up contracts."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from lake.connectors import package
from lake.contract import Contract, load_contracts
from lake.door import admit
from lake.pseudonyms import Key
from lake.references import Units
from lake.settings import Settings, load_settings

NOW = datetime(2026, 11, 23, 7, 20, tzinfo=UTC)


@pytest.fixture(scope="session")
def now() -> datetime:
    return NOW


@pytest.fixture(scope="session")
def contracts() -> dict[str, Contract]:
    return load_contracts(load_settings({}).contracts)


@pytest.fixture(scope="session")
def key() -> Key:
    return Key("test", (b"k" * 32,))


@pytest.fixture(scope="session")
def units(contracts: dict[str, Contract], key: Key) -> Units:
    """All units of the country, through the door, for a province of its own (Lâm Đồng)."""
    tables = {}
    for name in ("admin.units", "admin.unit_changes"):
        (extract,) = package.read(contracts[name], None, load_settings({}))
        tables[name] = admit(extract.table, contracts[name], None, key, NOW).accepted
    return Units(tables["admin.units"], tables["admin.unit_changes"], "68")


@pytest.fixture
def installation(tmp_path: Path) -> Callable[..., Settings]:
    """Settings of an installation of its own whose sources are those given; a source is not waited for."""

    def build(**env: object) -> Settings:
        texts = {name: str(value) for name, value in env.items()}
        return load_settings({"KHO_HOME": str(tmp_path / "home"), "KHO_RETRY_SECONDS": "0.001", **texts})

    return build


@pytest.fixture(scope="session")
def make_contract() -> Callable[..., Contract]:
    """A contract of the columns given, with the rest made up."""

    def build(columns: list[dict[str, Any]], **fields: Any) -> Contract:
        described = [{"label": f"Cột {c['name']}", "description": "A column", **c} for c in columns]
        made_up = {
            "dataset": "made.up",
            "title": "Thử nghiệm",
            "description": "Made up",
            "tier": "sectoral",
            "owner": "tests",
            "mode": "full",
            "partition": "none",
            "schedule": "none",
            "source": {"protocol": "rest"},
            "key": [columns[0]["name"]],
        }
        return Contract.model_validate({**made_up, **fields, "columns": described})

    return build

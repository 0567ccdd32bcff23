"""Each correction of the server's scripts still finds what it corrects in the installed version."""

from pathlib import Path

import pytest

from superset_assets.server.page_corrections import CORRECTIONS

SCRIPTS = Path(__file__).parents[2] / "superset_assets" / "server" / ".venv" / "lib"


@pytest.fixture(scope="module")
def scripts() -> list[bytes]:
    found = [path.read_bytes() for path in SCRIPTS.glob("python*/site-packages/superset/static/assets/*.js")]
    assert found, "the environment of Superset is not installed: make superset"
    return found


@pytest.mark.parametrize("wrong", [wrong for wrong, _ in CORRECTIONS])
def test_what_is_corrected_is_there(wrong: bytes, scripts: list[bytes]) -> None:
    assert any(wrong in script for script in scripts)

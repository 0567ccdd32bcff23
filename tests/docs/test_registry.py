"""The page of indicators says what the registry says."""

from docs.registry import TARGET, registry


def test_the_committed_page_is_up_to_date() -> None:
    assert TARGET.read_text(encoding="utf-8") == registry(), "run: make docs"

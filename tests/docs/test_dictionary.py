"""The dictionary in docs/ says what contracts and dbt say."""

from docs.dictionary import TARGET, dictionary


def test_the_committed_dictionary_is_up_to_date() -> None:
    assert TARGET.read_text(encoding="utf-8") == dictionary(), "run: make docs"

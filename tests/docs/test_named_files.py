"""What the documents name is there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
LINK = re.compile(r"\]\((?!https?:)([^)#]+)")
NAMED = re.compile(r"\b((?:tests|benchmarks)/[\w/.-]+\.\w+)")
MODULE = re.compile(r"python -m (benchmarks\.\w+)")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_and_benchmarks_named_in_a_page_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    links = [page.parent / target for target in LINK.findall(text)]
    files = [ROOT / name for name in NAMED.findall(text)]
    modules = [ROOT / f"{name.replace('.', '/')}.py" for name in MODULE.findall(text)]
    assert [str(path) for path in (*links, *files, *modules) if not path.exists()] == []

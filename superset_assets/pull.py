"""Bringing a change made on the server back into the files, as the smallest change of their text."""

import re
from pathlib import Path
from typing import Any

import yaml

from lake.settings import Settings
from superset_assets.bundle import ASSETS, placeholders, read_assets, render
from superset_assets.client import connect
from superset_assets.verify import Difference, asset_differences

# what a file says by the same name as the server: charts' titles, descriptions and parameters, datasets' and pages' own
PULLED = {
    "charts": re.compile(r"slice_name|description|viz_type|params(\.[^.\[\]]+)+"),
    "datasets": re.compile(r"table_name|description|main_dttm_col|sql"),
    "dashboards": re.compile(r"dashboard_title|css|published|slug"),
    "databases": re.compile(r"expose_in_sqllab|allow_\w+"),
}
PLACEHOLDER = "${"


def pull(settings: Settings, url: str, folder: Path = ASSETS) -> tuple[list[str], list[Difference]]:
    """Write what was changed on the server into the files of `folder`.

    Returns the files written and the differences that a person must bring over: layouts, columns, new objects, and
    whatever the file says with a placeholder. Raises AssetError and SupersetError.
    """
    assets = read_assets(placeholders(settings), folder)
    files = render(settings, assets)
    written: dict[str, None] = {}
    left = []
    for one in asset_differences(connect(settings, url), files):
        kind = one.path.split("/")[0]
        path = _source(folder, kind, Path(one.path).stem)
        pattern = PULLED.get(kind)
        text = path.read_text(encoding="utf-8") if path else ""
        changed = None
        if path and pattern and one.name and pattern.fullmatch(one.name):
            changed = replaced(text, one.name.split("."), one.there)
        if path is None or changed is None:
            left.append(one)
            continue
        path.write_text(changed, encoding="utf-8")
        written[str(path.relative_to(folder))] = None
    return list(written), left


def replaced(text: str, keys: list[str], value: Any) -> str | None:
    """The YAML text with one value set, all else as it was; None if the old value has a placeholder.

    A key that the text lacks is added at the end of its mapping (a chart's parameter that its template gives).
    """
    node = yaml.compose(masked(text))
    for depth, key in enumerate(keys):
        if not isinstance(node, yaml.MappingNode):
            return None
        found = next((inner for name, inner in node.value if name.value == key), None)
        if found is None:
            return _added(text, node, keys[depth:], value)
        node = found
    assert node is not None
    old = text[node.start_mark.index : node.end_mark.index]
    if PLACEHOLDER in old:
        return None
    # a value of several lines ends where the next key begins: what stands between stays
    end = node.start_mark.index + len(old.rstrip())
    return text[: node.start_mark.index] + _written(value, block=len(keys) == 1) + text[end:]


def masked(text: str) -> str:
    """The text with something of the same length, which is YAML, in the place of placeholders."""
    return re.sub(r"\$\{[^}]+\}", lambda found: "_" * len(found[0]), text)


def _added(text: str, mapping: yaml.MappingNode, keys: list[str], value: Any) -> str:
    for key in reversed(keys[1:]):
        value = {key: value}
    line = f"{keys[0]}: {_written(value)}"
    if mapping.flow_style:
        end = mapping.end_mark.index - 1
        return f"{text[:end]}{', ' if mapping.value else ''}{line}{text[end:]}"
    last = mapping.value[-1][1].end_mark.index
    indent = " " * mapping.value[0][0].start_mark.column
    head = text[:last].rstrip("\n")
    return f"{head}\n{indent}{line}\n{text[last:].lstrip(chr(10))}"


def _written(value: Any, block: bool = False) -> str:
    """A value on one line; as a block below its key if it is a text of several lines and that is asked for."""
    if block and isinstance(value, str) and "\n" in value:
        return "|\n" + "\n".join(f"  {line}".rstrip() for line in value.strip("\n").splitlines())
    dumped = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, sort_keys=False, width=10_000)
    return dumped.removesuffix("\n").removesuffix("\n...")


def _source(folder: Path, kind: str, name: str) -> Path | None:
    return next(iter(sorted((folder / kind).rglob(f"{name}.yaml"))), None)

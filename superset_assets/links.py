"""Links from a row of a table to another dashboard with its filters set, as SQL that makes an HTML anchor.

In a dataset's SQL `${link.<name>(<expression>, …)}` stands for the anchor; `links.yaml` says which dashboard <name>
opens and which filter takes each expression. The last expression is the text that is shown.
"""

import re
from functools import cache
from pathlib import Path
from typing import Any

import yaml

LINKS = Path(__file__).with_name("links.yaml")
CALL = re.compile(r"link\.(\w+)\((.*)\)", re.DOTALL)


def link_sql(call: str, links: Path = LINKS) -> str | None:
    """The SQL of `link.<name>(…)`; None if the text is no such call. Raises KeyError for an unknown name."""
    match = CALL.fullmatch(call.strip())
    if match is None:
        return None
    link = _read(links)[match[1]]
    arguments = _split(match[2])
    if len(arguments) != len(link["filters"]) + 1:
        raise KeyError(f"{match[1]} takes {len(link['filters'])} values and a text")
    masks = ",".join(
        f"{one['id']}:(extraFormData:(filters:!((col:{one['column']},op:IN,val:!({{{place}}})))),"
        f"filterState:(label:{{{place}}},value:!({{{place}}})),id:{one['id']},ownState:())"
        for place, one in enumerate(link["filters"])
    )
    anchor = (
        f'<a href="/superset/dashboard/{link["dashboard"]}/?native_filters=({masks})">{{{len(link["filters"])}}}</a>'
    )
    # a quotation mark inside a value is escaped twice: for the filter's notation and for the address
    values = [f"'%27' || url_encode(replace({value}, '''', '!''')) || '%27'" for value in arguments[:-1]]
    return f"format('{anchor}', {', '.join([*values, arguments[-1]])})"


@cache
def _read(links: Path) -> dict[str, dict[str, Any]]:
    """Read once: a hundred queries hold links."""
    read: dict[str, dict[str, Any]] = yaml.safe_load(links.read_text(encoding="utf-8"))
    return read


def _split(text: str) -> list[str]:
    """The arguments between commas that stand in no parentheses."""
    parts, depth = [""], 0
    for sign in text:
        depth += (sign == "(") - (sign == ")")
        if sign == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += sign
    return [part.strip() for part in parts]

"""The SQL of a link makes an anchor that opens the dashboard with its filters set, whatever is in the names."""

import re
from urllib.parse import unquote

import duckdb
import pytest

from superset_assets.links import link_sql


def made(call: str) -> str:
    sql = link_sql(call)
    assert sql
    found = duckdb.sql(f"select {sql} from (select 'Phường B''Lao' as unit_name, '12/TB, (2)' as document)").fetchone()
    assert found
    return str(found[0])


def test_a_quotation_mark_in_a_name_stays_inside_its_value() -> None:
    anchor = made("link.commune(unit_name, unit_name)")
    address = re.search('href="([^"]+)"', anchor)
    assert address
    assert "'" not in address[1]
    # the notation of the address escapes a quotation mark with an exclamation mark
    assert "col:unit_name,op:IN,val:!('Phường B!'Lao')" in unquote(address[1])
    assert anchor.endswith(">Phường B'Lao</a>")


def test_a_comma_inside_parentheses_parts_no_arguments() -> None:
    anchor = made("link.indicator(replace(document, '/', '-'), unit_name, 'Xem')")
    assert "col:indicator_name,op:IN,val:!('12-TB, (2)')" in unquote(anchor).replace("+", " ")
    assert anchor.endswith(">Xem</a>")


def test_an_unknown_link_or_a_missing_value_is_refused() -> None:
    assert link_sql("province") is None
    with pytest.raises(KeyError):
        link_sql("link.nowhere(unit_name, unit_name)")
    with pytest.raises(KeyError):
        link_sql("link.indicator(unit_name, unit_name)")

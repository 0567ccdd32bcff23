"""The committed JSON Schema says what contracts may say."""

import json

from docs.contract_schema import TARGET, contract_schema


def test_the_committed_schema_is_up_to_date() -> None:
    assert TARGET.read_text(encoding="utf-8") == contract_schema(), "run: make docs"


def test_every_field_and_protocol_is_in_it() -> None:
    schema = json.loads(contract_schema())
    assert {"columns", "deletes", "delivery", "lookback_days"} <= set(schema["properties"])
    protocols = {one["$ref"].rpartition("_")[2] for one in schema["properties"]["source"]["oneOf"]}
    assert {"rest", "postgres", "files", "sensorthings", "package"} <= protocols

"""Write docs/contract.schema.json, by which an editor completes and checks a contract.

Run: python -m docs.contract_schema
"""

import json
from pathlib import Path
from typing import Any

from lake.contract import Contract
from lake.sources import SOURCES

TARGET = Path(__file__).parent / "contract.schema.json"


def contract_schema() -> str:
    """The JSON Schema of a contract; `source` by protocol."""
    schema: dict[str, Any] = Contract.model_json_schema()
    sources = []
    for name, model in SOURCES.items():
        one = model.model_json_schema(ref_template="#/$defs/{model}")
        schema["$defs"] |= one.pop("$defs", {})
        schema["$defs"][f"source_{name}"] = one
        sources.append({"$ref": f"#/$defs/source_{name}"})
    schema["properties"]["source"] = {"oneOf": sources, "title": "Source"}
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    return json.dumps(schema, ensure_ascii=False, indent=1, sort_keys=True) + "\n"


if __name__ == "__main__":
    TARGET.write_text(contract_schema(), encoding="utf-8")
    print(f"{TARGET.relative_to(Path.cwd())} written")

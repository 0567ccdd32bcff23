"""What a contract's `source` says of files."""

from pydantic import ValidationError

from lake.connectors.base import SourceFormatError, spelling
from lake.contract import Column, Contract
from lake.sources import Files


def layout(contract: Contract) -> Files:
    """The contract's `source`. Raises SourceFormatError naming the field that is wrong."""
    source = contract.source if contract.protocol == "files" else {"protocol": "files", "folder": "", "patterns": []}
    try:
        return Files.model_validate(source)
    except ValidationError as error:
        places = "; ".join(f"source.{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise SourceFormatError(f"{contract.dataset}: mend the contract: {places}") from None


def header_columns(contract: Contract) -> list[Column]:
    """The contract's columns that a header must name: not those that we make ourselves."""
    source = layout(contract)
    unpivoted = [source.unpivot.name, source.unpivot.value] if source.unpivot else []
    made = {spelling(name) for name in (*source.from_name, *source.from_title, *source.compose, *unpivoted)}
    return [column for column in contract.columns if made.isdisjoint(map(spelling, column.source_names))]

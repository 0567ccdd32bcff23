"""What a contract's `source` may say of files."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from lake.connectors.base import SourceFormatError, spelling
from lake.contract import Column, Contract


class SkipRows(BaseModel):
    """Rows that are no records, such as totals: those whose text in one of the columns looks like one of `values`.

    column: names in the source, any of them. values: patterns with `*`; case and blanks do not matter.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    column: list[str]
    values: list[str] = Field(min_length=1)

    @field_validator("column", mode="before")
    @classmethod
    def _listed(cls, value: object) -> object:
        return [value] if isinstance(value, str) else value


class Unpivot(BaseModel):
    """Columns that are values of one variable: each becomes rows of their own.

    columns: a regular expression that the whole name matches; its first group, or else the name, is put in the column
    `name` and the cell in the column `value`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    columns: str
    name: str
    value: str


class FileLayout(BaseModel):
    """The fields of `source` for the protocol files.

    folder: a directory or `s3://bucket/prefix`; the other settings of S3 are those of the lake unless given.
    until: the table ends above the first row whose first filled cell looks like one of these patterns.
    from_name, from_title: column -> regular expression, tried on the file's name or the cells above the header; the
    groups year, quarter, month, day make a date, otherwise the first group is the value.
    compose: column -> text with `{column of the file}` in it.
    hidden_sheets: what to do with one that holds the contract's columns.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    protocol: Literal["files"]
    folder: str = ""
    patterns: list[str] = []
    optional: bool = False
    endpoint: str | None = None
    access_key_id: str | None = None
    secret_access_key: str | None = None
    region: str | None = None
    skip_rows: list[SkipRows] = []
    until: list[str] = []
    from_name: dict[str, str] = {}
    from_title: dict[str, str] = {}
    compose: dict[str, str] = {}
    unpivot: Unpivot | None = None
    hidden_sheets: Literal["refuse", "skip"] = "refuse"

    @field_validator("skip_rows", mode="before")
    @classmethod
    def _listed(cls, value: object) -> object:
        return [value] if isinstance(value, dict) else value

    def made(self) -> set[str]:
        """Columns, as they are compared, that no header names because we make them."""
        unpivoted = [self.unpivot.name, self.unpivot.value] if self.unpivot else []
        return {spelling(name) for name in (*self.from_name, *self.from_title, *self.compose, *unpivoted)}


def layout(contract: Contract) -> FileLayout:
    """The contract's `source`. Raises SourceFormatError naming the field that is wrong."""
    source = contract.source if contract.protocol == "files" else {"protocol": "files"}
    try:
        return FileLayout.model_validate(source)
    except ValidationError as error:
        places = "; ".join(f"source.{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise SourceFormatError(f"{contract.dataset}: mend the contract: {places}") from None


def header_columns(contract: Contract) -> list[Column]:
    """The contract's columns that a header must name."""
    made = layout(contract).made()
    return [column for column in contract.columns if made.isdisjoint(map(spelling, column.source_names))]

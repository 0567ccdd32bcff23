"""The contract of a dataset: one YAML file that says what a source delivers and how it is kept."""

import difflib
import hashlib
from pathlib import Path
from typing import Any, Literal

import polars as pl
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from lake.sources import model_of
from lake.yaml_places import Document, YamlError, read_yaml

ColumnType = Literal["text", "integer", "number", "boolean", "date", "month", "timestamp"]

POLARS_TYPES: dict[str, pl.DataType] = {
    "text": pl.String(),
    "integer": pl.Int64(),
    "number": pl.Float64(),
    "boolean": pl.Boolean(),
    "date": pl.Date(),
    "month": pl.Date(),
    "timestamp": pl.Datetime("us", "UTC"),
}

REMOVED_AT = "_removed_at"  # when a sweep found that the source has a key no more


class ContractError(ValueError):
    """A contract cannot be used; the message names file, place, expectation and remedy."""


class Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class UnitReference(Model):
    """The column names an administrative unit.

    by: whether the source gives the code or the name. at: the column whose date decides which units existed;
    without it, today's units with the dated crosswalk as second try. agrees_with: for a name that the source gives
    beside the code: it must be the code's in the national catalogue.
    """

    level: Literal["province", "commune", "any"]  # any: codes of both, which differ in length
    by: Literal["code", "name"] = "code"
    at: str | None = None
    agrees_with: str | None = None  # the column of the code that this name must belong to; the name itself is kept


class Reference(Model):
    """The column holds values of another dataset's column; told as a warning, because that dataset may come later."""

    dataset: str
    column: str


class Column(Model):
    """One column as the lake keeps it, and where it comes from."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    source: str | list[str] | None = None  # names in the source, the first one present is read
    type: ColumnType
    label: str  # Vietnamese
    description: str  # English
    unit: str | None = None
    required: bool = False  # a value must be present in every row
    optional: bool = False  # the source may lack the whole column; then `default` is used
    default: str | int | float | bool | None = None
    missing: list[str] = []  # spellings of "no value" besides the empty one
    values: list[str] | None = None
    map: dict[str, str] | None = None  # source spelling -> contract value, applied before `values`
    range: tuple[float | None, float | None] | None = None
    pattern: str | None = None  # full match, checked before protection
    not_future: bool = False
    unit_reference: UnitReference | None = None
    references: Reference | None = None
    protect: Literal["pseudonym", "drop", "free_text"] | None = None

    @property
    def source_names(self) -> list[str]:
        """Names under which the source may deliver this column, in order of preference."""
        if self.source is None:
            return [self.name]
        return [self.source] if isinstance(self.source, str) else self.source


class Delivery(Model):
    """When a unit's rows of a partition are due: so many hours after the partition's end.

    day: the column of the day that a row is of. A stream is partitioned by the day of the update, so that a figure
    sent late or corrected lies in a later partition than the day it tells of.
    """

    due_hours: float = Field(gt=0)
    day: str | None = None
    every_unit: bool = True  # each commune is expected to report each partition; False: no row may mean no event
    days: Literal["every", "working"] = "every"  # working: nothing is expected of weekends and public holidays


class Retention(Model):
    """How long the lake keeps what; None for ever. Restricted texts have a term of their own, always a short one."""

    months: int | None = Field(default=None, gt=0)
    text_days: int = Field(default=90, gt=0)


class RowCheck(Model):
    """A rule over several columns, as an SQL expression that is true for a good row."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    expression: str
    message: str  # Vietnamese


class LoadRules(Model):
    """What a load as a whole must look like; judged before it counts."""

    volume: tuple[float, float] = (0.5, 3.0)  # share of the usual size that is still believed
    volume_floor: int = 50  # below this usual size the ratio says nothing
    max_quarantined_share: float = 0.2
    share_floor: int = 10  # of fewer rows received the share says nothing
    may_be_empty: bool = True
    coverage: float | None = None  # least share of usually reporting units, when unit_column is set
    means: dict[str, tuple[float, float]] = {}  # column -> bounds of its mean


class Contract(Model):
    """A dataset. See docs/add-a-dataset.md for every field by example."""

    dataset: str = Field(pattern=r"^[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*$")
    title: str  # Vietnamese
    description: str  # English
    tier: Literal["national", "sectoral", "commune", "enterprise", "reference", "derived"]
    owner: str = Field(pattern=r"^[a-z][a-z0-9-]*$")  # team, shown in Dagster
    secrecy: Literal["public", "internal", "restricted"] = "internal"
    mode: Literal["full", "period", "stream"]
    partition: Literal["none", "daily", "monthly"]
    schedule: Literal["hourly", "daily", "monthly", "none"]
    source: dict[str, Any]  # `protocol` and what its connector asks for
    key: list[str] = Field(min_length=1)
    updated_at: str | None = None  # stream: source update time
    period: str | None = None  # period: the column that holds the period
    unit_column: str | None = None
    event_time: str | None = None  # column whose newest value tells how fresh the data is
    stale_after_hours: float | None = None
    lookback_days: int = Field(default=0, ge=0)  # how far back a source may still change what it delivered
    deletes: Literal["none", "tombstone", "key_sweep"] = "none"  # how a stream tells that a row is gone
    tombstone: str | None = None  # the column whose value says since when a row is gone
    delivery: Delivery | None = None
    retention: Retention = Retention()
    columns: list[Column] = Field(min_length=1)
    checks: list[RowCheck] = []
    load: LoadRules = LoadRules()

    @model_validator(mode="after")
    def _references_exist(self) -> "Contract":
        names = [column.name for column in self.columns]
        if len(set(names)) < len(names):
            raise ValueError(f"columns: named twice: {', '.join(sorted({n for n in names if names.count(n) > 1}))}")
        kept = {column.name for column in self.kept_columns}
        for role in ("updated_at", "period", "unit_column", "event_time", "tombstone"):
            name = getattr(self, role)
            if name is not None and name not in kept:
                raise ValueError(f"{role}: {name} is no kept column")
        if unknown := [name for name in self.key if name not in kept]:
            raise ValueError(f"key: {', '.join(unknown)}: no kept column")
        if self.mode == "stream" and self.updated_at is None:
            raise ValueError("mode: stream needs updated_at")
        if self.mode == "period" and self.period is None:
            raise ValueError("mode: period needs period")
        if self.mode == "full" and self.partition != "none":
            raise ValueError("partition: mode full has none")
        if self.mode != "full" and self.partition == "none":
            raise ValueError(f"partition: mode {self.mode} has daily or monthly")
        if (self.deletes == "tombstone") != (self.tombstone is not None):
            raise ValueError("deletes: tombstone needs the column `tombstone`, and the other way round")
        if self.deletes != "none" and self.mode != "stream":
            raise ValueError(f"deletes: mode {self.mode} needs none: a key that is gone from a newer load is deleted")
        if self.delivery and self.delivery.day not in (None, *(c.name for c in self.kept_columns if c.type == "date")):
            raise ValueError(f"delivery: day: {self.delivery.day} is no kept column of type date")
        if self.delivery and self.delivery.every_unit and self.mode == "stream" and self.delivery.day is None:
            raise ValueError("delivery: every_unit of a stream needs `day`: the day of an update tells no duty")
        if "protocol" not in self.source:
            raise ValueError("source: needs a protocol")
        return self

    @model_validator(mode="after")
    def _rules_can_be_read(self) -> "Contract":
        """Patterns and expressions are tried on no rows, so that a mistyped one is found before any data is."""
        for column in self.columns:
            if column.range and column.type not in ("integer", "number"):
                raise ValueError(f"column {column.name}: range: is for integer and number, not {column.type}")
            try:
                pl.Series([""]).str.contains(column.pattern or "")
            except pl.exceptions.PolarsError:
                raise ValueError(f"column {column.name}: pattern: {column.pattern} is no regular expression") from None
            for role in ("at", "agrees_with") if column.unit_reference else ():
                named = getattr(column.unit_reference, role)
                if named not in (None, *self._kept_names()):
                    raise ValueError(f"column {column.name}: {role}: {named} is no kept column")
        for check in self.checks:
            named = f"check {check.name}: expression: {check.expression}"
            try:
                found = pl.DataFrame(schema=self.check_schema).select(pl.sql_expr(check.expression)).to_series()
            except pl.exceptions.PolarsError as error:
                raise ValueError(f"{named} cannot be read: {error}") from None
            if found.dtype != pl.Boolean:
                raise ValueError(f"{named} is {found.dtype}, not true or false")
        return self

    def _kept_names(self) -> list[str]:
        return [column.name for column in self.kept_columns]

    @property
    def check_schema(self) -> pl.Schema:
        """What the expressions of checks see: the rows, with moments as local time, so that a day is a local day."""
        return pl.Schema(
            {
                name: pl.Datetime("us") if isinstance(dtype, pl.Datetime) else dtype
                for name, dtype in self.row_schema.items()
                if name not in ("_load_id", REMOVED_AT)
            }
        )

    @property
    def system(self) -> str:
        return self.dataset.split(".")[0]

    @property
    def name(self) -> str:
        return self.dataset.split(".")[1]

    @property
    def protocol(self) -> str:
        return str(self.source["protocol"])

    @property
    def kept_columns(self) -> list[Column]:
        """The columns that reach the rows of the lake."""
        return [column for column in self.columns if column.protect not in ("drop", "free_text")]

    @property
    def text_columns(self) -> list[Column]:
        """Free texts: scrubbed of identifiers and kept apart from the rows, in the restricted prefix."""
        return [column for column in self.columns if column.protect == "free_text"]

    @property
    def row_schema(self) -> pl.Schema:
        """Names and polars types of the rows in the lake, `_load_id` first. A pseudonym is text.

        Where keys are swept, REMOVED_AT comes last: null but in the row that says that its key is gone.
        """
        types = {c.name: pl.String() if c.protect else POLARS_TYPES[c.type] for c in self.kept_columns}
        swept = {REMOVED_AT: POLARS_TYPES["timestamp"]} if self.deletes == "key_sweep" else {}
        return pl.Schema({"_load_id": pl.String(), **types, **swept})

    @property
    def removed_column(self) -> str | None:
        """The column that says since when a row is gone at the source; None where rows stay."""
        return REMOVED_AT if self.deletes == "key_sweep" else self.tombstone

    @property
    def sha256(self) -> str:
        """Fingerprint of the contract, kept in every ledger entry."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()


def read_contract(path: Path) -> Contract:
    """Read one contract. Raises ContractError naming the file, the line and what was expected."""
    try:
        document = read_yaml(path.read_text(encoding="utf-8"))
    except (YamlError, OSError, UnicodeDecodeError) as error:
        raise ContractError(f"{path}: cannot be read as YAML: {error}") from None
    if document.content is None:
        raise ContractError(f"{path}: is empty; a contract begins with `dataset:`, see docs/add-a-dataset.md")
    problems: list[tuple[int, str]] = []
    contract = None
    try:
        contract = Contract.model_validate(document.content)
    except ValidationError as error:
        problems = [_problem(document, one, Contract) for one in error.errors()]
    source = document.content.get("source") if isinstance(document.content, dict) else None
    if isinstance(source, dict) and "protocol" in source:
        try:
            model_of(source).model_validate(source)
        except ValidationError as error:
            problems += [_problem(document, one, model_of(source), "source") for one in error.errors()]
        except ValueError as error:
            problems.append((document.line(["source", "protocol"]), f"source.{error}"))
    if problems or contract is None:
        told = "; ".join(f"line {line}: {text}" for line, text in sorted(problems))
        raise ContractError(f"{path}: {told}")
    if path.parts[-2:] != (contract.system, f"{contract.name}.yaml"):
        raise ContractError(f"{path}: dataset {contract.dataset} belongs in {contract.system}/{contract.name}.yaml")
    return contract


def _problem(document: Document, error: Any, model: type[BaseModel], *above: str) -> tuple[int, str]:
    """The line and the words for one thing that is wrong."""
    text = str(error["msg"]).removeprefix("Value error, ")
    if not error["loc"] and error["type"] == "value_error":  # a rule over several fields begins with the place it means
        return document.line(_place_told(document.content, text)), text
    place = [*above, *error["loc"]]
    named: list[str] = []
    node = document.content
    for step in place:
        node = node[step] if isinstance(node, (dict, list)) and not _lacks(node, step) else None
        is_item = isinstance(step, int) and isinstance(node, dict) and "name" in node
        named.append(str(node["name"]) if is_item and isinstance(node, dict) else str(step))
    if error["type"] == "extra_forbidden":
        known = sorted({field for one in (model, *_MODELS) for field in one.model_fields})
        like = difflib.get_close_matches(str(place[-1]), known, 1)
        text = "is no field" + (f"; did you mean {like[0]}?" if like else "")
    elif error["type"] == "missing":
        text = "is missing"
    elif error["type"] in EXPECTED:
        text = f"expected {EXPECTED[error['type']]}"
    return document.line(place), f"{'.'.join(named)}: {text}" if named else text


def _place_told(content: Any, text: str) -> list[str | int]:
    """The place in `key: …` or `column name: pattern: …`, as far as the contract has it."""
    first, *more = text.split(": ")
    kind, _, name = first.partition(" ")
    if not name:
        return [kind]
    items = content[f"{kind}s"]
    number = next(number for number, item in enumerate(items) if item.get("name") == name)
    return [f"{kind}s", number, *more[:1]]


def _lacks(node: Any, step: str | int) -> bool:
    return step not in node if isinstance(node, dict) else not (isinstance(step, int) and step < len(node))


# pydantic's words for kinds are Python's
EXPECTED = {
    "tuple_type": "a list of two, such as [0, 100]",
    "too_short": "a list with more in it",
    "list_type": "a list, such as [a, b]",
    "dict_type": "a mapping of fields",
    "model_type": "a mapping of fields",
    "model_attributes_type": "a mapping of fields",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "string_type": "a text; put a number that is one in quotes",
}

_MODELS: tuple[type[BaseModel], ...] = (Column, UnitReference, Reference, Delivery, Retention, RowCheck, LoadRules)


SHIPPED = Path(__file__).parent / "contracts"


def with_shipped(contracts: dict[str, Contract]) -> dict[str, Contract]:
    """An installation's contracts and, of datasets that it does not read, those that come with the code.

    Marts are written for all of them: what is not read is a table without rows.
    """
    return {**load_contracts(SHIPPED), **contracts}


def load_contracts(folder: Path) -> dict[str, Contract]:
    """All contracts of a folder by dataset name, in order. Raises ContractError."""
    if stray := sorted(str(path.relative_to(folder)) for path in folder.glob("*/*.yml")):
        raise ContractError(f"{folder}: {', '.join(stray)}: a contract ends in .yaml; rename it")
    contracts = [read_contract(path) for path in sorted(folder.glob("*/*.yaml"))]
    if not contracts:
        raise ContractError(f"{folder} holds no contract; expected <system>/<dataset>.yaml (setting KHO_CONTRACTS)")
    return {contract.dataset: contract for contract in contracts}

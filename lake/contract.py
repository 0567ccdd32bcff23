"""The contract of a dataset: one YAML file that says what a source delivers and how it is kept."""

import hashlib
from pathlib import Path
from typing import Any, Literal

import polars as pl
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

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
    """When a unit's rows of a partition are due: so many hours after the partition's end."""

    due_hours: float = Field(gt=0)
    every_unit: bool = True  # each commune is expected to report each partition; False: only those that usually do


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
            raise ValueError(f"columns named twice: {sorted({n for n in names if names.count(n) > 1})}")
        kept = {column.name for column in self.kept_columns}
        for role in ("updated_at", "period", "unit_column", "event_time", "tombstone"):
            name = getattr(self, role)
            if name is not None and name not in kept:
                raise ValueError(f"{role}: {name!r} is no kept column")
        if unknown := [name for name in self.key if name not in kept]:
            raise ValueError(f"key: {unknown} are no kept columns")
        if self.mode == "stream" and self.updated_at is None:
            raise ValueError("mode stream needs updated_at")
        if self.mode == "period" and self.period is None:
            raise ValueError("mode period needs period")
        if self.mode == "full" and self.partition != "none":
            raise ValueError("mode full has partition none")
        if (self.deletes == "tombstone") != (self.tombstone is not None):
            raise ValueError("deletes: tombstone needs the column `tombstone`, and the other way round")
        if self.deletes != "none" and self.mode != "stream":
            raise ValueError(f"mode {self.mode} needs no `deletes`: a key that is gone from a newer load is deleted")
        if "protocol" not in self.source:
            raise ValueError("source needs a protocol")
        return self

    @model_validator(mode="after")
    def _rules_can_be_read(self) -> "Contract":
        """Patterns and expressions are tried on no rows, so that a mistyped one is found before any data is."""
        for column in self.columns:
            try:
                pl.Series([""]).str.contains(column.pattern or "")
            except pl.exceptions.PolarsError:
                raise ValueError(f"column {column.name}: pattern {column.pattern!r} is no regular expression") from None
            for role in ("at", "agrees_with") if column.unit_reference else ():
                named = getattr(column.unit_reference, role)
                if named not in (None, *self._kept_names()):
                    raise ValueError(f"column {column.name}: {role}: {named!r} is no kept column")
        for check in self.checks:
            try:
                found = pl.DataFrame(schema=self.check_schema).select(pl.sql_expr(check.expression)).to_series()
            except pl.exceptions.PolarsError as error:
                raise ValueError(f"check {check.name}: {check.expression!r} cannot be read: {error}") from None
            if found.dtype != pl.Boolean:
                raise ValueError(f"check {check.name}: {check.expression!r} is {found.dtype}, not true or false")
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
                if name != "_load_id"
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
        """Names and polars types of the rows in the lake, `_load_id` first. A pseudonym is text."""
        types = {c.name: pl.String() if c.protect else POLARS_TYPES[c.type] for c in self.kept_columns}
        return pl.Schema({"_load_id": pl.String(), **types})

    @property
    def sha256(self) -> str:
        """Fingerprint of the contract, kept in every ledger entry."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()


def read_contract(path: Path) -> Contract:
    """Read one contract. Raises ContractError naming the file and the place in it."""
    try:
        fields = yaml.safe_load(path.read_text(encoding="utf-8"))
        contract = Contract.model_validate(fields)
    except (yaml.YAMLError, OSError) as error:
        raise ContractError(f"{path}: cannot be read as YAML: {error}") from None
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'contract'}: {e['msg']}" for e in error.errors())
        raise ContractError(f"{path}: {problems}") from None
    if path.parts[-2:] != (contract.system, f"{contract.name}.yaml"):
        raise ContractError(f"{path}: dataset {contract.dataset} belongs in {contract.system}/{contract.name}.yaml")
    return contract


def load_contracts(folder: Path) -> dict[str, Contract]:
    """All contracts of a folder by dataset name, in order. Raises ContractError."""
    contracts = [read_contract(path) for path in sorted(folder.glob("*/*.yaml"))]
    return {contract.dataset: contract for contract in contracts}

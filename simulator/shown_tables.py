"""Tables of the database: what each holds at a moment, and what of it changed since another one."""

from dataclasses import dataclass
from datetime import datetime

import polars as pl

from simulator.office_calendar import local_naive
from simulator.tables import DATABASE_TABLES, TABLES, Table, newest_versions, shown_columns

_SQL_TYPES = {
    pl.String: "text", pl.Int64: "bigint", pl.Int32: "integer", pl.Float64: "double precision", pl.Date: "date",
    pl.Datetime: "timestamptz",
}  # fmt: skip
_ZONE = "Asia/Ho_Chi_Minh"


@dataclass(frozen=True)
class Changes:
    """rows: new or changed ones as they are now. keys: of all that changed, those of rows that are gone included."""

    rows: pl.DataFrame
    keys: pl.Series


@dataclass(frozen=True)
class ShownTable:
    """A register as a table of the database."""

    table: Table
    versions: pl.DataFrame

    @property
    def place(self) -> str:
        return self.table.place

    @property
    def reader(self) -> str:
        assert self.table.reader is not None
        return self.table.reader

    @property
    def key(self) -> str:
        return self.table.key

    @property
    def updated(self) -> str:
        return self.table.updated

    @property
    def columns(self) -> dict[str, str]:
        """Names and SQL types, the identifier first."""
        schema = self.versions.schema
        return {name: _SQL_TYPES[schema[name].base_type()] for name in shown_columns(self.versions, self.table)}

    def changes(self, since: datetime | None, now: datetime) -> Changes:
        """What changed after `since` (None: all there is) until `now`, both aware; times in UTC."""
        versions = self.versions.lazy()
        if since is not None:  # before the newest are looked for: this is asked every other second
            versions = versions.filter(pl.col(self.table.updated) > local_naive(since))
        found = newest_versions(versions, self.table, local_naive(now)).collect()
        kept = found.filter(~pl.col("_deleted")) if "_deleted" in found.columns else found
        rows = kept.select(list(self.columns)).with_columns(
            pl.col(pl.Datetime).dt.replace_time_zone(_ZONE).dt.convert_time_zone("UTC")
        )
        return Changes(rows, found[self.table.key].unique())


def shown_tables(registers: dict[str, pl.DataFrame]) -> list[ShownTable]:
    """The departments' tables. registers: all versions, by the names in simulator.tables."""
    return [ShownTable(TABLES[name], registers[name]) for name in DATABASE_TABLES]

"""Lets dbt's DuckDB connection read the lake on S3, without any download."""

from typing import Any

import duckdb
from dbt.adapters.duckdb.plugins import BasePlugin

from lake.settings import load_settings
from lake.store import prepare_duckdb


class Plugin(BasePlugin):
    """Called by dbt-duckdb for the connection it opens."""

    def configure_connection(self, conn: duckdb.DuckDBPyConnection) -> None:
        prepare_duckdb(conn, load_settings())

    def configure_cursor(self, cursor: Any) -> None:
        return None

"""Tables that anybody may add to the gateway: `<home>/extra/<table>.csv` or `.parquet` with a column updated_at."""

from datetime import datetime
from pathlib import Path

import polars as pl


def find_table(home: Path, name: str) -> Path | None:
    """The file of an extra table, or None."""
    if not name.replace("_", "").replace("-", "").isalnum():
        return None
    paths = (home / "extra" / f"{name}.{suffix}" for suffix in ("parquet", "csv"))
    return next((path for path in paths if path.is_file()), None)


def table_names(home: Path) -> list[str]:
    """Names of the extra tables."""
    return sorted({path.stem for path in (home / "extra").glob("*.*") if path.suffix in (".csv", ".parquet")})


def extra_rows(path: Path, now: datetime, since: datetime | None, before: datetime | None) -> pl.DataFrame:
    """Rows with since ≤ updated_at < before and not later than `now`, by updated_at; times as ISO text with +07:00.

    Times without a zone are local. Raises ValueError if the column updated_at is missing or holds no time.
    """
    table = _read_csv(path) if path.suffix == ".csv" else pl.read_parquet(path)
    if "updated_at" not in table.columns:
        raise ValueError(f"{path.name} has no column updated_at")
    moment = _moments(table["updated_at"], path.name)
    wanted = moment <= now
    if since is not None:
        wanted = wanted & (moment >= since)
    if before is not None:
        wanted = wanted & (moment < before)
    table = table.with_columns(
        pl.col(name).dt.strftime("%Y-%m-%dT%H:%M:%S+07:00") if kind.time_zone is None
        else pl.col(name).dt.convert_time_zone("Asia/Ho_Chi_Minh").dt.strftime("%Y-%m-%dT%H:%M:%S%:z")
        for name, kind in table.schema.items()
        if isinstance(kind, pl.Datetime)
    )  # fmt: skip
    table = table.with_columns(pl.col(name).cast(pl.String) for name, kind in table.schema.items() if kind == pl.Date)
    return (
        table.with_columns(moment.alias("_moment")).filter(wanted).sort("_moment", maintain_order=True).drop("_moment")
    )


def _read_csv(path: Path) -> pl.DataFrame:
    """Numbers as numbers, but codes with leading zeros stay text."""
    table = pl.read_csv(path, infer_schema=False)
    for kind in (pl.Int64, pl.Float64):
        numbers = table.select(pl.col(pl.String).cast(kind, strict=False))
        same = [
            name
            for name in numbers.columns
            if numbers[name].null_count() == table[name].null_count() < len(table)
            and not table[name].str.contains(r"^[+-]?0\d").any()
        ]
        table = table.with_columns(numbers.select(same))
    return table


def _moments(values: pl.Series, file: str) -> pl.Series:
    zone = "Asia/Ho_Chi_Minh"
    if values.dtype == pl.String:
        zoned = values.str.contains(r"(Z|[+-]\d{2}:?\d{2})$")
        with_zone = pl.when(zoned).then(values).otherwise(pl.concat_str(values.str.replace(" ", "T"), pl.lit("+07:00")))
        try:
            values = pl.select(with_zone.str.to_datetime(time_unit="us", time_zone="UTC")).to_series()
        except pl.exceptions.PolarsError:
            raise ValueError(f"{file}: updated_at holds values that are no ISO times") from None
    if values.dtype == pl.Date:
        values = values.cast(pl.Datetime("us"))
    if not isinstance(values.dtype, pl.Datetime):
        raise ValueError(f"{file}: updated_at is {values.dtype}, not a time")
    if values.dtype.time_zone is None:
        values = values.dt.replace_time_zone(zone)
    return values.dt.convert_time_zone("UTC").alias("updated_at")

"""Rows that wait for the unit that sent them: refused, and not sent again in order since."""

from datetime import UTC, date, datetime

import holidays
import numpy as np
import orjson
import polars as pl

from lake.contract import Contract
from lake.current import read_current
from lake.error_kinds import LONGEST_REPAIR, repair_days
from lake.ledger import read_index
from lake.settings import TIME_ZONE, Settings
from lake.store import open_store, read_tables

REPAIR_DAYS = repair_days()  # working days by what a reason's code begins with; the shortest of a row's counts
SCHEMA = pl.Schema(
    {
        "dataset": pl.String(),
        "title": pl.String(),
        "day": pl.Date(),
        "record_id": pl.String(),
        "unit_code": pl.String(),
        "reasons": pl.List(pl.String()),
        "reason_text": pl.String(),
        "refused_values": pl.String(),  # what stood in the columns that the reasons name, with their labels
        "place": pl.String(),  # sheet and cell, where the row came in a file
        "refused_at": pl.Datetime("us", "UTC"),
        "repair_by": pl.Date(),
        "load_id": pl.String(),
    }
)


def still_refused(settings: Settings, contract: Contract) -> pl.DataFrame:
    """The refused rows of a dataset that nothing newer took the place of, newest first, by SCHEMA.

    A row is settled when a later load accepted its record or refused it again, or, in modes full and period, replaced
    its partition. Rows without a readable key are settled by the latter alone.
    """
    store = open_store(settings)
    index = read_index(settings, store, {contract.dataset: contract})
    loads = index.filter(pl.col("current") & pl.col("quarantine_object").is_not_null())
    if loads.is_empty():
        return pl.DataFrame(schema=SCHEMA)
    tables = read_tables(store, loads["quarantine_object"].to_list())
    rows = pl.concat(tables).rename({"_load_id": "load_id"}).sort("load_id", maintain_order=True)
    named = pl.col("record_id").is_not_null() & (pl.col("record_id") != "")
    rows = pl.concat([rows.filter(~named), rows.filter(named).unique("record_id", keep="last", maintain_order=True)])
    if contract.mode == "stream":
        accepted = read_current(settings, contract).select(
            pl.concat_str([pl.col(name).cast(pl.String()) for name in contract.key], separator="|").alias("record_id"),
            accepted_by="_load_id",
        )
        known = rows.join(accepted.unique("record_id"), on="record_id", how="left", maintain_order="left")
        rows = known.filter(~(pl.col("accepted_by") > pl.col("load_id")).fill_null(False)).drop("accepted_by")
    told = rows.join(loads.select("load_id", "day", refused_at="started_at"), on="load_id").with_columns(
        dataset=pl.lit(contract.dataset),
        title=pl.lit(contract.title),
        place=pl.col("row").str.json_path_match("$._place"),
        refused_values=_values(contract),
    )
    return told.with_columns(_repair_by(told).alias("repair_by")).select(list(SCHEMA)).sort("load_id", descending=True)


def _values(contract: Contract) -> pl.Expr:
    """What stood in each column that a reason names; pseudonyms say nothing to anybody and are left out."""
    found = [
        pl.when(pl.col("reasons").list.eval(pl.element().str.ends_with(f":{column.name}")).list.any()).then(
            pl.format("{}: {}", pl.lit(column.label), pl.col("row").str.json_path_match(f"$.{column.name}"))
        )
        for column in contract.kept_columns
        if not column.protect
    ]
    return pl.concat_str(found, separator="; ", ignore_nulls=True)


def _repair_by(rows: pl.DataFrame) -> pl.Series:
    """The day by which each row is to be mended."""
    kinds = (
        pl.element()
        .str.split(":")
        .list.first()
        .replace_strict(list(REPAIR_DAYS), list(REPAIR_DAYS.values()), default=LONGEST_REPAIR, return_dtype=pl.Int64())
    )
    allowed = rows.select(pl.col("reasons").list.eval(kinds).list.min().fill_null(LONGEST_REPAIR)).to_series()
    refused = rows["refused_at"].dt.convert_time_zone(str(TIME_ZONE)).dt.date()
    this_year = datetime.now(UTC).year
    off = [day for day in holidays.country_holidays("VN", years=range(this_year - 3, this_year + 2))]
    due = np.busday_offset(refused.to_numpy().astype("datetime64[D]"), allowed.to_numpy(), roll="forward", holidays=off)
    return pl.Series("repair_by", due.astype("datetime64[D]"), dtype=pl.Date())


def reason_counts(settings: Settings, contracts: dict[str, Contract]) -> dict[str, dict[str, int]]:
    """By dataset and reason the number of refused rows in all loads that count."""
    index = read_index(settings, open_store(settings), contracts).filter("current")
    counts: dict[str, dict[str, int]] = {}
    for name, text in index.filter(pl.col("quarantined") > 0).select("dataset", "reason_counts").iter_rows():
        mine = counts.setdefault(name, {})
        for code, count in orjson.loads(text).items():
            mine[code] = mine.get(code, 0) + count
    return counts


def repair_list(rows: pl.DataFrame, today: date) -> pl.DataFrame:
    """Refused rows as the unit that sent them reads them: Vietnamese heads, the most urgent first."""
    late = pl.when(pl.col("repair_by") < today).then(pl.lit("quá hạn")).otherwise(pl.lit(""))
    return rows.sort("repair_by", "dataset", "record_id").select(
        pl.col("title").alias("Bộ dữ liệu"),
        pl.col("record_id").alias("Mã bản ghi tại nguồn"),
        pl.col("unit_code").alias("Mã đơn vị"),
        pl.col("day").dt.strftime("%d/%m/%Y").alias("Ngày số liệu"),
        pl.col("place").alias("Vị trí trong tệp"),
        pl.col("reason_text").alias("Lỗi cần sửa"),
        pl.col("refused_values").alias("Giá trị đã gửi"),
        pl.col("repair_by").dt.strftime("%d/%m/%Y").alias("Hạn sửa"),
        late.alias("Tình trạng"),
    )

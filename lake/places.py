"""Where a row stood in the file that people can open, so that they find the cell that was refused."""

from collections.abc import Mapping

import polars as pl

from lake.connectors.base import SourceFormatError

PLACE = "_place"  # a column of this name comes beside the source's own; only the quarantine shows it
PLACE_TYPE = pl.Struct({"sheet": pl.String(), "row": pl.Int64(), "columns": pl.String()})
ERRORS = r"^#(REF!|N/A|VALUE!|DIV/0!|NAME\?|NULL!|NUM!|FORMULA)$"  # as Excel writes them; the last is our own
NAMED = 5  # cells that a message names


def place_column(sheet: str, rows: pl.Series, columns: Mapping[str, int]) -> pl.Series:
    """The places of a sheet's rows.

    sheet: "" where there are none, as in CSV. rows: from 1, as a spreadsheet counts. columns: name -> place from 0.
    """
    letters = "".join(f"\t{name}={letter(at)}" for name, at in columns.items()) + "\t"
    frame = pl.select(sheet=pl.repeat(sheet, len(rows)), columns=pl.repeat(letters, len(rows)))
    return frame.with_columns(row=rows.cast(pl.Int64())).select(pl.struct("sheet", "row", "columns").alias(PLACE))[
        PLACE
    ]


def letter(at: int) -> str:
    """A column's letters in a spreadsheet: 0 is A, 26 is AA."""
    return (letter(at // 26 - 1) if at >= 26 else "") + chr(ord("A") + at % 26)


def cells(places: pl.Series, column: str | None) -> pl.Series:
    """Addresses such as Sheet1!C7, or Sheet1!7 where no column is meant or it cannot be told."""
    frame = places.struct.unnest()
    at = pl.lit("") if column is None else pl.col("columns").str.extract(f"\t{pl.escape_regex(column)}=([A-Z]+)\t")
    sheet = pl.when(pl.col("sheet") != "").then(pl.concat_str("sheet", pl.lit("!"))).otherwise(pl.lit(""))
    return frame.select(pl.concat_str(sheet, at.fill_null(""), pl.col("row").cast(pl.String()))).to_series()


def broken_cells(places: pl.Series, flags: pl.DataFrame, chosen: Mapping[str, str]) -> pl.Series:
    """The addresses of the cells that broke a rule, row by row, joined by a comma; of the row, if none did alone.

    flags: a boolean column a rule, named `kind:column`. chosen: column of the contract -> column of the source.
    """
    by_column: dict[str, pl.Series] = {}
    for code in flags.columns:
        source = chosen.get(code.partition(":")[2])
        if source is not None and not code.startswith("check:"):
            by_column[source] = by_column.get(source, pl.repeat(False, len(flags), eager=True)) | flags[code]
    found = [cells(places, source).set(~broken, None).alias(source) for source, broken in by_column.items()]
    row = cells(places, None)
    if not found:
        return row
    joined = pl.DataFrame(found).select(pl.concat_str(pl.all(), separator=", ", ignore_nulls=True)).to_series()
    return row.zip_with(joined == "", joined)


def refuse_errors(table: pl.DataFrame, dataset: str, name: str, texts: list[str]) -> None:
    """Raise SourceFormatError if a text column holds an error of a formula: no type would find it later."""
    for column in texts:
        wrong = table[column].str.contains(ERRORS).fill_null(False)
        if wrong.any():
            at = cells(table[PLACE].filter(wrong), column).head(NAMED).to_list()
            raise SourceFormatError(
                f"{dataset}: {name}: {wrong.sum()} cells of column {column} hold no value but a formula's error or a "
                f"formula that was never computed: {', '.join(at)}; mend them, save the file and deliver it again"
            )

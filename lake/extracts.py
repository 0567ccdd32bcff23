"""What a source delivers in a window: a file at a time, of any other protocol in parts that memory bears."""

from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import polars as pl

from lake.connectors import CONNECTORS, Extract, Window
from lake.contract import Contract
from lake.known_files import known_files
from lake.settings import Settings

PART_ROWS = 150_000  # that go through the door together


Tell = Callable[[str], None]


def read_extracts(contract: Contract, window: Window | None, settings: Settings, tell: Tell) -> Iterator[list[Extract]]:
    """One extract a file, several small ones at once; of any other source its pages together, one part at a time."""
    if contract.protocol == "files":
        return _ahead(_batches(_files(contract, window, settings, tell)))
    return _ahead(_parts(contract, window, settings, tell))


def alike(extracts: Sequence[Extract]) -> list[list[int]]:
    """The places of extracts whose tables have the same columns and types, so that they can be stacked."""
    kinds: dict[object, list[int]] = {}
    for place, extract in enumerate(extracts):
        kinds.setdefault(tuple(extract.table.schema.items()), []).append(place)
    return list(kinds.values())


def _batches(extracts: Generator[Extract, None, None]) -> Generator[list[Extract], None, None]:
    """Extracts one after the other until they have PART_ROWS rows together."""
    batch: list[Extract] = []
    rows = 0
    with closing(extracts):
        for extract in extracts:
            if batch and rows + len(extract.table) > PART_ROWS:
                yield batch
                batch, rows = [], 0
            batch.append(extract)
            rows += len(extract.table)
    if batch:
        yield batch


def _files(contract: Contract, window: Window | None, settings: Settings, tell: Tell) -> Generator[Extract, None, None]:
    """The files that were not read before."""
    known = known_files(settings, contract)
    for extract in CONNECTORS[contract.protocol](contract, window, settings, skip=known):
        if extract.file:
            left_out = f", {extract.file.skipped} more are no records" if extract.file.skipped else ""
            tell(f"{len(extract.table):,} rows in {extract.file.name}{left_out}")
        yield extract


def _ahead(batches: Generator[list[Extract], None, None]) -> Iterator[list[Extract]]:
    """The same batches; while one is worked on the next is read."""
    with closing(batches), ThreadPoolExecutor(1) as pool:  # the last reading has to end before they can be closed
        following = pool.submit(next, batches, None)
        while (batch := following.result()) is not None:
            following = pool.submit(next, batches, None)
            yield batch


def _parts(
    contract: Contract, window: Window | None, settings: Settings, tell: Tell
) -> Generator[list[Extract], None, None]:
    """The pages of a source together, in parts of PART_ROWS or fewer."""
    tables: list[pl.DataFrame] = []
    rows = 0
    for extract in CONNECTORS[contract.protocol](contract, window, settings):
        tables.append(extract.table)
        rows += len(extract.table)
        tell(f"{rows:,} rows read")
        if sum(map(len, tables)) >= PART_ROWS:
            whole = stack(tables)
            tables = []
            yield from ([Extract(part)] for part in whole.iter_slices(PART_ROWS))
    if tables:
        yield [Extract(stack(tables))]


def stack(tables: list[pl.DataFrame]) -> pl.DataFrame:
    """Pages one after the other; a column that is text on one page is text on all."""
    texts = {
        name
        for table in tables
        for name, dtype in table.schema.items()
        if dtype not in (pl.Null,) and any(t.schema.get(name, dtype) not in (dtype, pl.Null) for t in tables)
    }
    same = [table.with_columns(pl.col(n).cast(pl.String()) for n in table.columns if n in texts) for table in tables]
    return pl.concat(same, how="diagonal_relaxed")

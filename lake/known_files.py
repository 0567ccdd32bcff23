"""The files of a dataset that need not be read again."""

import polars as pl

from lake.contract import Contract
from lake.ledger import read_index
from lake.settings import Settings
from lake.store import open_store


def known_files(settings: Settings, contract: Contract) -> set[str]:
    """SHA-256 of the file contents that need not be read again.

    They stand in the ledger with all their parts (a run killed between two entries is made up for), and were judged
    by the contract as it is now or were accepted by a former one: a contract that is mended reads what was refused.
    """
    index = read_index(settings, open_store(settings), {contract.dataset: contract})
    file = pl.Struct({"sha256": pl.String(), "parts": pl.Int64()})
    reads = (
        index.select("load_id", "status", "contract_sha256", file=pl.col("sources").str.json_decode(pl.List(file)))
        .filter(pl.col("file").list.len() > 0)
        .explode("file")
        .unnest("file")
        .group_by("sha256", "contract_sha256", run=pl.col("load_id").str.split("-").list.last())
        .agg(whole=pl.len() >= pl.col("parts").max().fill_null(1), accepted=(pl.col("status") == "accepted").all())
    )
    final = pl.col("accepted") | (pl.col("contract_sha256") == contract.sha256)
    return set(reads.filter(pl.col("whole") & final)["sha256"])

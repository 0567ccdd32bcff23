"""SQL over the accepted rows of all datasets at once, written from the contracts: what quality is judged by."""

from typing import Any

from lake.contract import Contract

JUDGED = ("national", "sectoral", "commune", "enterprise")  # tiers that somebody delivers


def accepted_models(contracts: dict[str, Contract]) -> dict[str, str]:
    """Name and SQL of two staging views.

    stg_quality__accepted: rows by dataset, load_id and unit_code (null where the contract has no unit). Of a stream
    every version counts once, in the load that first brought it.
    stg_quality__version: of the streams every version's record_id, as quarantine writes it, and its load_id.
    """
    judged = [contract for contract in contracts.values() if contract.tier in JUDGED]
    streams = [contract for contract in judged if contract.mode == "stream"]
    none = "select cast(null as varchar) as dataset, cast(null as varchar) as load_id, "
    accepted = "cast(null as varchar) as unit_code, cast(0 as bigint) as accepted where false"
    version = "cast(null as varchar) as record_id where false"
    return {
        "stg_quality__accepted": _union([_accepted(one) for one in judged] or [none + accepted]),
        "stg_quality__version": _union([_versions(one) for one in streams] or [none + version]),
    }


def _union(parts: list[str]) -> str:
    return "-- written from the contracts\n" + "\nunion all\n".join(parts) + "\n"


def _rows(contract: Contract) -> str:
    versions = "__versions" if contract.mode == "stream" else ""
    return f"{{{{ ref('stg_{contract.system}__{contract.name}{versions}') }}}}"


def _accepted(contract: Contract) -> str:
    unit = f"cast({contract.unit_column or 'null'} as varchar)"
    groups = "_load_id, " + contract.unit_column if contract.unit_column else "_load_id"
    return (
        f"select '{contract.dataset}' as dataset, _load_id as load_id, {unit} as unit_code, count(*) as accepted\n"
        f"from {_rows(contract)}\ngroup by {groups}"
    )


def _versions(contract: Contract) -> str:
    record = " || '|' || ".join(f"cast({name} as varchar)" for name in contract.key)
    return f"select '{contract.dataset}' as dataset, _load_id as load_id, {record} as record_id\nfrom {_rows(contract)}"


def accepted_properties() -> dict[str, Any]:
    """What dbt says of them."""
    load = {"name": "load_id", "description": "Lần nạp. Load"}
    dataset = {"name": "dataset", "description": "Bộ dữ liệu. Dataset"}
    unit = {"name": "unit_code", "description": "Mã đơn vị. Unit"}
    accepted = {"name": "accepted", "description": "Số bản ghi được nhận (bản ghi). Rows accepted (row)"}
    record = {"name": "record_id", "description": "Mã bản ghi tại nguồn. Record in the source"}
    models = [
        {
            "name": "stg_quality__accepted",
            "description": "Bản ghi được nhận theo lần nạp và đơn vị. Accepted rows by load and unit.",
            "columns": [dataset, load, unit, accepted],
        },
        {
            "name": "stg_quality__version",
            "description": "Mọi phiên bản của bản ghi dòng sự kiện. Every version of the records of streams.",
            "columns": [dataset, load, record],
        },
    ]
    return {"version": 2, "models": models}

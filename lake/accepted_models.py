"""SQL over the accepted rows of all datasets at once, written from the contracts: what quality is judged by."""

from typing import Any

from lake.contract import Contract

JUDGED = ("national", "sectoral", "commune", "enterprise")  # tiers that somebody delivers


def accepted_models(contracts: dict[str, Contract]) -> dict[str, str]:
    """Name and SQL of the staging models.

    stg_quality__accepted: rows by dataset, load_id and unit_code (null where the contract has no unit). Of a stream
    every version counts once, in the load that first brought it; the objects of other datasets are counted once, in
    stg_quality__accepted_object.
    stg_quality__delivered: where rows say which day they are of, the load that first brought a unit's rows of a day.
    stg_quality__version: of the streams every version's record_id, as quarantine writes it, and its load_id.
    """
    judged = [contract for contract in contracts.values() if contract.tier in JUDGED]
    streams = [contract for contract in judged if contract.mode == "stream"]
    objects = [contract for contract in judged if contract.mode != "stream"]
    none = "select cast(null as varchar) as dataset, cast(null as varchar) as load_id, "
    accepted = f"{none}cast(null as varchar) as unit_code, cast(0 as bigint) as accepted where false"
    version = f"{none}cast(null as varchar) as record_id where false"
    delivered = f"{none}cast(null as varchar) as unit_code, cast(null as date) as day where false"
    counted = "select dataset, load_id, unit_code, accepted\nfrom {{ ref('stg_quality__accepted_object') }}"
    append = "{{ config(materialized='incremental', incremental_strategy='append') }}\n"
    return {
        "stg_quality__accepted": _union([counted, *(_accepted(one, _versions(one)) for one in streams)]),
        "stg_quality__accepted_object": append + _union([_accepted(one, _new(one)) for one in objects] or [accepted]),
        "stg_quality__delivered": _union([_delivered(one) for one in judged if _own_day(one)] or [delivered]),
        "stg_quality__version": _union([_records(one) for one in streams if _readable(one)] or [version]),
    }


def _union(parts: list[str]) -> str:
    return "-- written from the contracts\n" + "\nunion all\n".join(parts) + "\n"


def _versions(contract: Contract) -> str:
    return f"{{{{ ref('stg_{contract.system}__{contract.name}__versions') }}}}"


def _new(contract: Contract) -> str:
    return f"{{{{ read_loads('{contract.dataset}', uncounted_urls('{contract.dataset}')) }}}}"


def _accepted(contract: Contract, rows: str) -> str:
    unit = f"cast({contract.unit_column or 'null'} as varchar)"
    groups = "_load_id, " + contract.unit_column if contract.unit_column else "_load_id"
    return (
        f"select '{contract.dataset}' as dataset, _load_id as load_id, {unit} as unit_code, count(*) as accepted\n"
        f"from {rows}\ngroup by {groups}"
    )


def _own_day(contract: Contract) -> str | None:
    return contract.delivery.day if contract.delivery and contract.unit_column else None


def _delivered(contract: Contract) -> str:
    rows = (
        _versions(contract) if contract.mode == "stream" else f"{{{{ ref('stg_{contract.system}__{contract.name}') }}}}"
    )
    unit, day = contract.unit_column, _own_day(contract)
    return (
        f"select '{contract.dataset}' as dataset, min(_load_id) as load_id, {unit} as unit_code, {day} as day\n"
        f"from {rows}\ngroup by {unit}, {day}"
    )


def _readable(contract: Contract) -> bool:
    """Whether the key reads as in quarantine: there a moment is written as the source writes it."""
    types = {column.name: column.type for column in contract.columns}
    return all(types[name] in ("text", "integer", "date") for name in contract.key)


def _records(contract: Contract) -> str:
    record = " || '|' || ".join(f"cast({name} as varchar)" for name in contract.key)
    columns = f"'{contract.dataset}' as dataset, _load_id as load_id, {record} as record_id"
    return f"select {columns}\nfrom {_versions(contract)}"


def accepted_properties() -> dict[str, Any]:
    """What dbt says of them."""
    load = {"name": "load_id", "description": "Lần nạp. Load"}
    dataset = {"name": "dataset", "description": "Bộ dữ liệu. Dataset"}
    unit = {"name": "unit_code", "description": "Mã đơn vị. Unit"}
    accepted = {"name": "accepted", "description": "Số bản ghi được nhận (bản ghi). Rows accepted (row)"}
    record = {"name": "record_id", "description": "Mã bản ghi tại nguồn. Record in the source"}
    day = {"name": "day", "description": "Ngày của số liệu. Day that the rows are of"}
    models = [
        {
            "name": "stg_quality__accepted",
            "description": "Bản ghi được nhận theo lần nạp và đơn vị. Accepted rows by load and unit.",
            "columns": [dataset, load, unit, accepted],
        },
        {
            "name": "stg_quality__accepted_object",
            "description": "Bản ghi được nhận của các bộ dữ liệu không phải dòng sự kiện. Accepted rows of other "
            "datasets than streams, counted once an object.",
            "columns": [dataset, load, unit, accepted],
        },
        {
            "name": "stg_quality__delivered",
            "description": "Lần nạp đầu tiên mang số liệu của một ngày của một đơn vị, nơi bản ghi cho biết ngày. "
            "Load that first brought a unit's rows of a day, where the rows say their day.",
            "columns": [dataset, load, unit, day],
        },
        {
            "name": "stg_quality__version",
            "description": "Mọi phiên bản của bản ghi dòng sự kiện. Every version of the records of streams.",
            "columns": [dataset, load, record],
        },
    ]
    return {"version": 2, "models": models}

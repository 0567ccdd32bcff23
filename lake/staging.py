"""dbt's staging models, written from the contracts: a new dataset needs no SQL."""

from pathlib import Path
from typing import Any

import holidays
import polars as pl
import yaml

from lake.accepted_models import accepted_models, accepted_properties
from lake.contract import Column, Contract, with_shipped
from lake.error_kinds import error_kinds

DUCKDB_TYPES: dict[pl.DataType, str] = {
    pl.String(): "varchar",
    pl.Int64(): "bigint",
    pl.Float64(): "double",
    pl.Boolean(): "boolean",
    pl.Date(): "date",
    pl.Datetime("us", "UTC"): "timestamp with time zone",
}

FIRST_YEAR, LAST_YEAR = 2010, 2035  # of the calendar; holidays are those of the law as it stands
QUARANTINE_SCHEMA = pl.Schema(  # what SQL reads of refused rows: never their contents
    {"_load_id": pl.String(), "record_id": pl.String(), "unit_code": pl.String(), "reasons": pl.List(pl.String())}
)
ABOUT = pl.Schema(
    {
        "dataset": pl.String(),
        "title": pl.String(),
        "owner": pl.String(),
        "schedule": pl.String(),
        "partition": pl.String(),
        "stale_after_hours": pl.Float64(),
        "due_hours": pl.Float64(),
        "every_unit": pl.Boolean(),
        "working_days": pl.Boolean(),
        "own_day": pl.Boolean(),  # the rows say which day they are of
        "tier": pl.String(),
        "secrecy": pl.String(),
        "identifiers": pl.String(),  # columns that tell a record or a person, each between blanks
    }
)


def staging_name(contract: Contract) -> str:
    """The name of a dataset's staging model."""
    return f"stg_{contract.system}__{contract.name}"


def write_staging_models(contracts: dict[str, Contract], models: Path, empty: Path) -> bool:
    """Write `models/staging/<system>/…` and a typed table without rows per dataset into `empty`.

    Datasets that come with the code and are not read here are there too, since marts name them.
    Files are touched only where they differ, and those of datasets that are gone are removed.
    Returns whether anything changed.
    """
    read, contracts = contracts, with_shipped(contracts)
    wanted: dict[Path, str] = {}
    for contract in contracts.values():
        folder = models / "staging" / contract.system
        name = staging_name(contract)
        if contract.mode == "stream":
            wanted[folder / f"{name}__versions.sql"] = _call("append_versions", contract, stream=True)
            wanted[folder / f"{name}.sql"] = _call("newest_versions", contract, stream=True)
        else:
            wanted[folder / f"{name}.sql"] = _call("current_loads", contract, stream=False)
    accepted = accepted_models(contracts)
    wanted |= {models / "staging" / "quality" / f"{name}.sql": text for name, text in accepted.items()}
    wanted[models / "staging" / "quality" / "_quality.yml"] = _yaml(accepted_properties())
    for system in sorted({contract.system for contract in contracts.values()}):
        mine = [contract for contract in contracts.values() if contract.system == system]
        wanted[models / "staging" / system / f"_{system}.yml"] = _properties(mine)
    changed = False
    for path, text in wanted.items():
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            changed = True
    for path in sorted((models / "staging").glob("*/*")):
        if path not in wanted:
            path.unlink()
            changed = True
    empty.mkdir(parents=True, exist_ok=True)
    for contract in contracts.values():
        target = empty / f"{contract.system}__{contract.name}.parquet"
        if not target.exists() or pl.read_parquet_schema(target) != contract.row_schema:
            write_table(pl.DataFrame(schema=contract.row_schema), target)
    write_table(error_kinds(), empty / "error_kinds.parquet")
    write_table(pl.DataFrame(schema=QUARANTINE_SCHEMA), empty / "quarantine.parquet")
    write_table(pl.DataFrame([_about(one) for one in read.values()], schema=ABOUT), empty / "contracts.parquet")
    calendar = holidays.country_holidays("VN", years=range(FIRST_YEAR, LAST_YEAR + 1), language="vi")
    write_table(_holidays(calendar), empty / "public_holidays.parquet")
    made_up = pl.DataFrame({"day": sorted(calendar.weekend_workdays)}, schema={"day": pl.Date()})
    write_table(made_up, empty / "makeup_days.parquet")
    return changed


def _holidays(calendar: holidays.HolidayBase) -> pl.DataFrame:
    """Every public holiday with its Vietnamese name; a day of several has all their names."""
    days = sorted(calendar)
    return pl.DataFrame({"day": days, "name": [calendar[day] for day in days]}, {"day": pl.Date(), "name": pl.String()})


def _about(contract: Contract) -> dict[str, Any]:
    """What SQL knows of a contract."""
    names = ("dataset", "title", "owner", "schedule", "partition", "stale_after_hours", "tier", "secrecy")
    pseudonyms = [column.name for column in contract.columns if column.protect == "pseudonym"]
    due = contract.delivery.model_dump() if contract.delivery else {}
    return {
        **{name: getattr(contract, name) for name in names},
        "due_hours": due.get("due_hours"),
        "every_unit": due.get("every_unit"),
        "working_days": due.get("days") == "working" if due else None,
        "own_day": due.get("day") is not None if due else None,
        "identifiers": f" {' '.join(dict.fromkeys([*contract.key, *pseudonyms]))} ",
    }


def write_table(frame: pl.DataFrame, target: Path) -> None:
    """Write a Parquet file whole or not at all, over the former one."""
    partial = target.with_suffix(".partial")
    frame.write_parquet(partial)
    partial.replace(target)


def _call(macro: str, contract: Contract, stream: bool) -> str:
    """The whole SQL of a staging model; the rules stand in dbt_project/macros/loads.sql."""
    arguments = [f"'{contract.dataset}'"]
    if stream:
        arguments += [f"{contract.key!r}", f"'{contract.updated_at}'"]
        arguments += [f"{[name for name in contract.row_schema if name != '_load_id']!r}"]
    if macro == "newest_versions" and contract.removed_column:
        arguments += [f"removed='{contract.removed_column}'"]
    config = ""
    if macro == "append_versions":
        settings = {
            "materialized": "incremental",
            "incremental_strategy": "append",
            "on_schema_change": "sync_all_columns",
            "post_hook": f"{{{{ remember_loads('{contract.dataset}') }}}}",
        }
        config = f"{{{{ config({', '.join(f'{name}={value!r}' for name, value in settings.items())}) }}}}\n"
    return (
        f"-- written from the contract {contract.dataset}; depends on {{{{ source('{contract.system}', "
        f"'{contract.name}') }}}}\n{config}{{{{ {macro}({', '.join(arguments)}) }}}}\n"
    )


def _relation(column: Column) -> dict[str, Any]:
    """A test that the values are in the dataset referred to; it warns, since that dataset may come later."""
    if column.references is None:
        return {}
    to = "stg_" + column.references.dataset.replace(".", "__")
    arguments = {"to": f"ref('{to}')", "field": column.references.column}
    return {"data_tests": [{"relationships": {"arguments": arguments, "config": {"severity": "warn"}}}]}


def _properties(contracts: list[Contract]) -> str:
    """Sources and documented columns of one system, as dbt reads them."""
    models: list[dict[str, Any]] = []
    for contract in contracts:
        columns = [
            {
                "name": column.name,
                "description": f"{column.label}. {column.description}" + (f" ({column.unit})" if column.unit else ""),
                "data_type": DUCKDB_TYPES[contract.row_schema[column.name]],
                **_relation(column),
            }
            for column in contract.kept_columns
        ]
        load = {"name": "_load_id", "description": "Lần nạp. Load that brought the row", "data_type": "varchar"}
        about = f"{contract.title}. {contract.description}"
        meta = {"owner": contract.owner, "secrecy": contract.secrecy, "dataset": contract.dataset}
        names = [(staging_name(contract), about)]
        if contract.mode == "stream":
            names.append((f"{staging_name(contract)}__versions", f"{about} Every version of every row."))
        models += [
            {"name": name, "description": text, "config": {"meta": meta}, "columns": [load, *columns]}
            for name, text in names
        ]
    source = {
        "name": contracts[0].system,
        "description": "Loads in the lake, written by the door.",
        "tables": [{"name": contract.name, "description": contract.title} for contract in contracts],
    }
    properties = {"version": 2, "sources": [source], "models": models}
    return _yaml(properties)


def _yaml(properties: dict[str, Any]) -> str:
    return yaml.safe_dump(properties, allow_unicode=True, sort_keys=False, width=120)

"""What the Datastreams of a SensorThings service say about their Observations: station, property, place, unit."""

import unicodedata
from dataclasses import dataclass
from typing import Any

import orjson
import polars as pl

from lake.connectors.base import SourceFormatError, spelling
from lake.contract import Contract

ENTITIES = ("Datastream", "Thing", "ObservedProperty", "Sensor", "Location")
COORDINATES = {"Location.longitude": 0, "Location.latitude": 1}


@dataclass(frozen=True)
class Conversion:
    """A result in `to` is factor · result in `unit` + offset."""

    unit: str
    to: str
    factor: float = 1.0
    offset: float = 0.0


def unit_table(contract: Contract) -> dict[str, dict[str, Conversion]] | None:
    """Conversions by property and unit as `source.units` of the contract says them; None if it says nothing.

    units: {PM2.5: {to: µg/m³, from: {µg/m³: 1, mg/m³: 1000}}, Temperature: {to: °C, from: {K: {offset: -273.15}}}}
    Properties by ObservedProperty's name or definition. Raises SourceFormatError.
    """
    units = contract.source.get("units")
    if units is None:
        return None
    try:
        return {str(name): _conversions(str(known["to"]), known["from"]) for name, known in units.items()}
    except (AttributeError, KeyError, TypeError, ValueError):
        raise SourceFormatError(
            f"{contract.dataset}: source.units cannot be read; expected for each property "
            "{to: unit, from: {unit: factor or {factor: …, offset: …}}}"
        ) from None


def _conversions(to: str, units: dict[Any, Any]) -> dict[str, Conversion]:
    found = {}
    for unit, how in units.items():
        steps = how if isinstance(how, dict) else {"factor": how}
        found[_same_letters(str(unit))] = Conversion(str(unit), to, **{step: float(n) for step, n in steps.items()})
    return found


def _same_letters(unit: str) -> str:
    """One spelling of the same signs: the two letters µ, raised digits, blanks."""
    return "".join(unicodedata.normalize("NFKC", unit).split())


def catalogue(contract: Contract, datastreams: list[dict[str, Any]]) -> pl.DataFrame:
    """One row a Datastream (with its Thing, Locations and ObservedProperty expanded).

    Columns: Datastream (its id as text), unit (that results are kept in, or as delivered where it is not known),
    unitDelivered, factor and offset (null where the unit is not known), unknown (what to tell people about it, null
    if all is well), and every `Thing.…`, `ObservedProperty.…`, … that the contract asks for and any Datastream has.
    """
    table = unit_table(contract)
    asked = [
        name
        for column in contract.columns
        for name in column.source_names
        if name.partition(".")[0] in ENTITIES and "." in name and name != "Datastream.id"
    ]
    rows = [_row(contract, table, asked, datastream) for datastream in datastreams]
    types: dict[str, Any] = {
        "Datastream": pl.String,
        "unit": pl.String,
        "unitDelivered": pl.String,
        "factor": pl.Float64,
        "offset": pl.Float64,
        "unknown": pl.String,
        **{name: pl.Float64 if name in COORDINATES else pl.String for name in asked},
    }
    known = pl.DataFrame(rows, schema=types, orient="row")
    # a name that no Datastream bears is left to the door, which tells that the source has no such column
    return known.drop(name for name in asked if len(known) and known[name].null_count() == len(known))


def _row(
    contract: Contract, table: dict[str, dict[str, Conversion]] | None, asked: list[str], datastream: dict[str, Any]
) -> dict[str, object]:
    identity = datastream.get("@iot.id")
    if identity is None:
        raise SourceFormatError(f"{contract.dataset}: a Datastream has no @iot.id; tell the source's owner")
    unit = datastream.get("unitOfMeasurement")
    unit = unit if isinstance(unit, dict) else {}
    delivered = unit.get("symbol") or unit.get("definition") or unit.get("name")
    row: dict[str, object] = {
        "Datastream": str(identity),
        "unit": delivered,
        "unitDelivered": delivered,
        "factor": 1.0,
        "offset": 0.0,
        "unknown": None,
        **{name: _at(datastream, name) for name in asked},
    }
    if table is None:
        return row
    observed = datastream.get("ObservedProperty")
    names = [observed.get("name"), observed.get("definition")] if isinstance(observed, dict) else []
    known = next((table[name] for name in names if name in table), {})
    stated = [_same_letters(str(unit[part])) for part in ("symbol", "definition") if unit.get(part)]
    meant = {(known[part].factor, known[part].offset): known[part] for part in stated if part in known}
    if len(meant) == 1 and (not unit.get("symbol") or stated[0] in known):
        (conversion,) = meant.values()
        return {**row, "unit": conversion.to, "factor": conversion.factor, "offset": conversion.offset}
    expected = (
        ", ".join(conversion.unit for conversion in known.values())
        or "no unit, because source.units does not name the property"
    )
    found = "two units that contradict each other" if len(meant) > 1 else f"unit {delivered!r}"
    told = f"Datastreams({identity}), {names[0] if names else 'no property'}: {found}; expected {expected}"
    return {**row, "factor": None, "offset": None, "unknown": told}


def _at(datastream: dict[str, Any], name: str) -> str | float | None:
    """The value at a dotted path that begins with the kind of entity; `id` is the entity's @iot.id."""
    kind, *steps = name.split(".")
    entity: Any = datastream if kind == "Datastream" else datastream.get(kind)
    if kind == "Location":
        thing = datastream.get("Thing")
        places = thing.get("Locations") if isinstance(thing, dict) else None
        entity = places[0] if isinstance(places, list) and places else None
        if name in COORDINATES:
            return _coordinate(entity, COORDINATES[name])
    for step in steps:
        step = "@iot.id" if step == "id" else step
        entity = entity.get(step) if isinstance(entity, dict) else None
    if entity is None or isinstance(entity, str):
        return entity
    return orjson.dumps(entity).decode()


def _coordinate(place: Any, axis: int) -> float | None:
    """Of a GeoJSON point, or a feature that is one; null for anything else, such as an area."""
    shape = place.get("location") if isinstance(place, dict) else None
    shape = shape.get("geometry", shape) if isinstance(shape, dict) else None
    if not isinstance(shape, dict) or shape.get("type") != "Point":
        return None
    point = shape.get("coordinates")
    if not isinstance(point, list) or len(point) < 2 or not isinstance(point[axis], int | float):
        return None
    return float(point[axis])


def in_contract_units(observations: pl.DataFrame, known: pl.DataFrame, contract: Contract) -> pl.DataFrame:
    """Observations with what the catalogue knows about them and results in the contract's units.

    A result whose unit is not known is null, beside the result and the unit as delivered: the door refuses the row
    for the reasons that the contract gives. An empty column, whose name tells what was found and what was expected,
    makes the door report it as drift. A result that is no number stays as it is, for the door to judge.
    """
    rows = observations.join(known, on="Datastream", how="left", maintain_order="left")
    number = rows["result"].cast(pl.Float64, strict=False)
    # twelve digits: a product that ends in …99998 is not what the sensor meant
    exact = (pl.col("factor") == 1.0) & (pl.col("offset") == 0.0)
    product = (number * pl.col("factor") + pl.col("offset")).round_sig_figs(12)
    converted = rows.select(pl.when(exact).then(number).otherwise(product).alias("result")).to_series()
    if rows["result"].dtype == pl.String:
        text = converted.cast(pl.String)
        told = pl.when(number.is_not_null()).then(text).when(pl.col("factor").is_not_null()).then("result")
        converted = rows.select(told.alias("result")).to_series()
    unknown = rows["unknown"].drop_nulls().unique().sort().to_list()
    rows = rows.with_columns(converted, resultDelivered=rows["result"]).rename({"Datastream": "Datastream.id"})
    asked = {spelling(name) for column in contract.columns for name in column.source_names}
    return rows.select(
        *(name for name in rows.columns if spelling(name) in asked), *(pl.lit(None).alias(told) for told in unknown)
    )

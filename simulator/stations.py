"""The province's monitoring stations as a SensorThings service describes them: Things, Datastreams, units."""

from dataclasses import dataclass

import polars as pl

from simulator.province import read_communes

STATIONS = 10
BROKEN_UNIT = 901  # a Thing whose commune does not exist
BROKEN_NAME = 902  # a Thing whose commune's name is another one's
ALARMS_CM = (120, 180, 240)  # alarm levels I, II, III above the river's usual level


@dataclass(frozen=True)
class Unit:
    """A unit in which a Datastream delivers: value delivered = value kept here · factor, rounded."""

    symbol: str
    name: str
    factor: float
    decimals: int


@dataclass(frozen=True)
class Property:
    """An observed property; values are made in its first unit."""

    name: str
    definition: str
    units: tuple[Unit, ...]
    instant: bool = False  # measured at a moment, not over the hour


def _mass(decimals: int) -> Unit:
    return Unit("µg/m³", "microgram per cubic metre", 1.0, decimals)


def _gas(code: str, vocabulary: str, molar_mass: float) -> Property:
    per_ppb = molar_mass / 24.45  # µg/m³ at 25 °C and 1 atm
    return Property(code, vocabulary, (_mass(1), Unit("ppb", "part per billion", 1 / per_ppb, 2)))


_MILLIGRAMS = Unit("mg/m³", "milligram per cubic metre", 0.001, 4)
PROPERTIES = (
    Property("PM2.5", "http://dd.eionet.europa.eu/vocabulary/aq/pollutant/6001", (_mass(1), _MILLIGRAMS)),
    Property("PM10", "http://dd.eionet.europa.eu/vocabulary/aq/pollutant/5", (_mass(1), _MILLIGRAMS)),
    _gas("O3", "http://dd.eionet.europa.eu/vocabulary/aq/pollutant/7", 47.998),
    _gas("NO2", "http://dd.eionet.europa.eu/vocabulary/aq/pollutant/8", 46.006),
    _gas("SO2", "http://dd.eionet.europa.eu/vocabulary/aq/pollutant/1", 64.066),
    Property(
        "CO",
        "http://dd.eionet.europa.eu/vocabulary/aq/pollutant/10",
        (_mass(0), _MILLIGRAMS, Unit("ppm", "part per million", 24.45 / 28.010 / 1000, 4)),
    ),
    Property(
        "Lượng mưa",
        "http://vocab.nerc.ac.uk/collection/P07/current/CFSN0071/",
        (Unit("mm", "millimetre", 1.0, 1), Unit("cm", "centimetre", 0.1, 2)),
    ),
    Property(
        "Mực nước",
        "http://vocab.nerc.ac.uk/collection/P01/current/AVSLPT01/",
        (Unit("cm", "centimetre", 1.0, 0), Unit("m", "metre", 0.01, 2)),
        instant=True,
    ),
)
NAMES = tuple(one.name for one in PROPERTIES)


@dataclass(frozen=True)
class Network:
    """stations: code, name, population, old_province, thing, longitude, latitude of the real ones, largest commune
    first. things, datastreams, properties: entities by id, as JSON objects, the broken ones among them."""

    stations: pl.DataFrame
    things: dict[int, dict[str, object]]
    locations: dict[int, dict[str, object]]
    properties: dict[int, dict[str, object]]
    datastreams: dict[int, dict[str, object]]
    units: dict[int, Unit]  # by datastream
    owner: dict[int, tuple[int, int]]  # datastream -> thing, property


def usual_level(thing: int) -> int:
    """Of the river at a station, in cm."""
    return 80 + 25 * (thing % 5)


def datastream_id(thing: int, index: int) -> int:
    """Number of the Datastream of a Thing for PROPERTIES[index]."""
    return thing * 10 + index + 1


def build_network(units: pl.DataFrame, scale: float) -> Network:
    """Stations in the larger ones of these communes: ten at scale 1, fewer where there are fewer communes."""
    count = max(1, min(len(units), round(STATIONS * scale), 90))
    stations = units.sort("population", descending=True).head(count).with_row_index("thing", 1)
    network = Network(stations, {}, {}, {}, {}, {}, {})
    for index, one in enumerate(PROPERTIES, 1):
        network.properties[index] = {"name": one.name, "definition": one.definition, "description": one.name}
    for station in stations.iter_rows(named=True):
        _add(network, station, range(len(PROPERTIES)))
    first = stations.row(0, named=True)
    other = read_communes().filter(pl.col("code") != first["code"])["name"][0]
    _add(network, {**first, "thing": BROKEN_UNIT, "code": "99999"}, range(1))
    _add(network, {**first, "thing": BROKEN_NAME, "name": other}, range(1))
    return network


def _add(network: Network, station: dict[str, object], indices: range) -> None:
    thing = int(str(station["thing"]))
    point = [round(float(str(station[axis])), 5) for axis in ("longitude", "latitude")]
    network.things[thing] = {
        "name": f"Trạm quan trắc {station['name']}",
        "description": "Trạm quan trắc tự động, liên tục",
        "properties": {
            "maTram": f"TQT-{thing:03d}",
            "maXa": station["code"],
            "tenXa": station["name"],
            **{f"mucNuocBaoDong{level}": usual_level(thing) + above for level, above in enumerate(ALARMS_CM, 1)},
        },
    }
    network.locations[thing] = {
        "name": str(station["name"]),
        "description": "Vị trí đặt trạm",
        "encodingType": "application/geo+json",
        "location": {"type": "Point", "coordinates": point},
    }
    for index in indices:
        one = PROPERTIES[index]
        identity = datastream_id(thing, index)
        unit = one.units[(thing + index) % len(one.units)] if thing < BROKEN_UNIT else one.units[0]
        network.units[identity] = unit
        network.owner[identity] = (thing, index + 1)
        network.datastreams[identity] = {
            "name": f"{one.name} tại trạm {thing:03d}",
            "description": "Giá trị tức thời mỗi giờ" if one.instant else "Giá trị của từng giờ",
            "observationType": "http://www.opengis.net/def/observationType/OGC-OM/2.0/OM_Measurement",
            "unitOfMeasurement": {"name": unit.name, "symbol": unit.symbol, "definition": None},
        }

"""GeoJSON as a table: one row a polygon part."""

import numpy as np
import orjson
import polars as pl
import shapely

from lake.connectors.base import SourceFormatError
from lake.contract import Contract

DECIMALS = 5  # of a degree: about a metre
PART, RING = "part", "ring"


def read_geojson(contract: Contract, name: str, content: bytes) -> pl.DataFrame:
    """The features' properties, `ring` (the outer ring as JSON [[longitude, latitude], …]) and `part`.

    part: number of the polygon from 0 among all those of the same key, whether in one feature or in several. A
    feature without a polygon has no ring; the door refuses it. Holes are left out. Raises SourceFormatError.
    """
    try:
        features = orjson.loads(content)["features"]
        properties = [feature.get("properties") or {} for feature in features]
        shapes = shapely.from_geojson([_geometry(feature) for feature in features])
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError, shapely.errors.GEOSException):
        raise SourceFormatError(
            f"{contract.dataset}: {name} is no GeoJSON FeatureCollection; deliver it again"
        ) from None
    bounds = shapely.total_bounds(shapes)
    if not np.isnan(bounds).any() and not (
        bounds[0] >= -180 and bounds[1] >= -90 and bounds[2] <= 180 and bounds[3] <= 90
    ):
        raise SourceFormatError(
            f"{contract.dataset}: {name}: coordinates are not degrees of longitude and latitude; "
            "convert the file to WGS 84 (EPSG:4326) and deliver it again"
        )
    parts, owners = shapely.get_parts(shapes, return_index=True)
    rings = pl.DataFrame(
        {"feature": owners, RING: [_ring(part) for part in parts]},
        schema={"feature": pl.Int64(), RING: pl.String()},
    )
    known = pl.DataFrame(properties, infer_schema_length=None, strict=False).drop(PART, RING, strict=False)
    table = known.with_row_index("feature").with_columns(pl.col("feature").cast(pl.Int64()))
    table = table.join(rings, on="feature", how="left", maintain_order="left_right").drop("feature")
    same = [source for column in contract.columns if column.name in contract.key for source in column.source_names]
    same = [source for source in same if source in known.columns]
    number = pl.int_range(pl.len())
    return table.with_columns((number.over(same) if same else number).alias(PART))


def _geometry(feature: dict[str, object]) -> bytes | None:
    geometry = feature.get("geometry")
    return None if geometry is None else orjson.dumps(geometry)


def _ring(part: shapely.Geometry) -> str | None:
    if not isinstance(part, shapely.Polygon) or part.is_empty:
        return None
    corners = shapely.get_coordinates(shapely.get_exterior_ring(part)).round(DECIMALS)
    return orjson.dumps(corners.tolist()).decode()

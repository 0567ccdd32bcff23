"""What part of a split unit went to each successor.

Nobody published the areas or the people of the parts. What is known is the box around the old unit and the centre of
each successor: the part of the box that lies nearest to a successor's centre is the estimate of its share of the area.
Where no box is known, the shares are equal, and say so.
"""

from collections.abc import Sequence
from math import cos, radians

import numpy as np

GRID = 40  # points a side of the box, none on its middle line
FARTHEST = 0.5  # degrees: a box farther than that from all successors is that of another place of the same name
STEPS = 2**20  # weights are multiples of 1 / STEPS, whose sums are exact in any order

Point = tuple[float, float]  # latitude, longitude


def read_box(text: str | None) -> tuple[Point, Point] | None:
    """The south-west and north-east corners in `lat,lon – lat,lon`; None if there is none."""
    corners = (text or "").split(" – ")
    if len(corners) != 2:
        return None
    (south, west), (north, east) = ([float(number) for number in corner.split(",")] for corner in corners)
    return ((south, west), (north, east)) if south < north and west < east else None


def area_shares(box: tuple[Point, Point] | None, centres: Sequence[Point | None]) -> list[float] | None:
    """The share of the box nearest to each centre, none of them nothing; None where that cannot be told."""
    known = [centre for centre in centres if centre is not None]
    if box is None or len(known) < len(centres):
        return None
    (south, west), (north, east) = box
    middle = ((south + north) / 2, (west + east) / 2)
    if min(max(abs(middle[0] - lat), abs(middle[1] - lon)) for lat, lon in known) > FARTHEST:
        return None
    narrow = cos(radians(middle[0]))  # a degree of longitude is shorter than one of latitude
    lats, lons = np.meshgrid(np.linspace(south, north, GRID), np.linspace(west, east, GRID))
    far = np.stack([(lats - lat) ** 2 + ((lons - lon) * narrow) ** 2 for lat, lon in known])
    # every successor took something, so each has one point more
    points = np.bincount(far.argmin(axis=0).ravel(), minlength=len(known)) + 1
    return exact_shares((points / points.sum()).tolist())


def exact_shares(parts: Sequence[float]) -> list[float]:
    """Parts as shares that sum to 1 exactly: multiples of 1 / STEPS, the rest going to those that lost most."""
    total = sum(parts)
    wanted = [part / total * STEPS for part in parts]
    steps = [int(share) for share in wanted]
    order = sorted(range(len(parts)), key=lambda at: (steps[at] - wanted[at], at))
    for at in order[: STEPS - sum(steps)]:
        steps[at] += 1
    return [step / STEPS for step in steps]

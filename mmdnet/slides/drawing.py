"""What is drawn on a slide by hand: lengths and areas, checked and measured; coordinates are level-0 pixels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, cast, get_args

from mmdnet.errors import LabError

Kind = Literal["length", "area"]
LEAST_CORNERS: dict[Kind, int] = {"length": 2, "area": 3}
MOST_CORNERS = 2000
ROUNDS = 4  # whole pixels may make a piece's outline touch itself again


@dataclass(frozen=True, slots=True)
class Drawn:
    """A line (its length counts) or a closed outline that does not cross itself (its area counts)."""

    kind: Kind
    points_px0: tuple[tuple[int, int], ...]

    def length_um(self, mpp_x: float, mpp_y: float) -> float:
        """Length of the line, or of the closed outline, in µm."""
        points = self.points_px0 if self.kind == "length" else (*self.points_px0, self.points_px0[0])
        sides = pairwise(points)
        return math.fsum(math.hypot((x1 - x0) * mpp_x, (y1 - y0) * mpp_y) for (x0, y0), (x1, y1) in sides)

    def area_um2(self, mpp_x: float, mpp_y: float) -> float | None:
        """Area within the outline in µm², by the shoelace formula; None of a line."""
        if self.kind == "length":
            return None
        following = (*self.points_px0[1:], self.points_px0[0])
        twice = sum(x0 * y1 - x1 * y0 for (x0, y0), (x1, y1) in zip(self.points_px0, following, strict=True))
        return abs(twice) / 2 * mpp_x * mpp_y


def drawn(kind: str, points: object, width_px0: int, height_px0: int) -> Drawn:
    """What was drawn, from what a browser sent: whole pixels, within the slide.

    A freehand outline may cross itself; of what it goes round the largest piece is kept, without holes.

    Raises:
        LabError: it is no line or outline on the slide, or one without length or area.
    """
    if kind not in get_args(Kind):
        raise LabError("Lengths and areas can be drawn, nothing else. Nothing was kept.")
    known = cast("Kind", kind)
    corners = _corners(points, width_px0, height_px0)
    if not LEAST_CORNERS[known] <= len(corners) <= MOST_CORNERS:
        raise LabError(
            f"{'A line' if known == 'length' else 'An outline'} has {LEAST_CORNERS[known]} to {MOST_CORNERS:,} points; "
            f"{len(corners):,} were drawn. Draw it again. Nothing was kept."
        )
    if known == "area":
        corners = _simple(corners)
    elif len(set(corners)) == 1:
        raise LabError("What was drawn has no length. Draw it again. Nothing was kept.")
    return Drawn(known, tuple(corners))


def _simple(corners: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """An outline that does not cross itself: the one given, else round the largest piece of what it goes round."""
    import shapely

    for _ in range(ROUNDS):
        outline = shapely.Polygon(corners)
        if outline.is_valid and outline.area > 0:
            return corners
        pieces = shapely.get_parts(shapely.make_valid(outline, method="structure", keep_collapsed=False))
        largest = max(pieces, key=lambda piece: piece.area, default=None)
        if largest is None or largest.area == 0:
            break
        corners = [(round(x), round(y)) for x, y in largest.exterior.coords[:-1]]
    raise LabError("What was drawn encloses no area. Draw it again. Nothing was kept.")


def _corners(points: object, width_px0: int, height_px0: int) -> list[tuple[int, int]]:
    corners = []
    for point in points if isinstance(points, Sequence) and not isinstance(points, str) else ():
        match point:
            case [int() | float() as x, int() | float() as y] if abs(x) < math.inf and abs(y) < math.inf:
                corners.append((round(x), round(y)))
            case _:
                raise LabError("What was drawn could not be read. Draw it again. Nothing was kept.")
    if any(not (0 <= x <= width_px0 and 0 <= y <= height_px0) for x, y in corners):
        raise LabError("What was drawn lies beside the slide. Draw it on the slide. Nothing was kept.")
    return corners

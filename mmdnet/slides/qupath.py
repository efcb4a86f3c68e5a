"""A slide's patches and tissue as regions for QuPath; `mmdnet.geojson` writes and reads the files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from mmdnet.geojson import Line, Point, Region, box
from mmdnet.slides.drawing import Drawn
from mmdnet.slides.geometry import PatchGrid, PatchPlace

if TYPE_CHECKING:
    from shapely import LinearRing

MEASURED = "Measured"  # the class of what was drawn to be measured


def patch_regions(
    grid: PatchGrid,
    places: Iterable[PatchPlace],
    labels: Mapping[tuple[int, int], str] | None = None,
    fat: Mapping[tuple[int, int], float] | None = None,
) -> list[Region]:
    """Patches as squares named `row-column`, with the label and the share of fat of (row, col) where there is one."""
    regions = []
    for place in places:
        cell = (place.row, place.col)
        numbers = {"tissue share": place.tissue_share}
        if fat is not None and cell in fat:
            numbers["fat area share"] = fat[cell]
        outline = box(place.x_px0, place.y_px0, *map(round, grid.side_px0))
        regions.append(Region((outline,), (labels or {}).get(cell), f"{place.row}-{place.col}", numbers, "tile"))
    return regions


def drawn_region(drawn: Drawn, name: str, mpp_x: float, mpp_y: float) -> Region | Line:
    """A length or an area that was drawn, with its measures in µm and µm², of class `MEASURED`."""
    area = drawn.area_um2(mpp_x, mpp_y)
    points = tuple((float(x), float(y)) for x, y in drawn.points_px0)
    measures = {"length µm": drawn.length_um(mpp_x, mpp_y)}
    if area is None:
        return Line(points, MEASURED, name, measures)
    return Region((points,), MEASURED, name, measures | {"area µm²": area})


def mask_regions(mask: NDArray[np.bool_], width_px0: int, height_px0: int, label: str) -> list[Region]:
    """The pieces of a mask (height, width) over a whole slide, with their holes, exact to half a mask pixel.

    No outline meets itself: QuPath takes simple polygons alone. What is one pixel wide has no area between the middles
    of its pixels, and is left out.
    """
    import shapely

    outlines, nested = cv2.findContours(mask.astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    across, down = width_px0 / mask.shape[1], height_px0 / mask.shape[0]
    rings = [
        tuple((float((x + 0.5) * across), float((y + 0.5) * down)) for x, y in outline[:, 0]) for outline in outlines
    ]
    outers = [number for number in range(len(rings)) if nested[0][number][3] < 0 and len(rings[number]) >= 3]
    holes: dict[int, list[tuple[Point, ...]]] = {number: [] for number in outers}
    for number, ring in enumerate(rings):
        if nested[0][number][3] in holes and len(ring) >= 3:
            holes[int(nested[0][number][3])].append(ring)
    pieces = []
    for number in outers:
        drawn = shapely.Polygon(rings[number], holes[number])
        simple = shapely.make_valid(drawn, method="structure", keep_collapsed=False)
        pieces += [part for part in shapely.get_parts(simple) if part.geom_type == "Polygon" and not part.is_empty]
    return [
        Region((_ring(piece.exterior), *(_ring(hole) for hole in piece.interiors)), label, label) for piece in pieces
    ]


def _ring(line: LinearRing) -> tuple[Point, ...]:
    """A closed line's corners, the last not repeated."""
    return tuple((float(x), float(y)) for x, y in line.coords[:-1])

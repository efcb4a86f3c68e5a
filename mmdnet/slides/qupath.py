"""GeoJSON out to QuPath and back: patches, regions and their labels, exactly.

QuPath's coordinates are level-0 pixels, but on slides whose file states bounds (MRXS, NDPI, DICOM) its image begins at
the bounds' corner. So the corner is taken off on the way out and added on the way in; ours are always the file's.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from mmdnet.errors import LabError
from mmdnet.slides.facts import SlideFacts
from mmdnet.slides.geometry import PatchGrid, PatchPlace

Point = tuple[float, float]
LARGEST_FILE = 512 * 1024 * 1024


@dataclass(frozen=True)
class Region:
    """A labelled area: closed outlines in level-0 pixels of the file, the first the outer one, the others holes.

    A point not repeated at the end closes to the first. `measurements` are numbers QuPath shows in its table.
    """

    rings_px0: tuple[tuple[Point, ...], ...]
    label: str | None = None
    name: str | None = None
    measurements: Mapping[str, float] = field(default_factory=dict)
    kind: str = "annotation"  # or "detection" or "tile", QuPath's types of object


def patch_regions(
    grid: PatchGrid,
    places: Iterable[PatchPlace],
    labels: Mapping[tuple[int, int], str] | None = None,
    fat: Mapping[tuple[int, int], float] | None = None,
) -> list[Region]:
    """Patches as squares named `row-column`, with the label and the share of fat of (row, col) where there is one."""
    regions = []
    for place in places:
        x0, y0 = place.x_px0, place.y_px0
        x1, y1 = x0 + round(grid.side_px0[0]), y0 + round(grid.side_px0[1])
        ring = ((x0, y0), (x1, y0), (x1, y1), (x0, y1))
        label = (labels or {}).get((place.row, place.col))
        numbers = {"tissue share": place.tissue_share}
        if fat is not None and (place.row, place.col) in fat:
            numbers["fat area share"] = fat[place.row, place.col]
        regions.append(Region((ring,), label, f"{place.row}-{place.col}", numbers, "tile"))
    return regions


def mask_regions(mask: NDArray[np.bool_], width_px0: int, height_px0: int, label: str) -> list[Region]:
    """The pieces of a mask (height, width) over a whole slide, with their holes, exact to half a mask pixel."""
    outlines, nested = cv2.findContours(mask.astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    across, down = width_px0 / mask.shape[1], height_px0 / mask.shape[0]
    rings = [tuple((float((x + 0.5) * across), float((y + 0.5) * down)) for x, y in one[:, 0]) for one in outlines]
    outers = [number for number in range(len(rings)) if nested[0][number][3] < 0 and len(rings[number]) >= 3]
    holes: dict[int, list[tuple[Point, ...]]] = {number: [] for number in outers}
    for number, ring in enumerate(rings):
        if nested[0][number][3] in holes and len(ring) >= 3:
            holes[int(nested[0][number][3])].append(ring)
    return [Region((rings[number], *holes[number]), label, label) for number in outers]


def to_geojson(facts: SlideFacts, regions: Iterable[Region]) -> str:
    """Regions as a GeoJSON feature collection for QuPath ("File, Import objects")."""
    left, top = facts.area_px0[:2]
    features = []
    for region in regions:
        properties: dict[str, object] = {"objectType": region.kind}
        if region.name is not None:
            properties["name"] = region.name
        if region.label is not None:
            properties["classification"] = {"name": region.label}
        if region.measurements:
            properties["measurements"] = dict(region.measurements)
        rings = [[[x - left, y - top] for x, y in (*ring, ring[0])] for ring in region.rings_px0]
        geometry = {"type": "Polygon", "coordinates": rings}
        features.append({"type": "Feature", "geometry": geometry, "properties": properties})
    return json.dumps({"type": "FeatureCollection", "features": features}, ensure_ascii=False)


def write_geojson(path: Path, facts: SlideFacts, regions: Iterable[Region]) -> None:
    """Write `to_geojson` whole or not at all."""
    aside = path.with_name(path.name + ".part")
    aside.write_text(to_geojson(facts, regions), encoding="utf-8")
    aside.replace(path)


def from_geojson(facts: SlideFacts, text: str, name: str = "The file") -> list[Region]:
    """Regions out of GeoJSON as QuPath writes it: polygons and multi-polygons; points and lines are passed over.

    Raises:
        LabError: no GeoJSON, or an outline that is none.
    """
    try:
        found = json.loads(text)
        if isinstance(found, dict):
            found = found["features"] if found.get("type") == "FeatureCollection" else [found]
        return [region for feature in found for region in _regions(feature, *facts.area_px0[:2])]
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError) as error:
        raise LabError(
            f"{name} is no GeoJSON as QuPath writes it. Export it again as a feature collection. Nothing was changed."
        ) from error


def read_geojson(path: Path, facts: SlideFacts) -> list[Region]:
    """See from_geojson; of a file.

    Raises:
        LabError: the file cannot be read, is too large or no GeoJSON.
    """
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise LabError(f"{path.name} is larger than 512 MB. Export fewer objects at a time. Nothing was changed.")
        return from_geojson(facts, path.read_text(encoding="utf-8"), path.name)
    except (OSError, UnicodeError) as error:
        raise LabError(f"{path.name} cannot be read. Nothing was changed.") from error


def _regions(feature: dict, left: int, top: int) -> list[Region]:
    geometry, said = feature["geometry"], feature.get("properties") or {}
    shapes = {"Polygon": [geometry["coordinates"]], "MultiPolygon": geometry["coordinates"]}.get(geometry["type"], [])
    label = (said.get("classification") or {}).get("name")
    measured = said.get("measurements") or {}
    if isinstance(measured, list):  # QuPath before 0.5
        measured = {one["name"]: one["value"] for one in measured}
    numbers = {str(key): value for key, value in measured.items() if isinstance(value, int | float)}
    regions = []
    for shape in shapes:
        rings = tuple(tuple((x + left, y + top) for x, y, *_ in _open(ring)) for ring in shape)
        if not rings or min(map(len, rings)) < 3:
            raise ValueError("an outline needs three points")
        regions.append(Region(rings, label, said.get("name"), numbers, said.get("objectType", "annotation")))
    return regions


def _open(ring: list) -> list:
    return ring[:-1] if len(ring) > 1 and ring[0] == ring[-1] else ring

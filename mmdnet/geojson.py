"""GeoJSON as QuPath (0.4 and later) has it: the one writer and the one reader of all such files here.

What QuPath 0.4 to 0.7 takes: a classification that has a name has a colour too, outlines are simple polygons, texts
beside them are plain values. What it writes: classes as one name, as the names a derived class is made of, or, of other
programs, as a text; objects without a class, without a geometry, of several geometries; TMA cores; and before 0.3 the
kind of an object as the feature's id. All of these are read.

QuPath's coordinates are level-0 pixels, but on slides whose file states bounds (MRXS, NDPI, DICOM) its image begins at
the bounds' corner. So the corner is taken off on the way out and added on the way in; ours are always the file's.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from mmdnet.errors import LabError

Point = tuple[float, float]
Feature = dict[str, Any]  # whatever JSON object another program wrote
WHOLE_SLIDE = (0, 0)  # the corner of a slide without bounds
DERIVED = ": "  # between the names of a class that is derived from another
KINDS = {  # QuPath's types of object, as it has called them over the years, in lower case
    "annotation": "annotation", "pathannotationobject": "annotation",
    "detection": "detection", "pathdetectionobject": "detection",
    "cell": "cell", "pathcellobject": "cell",
    "tile": "tile", "pathtileobject": "tile",
    "tmacore": "tmaCore", "tma_core": "tmaCore", "tmacoreobject": "tmaCore",
    "root": "root", "pathrootobject": "root",
}  # fmt: skip
GEOMETRIES = {"Polygon", "MultiPolygon", "GeometryCollection"}
DEEPEST = 8  # geometry collections within each other


@dataclass(frozen=True)
class Region:
    """An area with what is said of it: closed outlines in level-0 pixels of the file, the first the outer one.

    The others are holes. A point not repeated at the end closes to the first. `measurements` are numbers QuPath shows
    in its table, `metadata` texts it keeps beside them.
    """

    rings_px0: tuple[tuple[Point, ...], ...]
    label: str | None = None
    name: str | None = None
    measurements: Mapping[str, float] = field(default_factory=dict)
    kind: str = "annotation"  # or "detection" or "tile", QuPath's types of object
    metadata: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Line:
    """A line with what is said of it, through these points in level-0 pixels of the file; see `Region`."""

    points_px0: tuple[Point, ...]
    label: str | None = None
    name: str | None = None
    measurements: Mapping[str, float] = field(default_factory=dict)
    kind: str = "annotation"
    metadata: Mapping[str, object] = field(default_factory=dict)


def box(x_px0: float, y_px0: float, width_px0: float, height_px0: float) -> tuple[Point, ...]:
    """The outline of a rectangle, whole pixels: as patches lie on a slide."""
    x1, y1 = round(x_px0 + width_px0), round(y_px0 + height_px0)
    return ((x_px0, y_px0), (x1, y_px0), (x1, y1), (x_px0, y1))


def features_of(corner_px0: tuple[int, int], regions: Iterable[Region | Line]) -> list[Feature]:
    """Regions and lines as GeoJSON features.

    Args:
        corner_px0: where QuPath's image of the slide begins: the corner of `SlideFacts.area_px0`.
        regions: in level-0 pixels of the file.
    """
    left, top = corner_px0
    features = []
    for region in regions:
        properties: Feature = {"objectType": region.kind}
        if region.name is not None:
            properties["name"] = region.name
        if region.label is not None:
            properties["classification"] = {"name": region.label, "color": colour_of(region.label)}
        if region.measurements:
            properties["measurements"] = dict(region.measurements)
        if region.metadata:
            properties["metadata"] = dict(region.metadata)
        geometry: Feature
        if isinstance(region, Line):
            geometry = {"type": "LineString", "coordinates": [[x - left, y - top] for x, y in region.points_px0]}
        else:
            rings = [[[x - left, y - top] for x, y in (*ring, ring[0])] for ring in region.rings_px0]
            geometry = {"type": "Polygon", "coordinates": rings}
        features.append({"type": "Feature", "geometry": geometry, "properties": properties})
    return features


def colour_of(label: str) -> list[int]:
    """Red, green and blue of a class, 0-255: always the same for a name, and none so pale that it hides on glass."""
    digest = hashlib.sha256(label.encode("utf-8", "replace")).digest()
    return [40 + value % 180 for value in digest[:3]]


def collection(features: Iterable[Feature], about: Mapping[str, object] | None = None) -> str:
    """Features as one file for QuPath ("File, Import objects"); `about` says what the file is."""
    document: Feature = {"type": "FeatureCollection"}
    if about:
        document["properties"] = dict(about)
    return json.dumps(document | {"features": list(features)}, ensure_ascii=False, allow_nan=False)


def to_geojson(
    corner_px0: tuple[int, int], regions: Iterable[Region | Line], about: Mapping[str, object] | None = None
) -> str:
    """Regions as one file; see `features_of` and `collection`."""
    return collection(features_of(corner_px0, regions), about)


def parse_features(data: bytes | str) -> list[Any]:
    """The entries of a file: a feature collection, a list of features, or one feature.

    Raises:
        UnicodeDecodeError: it is not UTF-8.
        ValueError: it is no GeoJSON.
    """
    try:
        content = json.loads(data.decode("utf-8-sig") if isinstance(data, bytes) else data)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    if isinstance(content, dict):
        kind = content.get("type")
        if isinstance(kind, str) and kind in GEOMETRIES:
            content = {"type": "Feature", "geometry": content}
        content = [content] if content.get("type") == "Feature" else content.get("features")
    if not isinstance(content, list):
        raise ValueError("no feature collection")
    return content


def read_features(data: bytes | str, name: str = "The file") -> list[Feature]:
    """The features of a file called `name`.

    Raises:
        LabError: it is no GeoJSON.
    """
    try:
        features = parse_features(data)
    except ValueError as error:
        raise LabError(_no_geojson(name)) from error
    if not all(isinstance(feature, dict) for feature in features):
        raise LabError(_no_geojson(name))
    return features


def regions_of(corner_px0: tuple[int, int], features: Iterable[Feature], name: str = "The file") -> list[Region]:
    """The areas among features, in level-0 pixels of the file; points, lines and what has no place are passed over.

    Raises:
        LabError: an outline that is none.
    """
    try:
        return [region for feature in features for region in _regions(feature, *corner_px0)]
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise LabError(_no_geojson(name)) from error


def measurements_of(properties: Feature) -> Feature:
    """A feature's measurements by name; QuPath before 0.5 wrote them as a list."""
    measured = properties.get("measurements") or {}
    if isinstance(measured, list):
        return {entry["name"]: entry["value"] for entry in measured}
    return dict(measured)


def kind_of(feature: Feature) -> str:
    """QuPath's type of an object, "annotation" where it does not say."""
    properties = feature.get("properties")
    properties = properties if isinstance(properties, dict) else {}
    for said in (properties.get("objectType"), properties.get("object_type"), feature.get("id")):
        if isinstance(said, str) and said.lower() in KINDS:
            return KINDS[said.lower()]
    said = properties.get("objectType") or properties.get("object_type")
    return said if isinstance(said, str) else "annotation"


def label_of(properties: Feature) -> str | None:
    """The class of an object, names of a derived one joined as QuPath shows them; None without one."""
    said = properties.get("classification")
    if isinstance(said, dict):
        said = said.get("names") or said.get("name")
    if isinstance(said, list):
        said = DERIVED.join(str(name) for name in said)
    return said if isinstance(said, str) else None


def _no_geojson(name: str) -> str:
    return f"{name} is no GeoJSON as QuPath writes it. Export it again as a feature collection. Nothing was changed."


def _regions(feature: Feature, left: int, top: int) -> list[Region]:
    properties = feature.get("properties") or {}
    measured = measurements_of(properties).items()
    numbers = {str(key): value for key, value in measured if isinstance(value, int | float) and math.isfinite(value)}
    regions = []
    for shape in _shapes(feature.get("geometry")):
        rings = tuple(tuple((x + left, y + top) for x, y, *_ in _open(ring)) for ring in shape)
        if not rings or min(map(len, rings)) < 3:
            raise ValueError("an outline needs three points")
        if not all(math.isfinite(value) for ring in rings for point in ring for value in point):
            raise ValueError("a corner is no number")
        regions.append(
            Region(
                rings,
                label_of(properties),
                properties.get("name"),
                numbers,
                kind_of(feature),
                dict(properties.get("metadata") or {}),
            )
        )
    return regions


def _shapes(geometry: Any, depth: int = 0) -> list[Any]:
    """The polygons of a geometry, each its rings; none of a point, a line, or of what has no place."""
    if geometry is None:
        return []
    match geometry["type"]:
        case "Polygon":
            return [geometry["coordinates"]] if geometry["coordinates"] else []
        case "MultiPolygon":
            return list(geometry["coordinates"])
        case "GeometryCollection" if depth < DEEPEST:
            return [shape for part in geometry["geometries"] for shape in _shapes(part, depth + 1)]
    return []


def _open(ring: list[Any]) -> list[Any]:
    return ring[:-1] if len(ring) > 1 and ring[0] == ring[-1] else ring

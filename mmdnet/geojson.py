"""GeoJSON as QuPath (0.4 and later) has it: the one writer and the one reader of all such files here.

QuPath's coordinates are level-0 pixels, but on slides whose file states bounds (MRXS, NDPI, DICOM) its image begins at
the bounds' corner. So the corner is taken off on the way out and added on the way in; ours are always the file's.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from mmdnet.errors import LabError

Point = tuple[float, float]
Feature = dict[str, Any]  # whatever JSON object another program wrote
WHOLE_SLIDE = (0, 0)  # the corner of a slide without bounds


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


def box(x_px0: float, y_px0: float, width_px0: float, height_px0: float) -> tuple[Point, ...]:
    """The outline of a rectangle, whole pixels: as patches lie on a slide."""
    x1, y1 = round(x_px0 + width_px0), round(y_px0 + height_px0)
    return ((x_px0, y_px0), (x1, y_px0), (x1, y1), (x_px0, y1))


def features_of(corner_px0: tuple[int, int], regions: Iterable[Region]) -> list[Feature]:
    """Regions as GeoJSON features.

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
            properties["classification"] = {"name": region.label}
        if region.measurements:
            properties["measurements"] = dict(region.measurements)
        if region.metadata:
            properties["metadata"] = dict(region.metadata)
        rings = [[[x - left, y - top] for x, y in (*ring, ring[0])] for ring in region.rings_px0]
        geometry = {"type": "Polygon", "coordinates": rings}
        features.append({"type": "Feature", "geometry": geometry, "properties": properties})
    return features


def collection(features: Iterable[Feature], about: Mapping[str, object] | None = None) -> str:
    """Features as one file for QuPath ("File, Import objects"); `about` says what the file is."""
    document: Feature = {"type": "FeatureCollection"}
    if about:
        document["properties"] = dict(about)
    return json.dumps(document | {"features": list(features)}, ensure_ascii=False, allow_nan=False)


def to_geojson(
    corner_px0: tuple[int, int], regions: Iterable[Region], about: Mapping[str, object] | None = None
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
    """Polygons and multi-polygons among features, in level-0 pixels of the file; points and lines are passed over.

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


def _no_geojson(name: str) -> str:
    return f"{name} is no GeoJSON as QuPath writes it. Export it again as a feature collection. Nothing was changed."


def _regions(feature: Feature, left: int, top: int) -> list[Region]:
    geometry, properties = feature["geometry"], feature.get("properties") or {}
    shapes = {"Polygon": [geometry["coordinates"]], "MultiPolygon": geometry["coordinates"]}.get(geometry["type"], [])
    label = (properties.get("classification") or {}).get("name")
    measured = measurements_of(properties).items()
    regions = []
    for shape in shapes:
        rings = tuple(tuple((x + left, y + top) for x, y, *_ in _open(ring)) for ring in shape)
        if not rings or min(map(len, rings)) < 3:
            raise ValueError("an outline needs three points")
        regions.append(
            Region(
                rings,
                label,
                properties.get("name"),
                {str(key): value for key, value in measured if isinstance(value, int | float)},
                properties.get("objectType", "annotation"),
                dict(properties.get("metadata") or {}),
            )
        )
    return regions


def _open(ring: list[Any]) -> list[Any]:
    return ring[:-1] if len(ring) > 1 and ring[0] == ring[-1] else ring

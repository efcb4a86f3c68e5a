"""Assessed patches with attention and grades as GeoJSON that QuPath (0.4 and later) imports as tiles."""

import json
from collections.abc import Mapping, Sequence

import numpy as np

from mmdnet.labels.grading import TASKS
from mmdnet.reports.build import Place
from mmdnet.reports.schema import Report, report_sha256
from mmdnet.scoring.aggregate import middle_grade
from mmdnet.scoring.heat import relative_attention


def to_geojson(
    report: Report,
    arrays: Mapping[str, np.ndarray],
    places: Sequence[Place],
    side_x_px0: float,
    side_y_px0: float,
) -> str:
    """Patches as polygons in level-0 pixels, with their measurements.

    Args:
        report: says which slide and model it is.
        arrays: `SlideScore.arrays()`.
        places: the slide's patches in the order of the arrays.
        side_x_px0, side_y_px0: size of a patch in level-0 pixels.
    """
    tasks = [task for task in TASKS if f"attention.{task.name}" in arrays]
    times = {task.name: relative_attention(arrays[f"attention.{task.name}"]) for task in tasks}
    grades = {task.name: middle_grade(arrays[f"patches.{task.name}"]) for task in tasks}
    features = []
    for k in np.flatnonzero(arrays["assessed"]).tolist():
        measurements: dict[str, float] = {}
        for task in tasks:
            probabilities = arrays[f"patches.{task.name}"][k]
            measurements[f"{task.title}: attention (times mean)"] = round(float(times[task.name][k]), 4)
            measurements[f"{task.title}: grade"] = int(grades[task.name][k])
            for grade, share in enumerate(probabilities):
                measurements[f"{task.title}: p(grade {grade})"] = round(float(share), 4)
        features.append(_tile(places[k], side_x_px0, side_y_px0, measurements))
    document = {
        "type": "FeatureCollection",
        "properties": {
            "slide": report.header.slide,
            "simulated": report.header.simulated,
            "use": report.header.use,
            "model": report.provenance.model,
            "weights_sha256": report.provenance.weights_sha256,
            "report_sha256": report_sha256(report),
        },
        "features": features,
    }
    return json.dumps(document, ensure_ascii=False, allow_nan=False)


def _tile(place: Place, side_x: float, side_y: float, measurements: Mapping[str, float]) -> dict[str, object]:
    x0, y0 = place.x_px0, place.y_px0
    x1, y1 = round(x0 + side_x), round(y0 + side_y)
    return {
        "type": "Feature",
        "geometry": {"type": "Polygon", "coordinates": [[[x0, y0], [x1, y0], [x1, y1], [x0, y1], [x0, y0]]]},
        "properties": {
            "objectType": "tile",
            "name": f"row {place.row}, column {place.col}",
            "measurements": dict(measurements),
        },
    }

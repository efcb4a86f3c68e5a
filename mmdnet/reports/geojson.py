"""Assessed patches with attention, and the grades that may be reported, as tiles for QuPath."""

import numpy as np

from mmdnet.geojson import Region, box, to_geojson
from mmdnet.labels.grading import TASKS
from mmdnet.reports.inputs import ReportInputs
from mmdnet.reports.schema import Report, report_sha256
from mmdnet.scoring.heat import relative_attention


def report_geojson(
    report: Report, inputs: ReportInputs, corner_px0: tuple[int, int], side_px0: tuple[float, float]
) -> str:
    """Patches with their measurements, as one file.

    Args:
        report: says which slide and model it is.
        inputs: what it was made of.
        corner_px0: where QuPath's image of the slide begins.
        side_px0: width and height of a patch.
    """
    about = {
        "slide": report.header.slide,
        "reportable": report.validity.words or "yes",
        "simulated": report.header.simulated,
        "use": report.header.use,
        "model": report.provenance.model,
        "weights_sha256": report.provenance.weights_sha256,
        "report_sha256": report_sha256(report),
    }
    return to_geojson(corner_px0, _tiles(report, inputs, side_px0), about)


def _tiles(report: Report, inputs: ReportInputs, side_px0: tuple[float, float]) -> list[Region]:
    arrays = inputs.arrays
    tasks = [task for task in TASKS if task.name in inputs.score.tasks]
    times = {task.name: relative_attention(arrays.attention[task.name]) for task in tasks}
    grades = {task.name: inputs.patch_grades(task.name) for task in tasks}
    tiles = []
    for k in np.flatnonzero(arrays.assessed).tolist():
        measurements: dict[str, float] = {}
        for task in tasks:
            measurements[f"{task.title}: attention (times mean)"] = round(float(times[task.name][k]), 4)
            if not report.validity.holds_for(task.name):
                continue  # withheld
            measurements[f"{task.title}: grade"] = int(grades[task.name][k])
            for grade, share in enumerate(arrays.patch_probabilities[task.name][k]):
                measurements[f"{task.title}: p(grade {grade})"] = round(float(share), 4)
        place = inputs.places[k]
        outline = box(place.x_px0, place.y_px0, *side_px0)
        name = f"row {place.row}, column {place.col}"
        tiles.append(Region((outline,), name=name, measurements=measurements, kind="tile"))
    return tiles

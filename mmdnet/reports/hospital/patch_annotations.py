"""Grades of patches as DICOM Microscopy Bulk Simple Annotations (PS3.3, A.87): an outline a patch, a group a grade.

Outlines are polygons of four corners, which more programs read than rectangles. On a DICOM slide they are in pixels of
its image, which is pointed to; on others in mm from the upper left corner of the file's image. A group of all assessed
patches carries attention; grades that may not be reported have no group.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mmdnet.errors import LabError
from mmdnet.labels.grading import TASKS
from mmdnet.reports.hospital import codes as own
from mmdnet.reports.hospital.reference import (
    SlideReference,
    beside_numbers,
    finish,
    long_string,
    needs_scale,
    object_facts,
)
from mmdnet.reports.hospital.structured_report import NO_UNITS, coded
from mmdnet.reports.schema import report_sha256
from mmdnet.scoring.heat import relative_attention

if TYPE_CHECKING:
    from highdicom.ann import AnnotationGroup, Measurements

    from mmdnet.reports.inputs import ReportInputs
    from mmdnet.reports.schema import Report

KIND = "patch annotations"


def patch_annotations(
    report: Report, inputs: ReportInputs, reference: SlideReference, side_px0: tuple[float, float]
) -> bytes:
    """Assessed patches with attention, and those of each grade with its probability.

    Args:
        report: says which slide and model it is, and what may be reported.
        inputs: what it was made of.
        reference: the slide it is about.
        side_px0: width and height of a patch.

    Raises:
        LabError: the slide is no DICOM and its scale is not known, or no patch was assessed.
    """
    from highdicom.ann import MicroscopyBulkSimpleAnnotations

    if not reference.is_dicom:
        needs_scale(reference, report.header.slide)
    assessed = np.flatnonzero(inputs.arrays.assessed)
    if not len(assessed):
        raise LabError(
            f"No patch of {report.header.slide} was assessed, so there is none to annotate. Look at why its patches "
            "were set aside, then score again. Nothing was written."
        )
    outlines = _Outlines(inputs, reference, side_px0)
    image = reference.image
    written = MicroscopyBulkSimpleAnnotations(
        [image],
        annotation_coordinate_type="2D" if reference.is_dicom else "3D",
        annotation_groups=list(_groups(report, inputs, reference, outlines, assessed)),
        content_label="PATCH_GRADES",
        content_description="Grades of patches by a model; research use only",
        **object_facts(KIND, 3, "patches", report, image),
    )
    if not reference.is_dicom:
        del written.ReferencedImageSequence, written.ReferencedSeriesSequence  # there is no image to point to
    return finish(written, report)


class _Outlines:
    """Outlines of patches: four corners, clockwise from the upper left, in pixels of level 0 or in mm."""

    def __init__(self, inputs: ReportInputs, reference: SlideReference, side_px0: tuple[float, float]) -> None:
        self._places, self._reference, self._side = inputs.places, reference, side_px0

    def of(self, places: np.ndarray) -> list[np.ndarray]:
        """Of these places, each of shape (4, 2) in pixels or (4, 3) in mm."""
        width, height = self._side
        turns = ((0.0, 0.0), (width, 0.0), (width, height), (0.0, height))
        corners = ([(self._places[k].x_px0 + x, self._places[k].y_px0 + y) for x, y in turns] for k in places.tolist())
        if self._reference.is_dicom:
            return [np.array(four, np.float32) for four in corners]
        return [np.array([self._reference.position_mm(*corner) for corner in four], np.float32) for four in corners]


def _groups(
    report: Report, inputs: ReportInputs, reference: SlideReference, outlines: _Outlines, assessed: np.ndarray
) -> list[AnnotationGroup]:
    """The group of all assessed patches, then one for each grade of each feature that may be reported."""
    arrays, tasks = inputs.arrays, [about for about in TASKS if about.name in inputs.score.tasks]
    attention = [
        _measured(own.attention(about.name), relative_attention(arrays.attention[about.name])[assessed])
        for about in tasks
    ]
    about_all = beside_numbers(report, reference)
    groups = [_group(1, report, "Patches assessed", own.ASSESSED_PATCH, outlines.of(assessed), attention, about_all)]
    for about in tasks:
        if not report.validity.holds_for(about.name):
            continue  # withheld
        grades = inputs.patch_grades(about.name)
        for each in about.grades:
            there = assessed[grades[assessed] == each.value]
            if not len(there):
                continue
            chances = [_probability(arrays.patch_probabilities[about.name][there, each.value])]
            code, label = own.grade(about.name, each.value), f"{about.title} grade {each.value}"
            groups.append(
                _group(len(groups) + 1, report, label, code, outlines.of(there), chances, f"{label}: {each.patch}")
            )
    return groups


def _group(
    number: int,
    report: Report,
    label: str,
    code: own.PrivateCode,
    outlines: list[np.ndarray],
    measured: list[Measurements],
    description: str,
) -> AnnotationGroup:
    from highdicom import AlgorithmIdentificationSequence
    from highdicom.ann import AnnotationGroup
    from pydicom.sr.codedict import codes

    made_by = report.provenance
    return AnnotationGroup(
        number=number,
        uid=own.dicom_uid(KIND, "group", code.value, report_sha256(report)),
        label=label,
        annotated_property_category=codes.SCT.Tissue,
        annotated_property_type=coded(code),
        graphic_type="POLYGON",
        graphic_data=outlines,
        algorithm_type="AUTOMATIC",
        algorithm_identification=AlgorithmIdentificationSequence(
            long_string(made_by.model), codes.DCM.ArtificialIntelligence, made_by.weights_sha256
        ),
        measurements=measured,
        description=description,
        anatomic_regions=[codes.SCT.Liver],
    )


def _measured(code: own.PrivateCode, values: np.ndarray) -> Measurements:
    from highdicom.ann import Measurements
    from highdicom.sr import CodedConcept

    return Measurements(coded(code), values.astype(np.float32), CodedConcept(*NO_UNITS))


def _probability(values: np.ndarray) -> Measurements:
    from highdicom.ann import Measurements
    from highdicom.sr import CodedConcept
    from pydicom.sr.codedict import codes

    return Measurements(codes.DCM.Probability, values.astype(np.float32), CodedConcept(*NO_UNITS))

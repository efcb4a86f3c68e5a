"""Attention as a DICOM Parametric Map (PS3.3, A.75): one pixel a patch, one frame a feature, 32-bit floats."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mmdnet.errors import LabError
from mmdnet.labels.grading import task
from mmdnet.reports.hospital import codes as own
from mmdnet.reports.hospital.reference import (
    LONGEST_LONG,
    SlideReference,
    beside_numbers,
    finish,
    needs_scale,
    object_facts,
)
from mmdnet.reports.hospital.structured_report import NO_UNITS, coded
from mmdnet.reports.schema import report_sha256
from mmdnet.scoring.heat import relative_attention

if TYPE_CHECKING:
    from highdicom.pm import RealWorldValueMapping
    from pydicom import Dataset

    from mmdnet.reports.inputs import ReportInputs
    from mmdnet.reports.schema import Report

KIND = "attention map"
NOT_ASSESSED = -1.0  # what a pixel holds where no patch was assessed (Float Pixel Padding Value)
SECTION_MM = 0.004  # thickness of a section; DICOM wants one, and no file says it


def attention_map(
    report: Report, inputs: ReportInputs, reference: SlideReference, side_px0: tuple[float, float]
) -> bytes:
    """Attention by feature, in multiples of the slide's mean, laid on the slide.

    Args:
        report: says which slide and model it is.
        inputs: what it was made of.
        reference: the slide it is about.
        side_px0: width and height of a patch, exact.

    Raises:
        LabError: the slide's scale or place is not known, or no patch was assessed.
    """
    from highdicom import PixelMeasuresSequence, PlaneOrientationSequence, PlanePositionSequence, VOILUTTransformation
    from highdicom.pm import ParametricMap

    needs_scale(reference, report.header.slide)
    values, (left_px0, top_px0) = _pixels(report, inputs)
    image, content_sha256 = reference.image, report_sha256(report)
    across_px0, down_px0 = side_px0
    spacing_mm = [side * mpp / 1000 for side, mpp in zip(side_px0, reference.mpp or (), strict=True)]
    position = reference.position_mm(left_px0 + across_px0 / 2, top_px0 + down_px0 / 2)
    written = ParametricMap(
        [image],
        values,
        content_label="ATTENTION",
        content_description="Where the network looked; it outlines no lesion",
        contains_recognizable_visual_features=False,
        real_world_value_mappings=[[_mapping(name, values[0, ..., k])] for k, name in enumerate(_tasks(inputs))],
        voi_lut_transformations=[VOILUTTransformation(1.0, 2.0)],
        pixel_measures=PixelMeasuresSequence(spacing_mm[::-1], SECTION_MM),
        plane_orientation=PlaneOrientationSequence("SLIDE", [float(part) for part in image.ImageOrientationSlide]),
        plane_positions=[PlanePositionSequence("SLIDE", position, (1, 1))],
        **object_facts(KIND, 2, "attention", report, image),
    )
    written.FloatPixelPaddingValue = written.FloatPixelPaddingRangeLimit = NOT_ASSESSED
    written.ImageComments = f"{beside_numbers(report, reference)} Report content SHA-256 {content_sha256}."
    _one_dimension(written, content_sha256)
    if not reference.is_dicom:
        _without_source(written)
    return finish(written, report)


def _tasks(inputs: ReportInputs) -> list[str]:
    return [name for name in inputs.score.tasks if name in inputs.arrays.attention]


def _pixels(report: Report, inputs: ReportInputs) -> tuple[np.ndarray, tuple[float, float]]:
    """The map, shape (1, rows, columns, features), and the corner of its first pixel in level-0 pixels.

    Raises:
        LabError: no patch was assessed.
    """
    names = _tasks(inputs)
    times = {name: relative_attention(inputs.arrays.attention[name]) for name in names}
    if not any(np.isfinite(known).any() for known in times.values()):
        raise LabError(
            f"No patch of {report.header.slide} was assessed, so there is no attention to lay on it. Look at why its "
            "patches were set aside, then score again. Nothing was written."
        )
    rows = np.array([place.row for place in inputs.places])
    cols = np.array([place.col for place in inputs.places])
    first_row, first_col = int(rows.min()), int(cols.min())
    values = np.full((1, int(np.ptp(rows)) + 1, int(np.ptp(cols)) + 1, len(names)), NOT_ASSESSED, np.float32)
    for k, name in enumerate(names):
        values[0, rows - first_row, cols - first_col, k] = np.nan_to_num(times[name], nan=NOT_ASSESSED)
    left = min(place.x_px0 for place in inputs.places if place.col == first_col)
    top = min(place.y_px0 for place in inputs.places if place.row == first_row)
    return values, (left, top)


def _mapping(name: str, values: np.ndarray) -> RealWorldValueMapping:
    """What the values of a frame mean: themselves, in multiples of the mean."""
    from highdicom.pm import RealWorldValueMapping
    from highdicom.sr import CodedConcept

    return RealWorldValueMapping(
        lut_label=name.upper()[:16],
        lut_explanation=f"{task(name).title}: attention, times the slide's mean"[:LONGEST_LONG],
        unit=CodedConcept(*NO_UNITS),
        value_range=(0.0, float(max(values.max(), 1.0))),
        slope=1.0,
        intercept=0.0,
        quantity_definition=coded(own.attention(name)),
    )


def _one_dimension(written: Dataset, content_sha256: str) -> None:
    """The identifier of the frames' order made of the content, as every other one is."""
    order = own.dicom_uid(KIND, "dimensions", content_sha256)
    written.DimensionOrganizationSequence[0].DimensionOrganizationUID = order
    for index in written.get("DimensionIndexSequence", []):
        index.DimensionOrganizationUID = order


def _without_source(written: Dataset) -> None:
    """Take out what points to the source image: there is none in DICOM."""
    for keyword in ("SourceImageSequence", "ReferencedSeriesSequence", "ReferencedImageSequence"):
        if keyword in written:
            delattr(written, keyword)
    for frame in (*written.SharedFunctionalGroupsSequence, *written.PerFrameFunctionalGroupsSequence):
        if "DerivationImageSequence" in frame:
            del frame.DerivationImageSequence

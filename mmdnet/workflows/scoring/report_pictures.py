"""Pictures of a report's HTML and PDF that are read from the slide: overview, patches, what speaks for a grade."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from db.models import Slide
from db.slides import PatchRow
from mmdnet.errors import LabError
from mmdnet.settings import Settings
from mmdnet.workflows.slides.pictures import encode_jpeg, overview_jpeg, patch_on_screen

if TYPE_CHECKING:
    from mmdnet.reports.html import ReportPictures
    from mmdnet.reports.schema import Report
    from mmdnet.scoring.cam.evidence_maps import TaskMaps

OVERVIEW_PX, PATCH_PICTURE_PX = 900, 200


def report_pictures(
    report: Report,
    slide: Slide,
    patch_rows: Sequence[PatchRow],
    settings: Settings,
    maps: Mapping[str, TaskMaps],
) -> ReportPictures:
    """The slide and the patches of a report's evidence, with the maps that were made of them.

    A slide whose file is gone has no pictures.

    Args:
        report: the document.
        slide: it is of.
        patch_rows: the slide's, in the order of the report's places.
        settings: of the lab.
        maps: of the evidence, by task and place, as far as they were made.
    """
    from mmdnet.reports.html import ReportPictures
    from mmdnet.reports.patch_maps import ReportMaps, patches_of
    from mmdnet.scoring.cam.evidence_maps import map_picture

    shown = {patch.place: patch.patch_id for each in report.evidence for _, patch in patches_of(each)}
    try:
        overview = overview_jpeg(slide, settings, OVERVIEW_PX)
        images = {
            place: patch_on_screen(slide, patch_rows[place], settings, px=PATCH_PICTURE_PX) for place in sorted(shown)
        }
    except LabError:
        return ReportPictures()
    mapped = {
        name: {
            place: encode_jpeg(map_picture(images[place], drawn)) for place, drawn in known.items() if place in images
        }
        for name, known in maps.items()
    }
    patches = {shown[place]: encode_jpeg(image) for place, image in images.items()}
    return ReportPictures(slide=overview, patches=patches, on_patches=ReportMaps(maps, mapped))

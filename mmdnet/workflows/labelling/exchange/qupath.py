"""A slide's patches, tissue and labels out to QuPath, and regions drawn there back in.

Coming in, annotations of class `Include` or `Region*` restrict a slide to what lies in them, those of class `Exclude`
or `Ignore*` leave patches out; a patch is where its middle is. Labels among the objects go in as any label file does.
Our own tiles, tissue and what was drawn to be measured are passed over, so that a file may come back as it went out. So
are annotations without a class or of another one, as long as one class is known: they are named.

QuPath crops slides to their bounds unless it is told not to, and its files do not say which it did. Where only one of
both fits the slide, that is taken; where both do, the file counts as cropped, and that is said.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from db.models import Patch, Slide
from db.slides import patches_of
from mmdnet.errors import LabError
from mmdnet.geojson import (
    DERIVED,
    WHOLE_SLIDE,
    Feature,
    Region,
    collection,
    features_of,
    kind_of,
    read_features,
    regions_of,
)
from mmdnet.labels.grading import TASK_NAMES
from mmdnet.workflows.labelling.exchange.files import Files
from mmdnet.workflows.labelling.views import ImportOutcome
from mmdnet.workflows.services import Services, must_get
from mmdnet.workflows.slides.annotations import Annotations
from mmdnet.workflows.slides.stored_geometry import open_stored, stored_grid, stored_places
from mmdnet.workflows.slides.stores import with_reduced

if TYPE_CHECKING:
    from shapely.geometry.base import BaseGeometry

INCLUDE, EXCLUDE, TISSUE = {"Include", "Region*"}, {"Exclude", "Ignore*"}, "Tissue"
REASON = "region"  # why a patch is set aside
LARGEST_BYTES = 256 * 2**20
LABEL_FILE = "labels.geojson"  # what the labels of a file are called when they go in as any label file does


@dataclass(frozen=True, slots=True)
class QuPathOutcome:
    """What a file from QuPath changed: regions taken, patches it sets aside, labels imported and those that stood.

    `notes` are sentences on what was passed over or had to be assumed.
    """

    included: int
    excluded: int
    set_aside: int
    labels: int
    labels_unchanged: int
    notes: tuple[str, ...] = ()


class QuPath:
    def __init__(self, services: Services, label_files: Files) -> None:
        self._services = services
        self._label_files = label_files

    def export(self, slide_id: int, reader_id: int | None = None) -> str:
        """GeoJSON of a slide: its tissue, its patches with what was measured on them, one reader's labels and drawings.

        Raises:
            LabError: the slide has no patches yet, or its file is gone.
        """
        from mmdnet.slides.measures.tissue import find_tissue
        from mmdnet.slides.qupath import drawn_region, mask_regions, patch_regions

        slide, patches = self._slide(slide_id)
        with with_reduced(open_stored(slide, self._services.settings), self._services.settings) as reader:
            facts = reader.facts
            tissue = mask_regions(find_tissue(reader).mask, facts.width_px0, facts.height_px0, TISSUE)
        tiles = patch_regions(
            stored_grid(slide),
            stored_places(patches),
            {(patch.row, patch.col): _use(patch) for patch in patches},
            {(patch.row, patch.col): patch.fat_area_share for patch in patches if patch.fat_area_share is not None},
        )
        features = features_of(facts.area_px0[:2], [*tissue, *tiles])
        if reader_id is not None:
            features += features_of(
                facts.area_px0[:2],
                [
                    drawn_region(mine.drawn, mine.note or mine.words, slide.mpp_x or 0.0, slide.mpp_y or 0.0)
                    for mine in Annotations(self._services).of_slide(slide_id, reader_id)
                ],
            )
            labels = self._label_files.export(slide.project_id, "geojson", reader_id, slide_id)
            features += read_features(labels.data)
        return collection(features)

    def bring(
        self,
        slide_id: int,
        name: str,
        data: bytes,
        reader: str = "",
        by: int | None = None,
        cropped: bool | None = None,
    ) -> QuPathOutcome:
        """Take a slide's regions, in place of those brought before, and labels out of a file; all of it or nothing.

        Args:
            name: the file's, for sentences.
            reader: who graded, where a label does not say.
            by: the reader who brings the file.
            cropped: whether QuPath's image of the slide began at the corner of its bounds; None where nobody says.

        Raises:
            LabError: no GeoJSON, no class that means nothing here, regions beside the slide, or a label that is wrong.
        """
        slide, patches = self._slide(slide_id)
        if len(data) > LARGEST_BYTES:
            raise LabError(f"{name} is larger than 256 MB. Export fewer objects at a time. Nothing was changed.")
        features = read_features(data, name)
        labels = [_with_slide(slide.name, feature) for feature in features if _is_label(feature)]
        others = [feature for feature in features if not _is_label(feature)]
        included, excluded, notes = self._regions(slide, name, others, cropped)
        if not (included or excluded or labels):
            raise LabError(
                f"{name} holds no region of class {', '.join(sorted(INCLUDE | EXCLUDE))} and no label. "
                "Give the annotations one of these classes in QuPath. Nothing was changed."
            )
        self._check(name, slide, labels, reader, by)
        outside = _left_out(slide, patches, included, excluded)
        if included or excluded:
            self._set_aside(slide_id, [patch.id for patch, out in zip(patches, outside, strict=True) if out])
        imported = ImportOutcome(0, 0, ())
        if labels:
            source = (name, hashlib.sha256(data).hexdigest())
            imported = self._label_files.import_file(
                slide.project_id, LABEL_FILE, collection(labels).encode(), reader=reader, by=by, taken_from=source
            )
        return QuPathOutcome(
            len(included), len(excluded), int(outside.sum()), imported.imported, imported.unchanged, notes
        )

    def forget_regions(self, slide_id: int) -> None:
        """Use the patches again that regions of a file set aside."""
        self._slide(slide_id)
        self._set_aside(slide_id, [])

    def _slide(self, slide_id: int) -> tuple[Slide, Sequence[Patch]]:
        with self._services.db() as session:
            slide = must_get(session, Slide, slide_id, "slide")
            if slide.patch_px is None:
                raise LabError(f"{slide.name} has no patches yet: {slide.reason}")
            return slide, list(patches_of(session, slide_id))

    def _regions(
        self, slide: Slide, name: str, features: list[Feature], cropped: bool | None
    ) -> tuple[list[Region], list[Region], tuple[str, ...]]:
        """The regions to use, those to leave out, and what is to be said of the others."""
        from mmdnet.slides.qupath import MEASURED

        with open_stored(slide, self._services.settings) as reader:
            bounds = reader.facts.area_px0
        drawn = [
            region
            for region in regions_of(WHOLE_SLIDE, features, name)
            if region.kind == "annotation" and region.label not in (TISSUE, MEASURED)
        ]
        own = any(kind_of(feature) == "tile" or _is_label(feature) for feature in features)
        corner, notes = _corner(drawn, bounds, True if own and cropped is None else cropped)
        known = [region for region in drawn if _base(region.label) in INCLUDE | EXCLUDE]
        strange = sorted({region.label or "none" for region in drawn if region not in known})
        if strange and not known:
            raise LabError(
                f"{name} was not read: it holds a region of class {strange[0]}. Known are "
                f"{', '.join(sorted(INCLUDE))} (use only what lies inside) and {', '.join(sorted(EXCLUDE))} (leave it "
                "out). Nothing was changed."
            )
        if strange:
            notes = (*notes, f"Regions of other classes were passed over: {', '.join(strange)}.")
        known = [moved(region, corner) for region in known]
        for region in known:
            xs, ys = zip(*region.rings_px0[0], strict=True)
            if max(xs) <= 0 or max(ys) <= 0 or min(xs) >= slide.width_px0 or min(ys) >= slide.height_px0:
                raise LabError(f"{name} was not read: a region lies beside {slide.name}. Nothing was changed.")
        included = [region for region in known if _base(region.label) in INCLUDE]
        return included, [region for region in known if _base(region.label) in EXCLUDE], notes

    def _check(self, name: str, slide: Slide, labels: list[Feature], reader: str, by: int | None) -> None:
        """Refuse labels that are wrong or of other slides, before anything is written."""
        for feature in labels:
            labelled = (feature["properties"].get("metadata") or {}).get("slide", slide.name)
            if labelled != slide.name:
                raise LabError(
                    f"{name} was not read: it holds labels of {labelled}, not {slide.name}. Nothing was changed."
                )
        data = collection(labels).encode()
        preview = self._label_files.import_file(slide.project_id, LABEL_FILE, data, preview=True, reader=reader, by=by)
        if preview.problems:
            first = preview.problems[0]
            raise LabError(f"{name} was not read: label {first.line} {first.problem}. Nothing was changed.")

    def _set_aside(self, slide_id: int, patch_ids: Sequence[int]) -> None:
        wanted = set(patch_ids)
        with self._services.db.begin() as session:
            for patch in patches_of(session, slide_id):
                if patch.id in wanted and patch.usable:
                    patch.set_aside, patch.overruled = patch.set_aside or REASON, False
                elif patch.id not in wanted and patch.set_aside == REASON:
                    patch.set_aside, patch.overruled = None, False


def _base(label: str | None) -> str | None:
    """The class that a derived one is derived from; itself for others."""
    return label if label is None or label in INCLUDE | EXCLUDE else label.split(DERIVED)[0]


def moved(region: Region, by_px0: tuple[int, int]) -> Region:
    """A region elsewhere."""
    left, top = by_px0
    return replace(region, rings_px0=tuple(tuple((x + left, y + top) for x, y in ring) for ring in region.rings_px0))


def _corner(
    regions: Sequence[Region], bounds: tuple[int, int, int, int], cropped: bool | None
) -> tuple[tuple[int, int], tuple[str, ...]]:
    """Where QuPath's image began, by what of both fits the slide's bounds (x, y, width, height), and what to say."""
    left, top, width, height = bounds
    if (left, top) == WHOLE_SLIDE or not regions or cropped is not None:
        return (WHOLE_SLIDE if cropped is False else (left, top)), ()
    xs, ys = zip(*(point for region in regions for point in region.rings_px0[0]), strict=True)
    if max(xs) > width + 1 or max(ys) > height + 1:
        return WHOLE_SLIDE, (
            "The file's places are of the whole slide, not cropped to its bounds, and so they were read.",
        )
    if min(xs) >= left and min(ys) >= top:
        return (left, top), (
            "The file does not say whether QuPath cropped the slide to its bounds, and both are possible; it was read "
            "as cropped, QuPath's own default.",
        )
    return (left, top), ()


def region_area(region: Region) -> BaseGeometry:
    """What a region covers, in level-0 pixels: all that its outline goes round, however often.

    Shapely's default takes an outline's lines by turns as in and out, so a freehand outline drawn one and a half times
    round would lose what it covers twice.
    """
    import shapely

    return shapely.make_valid(shapely.Polygon(region.rings_px0[0], region.rings_px0[1:]), method="structure")


def _left_out(slide: Slide, patches: Sequence[Patch], included: list[Region], excluded: list[Region]) -> np.ndarray:
    """Whether the middle of each patch lies outside all `included` (if any) or inside one of `excluded`."""
    import shapely

    width, height = stored_grid(slide).side_px0
    xs = np.array([patch.x_px0 + width / 2 for patch in patches])
    ys = np.array([patch.y_px0 + height / 2 for patch in patches])

    def within(regions: list[Region]) -> np.ndarray:
        inside = np.zeros(len(patches), bool)
        for region in regions:
            inside |= shapely.contains_xy(region_area(region), xs, ys)
        return inside

    return within(excluded) | (~within(included) if included else np.zeros(len(patches), bool))


def _use(patch: Patch) -> str:
    return "In use" if patch.usable else f"Set aside: {patch.set_aside}"


def _is_label(feature: Feature) -> bool:
    """Whether it is a label as this program writes them: a square that says who read it, or holds grades."""
    properties = feature.get("properties")
    properties = properties if isinstance(properties, dict) else {}
    metadata, measured = properties.get("metadata"), properties.get("measurements")
    if isinstance(measured, list):  # QuPath before 0.5
        measured = {entry.get("name") for entry in measured if isinstance(entry, dict)}
    return (isinstance(metadata, dict) and "reader" in metadata) or bool(set(measured or ()) & set(TASK_NAMES))


def _with_slide(name: str, label: Feature) -> Feature:
    """A label with the slide's name, where it does not say one."""
    properties = label["properties"]
    return {**label, "properties": {**properties, "metadata": {"slide": name, **(properties.get("metadata") or {})}}}

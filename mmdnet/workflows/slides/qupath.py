"""A slide's patches, tissue and labels out to QuPath, and regions drawn there back in.

Coming in, annotations of class `Include` or `Region*` restrict a slide to what lies in them, those of class `Exclude`
or `Ignore*` leave patches out; a patch is where its middle is. Labels among the objects go in as any label file does.
Our own tiles and tissue are passed over, so that a file may come back as it went out.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from db.models import Patch, Slide
from db.slides import patches_of
from mmdnet.errors import LabError
from mmdnet.labels.grading import TASK_NAMES
from mmdnet.workflows.labelling.labels import Labels
from mmdnet.workflows.labelling.views import ImportOutcome
from mmdnet.workflows.services import Services, must_get
from mmdnet.workflows.slides.grid_rows import open_stored, stored_grid, stored_places

if TYPE_CHECKING:
    from mmdnet.slides.qupath import Region

INCLUDE, EXCLUDE, TISSUE = {"Include", "Region*"}, {"Exclude", "Ignore*"}, "Tissue"
REASON = "region"  # why a patch is set aside
LARGEST_BYTES = 256 * 2**20


@dataclass(frozen=True, slots=True)
class QuPathOutcome:
    """What a file from QuPath changed: regions found, patches it sets aside, labels imported and those that stood."""

    included: int
    excluded: int
    set_aside: int
    labels: int
    labels_unchanged: int


class QuPath:
    def __init__(self, services: Services, labels: Labels) -> None:
        self._services = services
        self._labels = labels

    def export(self, slide_id: int, reader_id: int | None = None) -> str:
        """GeoJSON of a slide: its tissue, its patches with what was measured on them, and one reader's labels.

        Raises:
            LabError: the slide has no patches yet, or its file is gone.
        """
        from mmdnet.slides.measures.tissue import find_tissue
        from mmdnet.slides.qupath import mask_regions, patch_regions, to_geojson

        slide, patches = self._slide(slide_id)
        with open_stored(slide) as reader:
            facts = reader.facts
            tissue = mask_regions(find_tissue(reader).mask, facts.width_px0, facts.height_px0, TISSUE)
        tiles = patch_regions(
            stored_grid(slide),
            stored_places(patches),
            {(one.row, one.col): _use(one) for one in patches},
            {(one.row, one.col): one.fat_area_share for one in patches if one.fat_area_share is not None},
        )
        written = json.loads(to_geojson(facts, [*tissue, *tiles]))
        if reader_id is not None:
            labels = self._labels.export(slide.project_id, "geojson", reader_id, slide_id)
            written["features"] += json.loads(labels.data)["features"]
        return json.dumps(written, ensure_ascii=False)

    def bring(self, slide_id: int, name: str, data: bytes, reader: str = "", by: int | None = None) -> QuPathOutcome:
        """Take a slide's regions, in place of those brought before, and labels out of a file; all of it or nothing.

        Args:
            name: the file's, for sentences.
            reader: who graded, where a label does not say.
            by: the reader who brings the file.

        Raises:
            LabError: no GeoJSON, a class that means nothing here, regions beside the slide, or a label that is wrong.
        """
        slide, patches = self._slide(slide_id)
        features = _features(name, data)
        labels = [_of_slide(slide.name, one) for one in features if _is_label(one)]
        included, excluded = self._regions(slide, name, [one for one in features if not _is_label(one)])
        if not (included or excluded or labels):
            raise LabError(
                f"{name} holds no region of class {', '.join(sorted(INCLUDE | EXCLUDE))} and no label. "
                "Give the annotations one of these classes in QuPath. Nothing was changed."
            )
        carried = (slide.project_id, "labels.geojson", _collection(labels))
        self._check(name, slide, *carried, reader=reader, by=by)
        outside = _left_out(slide, patches, included, excluded)
        if included or excluded:
            self._set_aside(slide_id, [one.id for one, out in zip(patches, outside, strict=True) if out])
        source = (name, hashlib.sha256(data).hexdigest())
        done = ImportOutcome(0, 0, ())
        if labels:
            done = self._labels.import_file(*carried, reader=reader, by=by, taken_from=source)
        return QuPathOutcome(len(included), len(excluded), int(outside.sum()), done.imported, done.unchanged)

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

    def _regions(self, slide: Slide, name: str, features: list[dict[str, Any]]) -> tuple[list[Region], list[Region]]:
        from mmdnet.slides.qupath import from_geojson

        with open_stored(slide) as reader:
            found = from_geojson(reader.facts, _collection(features).decode(), name)
        drawn = [one for one in found if one.kind == "annotation" and one.label != TISSUE]
        unknown = sorted({one.label or "none" for one in drawn} - INCLUDE - EXCLUDE)
        if unknown:
            raise LabError(
                f"{name} was not read: it holds a region of class {unknown[0]}. Known are "
                f"{', '.join(sorted(INCLUDE))} (use only what lies inside) and {', '.join(sorted(EXCLUDE))} (leave it "
                "out). Nothing was changed."
            )
        for one in drawn:
            xs, ys = zip(*one.rings_px0[0], strict=True)
            if max(xs) <= 0 or max(ys) <= 0 or min(xs) >= slide.width_px0 or min(ys) >= slide.height_px0:
                raise LabError(f"{name} was not read: a region lies beside {slide.name}. Nothing was changed.")
        return [one for one in drawn if one.label in INCLUDE], [one for one in drawn if one.label in EXCLUDE]

    def _check(self, name: str, slide: Slide, project_id: int, file: str, data: bytes, **who: Any) -> None:
        """Refuse labels that are wrong or of other slides, before anything is written."""
        for feature in json.loads(data)["features"]:
            said = feature["properties"]["metadata"].get("slide", slide.name)
            if said != slide.name:
                raise LabError(
                    f"{name} was not read: it holds labels of {said}, not {slide.name}. Nothing was changed."
                )
        found = self._labels.import_file(project_id, file, data, preview=True, **who)
        if found.problems:
            first = found.problems[0]
            raise LabError(f"{name} was not read: label {first.line} {first.problem}. Nothing was changed.")

    def _set_aside(self, slide_id: int, patch_ids: Sequence[int]) -> None:
        wanted = set(patch_ids)
        with self._services.db.begin() as session:
            for patch in patches_of(session, slide_id):
                if patch.id in wanted and (patch.set_aside is None or patch.overruled):
                    patch.set_aside, patch.overruled = patch.set_aside or REASON, False
                elif patch.id not in wanted and patch.set_aside == REASON:
                    patch.set_aside, patch.overruled = None, False


def _left_out(slide: Slide, patches: Sequence[Patch], included: list[Region], excluded: list[Region]) -> np.ndarray:
    """Whether the middle of each patch lies outside all `included` (if any) or inside one of `excluded`."""
    import shapely

    width, height = stored_grid(slide).side_px0
    xs = np.array([patch.x_px0 + width / 2 for patch in patches])
    ys = np.array([patch.y_px0 + height / 2 for patch in patches])

    def within(regions: list[Region]) -> np.ndarray:
        inside = np.zeros(len(patches), bool)
        for region in regions:
            area = shapely.make_valid(shapely.Polygon(region.rings_px0[0], region.rings_px0[1:]))
            inside |= shapely.contains_xy(area, xs, ys)
        return inside

    return within(excluded) | (~within(included) if included else np.zeros(len(patches), bool))


def _use(patch: Patch) -> str:
    return "In use" if patch.set_aside is None or patch.overruled else f"Set aside: {patch.set_aside}"


def _features(name: str, data: bytes) -> list[dict[str, Any]]:
    try:
        if len(data) > LARGEST_BYTES:
            raise LabError(f"{name} is larger than 256 MB. Export fewer objects at a time. Nothing was changed.")
        found = json.loads(data.decode("utf-8-sig"))
        features = found if isinstance(found, list) else found["features"]
        if not isinstance(features, list) or not all(isinstance(one, dict) for one in features):
            raise TypeError
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise LabError(
            f"{name} is no GeoJSON as QuPath writes it. Export it again as a feature collection. Nothing was changed."
        ) from error
    return features


def _is_label(feature: dict[str, Any]) -> bool:
    """Whether it is a label as this program writes them: a square that says who read it, or holds grades."""
    said = feature.get("properties")
    said = said if isinstance(said, dict) else {}
    metadata, measured = said.get("metadata"), said.get("measurements")
    names = {one.get("name") for one in measured if isinstance(one, dict)} if isinstance(measured, list) else measured
    return (isinstance(metadata, dict) and "reader" in metadata) or bool(set(names or ()) & set(TASK_NAMES))


def _of_slide(name: str, label: dict[str, Any]) -> dict[str, Any]:
    """A label with the slide's name, where it does not say one."""
    said = label["properties"]
    return {**label, "properties": {**said, "metadata": {"slide": name, **(said.get("metadata") or {})}}}


def _collection(features: list[dict[str, Any]]) -> bytes:
    return json.dumps({"type": "FeatureCollection", "features": features}).encode()

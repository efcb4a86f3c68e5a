"""What was drawn: per slide, per lesion, and for any patch."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

import cv2
import numpy as np

from mmdnet.errors import LabError
from mmdnet.labels.grading import (
    patch_ballooning_grade,
    patch_inflammation_grade,
    slide_ballooning_grade,
    slide_inflammation_grade,
    steatosis_grade,
)
from mmdnet.simulate.scanning.artefacts import ArtefactPlace
from mmdnet.simulate.scene import Scene

VERSION = 1
SEEN_SHARE = 0.30  # of a lesion's area inside a patch makes it count there
LEAST_TISSUE = 0.50
MOST_PORTAL = 0.60
MOST_ARTEFACT = {"pen": 0.05, "fold": 0.25, "bubble": 0.25, "blur": 0.25}  # a corner of pen is taken for a focus
FEWEST_CELLS = 6
_RASTER_UM = 1.0


def _disc_points(count: int = 96) -> np.ndarray:
    """Points spread evenly over the unit disc (a sunflower), shape (count, 2)."""
    k = np.arange(count) + 0.5
    radius, turn = np.sqrt(k / count), k * np.pi * (3 - np.sqrt(5))
    return np.c_[radius * np.cos(turn), radius * np.sin(turn)]


_DISC = _disc_points()


@dataclass(frozen=True, slots=True)
class SlideTruth:
    """The truth of a simulated slide. Positions in µm from the slide's upper left corner.

    Attributes:
        recipe: the slide's recipe as plain values.
        grades: grade of the slide by task name, from what was drawn (Kleiner 2005).
        fatty_share: share of hepatocytes with fat.
        fat_area_share: share of the parenchyma's area that is fat.
        cells: hepatocytes, shape (n, 3): x, y, 1 if it holds fat.
        droplets: shape (n, 5): x, y, long half axis, short half axis, angle in radians.
        foci: lobular foci, shape (n, 3): x, y, radius.
        ballooned: ballooned hepatocytes, shape (n, 3): x, y, radius.
        tissue: outlines of the tissue.
        portal: outlines of portal tracts and septa.
    """

    recipe: dict
    mpp: float
    width_px: int
    height_px: int
    grades: dict[str, int]
    fatty_share: float
    fat_area_share: float
    foci_per_field: float
    balloon_per_field: float
    tissue_mm2: float
    cells: np.ndarray
    droplets: np.ndarray
    foci: np.ndarray
    ballooned: np.ndarray
    artefacts: tuple[ArtefactPlace, ...] = ()
    tissue: tuple[np.ndarray, ...] = ()
    portal: tuple[np.ndarray, ...] = field(default=())

    @property
    def densities(self) -> dict[str, float]:
        """By task: ballooned hepatocytes and foci per 200x field, share of fatty hepatocytes."""
        return {
            "ballooning": self.balloon_per_field,
            "inflammation": self.foci_per_field,
            "steatosis": self.fatty_share,
        }

    def patch_grades(self, x_px0: int, y_px0: int, side_px0: float) -> dict[str, int | float | str | None]:
        """Grades of one square patch, by the definitions of `labels.grading`.

        A focus or ballooned cell counts where at least 30 % of its area lies in the patch; a hepatocyte where its
        centre does.

        Args:
            x_px0: left edge in level-0 pixels.
            y_px0: upper edge in level-0 pixels.
            side_px0: side in level-0 pixels.

        Returns:
            ballooning, inflammation, steatosis (None where the patch is to be ignored), ignored (the reason or None),
            fat_area_share, tissue_share, and the counts foci, ballooned, cells.
        """
        x, y, side = x_px0 * self.mpp, y_px0 * self.mpp, side_px0 * self.mpp
        shares = self.shares(x_px0, y_px0, side_px0)
        inside = ((self.cells[:, :2] >= (x, y)) & (self.cells[:, :2] < (x + side, y + side))).all(axis=1)
        cells = int(inside.sum())
        foci = _seen(self.foci, x, y, side)
        ballooned = _seen(self.ballooned, x, y, side)
        ignored = self._reason(shares, cells)
        fatty = float(self.cells[inside, 2].mean()) if cells else 0.0
        return {
            "ballooning": None if ignored else patch_ballooning_grade(ballooned),
            "inflammation": None if ignored else patch_inflammation_grade(foci),
            "steatosis": None if ignored else steatosis_grade(fatty),
            "ignored": ignored,
            "fat_area_share": shares["fat"],
            "tissue_share": shares["tissue"],
            "fatty_share": fatty,
            "foci": foci,
            "ballooned": ballooned,
            "cells": cells,
        }

    @staticmethod
    def _reason(shares: dict[str, float], cells: int) -> str | None:
        if shares["tissue"] < LEAST_TISSUE:
            return "background"
        for kind, most in MOST_ARTEFACT.items():
            if shares[kind] >= most:
                return kind
        if shares["portal"] > MOST_PORTAL:
            return "portal"
        return "few cells" if cells < FEWEST_CELLS else None

    def shares(self, x_px0: float, y_px0: float, side_px0: float) -> dict[str, float]:
        """Area shares of a square in level-0 pixels: `tissue`; of that tissue `portal`, `fat` and artefacts by kind."""
        x, y, side = x_px0 * self.mpp, y_px0 * self.mpp, side_px0 * self.mpp
        size = max(8, round(side / _RASTER_UM))
        tissue = _raster(self.tissue, x, y, side, size)
        area = max(1, int(tissue.sum()))
        shares = {"tissue": float(tissue.mean())}
        shares["portal"] = float((_raster(self.portal, x, y, side, size) & tissue).sum() / area)
        shares["fat"] = float((_droplet_raster(self.droplets, x, y, side, size) & tissue).sum() / area)
        for kind in MOST_ARTEFACT:
            polygons = tuple(place.polygon for place in self.artefacts if place.kind == kind)
            shares[kind] = float((_raster(polygons, x, y, side, size) & tissue).sum() / area)
        return shares

    def save(self, path: Path) -> None:
        """Write the truth as JSON."""
        record = {
            "truth_version": VERSION,
            "simulated": True,
            **{name: getattr(self, name) for name in _PLAIN},
            "lengths": "micrometres from the slide's upper left corner",
            **{name: np.round(getattr(self, name), 2).tolist() for name in _TABLES},
            "artefacts": [asdict(a) | {"polygon": np.round(a.polygon, 1).tolist()} for a in self.artefacts],
            "tissue": [np.round(p, 1).tolist() for p in self.tissue],
            "portal": [np.round(p, 1).tolist() for p in self.portal],
        }
        path.write_text(json.dumps(record, separators=(",", ":")), encoding="utf-8")

    def to_geojson(self) -> dict:
        """Tissue, tracts, foci, ballooned cells and artefacts as GeoJSON in level-0 pixels (as QuPath reads it)."""
        features = []

        def add(kind: str, outline: np.ndarray) -> None:
            ring = np.round(outline / self.mpp, 1).tolist()
            features.append(
                {
                    "type": "Feature",
                    "geometry": {"type": "Polygon", "coordinates": [[*ring, ring[0]]]},
                    "properties": {"objectType": "annotation", "classification": {"name": kind}, "simulated": True},
                }
            )

        for name in ("tissue", "portal"):
            for outline in getattr(self, name):
                add(name, outline)
        turn = np.linspace(0, 2 * np.pi, 24, endpoint=False)
        circle = np.c_[np.cos(turn), np.sin(turn)]
        for name, rows in (("focus", self.foci), ("ballooned hepatocyte", self.ballooned)):
            for x, y, radius in rows:
                add(name, np.array([x, y]) + radius * circle)
        for place in self.artefacts:
            add(place.kind, place.polygon)
        return {"type": "FeatureCollection", "features": features}


_PLAIN = (
    "recipe", "mpp", "width_px", "height_px", "grades", "fatty_share", "fat_area_share", "foci_per_field",
    "balloon_per_field", "tissue_mm2",
)  # fmt: skip
_TABLES = {"cells": 3, "droplets": 5, "foci": 3, "ballooned": 3}


def _seen(lesions: np.ndarray, x: float, y: float, side: float) -> int:
    """How many round lesions show at least SEEN_SHARE of their area in a square."""
    reach = lesions[:, 2]
    near = lesions[
        (lesions[:, 0] > x - reach)
        & (lesions[:, 0] < x + side + reach)
        & (lesions[:, 1] > y - reach)
        & (lesions[:, 1] < y + side + reach)
    ]
    points = near[:, None, :2] + near[:, None, 2:] * _DISC
    inside = ((points >= (x, y)) & (points < (x + side, y + side))).all(axis=2)
    return int((inside.mean(axis=1) >= SEEN_SHARE).sum())


def _raster(outlines: tuple[np.ndarray, ...], x: float, y: float, side: float, size: int) -> np.ndarray:
    canvas = np.zeros((size, size), np.uint8)
    for outline in outlines:
        low, high = outline.min(axis=0), outline.max(axis=0)
        if low[0] < x + side and low[1] < y + side and high[0] > x and high[1] > y:
            points = (outline - (x, y)) * (size / side) - 0.5
            cv2.fillPoly(canvas, [np.round(points * 16).astype(np.int32)], 1, cv2.LINE_8, 4)
    return canvas > 0


def _droplet_raster(droplets: np.ndarray, x: float, y: float, side: float, size: int) -> np.ndarray:
    """Union of the droplets in a square, drawn finer so that small ones count by their area."""
    fine = 2
    canvas = np.zeros((size * fine, size * fine), np.uint8)
    reach = droplets[:, 2]
    near = droplets[
        (droplets[:, 0] > x - reach)
        & (droplets[:, 0] < x + side + reach)
        & (droplets[:, 1] > y - reach)
        & (droplets[:, 1] < y + side + reach)
    ]
    scale = size * fine / side
    centres = np.round(((near[:, :2] - (x, y)) * scale - 0.5) * 16).astype(int).tolist()
    axes = (
        np.round((near[:, 2:4] * scale - 0.5).clip(0.3) * 16).astype(int).tolist()
    )  # OpenCV fills half a pixel beyond
    for (cx, cy), (a, b), turn in zip(centres, axes, np.degrees(near[:, 4]).tolist(), strict=True):
        cv2.ellipse(canvas, (cx, cy), (a, b), turn, 0, 360, 255, -1, cv2.LINE_AA, 4)
    return canvas[::fine, ::fine] > 127


def truth_of(scene: Scene) -> SlideTruth:
    """Read the truth off a scene."""
    recipe, cells = scene.recipe, scene.cells
    seen = cells.seen
    fatty_share = float(cells.fatty[seen].mean())
    foci_per_field = len(scene.foci) / scene.fields
    balloon_per_field = len(scene.ballooned) / scene.fields
    parenchyma_um2 = float((scene.ground.depth_um > 0).sum()) * 16.0
    fat_um2 = float((np.pi * scene.droplets[:, 2] * scene.droplets[:, 3]).sum())
    return SlideTruth(
        recipe=recipe.to_json(),
        mpp=recipe.mpp,
        width_px=recipe.width_px,
        height_px=recipe.height_px,
        grades={
            "ballooning": slide_ballooning_grade(balloon_per_field),
            "inflammation": slide_inflammation_grade(foci_per_field),
            "steatosis": steatosis_grade(fatty_share),
        },
        fatty_share=fatty_share,
        fat_area_share=fat_um2 / parenchyma_um2,
        foci_per_field=foci_per_field,
        balloon_per_field=balloon_per_field,
        tissue_mm2=scene.tissue_mm2,
        cells=np.c_[cells.xy[seen], cells.fatty[seen]],
        droplets=scene.droplets,
        foci=scene.foci,
        ballooned=scene.ballooned,
        artefacts=scene.artefacts,
        tissue=scene.outlines,
        portal=(*(t.outline for t in scene.lobules.tracts), *scene.lobules.septa),
    )


def load_truth(path: Path) -> SlideTruth:
    """Read a truth file, or the one beside a slide.

    Raises:
        LabError: there is none, or it is not one of ours.
    """
    path = Path(path)
    source = path if path.name.endswith(".json") else path.with_suffix(".truth.json")
    if not source.is_file():
        raise LabError(f"There is no truth file for {path.name}; only simulated slides have one.")
    try:
        record = json.loads(source.read_text(encoding="utf-8"))
        if record["truth_version"] != VERSION:
            raise LabError(f"{source.name} was written by another version of the simulator. Simulate the slide again.")
        facts = {name: record[name] for name in _PLAIN}
        facts |= {name: np.array(record[name], float).reshape(-1, width) for name, width in _TABLES.items()}
        return SlideTruth(
            **facts,
            artefacts=tuple(ArtefactPlace(a["kind"], np.array(a["polygon"]), a["look"]) for a in record["artefacts"]),
            tissue=tuple(np.array(p) for p in record["tissue"]),
            portal=tuple(np.array(p) for p in record["portal"]),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise LabError(f"{source.name} is damaged or is no truth file of a simulated slide.") from error

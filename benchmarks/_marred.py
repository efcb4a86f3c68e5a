"""Slides marred by one kind of artefact each, with known truth: simulated, and real fields with drawn artefacts."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from mmdnet.simulate import SlideRecipe
from mmdnet.simulate.recipes import STAINS
from mmdnet.simulate.scanning.artefacts import KINDS, ArtefactPlace, cover, mask_of, place_artefacts, thicken
from mmdnet.simulate.scanning.scanner import scanner_named
from mmdnet.simulate.scene import build_scene
from mmdnet.simulate.slide import render_field
from mmdnet.simulate.truth import SlideTruth, truth_of
from mmdnet.slides.readers.image_sources import decode_image
from mmdnet.slides.readers.reader import Pixels

SIDE_PX, MPP = 1800, 0.5
FIELD_MPP, GLASS = 0.4942, 243.0
ARTEFACTS = 20.0  # mean number on a slide, of which those of one kind are kept
Covered = Callable[[int, int, float], float]


@dataclass(frozen=True)
class MarredSlide:
    """A slide's picture with artefacts of one kind; `covered` gives their share of a square in level-0 pixels."""

    kind: str
    stain: str
    scanner: str
    path: Path
    mpp: float
    covered: Covered


def simulated(folder: Path, first_seed: int, scanners: Sequence[str], quick: bool) -> Iterator[MarredSlide]:
    """One slide for every kind and stain (one stain a kind if `quick`); scanners and grades of steatosis take turns."""
    for i, (kind, stain) in enumerate((kind, stain) for kind in KINDS for stain in STAINS):
        if quick and i % len(STAINS) != i // len(STAINS) % len(STAINS):
            continue
        scanner = scanners[(i + i // len(STAINS)) % len(scanners)]
        recipe = SlideRecipe(
            seed=first_seed + i,
            patient=f"Q{first_seed + i}",
            site=("North", "South", "West", "East")[i % 4],
            scanner=scanner,
            stain=stain,
            grades={"steatosis": (i + i // 4) % 4},
            width_px=SIDE_PX,
            height_px=SIDE_PX,
            mpp=MPP,
            artefacts=ARTEFACTS,
        )
        scene = build_scene(recipe)
        scene = replace(scene, artefacts=tuple(place for place in scene.artefacts if place.kind == kind)[:5])
        truth = truth_of(scene)
        path = folder / f"{kind}-{recipe.name}.jpg"
        _write(path, render_field(scene, 0, 0, SIDE_PX, SIDE_PX), scanner_named(scanner).quality)
        yield MarredSlide(kind, stain, scanner, path, MPP, _drawn_in(truth, kind))


def _drawn_in(truth: SlideTruth, kind: str) -> Covered:
    return lambda x_px0, y_px0, side_px0: truth.shares(x_px0, y_px0, side_px0)[kind]


def on_real_tissue(folder: Path, data: Path, quick: bool) -> Iterator[MarredSlide]:
    """The real liver fields under drawn artefacts, one field and kind at a time (the smallest alone if `quick`)."""
    for number in (1, 2, 3)[: 1 if quick else 3]:
        light = decode_image(data / "liver_he" / f"tile0{number}_HE.jpg").astype(np.float32) / np.float32(GLASS)
        for kind in KINDS:
            places = _drawn_on(light.shape[:2], kind, 100 * number)
            path = folder / f"real-{number}-{kind}.jpg"
            _write(path, _marred(light, places), 90)
            yield MarredSlide(kind, "H&E", f"real {number}", path, FIELD_MPP, _covered_by(places))


def _drawn_on(shape: tuple[int, int], kind: str, seed: int) -> tuple[ArtefactPlace, ...]:
    height, width = (side * FIELD_MPP for side in shape)
    outline = np.array([[0, 0], [width, 0], [width, height], [0, height]], float)
    recipe = SlideRecipe(seed=seed, width_px=shape[1], height_px=shape[0], mpp=FIELD_MPP, artefacts=ARTEFACTS)
    return tuple(place for place in place_artefacts(recipe, [outline]) if place.kind == kind)[:3]


def _marred(light: np.ndarray, places: Sequence[ArtefactPlace]) -> Pixels:
    for place in places:
        mask = mask_of(place, (0.0, 0.0), light.shape[:2], FIELD_MPP)
        if mask is not None and place.kind == "fold":
            density = -np.log(np.maximum(light.transpose(2, 0, 1), 1 / GLASS))
            thicken(density, place, mask, FIELD_MPP)
            light = np.exp(-density).transpose(1, 2, 0)
        elif mask is not None:
            light = cover(light, place, mask, FIELD_MPP)
    return np.clip(light * GLASS, 0, 255).astype(np.uint8)


def _covered_by(places: Sequence[ArtefactPlace]) -> Covered:
    def share(x_px0: int, y_px0: int, side_px0: float) -> float:
        size = round(side_px0)
        corner = (x_px0 * FIELD_MPP, y_px0 * FIELD_MPP)
        masks = [mask_of(place, corner, (size, size), FIELD_MPP) for place in places]
        under = [mask > 127 for mask in masks if mask is not None]
        return float(np.any(under, axis=0).mean()) if under else 0.0

    return share


def _write(path: Path, pixels: Pixels, quality: int) -> None:
    cv2.imwrite(str(path), cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])

"""[patch-quality] Artefacts found, missed and imagined: slides no threshold was fitted on, and real tissue."""

import tempfile
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks._marred import FIELD_MPP, MarredSlide, on_real_tissue, simulated
from benchmarks._mosaic import real_data
from benchmarks.result import Result, cpu_ms
from mmdnet.errors import LabError
from mmdnet.simulate.truth import MOST_ARTEFACT
from mmdnet.slides.measures.quality import Quality, assess, edge_shares, usual_of, usual_on
from mmdnet.slides.measures.tissue import find_tissue
from mmdnet.slides.patches import lay_patches, patch_grid
from mmdnet.slides.readers.image_sources import decode_image
from mmdnet.slides.readers.open import open_slide
from mmdnet.slides.readers.reader import Pixels, SlideReader, Unreadable

FIRST_SEED, SCANNERS = 9800, ("Scanner D", "Scanner E", "Scanner F", "Scanner G")  # fitted on 9600 and A to C
COVERED = (("up to 40 %", 0.4), ("40 to 70 %", 0.7), ("over 70 %", 1.01))
CLEAN = 0.003


@dataclass(frozen=True)
class Judged:
    """One patch: its artefact's kind and share of its tissue (0 where clean), pixels, and what was found."""

    kind: str
    covered: float
    where: str
    pixels: Pixels
    quality: Quality


def judged(slide: MarredSlide) -> list[Judged]:
    """Every patch of a slide, judged as the survey does."""
    with open_slide(slide.path, mpp=slide.mpp) as reader:
        side = patch_side_px0(reader)
        return [
            Judged(slide.kind, slide.covered(x, y, side), slide.path.stem, pixels, quality)
            for (x, y), pixels, quality in survey(reader)
        ]


def patch_side_px0(reader: SlideReader) -> float:
    """Side of a patch in the slide's own pixels."""
    return patch_grid(reader).side_px0[0]


def survey(reader: SlideReader) -> list[tuple[tuple[int, int], Pixels, Quality]]:
    """Corner, pixels and quality of every readable patch of a slide."""
    tissue = find_tissue(reader)
    grid, places = lay_patches(reader, tissue)
    usual, edges = usual_on(reader, places, grid), edge_shares(tissue, places, grid)
    return [
        ((places[i].x_px0, places[i].y_px0), pixels, assess(pixels, grid.patch_mpp, usual, edges[i]))
        for i, pixels in reader.read_patches(places, grid)
        if not isinstance(pixels, Unreadable)
    ]


def counted(patches: Iterable[Judged]) -> dict[str, dict[str, str]]:
    """By kind and by how much of the tissue is covered: "set aside / named rightly of all"; `false alarms` of clean."""
    table: dict[str, dict[str, str]] = {}
    for kind, least in MOST_ARTEFACT.items():
        mine = [patch for patch in patches_of(patches, kind) if patch.covered >= least or patch.covered < CLEAN]
        row, low = {}, least
        for name, high in COVERED:
            here = [patch for patch in mine if low <= patch.covered < high]
            row[name] = f"{_found(here)} / {sum(patch.quality.set_aside == kind for patch in here)} of {len(here)}"
            low = high
        clean = [patch for patch in mine if patch.covered < CLEAN]
        row["false alarms"] = f"{_found(clean)} of {len(clean)}"
        table[kind] = row
    return table


def patches_of(patches: Iterable[Judged], kind: str) -> list[Judged]:
    """Patches of the slides that bear one kind."""
    return [patch for patch in patches if patch.kind == kind]


def _found(patches: Sequence[Judged]) -> int:
    """Set aside for an artefact: edge and blank are told from the tissue's outline, not from artefacts."""
    return sum(patch.quality.set_aside not in {None, "edge", "blank"} for patch in patches)


def real_alarms(data: Path) -> dict[str, dict[str, int]]:
    """Why patches of real tissue without artefacts are set aside, by source."""
    reasons = {}
    for name in ("liver_he_fields.svs", "cmu-1-small-region.svs"):
        with open_slide(data / "slides" / name) as reader:
            reasons[name] = _reasons(quality for _, _, quality in survey(reader))
    for softness_um in (0.0, 0.5, 0.8):  # a scanner's softer optics
        qualities = []
        for number in (1, 2, 3):
            field = decode_image(data / "liver_he" / f"tile0{number}_HE.jpg")
            cuts = _cut(cv2.GaussianBlur(field, (0, 0), softness_um / FIELD_MPP) if softness_um else field)
            usual = usual_of(cuts, FIELD_MPP)
            qualities += [assess(patch, FIELD_MPP, usual) for patch in cuts]
        reasons[f"liver fields cut every 75 µm, softened by {softness_um:g} µm"] = _reasons(qualities)
    tiles = sorted((data / "trichrome_tiles").glob("*.png"))
    scales = [1.32 if tile.name.startswith("114") else 0.44 for tile in tiles]
    reasons["trichrome tiles"] = _reasons(assess(decode_image(t), mpp) for t, mpp in zip(tiles, scales, strict=True))
    return reasons


def _cut(field: NDArray[Any]) -> list[Pixels]:
    """Patches of 149 µm that overlap by half: cut elsewhere than the survey cuts."""
    height, width = field.shape[:2]
    corners = [(x, y) for y in range(70, height - 302, 151) for x in range(70, width - 302, 151)]
    return [np.asarray(field[y : y + 302, x : x + 302], np.uint8) for x, y in corners]


def _reasons(qualities: Iterable[Quality]) -> dict[str, int]:
    return dict(Counter(patch.set_aside or "usable" for patch in qualities).most_common())


def run(quick: bool) -> Result:
    data = real_data()
    if data is None:
        raise LabError("The real tissue is not here; set MMDNET_REAL_DATA to its folder.")
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        drawn = [patch for slide in simulated(home, FIRST_SEED, SCANNERS, quick) for patch in judged(slide)]
        on_real = [patch for slide in on_real_tissue(home, data, quick) for patch in judged(slide)]
    spoilt = [patch for patch in drawn + on_real if patch.covered >= MOST_ARTEFACT[patch.kind]]
    clean = [patch for patch in drawn + on_real if patch.covered < CLEAN]
    usual = usual_of([patch.pixels for patch in drawn[:48]], 0.5)
    some = [patch.pixels for patch in drawn[:: max(1, len(drawn) // 40)]]
    cost = cpu_ms({"assess": lambda: [assess(pixels, 0.5, usual) for pixels in some]}, 5, len(some))["assess"]
    beside = {
        "reach": 95.0,
        "also": {
            "% of clean patches set aside": (100 * _found(clean) / len(clean), "most", 2.0),
            "CPU ms a patch": (cost, "most", 5.0),
        },
        "spoilt": len(spoilt),
        "clean": len(clean),
        "simulated": counted(drawn),
        "drawn_on_real_tissue": counted(on_real),
        "real_tissue": real_alarms(data),
    }
    return Result("patch-quality", 100 * _found(spoilt) / len(spoilt), "% of spoilt patches set aside", beside, 1)

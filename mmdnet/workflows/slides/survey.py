"""A slide's survey: where its tissue is, which patches lie on it, and what each is worth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from mmdnet.errors import LabError
from mmdnet.settings import Settings

if TYPE_CHECKING:
    from mmdnet.slides.readers.open import SlideReader


@dataclass(frozen=True)
class Survey:
    """What a survey found. `patches` are rows of the patch table; `fat_area_share` is of usable patches' tissue."""

    patch_px: int
    patch_mpp: float
    tissue_mm2: float
    core_length_mm: float | None
    fat_area_share: float | None
    patches: list[dict[str, Any]]


def survey(slide: SlideReader, settings: Settings, progress: Callable[[float, str], None]) -> Survey:
    """Find tissue, lay patches of 299 px at 0.5 µm/px (by default), judge each and measure its fat.

    Raises:
        LabError: no tissue, no µm/px, or not one readable patch.
    """
    from mmdnet.slides.measures.fat import read_with_fat
    from mmdnet.slides.measures.quality import assess, edge_shares, usual_on
    from mmdnet.slides.measures.tissue import find_tissue
    from mmdnet.slides.patches import lay_patches
    from mmdnet.slides.readers.reader import Unreadable

    progress(0.0, "looking for tissue")
    tissue = find_tissue(slide)
    grid, places = lay_patches(slide, tissue, patch_px=settings.patch_px, patch_mpp=settings.patch_mpp)
    progress(0.0, "looking at what is usual on this slide")
    usual, edges = usual_on(slide, places, grid), edge_shares(tissue, places, grid)
    patches: list[dict[str, Any]] = []
    fat_px = tissue_px = 0
    for index, pixels, fat in read_with_fat(slide, tissue, places, grid):
        place = asdict(places[index])
        if isinstance(pixels, Unreadable) or fat is None:
            unreadable = {"reason": pixels.reason} if isinstance(pixels, Unreadable) else {}
            patches.append({**place, "set_aside": "unreadable", "quality": unreadable, "fat_area_share": None})
        else:
            judged = assess(pixels, settings.patch_mpp, usual, edges[index])
            quality, set_aside = judged.measures(), judged.set_aside
            share = None if set_aside else fat.area_share
            patches.append({**place, "set_aside": set_aside, "quality": quality, "fat_area_share": share})
            if not set_aside:
                fat_px, tissue_px = fat_px + fat.fat_px, tissue_px + fat.tissue_px
        if len(patches) % 16 == 0:
            progress(len(patches) / max(1, len(places)), f"{len(patches)} of {len(places)} patches looked at")
    readable = [patch for patch in patches if patch["set_aside"] != "unreadable"]
    if not readable:
        raise LabError(f"{slide.facts.path.name} was not added: none of its {len(places)} patches can be decoded.")
    return Survey(
        patch_px=settings.patch_px,
        patch_mpp=settings.patch_mpp,
        tissue_mm2=tissue.area_mm2,
        core_length_mm=tissue.core_length_mm,
        fat_area_share=fat_px / tissue_px if tissue_px else None,
        patches=sorted(patches, key=lambda patch: (patch["row"], patch["col"])),
    )

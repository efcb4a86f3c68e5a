"""A slide's survey: where its tissue is, which patches lie on it, and what each is worth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from mmdnet.errors import LabError
from mmdnet.settings import Settings

if TYPE_CHECKING:
    from mmdnet.slides.open import SlideReader


@dataclass(frozen=True)
class Survey:
    """What a survey found. `patches` are rows for the patch table; `fat_area_share` is of the usable patches' area."""

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
    from mmdnet.slides.fat import measure_fat
    from mmdnet.slides.patches import lay_patches
    from mmdnet.slides.quality import assess
    from mmdnet.slides.reader import Unreadable
    from mmdnet.slides.tissue import find_tissue

    progress(0.0, "looking for tissue")
    tissue = find_tissue(slide)
    grid, places = lay_patches(slide, tissue, patch_px=settings.patch_px, patch_mpp=settings.patch_mpp)
    patches: list[dict[str, Any]] = []
    for index, pixels in slide.read_patches(places, grid):
        place = asdict(places[index])
        if isinstance(pixels, Unreadable):
            patches.append(
                {**place, "set_aside": "unreadable", "quality": {"reason": pixels.reason}, "fat_area_share": None}
            )
        else:
            quality = asdict(assess(pixels, settings.patch_mpp))
            set_aside = quality.pop("set_aside")
            fat = None if set_aside else measure_fat(pixels, settings.patch_mpp).area_share
            patches.append({**place, "set_aside": set_aside, "quality": quality, "fat_area_share": fat})
        if len(patches) % 16 == 0:
            progress(len(patches) / max(1, len(places)), f"{len(patches)} of {len(places)} patches looked at")
    readable = [patch for patch in patches if patch["set_aside"] != "unreadable"]
    if not readable:
        raise LabError(f"{slide.facts.path.name} was not added: none of its {len(places)} patches can be decoded.")
    shares = [patch["fat_area_share"] for patch in patches if patch["fat_area_share"] is not None]
    return Survey(
        patch_px=settings.patch_px,
        patch_mpp=settings.patch_mpp,
        tissue_mm2=tissue.area_mm2,
        core_length_mm=tissue.core_length_mm,
        fat_area_share=sum(shares) / len(shares) if shares else None,
        patches=sorted(patches, key=lambda patch: (patch["row"], patch["col"])),
    )

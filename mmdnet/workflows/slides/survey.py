"""A slide's survey: where its tissue is, which patches lie on it, and what each is worth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from mmdnet.errors import LabError
from mmdnet.progress import Progress
from mmdnet.settings import Settings
from mmdnet.slides.geometry import PatchPlace

if TYPE_CHECKING:
    from mmdnet.slides.readers.reader import SlideReader


@dataclass(frozen=True, slots=True)
class SurveyedPatch:
    """A patch and what a survey measured on it.

    Attributes:
        quality: `measures.quality.Quality.measures()`, or the reason why it is unreadable.
        set_aside: the first reason not to use it, if there is one.
        fat_area_share: of its tissue, 0-1; None where it is set aside.
    """

    place: PatchPlace
    quality: Mapping[str, float | str | None]
    set_aside: str | None = None
    fat_area_share: float | None = None

    def columns(self) -> dict[str, object]:
        """Its row of the patch table, by column."""
        return {
            **asdict(self.place),
            "quality": dict(self.quality),
            "set_aside": self.set_aside,
            "fat_area_share": self.fat_area_share,
        }


@dataclass(frozen=True)
class Survey:
    """What a survey found; `fat_area_share` is of usable patches' tissue, 0-1."""

    patch_px: int
    patch_mpp: float
    tissue_mm2: float
    core_length_mm: float | None
    fat_area_share: float | None
    patches: tuple[SurveyedPatch, ...]


def survey(slide: SlideReader, settings: Settings, progress: Progress) -> Survey:
    """Find tissue, lay patches of the settings' size, judge each and measure its fat.

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
    patches: list[SurveyedPatch] = []
    fat_px = tissue_px = 0
    for index, pixels, fat in read_with_fat(slide, tissue, places, grid):
        if isinstance(pixels, Unreadable) or fat is None:
            why = {"reason": pixels.reason} if isinstance(pixels, Unreadable) else {}
            patches.append(SurveyedPatch(places[index], why, "unreadable"))
        else:
            judged = assess(pixels, grid.patch_mpp, usual, edges[index])
            share = None if judged.set_aside else fat.area_share
            patches.append(SurveyedPatch(places[index], judged.measures(), judged.set_aside, share))
            if not judged.set_aside:
                fat_px, tissue_px = fat_px + fat.fat_px, tissue_px + fat.tissue_px
        if len(patches) % 16 == 0:
            progress(len(patches) / max(1, len(places)), f"{len(patches)} of {len(places)} patches looked at")
    if all(patch.set_aside == "unreadable" for patch in patches):
        raise LabError(f"{slide.facts.path.name} was not added: none of its {len(places)} patches can be decoded.")
    return Survey(
        patch_px=grid.patch_px,
        patch_mpp=grid.patch_mpp,
        tissue_mm2=tissue.area_mm2,
        core_length_mm=tissue.core_length_mm,
        fat_area_share=fat_px / tissue_px if tissue_px else None,
        patches=tuple(sorted(patches, key=lambda patch: (patch.place.row, patch.place.col))),
    )

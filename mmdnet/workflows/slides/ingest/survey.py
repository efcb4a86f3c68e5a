"""A slide's survey: where its tissue is, which patches lie on it, and, at once or later, what each is worth."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mmdnet.errors import LabError
from mmdnet.progress import Progress
from mmdnet.settings import Settings
from mmdnet.slides.geometry import PatchGrid, PatchPlace
from mmdnet.words import count

if TYPE_CHECKING:
    from mmdnet.slides.measures.stain import StainProposal
    from mmdnet.slides.pixels import Pixels
    from mmdnet.slides.readers.reader import SlideReader

GLASS_WINDOWS, GLASS_WINDOW_PX = 4, 192  # a side: 16 windows
COLOUR_SAMPLE = 12  # patches looked at for colours before any is laid
EDGE = "edge_share"


@dataclass(frozen=True, slots=True)
class SurveyedPatch:
    """A patch and what a survey measured on it.

    Attributes:
        quality: `measures.quality.Quality.measures()`, the reason why it is unreadable, or before it is measured only
            its edge share.
        set_aside: the first reason not to use it, if there is one.
        fat_area_share: of its tissue, 0-1; None where it is set aside or not measured yet.
    """

    place: PatchPlace
    quality: Mapping[str, float | str | None]
    set_aside: str | None = None
    fat_area_share: float | None = None

    def columns(self) -> dict[str, object]:
        """Its row of the patch table, by column."""
        place = self.place
        return {
            "row": place.row,
            "col": place.col,
            "x_px0": place.x_px0,
            "y_px0": place.y_px0,
            "tissue_share": place.tissue_share,
            "quality": dict(self.quality),
            "set_aside": self.set_aside,
            "fat_area_share": self.fat_area_share,
        }


@dataclass(frozen=True)
class Survey:
    """What a survey found; `fat_area_share` is of usable patches' tissue, 0-1; `measured` once every patch is.

    `stain` is what its colours look like.
    """

    patch_px: int
    patch_mpp: float
    tissue_mm2: float
    core_length_mm: float | None
    fat_area_share: float | None
    patches: tuple[SurveyedPatch, ...]
    measured: bool
    notes: tuple[str, ...] = ()
    stain: StainProposal | None = None


def lay_out(slide: SlideReader, settings: Settings, progress: Progress) -> Survey:
    """Find tissue and lay patches of the settings' size: all that labelling needs, and cheap on any slide.

    Raises:
        LabError: no tissue, no µm/px, no patch on tissue, or colours that cannot be those of a stained slide.
    """
    from mmdnet.slides.measures.colours import check_glass, check_stain
    from mmdnet.slides.measures.nuclear_size import nuclear_diameter_um, scale_doubts
    from mmdnet.slides.measures.quality import edge_shares, set_aside_at_edge
    from mmdnet.slides.measures.stain import propose_stain
    from mmdnet.slides.measures.tissue import find_tissue
    from mmdnet.slides.patches import check_holds_patch, lay_patches

    progress(0.0, "looking for tissue")
    name = slide.facts.path.name
    check_holds_patch(slide, settings.patch_px, settings.patch_mpp)
    check_glass(name, _all_over(slide))
    tissue = find_tissue(slide)
    grid, places = lay_patches(slide, tissue, patch_px=settings.patch_px, patch_mpp=settings.patch_mpp)
    if not places:
        raise LabError(
            f"{name} was not added: no patch of {grid.side_um:.0f} µm holds enough tissue. "
            "Look at the overview: it may show pen, dirt or crumbs alone. Nothing was changed."
        )
    sample = colour_sample(slide, places, grid)
    check_stain(name, sample)
    doubts = scale_doubts(slide.mpp, slide.facts.objective, nuclear_diameter_um(sample, grid.patch_mpp))
    patches = tuple(
        SurveyedPatch(place, {EDGE: round(share, 4)}, set_aside_at_edge(share))
        for place, share in zip(places, edge_shares(tissue, places, grid), strict=True)
    )
    return Survey(
        grid.patch_px, grid.patch_mpp, tissue.area_mm2, tissue.core_length_mm, None, patches, False,
        doubts, propose_stain(sample),
    )  # fmt: skip


def colour_sample(slide: SlideReader, places: Sequence[PatchPlace], grid: PatchGrid) -> list[Pixels]:
    """Some of a slide's patches from all over it, those that can be read."""
    from mmdnet.slides.readers.reader import Unreadable

    some = places[:: max(1, len(places) // COLOUR_SAMPLE)]
    read = (pixels for _, pixels in slide.read_patches(some, grid, threads=0))
    return [pixels for pixels in read if not isinstance(pixels, Unreadable)]


def _all_over(slide: SlideReader) -> list[Pixels]:
    """Small windows of a slide at its own scale, from all over it."""
    x0, y0, width, height = slide.facts.area_px0
    side = min(GLASS_WINDOW_PX, width, height)
    windows = []
    for row in range(GLASS_WINDOWS):
        for col in range(GLASS_WINDOWS):
            left = x0 + (width - side) * col // (GLASS_WINDOWS - 1)
            top = y0 + (height - side) * row // (GLASS_WINDOWS - 1)
            with suppress(LabError):
                windows.append(slide.read_region_px0(left, top, side, side, side, side))
    return windows


def is_measured(quality: Mapping[str, object], set_aside: str | None) -> bool:
    """Whether a patch's quality was measured, or cannot be."""
    return "blur_share" in quality or set_aside == "unreadable"


def measure(
    slide: SlideReader, places: Sequence[PatchPlace], grid: PatchGrid, todo: Sequence[int]
) -> Iterator[tuple[int, SurveyedPatch]]:
    """Quality and fat of some of a slide's patches, by their index in `places`, in row order by blocks.

    What is usual on the slide is judged over all its patches, so that the result is the same in one go or in parts.

    Raises:
        LabError: no tissue any more, or no µm/px.
    """
    from mmdnet.slides.measures.fat import read_with_fat
    from mmdnet.slides.measures.quality import assess, edge_shares, usual_on
    from mmdnet.slides.measures.tissue import find_tissue
    from mmdnet.slides.readers.reader import Unreadable

    tissue = find_tissue(slide)
    usual, edges = usual_on(slide, places, grid), edge_shares(tissue, places, grid)
    for number, pixels, fat in read_with_fat(slide, tissue, [places[index] for index in todo], grid):
        index = todo[number]
        if isinstance(pixels, Unreadable) or fat is None:
            why = {"reason": pixels.reason} if isinstance(pixels, Unreadable) else {}
            yield index, SurveyedPatch(places[index], why, "unreadable")
        else:
            judged = assess(pixels, grid.patch_mpp, usual, edges[index])
            share = None if judged.set_aside else fat.area_share
            yield index, SurveyedPatch(places[index], judged.measures(), judged.set_aside, share)


def fat_of(patches: Sequence[tuple[float, float | None]]) -> float | None:
    """Fat of a slide's tissue, 0-1, from tissue share and fat share of its patches; None where none is measured."""
    known = [(tissue, fat) for tissue, fat in patches if fat is not None]
    weight = sum(tissue for tissue, _ in known)
    return sum(tissue * fat for tissue, fat in known) / weight if weight else None


def survey(slide: SlideReader, settings: Settings, progress: Progress) -> Survey:
    """Lay patches, judge each and measure its fat, all at once.

    Raises:
        LabError: as `lay_out`, or not one readable patch.
    """
    laid = lay_out(slide, settings, progress)
    places = [patch.place for patch in laid.patches]
    grid = PatchGrid((0, 0), laid.patch_px, laid.patch_mpp, *slide.mpp_xy)
    patches = list(laid.patches)
    for done, (index, patch) in enumerate(measure(slide, places, grid, range(len(places)))):
        patches[index] = patch
        if done % 16 == 0:
            progress(done / len(places), f"{done} of {count(len(places), 'patch')} looked at")
    if all(patch.set_aside == "unreadable" for patch in patches):
        raise LabError(
            f"{slide.facts.path.name} was not added: none of its {count(len(places), 'patch')} can be decoded."
        )
    fat = fat_of([(patch.place.tissue_share, patch.fat_area_share) for patch in patches])
    return replace(laid, fat_area_share=fat, patches=tuple(patches), measured=True)

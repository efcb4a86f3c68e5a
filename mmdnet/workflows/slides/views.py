"""What pages and the command line draw of slides: plain, frozen facts, detached from the database."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from mmdnet.slides.drawing import Drawn
from mmdnet.slides.facts import SLIDE_FACTS, SlideFacts
from mmdnet.words import count

if TYPE_CHECKING:
    from db.models import Slide
    from db.slides import AnyPatch


@dataclass(frozen=True, slots=True)
class ImportedFeatures:
    """What came of a file of features.

    Attributes:
        made_by: program and encoder, as far as the file says.
        taken: patches that got a feature, of `patches`; `missing` lie where the file has none.
        least_cosine: of those that were computed here to compare.
    """

    name: str
    backbone: str
    made_by: str
    taken: int
    patches: int
    missing: int
    least_cosine: float

    @property
    def words(self) -> str:
        """For people."""
        return (
            f"{self.name} ({self.made_by}): features by {self.backbone} for {self.taken} of "
            f"{count(self.patches, 'patch')}; those compared agree, cosine {self.least_cosine:.3f} at least"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SlideView(SlideFacts):
    """A slide's facts and counts: `usable` patches are those not set aside (or overruled); `labelled` carry a label.

    Until `measured`, quality and fat of some patches are not known yet. `proposed_stain` is what its colours look like,
    to be confirmed; None with a `stain_certainty` is "not sure", without one nobody looked.
    """

    id: int
    project_id: int
    name: str
    path: str
    status: str
    reason: str | None
    tissue_mm2: float | None
    core_length_mm: float | None
    fat_area_share: float | None
    notes: tuple[str, ...]
    measured: bool
    patches: int
    usable: int
    labelled: int
    proposed_stain: str | None = None
    stain_certainty: float | None = None


class PatchView(NamedTuple):
    """One patch; its square is `width_px0` x `height_px0` level-0 pixels from (`x_px0`, `y_px0`).

    A tuple, as a page may read 10,000 of them: a frozen dataclass takes three times as long to make.

    `quality` are the measures by name (see `measures.quality.Quality`), or why it is unreadable; empty where they were
    left out.
    """

    id: int
    slide_id: int
    row: int
    col: int
    x_px0: int
    y_px0: int
    width_px0: int
    height_px0: int
    tissue_share: float
    fat_area_share: float | None
    quality: dict[str, float | str | None]
    set_aside: str | None
    overruled: bool

    @property
    def usable(self) -> bool:
        return self.set_aside is None or self.overruled

    def meets(self, x0: float, y0: float, x1: float, y1: float) -> bool:
        """Whether the patch meets a level-0 rectangle, upper left corner first; a point is one of no size."""
        left, top = self.x_px0, self.y_px0
        return left <= x1 and x0 < left + self.width_px0 and top <= y1 and y0 < top + self.height_px0


@dataclass(frozen=True, slots=True)
class AnnotationView:
    """A length or an area that a reader drew; `area_um2` is None of a length, `length_um` of an area is around it."""

    id: int
    drawn: Drawn
    note: str
    length_um: float
    area_um2: float | None

    @property
    def words(self) -> str:
        """What it measures, for people: three significant digits, as the viewer writes them (`geometry.js`)."""
        if self.area_um2 is None:
            mm, um = self.length_um / 1000, self.length_um
            return f"{_three_digits(mm)} mm" if um >= 1000 else f"{_three_digits(um)} µm"
        mm2, um2 = self.area_um2 / 1e6, self.area_um2
        return f"{_three_digits(mm2)} mm²" if um2 >= 1e5 else f"{_three_digits(um2)} µm²"


def _three_digits(value: float) -> str:
    """Never with an exponent, as numbers up to a million come out of `g`."""
    return f"{float(f'{value:.3g}'):g}"


@dataclass(frozen=True, slots=True)
class IngestOutcome:
    """What became of one file: a slide, or the sentence that says why not.

    `notes` are sentences on a slide that came in: what of its file was not read, or not taken.

    `was_here`: the slide stood in the project before. Where no tissue was found, `picture` is a small PNG of the whole
    slide with what differs from glass outlined.
    """

    name: str
    slide_id: int | None
    problem: str | None
    picture: bytes | None = field(default=None, repr=False)
    notes: tuple[str, ...] = ()
    was_here: bool = False
    again: bool = False


@dataclass(frozen=True, slots=True)
class StoreView:
    """Patches of one slide, decoded (`kind` "patches") or as a backbone sees them ("features"), kept to be used again.

    `fault` is the sentence that says what is wrong with them.
    """

    key: str
    slide: str
    patches: int
    bytes: int
    used_at: datetime
    in_use: bool
    fault: str | None
    kind: str = "patches"


def slide_view(slide: Slide, *, patches: int, usable: int, labelled: int) -> SlideView:
    """A slide's row with what was counted of it."""
    return SlideView(
        **{name: getattr(slide, name) for name in SLIDE_FACTS},
        id=slide.id,
        project_id=slide.project_id,
        name=slide.name,
        path=slide.path,
        status=slide.status,
        reason=slide.reason,
        tissue_mm2=slide.tissue_mm2,
        core_length_mm=slide.core_length_mm,
        fat_area_share=slide.fat_area_share,
        notes=tuple(slide.notes or ()),
        measured=slide.measured,
        patches=patches,
        usable=usable,
        labelled=labelled,
        proposed_stain=slide.proposed_stain,
        stain_certainty=slide.stain_certainty,
    )


def patch_views(slide: Slide, patches: Iterable[AnyPatch]) -> list[PatchView]:
    """Patches of one slide, in their order; of a `PatchRow` without its measures of quality."""
    from db.slides import PatchRow
    from mmdnet.workflows.slides.stored_geometry import stored_grid

    patches = list(patches)
    if not patches:
        return []
    width, height = stored_grid(slide).size_px0
    return [
        PatchView(
            id=patch.id,
            slide_id=patch.slide_id,
            row=patch.row,
            col=patch.col,
            x_px0=patch.x_px0,
            y_px0=patch.y_px0,
            width_px0=width,
            height_px0=height,
            tissue_share=patch.tissue_share,
            fat_area_share=patch.fat_area_share,
            quality={} if isinstance(patch, PatchRow) else patch.quality,
            set_aside=patch.set_aside,
            overruled=patch.overruled,
        )
        for patch in patches
    ]

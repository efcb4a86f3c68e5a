"""Slides and their patches."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import Select, case, delete, func, insert, select
from sqlalchemy.orm import Session

from db.labels import CHUNK
from db.models import USABLE, Annotation, LabelEvent, Patch, Score, SignOff, Slide
from db.persons import same_person

OPENING = 10  # patches that are read in the time in which a slide is opened


def slides_of(session: Session, project_id: int, slide_ids: Collection[int] | None = None) -> Sequence[Slide]:
    """Slides of a project by name; of these ids alone, where some are given."""
    slides = select(Slide).where(Slide.project_id == project_id).order_by(Slide.name)
    return session.scalars(slides if slide_ids is None else slides.where(Slide.id.in_(list(slide_ids)))).all()


def slide_ids_of(session: Session, project_id: int) -> Sequence[int]:
    """Numbers of a project's slides by name: of many in a tenth of the time of the slides themselves."""
    return session.scalars(select(Slide.id).where(Slide.project_id == project_id).order_by(Slide.name)).all()


def slides_of_projects(session: Session, project_ids: Iterable[int]) -> Sequence[Slide]:
    return session.scalars(select(Slide).where(Slide.project_id.in_(list(project_ids))).order_by(Slide.id)).all()


def patients_of(session: Session, project_id: int) -> dict[int, tuple[str | None, str | None]]:
    """Patient and site of each slide of a project, as written, in the order of the slides' names."""
    known = select(Slide.id, Slide.patient, Slide.site).where(Slide.project_id == project_id).order_by(Slide.name)
    rows = session.execute(known)
    return {slide_id: (patient, site) for slide_id, patient, site in rows}


def slide_at(session: Session, project_id: int, path: str) -> Slide | None:
    return session.scalar(select(Slide).where(Slide.project_id == project_id, Slide.path == path))


def is_at(session: Session, path: str) -> bool:
    """Whether a slide of any project lies there."""
    return session.scalar(select(Slide.id).where(Slide.path == path).limit(1)) is not None


def slide_with_fingerprint(session: Session, project_id: int, fingerprint: str) -> Slide | None:
    return session.scalar(
        select(Slide).where(Slide.project_id == project_id, Slide.fingerprint == fingerprint).limit(1)
    )


def fingerprints_only_of(session: Session, slides: Sequence[Slide]) -> set[str]:
    """Contents of these slides' files that no other slide of the lab has."""
    ids, wanted = {slide.id for slide in slides}, sorted({slide.fingerprint for slide in slides})
    kept: set[str] = set()
    for start in range(0, len(wanted), CHUNK):
        having = select(Slide.id, Slide.fingerprint).where(Slide.fingerprint.in_(wanted[start : start + CHUNK]))
        kept |= {fingerprint for slide_id, fingerprint in session.execute(having) if slide_id not in ids}
    return set(wanted) - kept


def patch_counts(session: Session, slide_ids: Iterable[int]) -> dict[int, tuple[int, int]]:
    """Patches and usable patches per slide."""
    rows = session.execute(
        select(Patch.slide_id, func.count(), func.sum(case((USABLE, 1), else_=0)))
        .where(Patch.slide_id.in_(list(slide_ids)))
        .group_by(Patch.slide_id)
    )
    return {slide_id: (total, int(usable or 0)) for slide_id, total, usable in rows}


def work_sizes(session: Session, slide_ids: Sequence[int | None]) -> list[int]:
    """How long work on slides takes, one beside the other: their usable patches, and as much as ten for opening one.

    Args:
        session: of the lab.
        slide_ids: in the order of the answer; None is no slide, which takes next to nothing.
    """
    counts = patch_counts(session, [slide_id for slide_id in slide_ids if slide_id is not None])
    return [1 if slide_id is None else OPENING + counts.get(slide_id, (0, 0))[1] for slide_id in slide_ids]


def _patches(slide_id: int) -> Select[Patch]:
    return select(Patch).where(Patch.slide_id == slide_id).order_by(Patch.row, Patch.col)


class PatchRow(NamedTuple):
    """A patch as it is read where a slide's many are wanted: all but its measures, in a fifth of a `Patch`'s time."""

    id: int
    slide_id: int
    row: int
    col: int
    x_px0: int
    y_px0: int
    tissue_share: float
    fat_area_share: float | None
    set_aside: str | None
    overruled: bool


AnyPatch = Patch | PatchRow


def patch_rows(session: Session, slide_id: int) -> list[PatchRow]:
    """A slide's patches, row by row, to be read and not to be changed."""
    wanted = select(*(getattr(Patch, name) for name in PatchRow._fields))
    found = session.execute(wanted.where(Patch.slide_id == slide_id).order_by(Patch.row, Patch.col))
    return [PatchRow(*row) for row in found]


def patch_corners(session: Session, slide_id: int) -> list[tuple[int, int]]:
    """The upper left corners of a slide's patches in level-0 pixels, x and y, row by row."""
    wanted = select(Patch.x_px0, Patch.y_px0).where(Patch.slide_id == slide_id).order_by(Patch.row, Patch.col)
    return [(x, y) for x, y in session.execute(wanted)]


def patches_of(session: Session, slide_id: int, usable_only: bool = False) -> Sequence[Patch]:
    """A slide's patches, row by row."""
    statement = _patches(slide_id)
    return session.scalars(statement.where(USABLE) if usable_only else statement).all()


def first_patch(session: Session, slide_id: int) -> Patch | None:
    """The first of a slide's patches, if it has any."""
    return session.scalar(_patches(slide_id).limit(1))


def usable_ids(session: Session, project_id: int) -> Sequence[int]:
    """The usable patches of a project's ready slides."""
    statement = select(Patch.id).join(Slide, Slide.id == Patch.slide_id)
    return session.scalars(statement.where(Slide.project_id == project_id, Slide.status == "ready", USABLE)).all()


def slides_by_id(session: Session, slide_ids: Iterable[int]) -> dict[int, Slide]:
    """Those of these slides that are there, by their numbers."""
    ids = sorted(set(slide_ids))
    parts = (select(Slide).where(Slide.id.in_(ids[start : start + CHUNK])) for start in range(0, len(ids), CHUNK))
    return {slide.id: slide for part in parts for slide in session.scalars(part)}


def usable_by_slide(session: Session, slide_ids: Iterable[int]) -> dict[int, list[int]]:
    """The usable patches of those of these slides that are ready and have any, row by row; by slide."""
    by_slide: dict[int, list[int]] = {}
    ids = sorted(set(slide_ids))
    for start in range(0, len(ids), CHUNK):
        rows = session.execute(
            select(Patch.slide_id, Patch.id)
            .join(Slide, Slide.id == Patch.slide_id)
            .where(Patch.slide_id.in_(ids[start : start + CHUNK]), Slide.status == "ready", USABLE)
            .order_by(Patch.slide_id, Patch.row, Patch.col)
        )
        for slide_id, patch_id in rows:
            by_slide.setdefault(slide_id, []).append(patch_id)
    return by_slide


Cell = tuple[int, int, int]


def patch_cells(session: Session, slide_ids: Sequence[int]) -> dict[int, list[Cell]]:
    """(patch id, row, column) of slides' patches by slide, row by row: the order of a slide's arrays."""
    cells: dict[int, list[Cell]] = {slide_id: [] for slide_id in slide_ids}
    for start in range(0, len(slide_ids), CHUNK):
        rows = session.execute(
            select(Patch.slide_id, Patch.id, Patch.row, Patch.col)
            .where(Patch.slide_id.in_(slide_ids[start : start + CHUNK]))
            .order_by(Patch.slide_id, Patch.row, Patch.col)
        )
        for slide_id, patch_id, row, col in rows:
            cells[slide_id].append((patch_id, row, col))
    return cells


def patches_with_ids(session: Session, ids: Sequence[int]) -> Sequence[Patch]:
    """The patches of these ids, by slide and row; ids may be many."""
    patches: list[Patch] = []
    for start in range(0, len(ids), 500):
        patches.extend(session.scalars(select(Patch).where(Patch.id.in_(ids[start : start + 500]))))
    return sorted(patches, key=lambda patch: (patch.slide_id, patch.row, patch.col))


def cells_with_ids(session: Session, ids: Sequence[int]) -> dict[int, tuple[int, int]]:
    """Row and column of the patches of these ids; ids may be many."""
    cells: dict[int, tuple[int, int]] = {}
    for start in range(0, len(ids), CHUNK):
        wanted = select(Patch.id, Patch.row, Patch.col).where(Patch.id.in_(ids[start : start + CHUNK]))
        cells |= {patch_id: (row, col) for patch_id, row, col in session.execute(wanted)}
    return cells


def replace_patches(session: Session, slide_id: int, rows: Iterable[Mapping[str, object]]) -> int:
    """Put these patches in place of the slide's own; the number put there. Labelled patches stop it (foreign keys)."""
    session.execute(delete(Patch).where(Patch.slide_id == slide_id))
    values = [{"slide_id": slide_id, "overruled": False, **row} for row in rows]
    if values:
        session.execute(insert(Patch), values)
    return len(values)


def labelled_events(session: Session, slide_id: int) -> int:
    """How many label events point at this slide's patches."""
    statement = select(func.count(LabelEvent.id)).join(Patch, Patch.id == LabelEvent.patch_id)
    return session.scalar(statement.where(Patch.slide_id == slide_id)) or 0


def signed_scores(session: Session, slide_id: int) -> int:
    """How many signed reports this slide has."""
    statement = select(func.count(SignOff.id)).join(Score, Score.id == SignOff.score_id)
    return session.scalar(statement.where(Score.slide_id == slide_id)) or 0


def annotations_of(session: Session, slide_id: int, reader_id: int) -> Sequence[Annotation]:
    """What a reader drew on a slide, under any name of theirs, in the order it was drawn."""
    whose = Annotation.reader_id.in_(same_person(session, reader_id))
    mine = select(Annotation).where(Annotation.slide_id == slide_id, whose)
    return session.scalars(mine.order_by(Annotation.id)).all()

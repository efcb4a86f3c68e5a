"""What a cohort is made of, in one mark: while it stands, nothing that a training would learn from has changed."""

from __future__ import annotations

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from db.labels import last_hash
from db.models import USABLE, ConsensusRule, Patch, PatientAnswer, Reader, Slide, SlideReading

Mark = tuple[object, ...]
FACTS = ("id", "name", "status", "patient", "site", "scanner", "stain", "staining_run", "simulated", "patch_px")


def standing(session: Session, project_id: int) -> Mark:
    """A mark of labels, readings, readers, rule, answers on patients, and a project's slides and usable patches.

    Found by a handful of questions, however many labels there are; labels and readings count by the last of all.
    """
    facts = (getattr(Slide, name) for name in (*FACTS, "patch_mpp"))
    slides = session.execute(select(*facts).where(Slide.project_id == project_id).order_by(Slide.id)).tuples().all()
    patches = session.execute(
        select(func.max(Patch.id), func.sum(case((USABLE, 1), else_=0)), func.sum(case((USABLE, Patch.id), else_=0)))
        .join(Slide, Slide.id == Patch.slide_id)
        .where(Slide.project_id == project_id)
    ).one()
    newest = [
        session.scalar(select(func.max(table.id)).where(table.project_id == project_id))
        for table in (ConsensusRule, PatientAnswer)
    ]
    readings = session.scalar(select(func.max(SlideReading.id)))
    same = session.scalar(select(func.sum(Reader.id * Reader.same_as)))  # two names of one person
    return last_hash(session), readings, same, *newest, *patches, *slides

"""Projects and readers."""

from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db.account_models import Account
from db.models import Model, Patch, PatientAnswer, Project, Reader, Score, Slide, SlideReading


def all_projects(session: Session) -> Sequence[Project]:
    return session.scalars(select(Project).order_by(Project.simulated, Project.name)).all()


def project_names(session: Session) -> dict[int, str]:
    """Every project's name by its id, in the order of `all_projects`."""
    rows = session.execute(select(Project.id, Project.name).order_by(Project.simulated, Project.name))
    return {project_id: name for project_id, name in rows}  # noqa: C416


def project_named(session: Session, name: str) -> Project | None:
    return session.scalar(select(Project).where(Project.name == name))


def project_counts(session: Session, project_id: int) -> dict[str, int]:
    """Slides, ready and graded slides, patches, models and scored slides of a project."""

    def count(statement) -> int:  # type: ignore[no-untyped-def]
        return session.scalar(statement) or 0

    slides = select(func.count(Slide.id)).where(Slide.project_id == project_id)
    return {
        "slides": count(slides),
        "ready_slides": count(slides.where(Slide.status == "ready")),
        "patches": count(
            select(func.count()).where(Patch.slide_id.in_(select(Slide.id).where(Slide.project_id == project_id)))
        ),
        "models": count(
            select(func.count(Model.id)).where((Model.project_id == project_id) | (Model.project_id.is_(None)))
        ),
        "graded_slides": count(
            select(func.count(func.distinct(SlideReading.slide_id)))
            .join(Slide)
            .where(Slide.project_id == project_id, SlideReading.act != "clear")
        ),
        "scored_slides": count(
            select(func.count(func.distinct(Score.slide_id))).join(Slide).where(Slide.project_id == project_id)
        ),
    }


def all_readers(session: Session) -> Sequence[Reader]:
    return session.scalars(select(Reader).order_by(Reader.name)).all()


def reader_named(session: Session, name: str) -> Reader | None:
    return session.scalar(select(Reader).where(func.lower(Reader.name) == name.lower()))


def ensure_reader(session: Session, name: str) -> Reader:
    """The reader of that name (case does not matter), added with an id if new."""
    reader = reader_named(session, name)
    if reader is None:
        reader = Reader(name=name)
        session.add(reader)
        session.flush()
    return reader


def has_account(session: Session, reader_id: int) -> bool:
    """Whether somebody who signs in reads as this reader."""
    return session.scalar(select(Account.id).where(Account.reader_id == reader_id)) is not None


def patient_answers(session: Session, project_id: int) -> dict[str, bool]:
    """What was answered of patient ids that several sites use: id (its identity key) -> whether it is one person."""
    rows = session.execute(
        select(PatientAnswer.patient, PatientAnswer.one_person)
        .where(PatientAnswer.project_id == project_id)
        .order_by(PatientAnswer.id)
    )
    return dict(rows.tuples().all())

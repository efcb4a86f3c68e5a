"""Projects and readers."""

from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db.account_models import Account
from db.models import (
    Job,
    LabelEvent,
    Model,
    Patch,
    PatientAnswer,
    Project,
    ProjectChange,
    Reader,
    Run,
    Score,
    SignOff,
    Slide,
    SlideReading,
)
from db.scores import files_of_scores
from db.searches import Search, folders_of

MOST_CHANGES = 200  # that are shown
SETTING = "setting changed"  # the act of a change of how a project is run


def all_projects(session: Session, archived: bool = False) -> Sequence[Project]:
    """The projects in sight, or with `archived` those that are not."""
    kept = Project.archived_at.is_not(None) if archived else Project.archived_at.is_(None)
    return session.scalars(select(Project).where(kept).order_by(Project.simulated, Project.name)).all()


def project_names(session: Session) -> dict[int, str]:
    """The name of every project in sight by its id, in the order of `all_projects`."""
    rows = session.execute(
        select(Project.id, Project.name).where(Project.archived_at.is_(None)).order_by(Project.simulated, Project.name)
    )
    return {project_id: name for project_id, name in rows}  # noqa: C416


def add_change(session: Session, project_id: int, act: str, what: str, reader_id: int | None = None) -> None:
    """Write down who did what to a project."""
    session.add(ProjectChange(project_id=project_id, act=act, what=what, reader_id=reader_id))


def changes_of(session: Session, project_id: int) -> Sequence[tuple[ProjectChange, Reader | None]]:
    """The newest changes of a project with who made them, newest first."""
    rows = session.execute(
        select(ProjectChange, Reader)
        .outerjoin(Reader, Reader.id == ProjectChange.reader_id)
        .where(ProjectChange.project_id == project_id)
        .order_by(ProjectChange.id.desc())
        .limit(MOST_CHANGES)
    )
    return rows.tuples().all()


def kept_for_good(session: Session, project_id: int) -> dict[str, int]:
    """How many events there are of a project that are never deleted: labels, readings of slides, signatures."""

    def count(kind, *joins) -> int:  # type: ignore[no-untyped-def]
        statement = select(func.count(kind.id))
        for joined in joins:
            statement = statement.join(*joined)
        return session.scalar(statement.where(Slide.project_id == project_id)) or 0

    of_patch = (Patch, Patch.id == LabelEvent.patch_id), (Slide, Slide.id == Patch.slide_id)
    of_score = (Score, Score.id == SignOff.score_id), (Slide, Slide.id == Score.slide_id)
    return {
        "label event": count(LabelEvent, *of_patch),
        "whole-slide reading": count(SlideReading, (Slide, Slide.id == SlideReading.slide_id)),
        "signature": count(SignOff, *of_score),
    }


def lost_with(session: Session, project_id: int) -> dict[str, int]:
    """How much of each kind goes when a project is deleted."""

    def count(statement) -> int:  # type: ignore[no-untyped-def]
        return session.scalar(statement) or 0

    return {
        "slides": count(select(func.count(Slide.id)).where(Slide.project_id == project_id)),
        "patches": count(select(func.count(Patch.id)).join(Slide).where(Slide.project_id == project_id)),
        "trainings": count(select(func.count(Run.id)).where(Run.project_id == project_id)),
        "searches": count(select(func.count(Search.id)).where(Search.project_id == project_id)),
        "models": count(select(func.count(Model.id)).where(Model.project_id == project_id)),
        "scores": count(select(func.count(Score.id)).join(Slide).where(Slide.project_id == project_id)),
        "background jobs": count(select(func.count(Job.id)).where(Job.project_id == project_id)),
    }


def jobs_of(session: Session, project_id: int) -> set[str]:
    """The numbers of a project's background jobs."""
    return set(session.scalars(select(Job.id).where(Job.project_id == project_id)))


def scored_elsewhere(session: Session, project_id: int) -> int:
    """How many scores of other projects' slides were made by this project's models."""
    statement = select(func.count(Score.id)).join(Slide).join(Model, Model.id == Score.model_id)
    return session.scalar(statement.where(Model.project_id == project_id, Slide.project_id != project_id)) or 0


def delete_project(session: Session, project: Project) -> list[str]:
    """Delete a project and all that hangs on it, and give back what is to be removed then: the files of its scores, the
    folders of its models and searches.

    What refers to label events, readings or signatures stops it (foreign keys).
    """
    scores = session.scalars(select(Score).join(Slide).where(Slide.project_id == project.id)).all()
    models = session.scalars(select(Model).where(Model.project_id == project.id)).all()
    files = [*files_of_scores(scores), *(model.folder for model in models), *folders_of(session, project.id)]
    for of_kind in (scores, models):  # what refers to the others goes first
        for row in of_kind:
            session.delete(row)
        session.flush()
    session.delete(project)
    return files


def project_named(session: Session, name: str) -> Project | None:
    return session.scalar(select(Project).where(Project.name == name))


def project_counts(session: Session, project_id: int) -> dict[str, int]:
    """Slides, ready and graded slides, patches, models and scored slides of a project.

    Models that come with the lab or are all projects' (`shared_models`) are no project's own.
    """

    def count(statement) -> int:  # type: ignore[no-untyped-def]
        return session.scalar(statement) or 0

    slides = select(func.count(Slide.id)).where(Slide.project_id == project_id)
    return {
        "slides": count(slides),
        "ready_slides": count(slides.where(Slide.status == "ready")),
        "patches": count(
            select(func.count()).where(Patch.slide_id.in_(select(Slide.id).where(Slide.project_id == project_id)))
        ),
        "models": count(select(func.count(Model.id)).where(Model.project_id == project_id)),
        "shared_models": count(select(func.count(Model.id)).where(Model.project_id.is_(None))),
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

"""Projects and the people who read slides in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy.orm import Session

from db import access_log, event_log
from db import labels as label_rows
from db import projects as rows
from db.accounts import projects_of
from db.models import Project, Reader, now
from db.slides import fingerprints_only_of, slides_of
from mmdnet.errors import LabError
from mmdnet.labels.keys import USUAL, checked_keys
from mmdnet.words import count
from mmdnet.workflows.services import Services, copies_of, must_get, remove_from_home
from mmdnet.workflows.views import ProjectChangeView, ProjectLosses, ProjectView, ReaderView

OUT_OF_SIGHT = "Archive it to have it out of sight."


def clean_name(name: str, what: str) -> str:
    """A name as it is kept, of 1 to 80 printable characters.

    Raises:
        LabError: it is none.
    """
    name = " ".join(name.split())
    if not 1 <= len(name) <= 80 or not name.isprintable():
        raise LabError(f"A {what} name has 1 to 80 printable characters. Nothing was changed.")
    return name


class Projects:
    def __init__(self, services: Services) -> None:
        self._services = services

    def list(self, archived: bool = False) -> Sequence[ProjectView]:
        """The projects in sight, or with `archived` those that were put out of it."""
        with self._services.db() as session:
            return [self._view(session, project) for project in rows.all_projects(session, archived)]

    def names(self) -> dict[int, str]:
        """The name of every project in sight by its id, in the order of `list`, without counting what they hold."""
        with self._services.db() as session:
            return rows.project_names(session)

    def get(self, project_id: int) -> ProjectView:
        with self._services.db() as session:
            return self._view(session, must_get(session, Project, project_id, "project"))

    def holds(self, project_id: int, what: str, key: int) -> bool:
        """Whether something is in a project, or a model is one of all projects.

        Args:
            project_id: of the project.
            what: `slide`, `patch`, `session`, `run`, `score` or `model`.
            key: its id.
        """
        with self._services.db() as session:
            of = projects_of(session, f"{what}_id", [key])
        return project_id in of or (what == "model" and None in of)

    def create(self, name: str, simulated: bool = False, by: int | None = None) -> ProjectView:
        """A new project.

        Args:
            by: the reader who does it; so below.

        Raises:
            LabError: the name is empty, too long or taken.
        """
        name = clean_name(name, "project")
        with self._services.db.begin() as session:
            self._check_free(session, name)
            project = Project(name=name, simulated=simulated)
            session.add(project)
            session.flush()
            rows.add_change(session, project.id, "made", name, by)
            return self._view(session, project)

    @staticmethod
    def _check_free(session: Session, name: str) -> None:
        there = rows.project_named(session, name)
        if there is not None:
            out = " It is archived; restore it, or choose another name." if there.archived_at else ""
            raise LabError(f"There is already a project called {name}.{out or ' Choose another name.'}")

    def rename(self, project_id: int, name: str, by: int | None = None) -> ProjectView:
        """Another name for a project.

        Raises:
            LabError: the name is empty, too long or another project's. Nothing was changed.
        """
        name = clean_name(name, "project")
        with self._services.db.begin() as session:
            project = must_get(session, Project, project_id, "project")
            if name != project.name:
                self._check_free(session, name)
                rows.add_change(session, project_id, "renamed", f"{project.name} → {name}", by)
                project.name = name
            return self._view(session, project)

    def archive(self, project_id: int, by: int | None = None) -> None:
        """Put a project out of sight; nothing of it is lost, and `restore` brings it back."""
        with self._services.db.begin() as session:
            project = must_get(session, Project, project_id, "project")
            if project.archived_at is None:
                project.archived_at = now()
                rows.add_change(session, project_id, "archived", project.name, by)

    def restore(self, project_id: int, by: int | None = None) -> None:
        """Bring an archived project back into sight."""
        with self._services.db.begin() as session:
            project = must_get(session, Project, project_id, "project")
            if project.archived_at is not None:
                project.archived_at = None
                rows.add_change(session, project_id, "restored", project.name, by)

    def set_reader_first(self, project_id: int, asked: bool, by: int | None = None) -> ProjectView:
        """Whether reports show the model's grades only after the reader has given their own.

        That is sequential reading: unaided first, then beside the model. A report that somebody signed hides nothing.
        """
        with self._services.db.begin() as session:
            project = must_get(session, Project, project_id, "project")
            if project.reader_first != asked:
                project.reader_first = asked
                what = f"reader's grades first: {'on' if asked else 'off'}"
                rows.add_change(session, project_id, rows.SETTING, what, by)
            return self._view(session, project)

    def changes(self, project_id: int) -> Sequence[ProjectChangeView]:
        """Who added or changed what, newest first."""
        with self._services.db() as session:
            known = rows.changes_of(session, project_id)
            return [
                ProjectChangeView(change.act, change.what, reader.name if reader else None, change.at)
                for change, reader in known
            ]

    def losses(self, project_id: int) -> ProjectLosses:
        """What would go with a project, and whether it can go: what was labelled, read or signed is never deleted."""
        with self._services.db() as session:
            name = must_get(session, Project, project_id, "project").name
            kept = {kind: times for kind, times in rows.kept_for_good(session, project_id).items() if times}
            elsewhere = rows.scored_elsewhere(session, project_id)
            jobs, goes = rows.jobs_of(session, project_id), rows.lost_with(session, project_id)
        if kept:
            listed = ", ".join(count(times, kind) for kind, times in kept.items())
            why = f"it holds {listed}, and those are never deleted. {OUT_OF_SIGHT}"
        elif elsewhere:
            why = f"its models made {count(elsewhere, 'score')} of other projects' slides. {OUT_OF_SIGHT}"
        elif jobs and (busy := jobs & self._services.queue.active()):
            why = f"{count(len(busy), 'background job')} of it must end first. Cancel what waits or runs."
        else:
            return ProjectLosses(goes, None)
        return ProjectLosses(goes, f"{name} stays: {why} Nothing was changed.")

    def delete(self, project_id: int, name: str, by: int | None = None) -> None:
        """Delete a project with all that was made of its slides; their files stay where they are.

        Args:
            name: the project's name as whoever deletes it typed it.

        Raises:
            LabError: the name is another, or the project must stay (see `losses`). Nothing was changed.
        """
        refusal = self.losses(project_id).refusal
        if refusal:
            raise LabError(refusal)
        with self._services.db.begin() as session:
            project = must_get(session, Project, project_id, "project")
            if " ".join(name.split()) != project.name:
                raise LabError(f"Type the project's name, {project.name}, to delete it. Nothing was changed.")
            only_here = fingerprints_only_of(session, slides_of(session, project_id))
            files = [*rows.delete_project(session, project), *copies_of(self._services.settings, only_here)]
            rows.add_change(session, project_id, "deleted", project.name, by)
        remove_from_home(self._services.settings, files)

    def named(self, name: str, simulated: bool = False) -> ProjectView:
        """The project of that name, made if it is not there."""
        with self._services.db() as session:
            project = rows.project_named(session, clean_name(name, "project"))
            if project and project.archived_at:
                raise LabError(f"{project.name} is archived. Restore it on the Overview first; nothing was changed.")
            if project:
                return self._view(session, project)
        return self.create(name, simulated)

    def remove(self, project_id: int) -> None:
        """Take away a project that holds nothing.

        Raises:
            LabError: there are slides in it.
        """
        with self._services.db.begin() as session:
            project = must_get(session, Project, project_id, "project")
            if rows.project_counts(session, project_id)["slides"]:
                raise LabError(f"{project.name} holds slides. Take them out first.")
            session.delete(project)

    @staticmethod
    def _view(session, project: Project) -> ProjectView:  # type: ignore[no-untyped-def]
        labelled = sum(label_rows.labelled_by_slide(session, project.id).values())
        return ProjectView(
            id=project.id,
            name=project.name,
            simulated=project.simulated,
            labelled_patches=labelled,
            archived_at=project.archived_at,
            report_model_id=project.report_model_id,
            reader_first=project.reader_first,
            **rows.project_counts(session, project.id),
        )


class Readers:
    """People who grade. A reader is a name; who may use it is the business of accounts (`lab.accounts`).

    No event is touched by what is done here: events name a reader by number.
    """

    def __init__(self, services: Services) -> None:
        self._services = services

    def list(self) -> Sequence[ReaderView]:
        with self._services.db() as session:
            return [ReaderView(reader.id, reader.name) for reader in rows.all_readers(session) if not reader.retired_at]

    def get(self, reader_id: int) -> ReaderView:
        with self._services.db() as session:
            reader = must_get(session, Reader, reader_id, "reader")
            return ReaderView(reader.id, reader.name)

    def ensure(self, name: str) -> ReaderView:
        """The reader of that name (case does not matter), added if new.

        Raises:
            LabError: the reader of that name is retired, or it is no name.
        """
        name = clean_name(name, "reader")
        with self._services.db.begin() as session:
            reader = rows.ensure_reader(session, name)
            if reader.retired_at:
                raise LabError(f"{reader.name} is retired and reads no more. Choose another name; nothing was changed.")
            return ReaderView(reader.id, reader.name)

    def rename(self, reader_id: int, name: str, by: int | None = None) -> ReaderView:
        """Another name for a reader; what they gave is shown under it.

        Args:
            by: the account that does it; so below.

        Raises:
            LabError: another reader has it, or it is none. Nothing was changed.
        """
        name = clean_name(name, "reader")
        with event_log.appending(self._services.db) as session:
            reader = must_get(session, Reader, reader_id, "reader")
            there = rows.reader_named(session, name)
            if there is not None and there.id != reader_id:
                raise LabError(f"There is another reader called {there.name}. To make one of both, merge them.")
            access_log.append(session, "rename reader", by, said={"reader": reader_id, "from": reader.name, "to": name})
            reader.name = name
            return ReaderView(reader.id, reader.name)

    def retire(self, reader_id: int, by: int | None = None) -> None:
        """Offer a reader no more; what they gave stays."""
        with event_log.appending(self._services.db) as session:
            reader = must_get(session, Reader, reader_id, "reader")
            reader.retired_at = reader.retired_at or now()
            access_log.append(session, "retire reader", by, said={"reader": reader_id})

    def merge(self, reader_id: int, into_id: int, by: int | None = None) -> None:
        """One person read under two names: from now on they are one reader; what was given under either is theirs.

        Raises:
            LabError: it is one reader already, or both are accounts' own. Nothing was changed.
        """
        with event_log.appending(self._services.db) as session:
            reader = must_get(session, Reader, reader_id, "reader")
            into = must_get(session, Reader, into_id, "reader")
            if reader_id == into_id or reader.same_as is not None or into.same_as is not None:
                raise LabError(f"{reader.name} and {into.name}: one of them is merged already. Nothing was changed.")
            if rows.has_account(session, reader_id):
                raise LabError(f"{reader.name} is an account's reader: merge the other into it. Nothing was changed.")
            reader.same_as, reader.retired_at = into_id, reader.retired_at or now()
            for other in rows.all_readers(session):
                if other.same_as == reader_id:
                    other.same_as = into_id
            access_log.append(session, "merge readers", by, said={"reader": reader_id, "into": into_id})

    def keys(self, reader_id: int) -> dict[str, str]:
        """The reader's keys of the labelling canvas, one per act of `mmdnet.labels.keys.ACTS`."""
        with self._services.db() as session:
            return USUAL | must_get(session, Reader, reader_id, "reader").keys

    def set_keys(self, reader_id: int, keys: Mapping[str, str]) -> dict[str, str]:
        """Keep the reader's keys; all of them as they are now.

        Raises:
            LabError: two acts would have one key, or a key or act cannot be used. Nothing was changed.
        """
        chosen = checked_keys(keys)
        with self._services.db.begin() as session:
            own = {act: key for act, key in chosen.items() if key != USUAL[act]}
            must_get(session, Reader, reader_id, "reader").keys = own
        return chosen

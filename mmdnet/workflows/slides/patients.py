"""Who is one patient: ids that several sites use, and what was answered of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from db.models import PatientAnswer, Project, Reader
from db.projects import patient_answers
from db.slides import patients_of
from mmdnet.errors import LabError
from mmdnet.slides.identity import identity_key, person, sites_of_patients
from mmdnet.workflows.services import Services, must_get


@dataclass(frozen=True, slots=True)
class SharedPatient:
    """A patient id that several sites use; `one_person` is None while nobody said."""

    patient: str
    sites: tuple[str, ...]
    one_person: bool | None = None


@dataclass(frozen=True, slots=True)
class PatientView:
    """One person: the id as first written, the site where the same id is another person elsewhere, and the slides."""

    person: str
    patient: str
    site: str | None
    slide_ids: tuple[int, ...]


class Patients:
    """Use cases reachable as `lab.slides.patients`."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def of_project(self, project_id: int) -> Sequence[PatientView]:
        """Everybody of whom a project holds slides, by name; slides without a patient id belong to nobody."""
        with self._services.db() as session:
            must_get(session, Project, project_id, "project")
            written = patients_of(session, project_id)
            answers = patient_answers(session, project_id)
        by_person: dict[str, list[int]] = {}
        for slide_id, (patient, site) in written.items():
            if identity_key(patient):
                by_person.setdefault(person(patient, site, answers), []).append(slide_id)
        apart = {key for key, one_person in answers.items() if not one_person}
        views = []
        for known, slide_ids in by_person.items():
            patient, site = written[slide_ids[0]]
            shown_site = site if identity_key(patient) in apart else None
            views.append(PatientView(known, patient or "", shown_site, tuple(slide_ids)))
        return sorted(views, key=lambda view: (view.patient, view.site or ""))

    def shared(self, project_id: int) -> Sequence[SharedPatient]:
        """The ids that more than one site uses, as first written."""
        with self._services.db() as session:
            must_get(session, Project, project_id, "project")
            slides = list(patients_of(session, project_id).values())
            answers = patient_answers(session, project_id)
        written: dict[str, str] = {}
        for patient, _ in slides:
            written.setdefault(identity_key(patient), patient or "")
        return [
            SharedPatient(written[key], sites, answers.get(key)) for key, sites in sites_of_patients(slides).items()
        ]

    def answer(self, project_id: int, patient: str, one_person: bool, set_by: int | None = None) -> SharedPatient:
        """Record whether it is one person; earlier answers stay on record.

        Raises:
            LabError: no two sites use that id.
        """
        shared = {identity_key(known.patient): known for known in self.shared(project_id)}
        key = identity_key(patient)
        if key not in shared:
            raise LabError(f'The patient id "{patient}" is not used at two sites here. Nothing was changed.')
        with self._services.db.begin() as session:
            if set_by is not None:
                must_get(session, Reader, set_by, "reader")
            session.add(PatientAnswer(project_id=project_id, patient=key, one_person=one_person, set_by=set_by))
        return SharedPatient(shared[key].patient, shared[key].sites, one_person)

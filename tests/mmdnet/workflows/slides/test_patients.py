"""Ids that two sites use: told, answered, and every answer kept."""

import pytest

from db.models import PatientAnswer, Slide
from mmdnet.errors import LabError
from mmdnet.workflows.slides.patients import Patients, SharedPatient


def test_a_shared_id_is_told_until_it_is_answered_and_the_newest_answer_holds(label_bench):
    patients, project = Patients(label_bench.services), label_bench.project
    assert patients.shared(project) == []
    with pytest.raises(LabError, match='"P1" is not used at two sites'):
        patients.answer(project, "P1", one_person=True)
    with label_bench.db.begin() as session:
        for number, (patient, site) in zip(label_bench.slides, (("P 1", "North"), ("p01", "South")), strict=True):
            session.get(Slide, number).patient, session.get(Slide, number).site = patient, site
    assert patients.shared(project) == [SharedPatient("P 1", ("North", "South"))]
    patients.answer(project, "P1", one_person=True, set_by=label_bench.readers[0])
    assert patients.answer(project, "p 001", one_person=False) == SharedPatient("P 1", ("North", "South"), False)
    assert patients.shared(project)[0].one_person is False
    with label_bench.db() as session:
        assert session.query(PatientAnswer).count() == 2

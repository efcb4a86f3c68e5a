"""Synthetic patches in a training: only when asked for, only of training slides, only as their parent is graded."""

import json

import numpy as np
import pytest

from db.models import SyntheticLook
from mmdnet.errors import LabError
from mmdnet.labels.grading import Grades
from mmdnet.workflows.labelling.views import PatchGrades
from mmdnet.workflows.training.synthetic import SyntheticPixels, read_png, synthetic_file
from tests.mmdnet.workflows.augmenting.conftest import finished, passed  # noqa: F401 - fixtures
from tests.small_lab import SHORT_TRAINING, JobInProcess

ASKED = SHORT_TRAINING | {"synthetic": True}


def test_children_are_learnt_from_only_when_asked_for(passed, tmp_path):  # noqa: F811
    lab, project = passed.lab, passed.project
    assert lab.training.prepare(project, SHORT_TRAINING).synthetic == ()
    prepared = lab.training.prepare(project, ASKED)
    assert prepared.check.ok, prepared.check.problem
    assert any("Synthetic patches of training slides: 4" in line for line in prepared.check.lines)
    run = lab.training.queue(prepared)
    kept = json.loads((lab.training.folder(run) / "labels.json").read_text())
    assert len(kept["synthetic"]) == 4
    card = lab.models.get(lab.training.run(JobInProcess(lab.settings, tmp_path), run)).card
    trained = [slide.labelled for slide in lab.slides.list(project) if slide.id in card.split["train"]]
    assert (card.trained_on.synthetic_patches, card.trained_on.graded_patches) == (4, sum(trained))


def test_a_training_on_other_slides_gets_none_of_them(passed):  # noqa: F811
    lab, project = passed.lab, passed.project
    parents = {child.parent_id for child in lab.augmenting.children(passed.batch)}
    for seed in range(6):
        prepared = lab.training.prepare(project, ASKED | {"seed": seed})
        cohort, split = lab.training.sides(project, {"seed": seed})
        outside = {int(p) for s in (*split.validation, *split.test) for p in cohort.patch_id[cohort.patches_of(s)]}
        if parents <= outside:
            assert not prepared.check.ok and "No synthetic patch" in prepared.check.problem
        else:
            assert prepared.check.ok


def test_children_whose_parent_was_graded_otherwise_since_are_left_out(passed):  # noqa: F811
    lab, project = passed.lab, passed.project
    child = lab.augmenting.children(passed.batch)[0]
    again = [PatchGrades(child.parent_id, Grades(ballooning=2, steatosis=0))]
    lab.labels.acts.put_many(project, lab.readers.ensure("Ada").id, again)
    left = {row.parent_id for row in lab.training.prepare(project, ASKED).synthetic}
    assert child.parent_id not in left and len(left) == 3


def test_a_child_that_a_reader_graded_otherwise_without_being_told_is_left_out(passed):  # noqa: F811
    lab = passed.lab
    first, second, *_ = lab.augmenting.children(passed.batch)
    with lab.db.begin() as session:
        for child, grade in ((first, 2), (second, second.grades["ballooning"])):
            session.add(
                SyntheticLook(
                    augmentation_id=passed.batch, reader_id=lab.readers.ensure("Ada").id, synthetic_id=child.id,
                    said_synthetic=False, grade=grade,
                )
            )  # fmt: skip
    left = {row.number for row in lab.training.prepare(passed.project, ASKED).synthetic}
    assert first.id not in left and second.id in left
    assert lab.augmenting.get(passed.batch).counts.contradicted == 1


def test_a_file_that_changed_since_is_refused(passed):  # noqa: F811
    lab = passed.lab
    child = lab.augmenting.children(passed.batch)[0]
    path = synthetic_file(lab.settings, passed.batch, child.parent_id, child.number)
    with lab.db() as session:
        pixels = SyntheticPixels.of(session, lab.settings, [child.id])
        assert np.array_equal(pixels.read(np.array([0]))[0], read_png(path))
        path.write_bytes(path.read_bytes() + b"!")
        with pytest.raises(LabError, match="gone or has changed"):
            SyntheticPixels.of(session, lab.settings, [child.id])
    path.write_bytes(b"no picture")
    with pytest.raises(LabError, match="gone or damaged"):
        read_png(path)

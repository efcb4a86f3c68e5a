"""Which readings are compared, against whom, and who may look at what."""

import numpy as np
import pytest
from safetensors.numpy import save_file

from db.models import Reader, Slide
from mmdnet.labels.agreement import OF_MANY, OF_TWO
from mmdnet.labels.grading import Grades
from mmdnet.workflows.labelling.agreement import _read
from mmdnet.workflows.labelling.views import PatchGrades
from tests.label_bench import grade_all, settle


def shown(bench, kind=None):
    comparisons = bench.labels.agreement.of_project(bench.project).comparisons
    return {
        (comparison.key, comparison.task): comparison for comparison in comparisons if kind in (None, comparison.kind)
    }


def test_two_readers_are_compared_on_what_both_graded_by_every_coefficient(label_bench):
    grade_all(label_bench, 0, [0, 1, 2, 3, 0, 1])
    grade_all(label_bench, 1, [0, 1, 2, 2])
    (pair,) = label_bench.labels.agreement.of_project(label_bench.project).comparisons
    assert (pair.kind, pair.task, pair.first, pair.second, pair.n) == ("readers", "steatosis", "Ada", "Ben", 4)
    assert tuple(pair.estimates) == OF_TWO and pair.drawn == "patches"
    assert 0.8 < pair.estimates["kappa_quadratic"].value < 1
    assert pair.counts[3][2] == 1


def test_a_project_without_labels_has_nothing_to_compare(label_bench):
    view = label_bench.labels.agreement.of_project(label_bench.project)
    assert (view.comparisons, view.groups, view.readers) == ((), (), ())


def test_three_readers_are_compared_together_and_each_with_the_others(label_bench):
    grade_all(label_bench, 0, [0, 1, 2, 3, 0])
    grade_all(label_bench, 1, [0, 1, 2, 3, 1])
    grade_all(label_bench, 2, [0, 1, 2, 2, 3, 3])
    label_bench.labels.consensus.set_rule(label_bench.project, "majority")
    view = label_bench.labels.agreement.of_project(label_bench.project)
    group = next(group for group in view.groups if group.task == "steatosis")
    assert (group.readers, group.shared, group.by_all, tuple(group.estimates)) == (3, 5, 5, OF_MANY)
    cleo = shown(label_bench, "consensus")[f"consensus-{label_bench.readers[2]}", "steatosis"]
    assert (
        cleo.n == 4
    )  # Ada and Ben differ on the fifth, so the two of them have no majority; nobody else has the sixth
    assert (cleo.counts[2][2], cleo.counts[2][3]) == (1, 1)


def test_what_settles_a_disagreement_is_no_reading_of_its_own(label_bench):
    grade_all(label_bench, 0, [0, 1, 2, 3])
    grade_all(label_bench, 1, [0, 1, 2, 0])
    settle(label_bench, 2, 3)
    assert {key for key, _ in shown(label_bench, "readers")} == {"readers-1-2"}
    settle_again = shown(label_bench, "consensus")
    assert settle_again[f"consensus-{label_bench.readers[1]}", "steatosis"].n == 4


def test_a_reader_is_not_compared_with_a_consensus_the_reader_made(label_bench):
    grade_all(label_bench, 0, [0, 1, 2, 3])
    grade_all(label_bench, 1, [0, 1, 2, 0])
    grade_all(label_bench, 2, [0])
    settle(label_bench, 0, 0)  # Ada settles the fourth against her own grade
    label_bench.labels.consensus.set_rule(label_bench.project, "adjudicated")
    comparisons = shown(label_bench, "consensus")
    ada = comparisons[f"consensus-{label_bench.readers[0]}", "steatosis"]
    assert ada.counts[3][0] == 1  # her blind 3 beside Ben's 0: her own settling does not count
    ben = comparisons[f"consensus-{label_bench.readers[1]}", "steatosis"]
    assert ben.counts[0][0] == 2  # the fourth: Ada's settled 0


def test_a_repeat_read_is_compared_with_the_reading_before_it(label_bench):
    grade_all(label_bench, 0, [0, 1, 2, 3])
    view = settle(label_bench, 0, 2, kind="repeat", share=1, washout_days=0)
    assert view.patches == 4
    (repeat,) = shown(label_bench, "repeat").values()
    assert (repeat.first, repeat.n) == ("Ada, first read", 4)
    assert [row[2] for row in repeat.counts] == [1, 1, 1, 1]


def test_the_drill_down_shows_only_patches_the_asking_reader_has_graded(label_bench):
    bench = label_bench
    grade_all(bench, 0, [1, 1, 1, 0])
    grade_all(bench, 1, [3, 3, 3, 0])
    grade_all(bench, 2, [2])
    patches = bench.patches[bench.slides[0]]
    asked = (bench.project, bench.readers[2], "readers-1-2", "steatosis", 1, 3)
    assert (cell := bench.labels.agreement.graded_twice(*asked)).patches == (patches[0],) and cell.hidden == 2
    ada = bench.labels.agreement.graded_twice(bench.project, bench.readers[0], *asked[2:])
    assert (ada.patches, ada.hidden) == (tuple(patches[:3]), 0)
    again = bench.labels.reviews.create(bench.project, bench.readers[0], "repeat", share=1, washout_days=0)
    assert again.patches == 4
    assert (
        bench.labels.agreement.graded_twice(bench.project, bench.readers[0], *asked[2:]).patches == ()
    )  # about to read again
    assert bench.labels.files.export(bench.project, seen_by=bench.readers[0]).labels == 4


def predict(bench, tmp_path, slide, grades, run=None):
    """A score of this slide that gives each patch one grade of steatosis for certain."""
    from db.models import Model, Patch, Project, Run, Score

    with bench.db.begin() as session:
        session.get_one(Project, bench.project)
        run_id = None
        if run is not None:
            row = Run(project_id=bench.project, name="R", choices={}, label_set={})
            session.add(row)
            session.flush()
            run_id = row.id
            folder = tmp_path / "runs" / str(run_id)
            folder.mkdir(parents=True)
            (folder / "split.json").write_text(run)
        model = Model(name="Net", folder="f", weights_sha256="0", card={}, run_id=run_id)
        session.add(model)
        session.flush()
        patches = [session.get_one(Patch, patch) for patch in bench.patches[slide]]
        share = np.eye(4, dtype=np.float32)[[grades[n % len(grades)] for n in range(len(patches))]]
        arrays = {"row": np.array([p.row for p in patches]), "col": np.array([p.col for p in patches])}
        arrays |= {"patches.steatosis": share, "p_ignore": np.zeros(len(patches), np.float32)}
        (tmp_path / "scores").mkdir(exist_ok=True)
        file = f"{model.id}.safetensors"
        save_file(arrays, tmp_path / "scores" / file)
        session.add(Score(slide_id=slide, model_id=model.id, result={}, file=file))


@pytest.fixture
def plain_scores(monkeypatch):
    """Scores as arrays alone: what a whole score file holds is its own tests' business."""
    from safetensors.numpy import load_file

    from mmdnet.workflows.scoring import predictions

    monkeypatch.setattr(predictions, "score_arrays", load_file)


def test_readers_are_held_against_the_model(label_bench, tmp_path, plain_scores):
    grade_all(label_bench, 0, [0, 1, 2, 3])
    grade_all(label_bench, 1, [3])
    predict(label_bench, tmp_path, label_bench.slides[0], [0, 1, 2, 2])
    comparisons = shown(label_bench, "model")
    ada = comparisons[f"model-{label_bench.readers[0]}-1", "steatosis"]
    assert (ada.second, ada.n, ada.counts[3][2]) == ("Net", 4, 1)
    assert len(comparisons) == 2


def test_what_the_model_has_learnt_from_is_not_held_against_it(label_bench, tmp_path, plain_scores):
    grade_all(label_bench, 0, [0, 1, 2, 3])
    predict(label_bench, tmp_path, label_bench.slides[0], [0], run=f'{{"train": [{label_bench.slides[0]}]}}')
    view = label_bench.labels.agreement.of_project(label_bench.project)
    assert view.comparisons == () and view.learnt_from == 4


def test_a_training_that_cannot_be_read_counts_as_having_learnt_from_everything(label_bench, tmp_path, plain_scores):
    grade_all(label_bench, 0, [0, 1, 2, 3])
    predict(label_bench, tmp_path, label_bench.slides[0], [0], run="{")
    assert label_bench.labels.agreement.of_project(label_bench.project).comparisons == ()


def test_labels_given_beside_a_suggestion_are_not_held_against_the_model(label_bench, tmp_path, plain_scores):
    bench = label_bench
    patches = bench.patches[bench.slides[0]]
    bench.labels.acts.put_many(bench.project, bench.readers[0], [PatchGrades(patches[0], Grades(steatosis=1))])
    suggested = [PatchGrades(patches[1], Grades(steatosis=1))]
    bench.labels.acts.put_many(bench.project, bench.readers[0], suggested, shown={"suggestion": {"steatosis": 1}})
    predict(bench, tmp_path, bench.slides[0], [0])
    (comparison,) = shown(bench, "model").values()
    assert comparison.n == 1


def test_slides_of_one_patient_are_drawn_together_however_the_id_is_written(label_bench):
    with label_bench.db.begin() as session:
        for number, written in zip(label_bench.slides, ("P01", " p 1"), strict=True):
            session.get(Slide, number).patient = written
    grade_all(label_bench, 0, [0, 1, 2, 3])
    with label_bench.db() as session:
        collected = _read(session, label_bench.project)
    assert collected.by_patient and set(collected.clusters.values()) == {"p1"}


def test_what_was_worked_out_holds_until_something_it_depends_on_changes(label_bench):
    grade_all(label_bench, 0, [0, 1, 2, 3, 0, 1])
    grade_all(label_bench, 1, [0, 1, 2, 2])
    agreement, project = label_bench.labels.agreement, label_bench.project
    first = agreement.of_project(project)
    assert agreement.of_project(project) is first
    grade_all(label_bench, 1, [0, 1, 2, 2, 0])
    second = agreement.of_project(project)
    assert second.comparisons[0].n == 5
    with label_bench.db.begin() as session:
        session.get(Reader, label_bench.readers[1]).name = "Benjamin"
    third = agreement.of_project(project)
    assert third.comparisons[0].second == "Benjamin" and agreement.of_project(project) is third
    with label_bench.db.begin() as session:
        session.get(Slide, label_bench.slides[0]).patient = "P9"
    assert agreement.of_project(project) is not third

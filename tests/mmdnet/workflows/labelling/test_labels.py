"""Labels as they stand."""

from mmdnet.labels.grading import Grades
from mmdnet.workflows.labelling.views import PatchGrades
from tests.label_bench import act


def test_labels_of_one_slide_are_those_of_the_project_that_lie_on_it(label_bench):
    labels, project, (ada, ben, *_) = label_bench.labels, label_bench.project, label_bench.readers
    for reader in (ada, ben):
        graded = [PatchGrades(patches[0], Grades(steatosis=2)) for patches in label_bench.patches.values()]
        labels.acts.put_many(project, reader, graded)
    for slide in label_bench.slides:
        assert labels.current(project, ada, slide) == [
            label for label in labels.current(project) if (label.reader_id, label.slide_id) == (ada, slide)
        ]
        assert len(labels.current(project, slide_id=slide)) == 2


def test_an_ignored_patch_counts_as_labelled_and_has_no_grades(label_bench, view, items):
    label_bench.labels.acts.put(act(label_bench, view, items[0], act="ignore", ignored=True, grades={}))
    progress = label_bench.labels.sessions.progress(view.id)
    assert (progress.labelled, progress.patches) == (1, 10)
    assert label_bench.labels.consensus.label_set(label_bench.project).rows[0].ignored


def test_a_patch_with_all_unknown_is_done_but_teaches_nothing(label_bench, view, items):
    label_bench.labels.acts.put(act(label_bench, view, items[0], grades={}))
    assert label_bench.labels.sessions.progress(view.id).labelled == 1
    assert label_bench.labels.consensus.label_set(label_bench.project).rows == ()


def test_a_flag_alone_is_no_label(label_bench, view, items):
    label_bench.labels.acts.put(act(label_bench, view, items[0], act="flag", flagged=True, grades={}))
    assert label_bench.labels.sessions.progress(view.id).labelled == 0
    assert label_bench.labels.sessions.queue(view.id)[0].own.flagged

"""What label events say: what stands, what was before, what is left to undo."""

from db import event_log
from db import labels as rows
from db.event_log import NewEvent
from mmdnet.labels.grading import Grades


def new_event(bench, number, patch, ballooning=1, **state):
    return NewEvent(
        f"test-key-{number:06d}", None, bench.readers[0], patch, "grade", Grades(ballooning=ballooning), **state
    )


def test_the_newest_event_of_a_reader_on_a_patch_is_what_stands(label_bench):
    patch = label_bench.patches[label_bench.slides[0]][0]
    with event_log.appending(label_bench.db) as session:
        event_log.append(session, [new_event(label_bench, 1, patch), new_event(label_bench, 2, patch, ballooning=2)])
    with label_bench.db() as session:
        ((event, slide),) = rows.current(session, label_bench.project)
        assert (event.ballooning, slide) == (2, label_bench.slides[0])
        assert rows.labelled_by_slide(session, label_bench.project) == {label_bench.slides[0]: 1}

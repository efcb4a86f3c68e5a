"""What label events say: what stands, what was before, what is left to undo."""

from db import event_log
from db import labels as rows
from db.event_cache import EventHead
from db.event_log import NewEvent
from db.models import LabelEvent
from mmdnet.labels.grading import Grades
from tests.nas import as_given


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


def test_labels_are_counted_by_what_they_say_and_again_only_where_something_came(label_bench):
    zero, first = (label_bench.patches[slide] for slide in label_bench.slides)
    project, other = label_bench.project, label_bench.readers[1]
    with event_log.appending(label_bench.db) as session:
        assert rows.labelled_by_slide(session, project) == {}
        given = [new_event(label_bench, 1, zero[0]), new_event(label_bench, 2, zero[1], None, ignored=True)]
        event_log.append(session, [*given, NewEvent("other-000", None, other, zero[0], "grade", Grades(ballooning=2))])
        assert rows.labelled_by_slide(session, project) == {label_bench.slides[0]: 2}
        cleared = NewEvent("clear-000", None, label_bench.readers[0], zero[1], "clear")
        event_log.append(session, [new_event(label_bench, 3, first[0]), cleared])
        assert rows.labelled_by_slide(session, project) == {label_bench.slides[0]: 1, label_bench.slides[1]: 1}
        assert rows.labelled_by_slide(session, project + 1) == {}
        for reader in (None, other):
            standing = rows.current(session, project, reader)
            assert [vote[:-1] for vote in rows.standing_votes(session, project, reader)] == [
                (e.id, e.session_id, e.reader_id, e.patch_id, slide, e.act, e.ignored) for e, slide in standing
            ]
            votes = rows.standing_votes(session, project, reader)
            assert [Grades.from_values(vote.grades) for vote in votes] == [Grades.of(e) for e, _ in standing] != []
        assert sorted(rows.tallies(session, project)) == [
            (label_bench.readers[0], as_given(1, None, None), False, False, 2),
            (other, as_given(2, None, None), False, False, 1),
        ]
        assert rows.patches_said(session, project, LabelEvent.ballooning.is_not(None)) == 2
        assert rows.grade_counts(session, project)["ballooning"] == [0, 2, 1]
    with label_bench.db() as session:  # another log under the same address is counted from its beginning
        kept = rows._COUNTED._kept[session.get_bind()]
        kept[project, ()] = kept[project, ()]._replace(head=EventHead(5, "0" * 64), value={99: 1})
        assert rows.labelled_by_slide(session, project) == {label_bench.slides[0]: 1, label_bench.slides[1]: 1}

"""Blind readings as columns: the same as those read one by one, whatever was kept of them before."""

import numpy as np

from db import blind_table as tables
from db import readings
from db.models import Reader
from mmdnet.labels.grading import UNKNOWN
from tests.label_bench import grade_all, settle


def told(session, project):
    """The table's rows as plain tuples."""
    table = tables.blind_table(session, project)
    columns = (table.id, table.reader, table.patch, table.slide, table.ignored, table.alone, table.at_s)
    return [
        (*row, tuple(of))
        for *row, of in zip(*(column.tolist() for column in columns), table.grades.tolist(), strict=True)
    ]


def read(session, project):
    return [
        (
            reading.id, reading.reader_id, reading.patch_id, reading.slide_id, reading.ignored,
            reading.suggestion is None, reading.at.timestamp(),
            tuple(UNKNOWN if grade is None else grade for grade in reading.grades.as_tuple),
        )
        for reading in sorted(readings.blind(session, project), key=lambda reading: (reading.patch_id, reading.id))
    ]  # fmt: skip


def test_what_is_kept_is_what_would_be_read_after_labels_settlements_and_joined_readers(label_bench):
    bench, project = label_bench, label_bench.project
    whole: list[object] = []
    steps = [
        lambda: None,
        lambda: grade_all(bench, 0, [0, 1, 2]),
        lambda: grade_all(bench, 1, [0, 2, 2, 3]),
        lambda: grade_all(bench, 0, [3, 1], slide=1),
        lambda: grade_all(bench, 0, [0, 0]),
        lambda: settle(bench, 2, 1),
        lambda: grade_all(bench, 2, [1, 1, 1], slide=1),
        lambda: join(bench),
    ]
    for step in steps:
        step()
        with bench.db() as session:
            whole.append(read(session, project))
            assert told(session, project) == whole[-1]
            assert told(session, project) == whole[-1]
    assert len({tuple(rows) for rows in whole}) == len(steps) - 1  # what settles a disagreement is not blind


def join(bench):
    with bench.db.begin() as session:
        session.get(Reader, bench.readers[2]).same_as = bench.readers[0]


def slides_of(given):
    """Which slides alone were asked for: none where it was all."""
    return tuple(slides for slides in given[2:] if slides is not None)


def test_only_slides_with_newer_labels_are_read_again(label_bench, monkeypatch):
    asked = []
    blind = readings.blind
    monkeypatch.setattr(readings, "blind", lambda *given: asked.append(slides_of(given)) or blind(*given))
    grade_all(label_bench, 0, [1, 2])
    with label_bench.db() as session:
        first = tables.blind_table(session, label_bench.project)
        assert tables.blind_table(session, label_bench.project) is first
    grade_all(label_bench, 0, [1], slide=1)
    with label_bench.db() as session:
        assert np.isin(label_bench.slides, tables.blind_table(session, label_bench.project).slide).sum() == 2
    assert asked == [(), ({label_bench.slides[1]},)]
    with label_bench.db() as session:  # another log under the same address is read from its beginning
        kept = tables._TABLES._kept[session.get_bind()]
        head = kept[label_bench.project, ()].head
        kept[label_bench.project, ()] = kept[label_bench.project, ()]._replace(head=head._replace(hash="0" * 64))
        tables.blind_table(session, label_bench.project)
    assert asked[2:] == [()]

"""Answers read off label events are kept, and only slides with newer events are read again.

What is asked of it: tests/db/test_blind_table.py, tests/db/test_labels.py and
tests/mmdnet/workflows/labelling/test_label_sets.py.
"""

from db import event_cache
from db.event_cache import EventCache, joined_by_slide
from tests.label_bench import grade_all


def test_only_what_came_since_is_read_and_all_where_that_is_much(label_bench, monkeypatch):
    asked = []

    def read(slides):
        asked.append(slides)
        return {slide: len(asked) for slide in label_bench.slides if slides is None or slide in slides}

    def get(asks=()):
        with label_bench.db() as session:
            return cache.get(session, label_bench.project, read, asks)

    cache = EventCache(2, joined_by_slide)
    first, second = label_bench.slides[:2]
    grade_all(label_bench, 0, [1])
    assert get() == get() == {first: 1, second: 1}
    grade_all(label_bench, 0, [1], slide=1)
    assert get() == {first: 1, second: 2} and asked == [None, {second}]
    assert get("another rule") == {first: 3, second: 3} and asked[2:] == [None]
    monkeypatch.setattr(event_cache, "FEW_SLIDES", 0)
    grade_all(label_bench, 0, [2])
    assert get() == {first: 4, second: 4} and asked[3:] == [None]
    get("a third")  # of three answers the one asked for longest ago is forgotten
    assert get() == {first: 4, second: 4} and len(asked) == 5
    get("another rule")
    assert len(asked) == 6

"""Which exemplars a reader has been shown."""

from db import atlas


def test_what_was_shown_is_kept_once_and_per_reader(label_bench):
    ada, ben, _ = label_bench.readers
    first, second, third = label_bench.patches[label_bench.slides[0]][:3]
    with label_bench.db.begin() as session:
        atlas.keep_shown(session, ada, [first, second])
    with label_bench.db.begin() as session:
        atlas.keep_shown(session, ada, [second, third])
        assert atlas.shown_to(session, ada) == {first, second, third}
        assert atlas.shown_to(session, ben) == set()

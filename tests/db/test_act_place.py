"""What one act meets in the database, in one statement."""

from db import act_place
from db.act_place import ActPlace
from tests.label_bench import act


def test_an_act_meets_its_session_its_place_in_the_queue_and_the_newest_act_before_it(label_bench):
    bench = label_bench
    view = bench.session()
    item, other = bench.labels.sessions.queue(view.id)[:2]
    bench.labels.acts.put(act(bench, view, item, 1))
    bench.labels.acts.put(act(bench, view, item, 2, grades={"steatosis": 0}))
    ada, ben, _ = bench.readers
    with bench.db() as session:

        def meets(key, session_id=view.id, patch=item.patch_id):
            return act_place.look(session, key, session_id, ada, patch)

        assert meets("press-00000002") == ActPlace(True, ada, True, "press-00000002")
        assert meets("press-new") == ActPlace(False, ada, True, "press-00000002")
        assert meets("press-new", patch=other.patch_id) == ActPlace(False, ada, True, None)
        assert meets("press-new", patch=10**6) == ActPlace(False, ada, False, None)
        assert meets("press-new", session_id=99) == ActPlace(False, None, False, None)
        of_ben = act_place.look(session, "press-new", view.id, ben, item.patch_id)
    assert of_ben == ActPlace(False, ada, True, None)

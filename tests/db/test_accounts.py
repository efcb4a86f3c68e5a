"""Which project the ids of a use case belong to."""

from db import accounts as rows


def test_slides_patches_and_sessions_lead_to_their_project(label_bench):
    view, project = label_bench.session(), label_bench.project
    patches = label_bench.patches[label_bench.slides[0]]
    with label_bench.db() as session:
        for name, keys in (("slide_id", label_bench.slides), ("patch_id", patches * 40), ("session_id", [view.id])):
            assert rows.projects_of(session, name, keys) == {project}
        assert rows.projects_of(session, "slide_id", [99_999]) == set()
        assert rows.reader_of_session(session, view.id) == label_bench.readers[0]


def test_every_name_has_its_key():
    assert rows.PROJECT_BY.keys() == rows._KEYS.keys()

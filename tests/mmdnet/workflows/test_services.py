import pytest
from sqlalchemy import event

from db.models import Project
from mmdnet.errors import LabError
from mmdnet.workflows.services import must_get, must_get_slides


def test_a_row_that_is_not_there_is_named_in_words(lab):
    project = lab.projects.create("Study").id
    with lab.db() as session:
        assert must_get(session, Project, project, "project").name == "Study"
        with pytest.raises(LabError, match="no project with the number 99"):
            must_get(session, Project, 99, "project")


def test_slides_come_in_the_order_they_were_named_and_are_asked_for_at_once(label_bench):
    first, second = label_bench.slides
    with label_bench.db() as session:
        asked = []
        event.listen(session.get_bind(), "before_cursor_execute", lambda *said: asked.append(said[2]))
        assert [slide.id for slide in must_get_slides(session, [second, first])] == [second, first]
        assert len(asked) == 1 and [slide.id for slide in must_get_slides(session, [])] == []
        with pytest.raises(LabError, match="no slide with the number 99"):
            must_get_slides(session, [first, 99])

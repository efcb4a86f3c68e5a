import pytest

from db.models import Project
from mmdnet.errors import LabError
from mmdnet.workflows.services import must_get


def test_a_row_that_is_not_there_is_named_in_words(lab):
    project = lab.projects.create("Study").id
    with lab.db() as session:
        assert must_get(session, Project, project, "project").name == "Study"
        with pytest.raises(LabError, match="no project with the number 99"):
            must_get(session, Project, 99, "project")

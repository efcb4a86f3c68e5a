"""The line above the plane of patches: whose session the grades go into, and the state of the tissue map."""

from types import SimpleNamespace

import pytest
from streamlit.testing.v1 import AppTest

from mmdnet.errors import LabError
from ui.label import many
from ui.shell import session


class Maps:
    """A project's tissue map: there or not, and how many patches it lacks."""

    def __init__(self) -> None:
        self.made_ns: int | None = None
        self.lacks = 0
        self.started: list[int] = []

    def get(self, project_id):
        return None if self.made_ns is None else SimpleNamespace(made_ns=self.made_ns)

    def missing(self, project_id):
        return self.lacks

    def start(self, project_id):
        self.started.append(project_id)


@pytest.fixture
def lab(lab, monkeypatch):
    lab.maps, lab.running = Maps(), []
    lab.jobs = SimpleNamespace(list=lambda project_id, active: [SimpleNamespace(kind=kind) for kind in lab.running])
    for module in (many, session):
        monkeypatch.setattr(module, "lab", lambda: lab)
    return lab


@pytest.fixture
def planes(monkeypatch):
    """What the plane was drawn with, one entry per run."""
    drawn: list[dict] = []
    monkeypatch.setattr(many, "many", lambda session_id, token, **facts: drawn.append({"id": session_id, **facts}))
    return drawn


def page():
    from types import SimpleNamespace

    from ui.label.many import draw_many

    draw_many(SimpleNamespace(id=1, patches=60), SimpleNamespace(id=1))


def test_grades_go_into_a_session_of_the_readers_own(lab, planes):
    app = AppTest.from_function(page, default_timeout=60).run()
    assert not app.exception
    assert lab.labels.sessions.of_project(1, 1) == [] and "session" not in app.query_params
    (drawn,) = planes
    assert lab.labels.sessions.get(drawn["id"]).reader_id == 1
    assert app.caption[0].value.startswith("Grades go into **Many at once**.")
    assert drawn == {"id": drawn["id"], "stamp": "0-60", "key": f"many_{drawn['id']}"}


@pytest.mark.parametrize(
    ("made_ns", "lacks", "running", "button", "stamp"),
    [
        (None, 0, [], "Make the tissue map", "0-60"),
        (7, 0, [], None, "7-60"),
        (7, 1200, [], "Make the map anew (1,200 patches missing)", "7-60"),
        (None, 0, ["map"], None, "0-60"),
        (None, 0, ["train"], "Make the tissue map", "0-60"),
    ],
)
def test_the_map_is_offered_while_it_is_missing_or_old_and_not_being_made(
    lab, planes, made_ns, lacks, running, button, stamp
):
    lab.maps.made_ns, lab.maps.lacks, lab.running = made_ns, lacks, running
    app = AppTest.from_function(page, default_timeout=60).run()
    assert [shown.label for shown in app.button if shown.key == "make_map"] == ([button] if button else [])
    assert any("is being made" in caption.value for caption in app.caption) == ("map" in running)
    assert planes[-1]["stamp"] == stamp


def test_the_map_is_started_once_and_a_refusal_is_a_sentence(lab, planes, monkeypatch):
    app = AppTest.from_function(page, default_timeout=60).run()
    app.button(key="make_map").click().run()
    assert lab.maps.started == [1]

    def refuse(project_id):
        raise LabError("There are too few patches for a map.")

    monkeypatch.setattr(lab.maps, "start", refuse)
    app.button(key="make_map").click().run()
    assert app.error[0].value == "There are too few patches for a map."

"""What the canvas is handed: its session, token, keys and grades, and a script that needs nothing else."""

import json

from streamlit.testing.v1 import AppTest

from mmdnet.labels.grading import TASKS
from mmdnet.labels.keys import TAKEN, USUAL


def page():
    from ui.label.canvas import canvas

    def nothing():
        pass

    canvas(
        7, "token", keys={"ignore": "q"}, suggestions=True, heard=False, finished=False,
        jump=None, on_started=nothing, on_finished=nothing, on_place=nothing, key="canvas",
    )  # fmt: skip


def test_it_is_drawn_with_what_its_script_asks_for():
    app = AppTest.from_function(page, default_timeout=60).run()
    assert not app.exception
    (drawn,) = (element.proto for element in app.get("bidi_component"))
    data = json.loads(drawn.json)
    assert (data["session"], data["token"], data["keys"]) == (7, "token", {"ignore": "q"})
    assert (data["suggestions"], data["heard"], data["finished"]) == (True, False, False)
    assert data["jump"] is None and data["kept_places"] > 0
    assert data["usual_keys"] == USUAL and set(data["acts"]) == set(USUAL) and set(data["taken_keys"]) == TAKEN
    assert [task["name"] for task in data["tasks"]][:3] == ["steatosis", "inflammation", "ballooning"]
    assert len(data["tasks"]) == len(TASKS)
    assert set(data["tasks"][0]["grades"][0]) == {"value", "patch", "slide", "fill", "ink"}
    assert "export default function (component)" in drawn.js_content and 'class="canvas"' in drawn.html_content

"""What the plane of many patches is handed."""

import json

from streamlit.testing.v1 import AppTest

from mmdnet.labels.grading import SHOWN_TASKS
from ui.label.bulk import FAT_FILLS, KIND_FILLS


def page():
    from ui.label.bulk import many

    many(7, "token", stamp="3 slides", key="many")


def test_it_is_drawn_with_what_its_script_asks_for():
    app = AppTest.from_function(page, default_timeout=60).run()
    assert not app.exception
    (drawn,) = (element.proto for element in app.get("bidi_component"))
    data = json.loads(drawn.json)
    assert (data["session"], data["token"], data["stamp"]) == (7, "token", "3 slides")
    assert data["kind_fills"] == list(KIND_FILLS) and data["fat_fills"] == list(FAT_FILLS)
    assert [len(task["grades"]) for task in data["tasks"]] == [len(task.grades) for task in SHOWN_TASKS]
    assert "export default function (component)" in drawn.js_content and 'class="bulk"' in drawn.html_content


def test_kinds_of_tissue_have_colours_of_their_own():
    assert len(set(KIND_FILLS)) == len(KIND_FILLS) == 12

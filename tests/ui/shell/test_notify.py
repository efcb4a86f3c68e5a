"""What a browser is told of ended jobs; `notify/notices.test.js` holds what it does with it."""

import json

from streamlit.testing.v1 import AppTest


def page():
    from ui.shell.notify import EndedJob, notify_button, notify_of

    notify_of([EndedJob("a1", "Training: done")])
    notify_button()


def test_the_browser_is_told_which_jobs_ended_and_where_the_button_stands():
    app = AppTest.from_function(page, default_timeout=60).run()
    assert not app.exception
    told, button = (json.loads(element.proto.json) for element in app.get("bidi_component"))
    assert told == {"ended": [{"id": "a1", "words": "Training: done"}], "button": False}
    assert button == {"ended": [], "button": True}

"""The page names the field it begins at; `tests/browser` looks whether the keys are there."""

import json

from streamlit.testing.v1 import AppTest


def page():
    from ui.shell.focus import begin_at, begin_at_top, grade_by_digits

    begin_at("ask_mpp_4")
    begin_at("grade", press=2)
    grade_by_digits(["grade", "other"], start="g", then="sign")
    begin_at_top("report_4")


def test_the_browser_is_told_which_field_the_keys_go_to():
    app = AppTest.from_function(page, default_timeout=60).run()
    at_once, pressed, digits, top = (element.proto for element in app.get("bidi_component"))
    assert not app.exception and json.loads(at_once.json) == {"key": "ask_mpp_4"}
    assert json.loads(pressed.json) == {"key": "grade"} and pressed.id.endswith("begin_at_grade_2")
    assert json.loads(digits.json) == {"digits": ["grade", "other"], "start": "g", "then": "sign"}
    assert json.loads(top.json) == {"top": True} and top.id.endswith("top_report_4"), "once for each report"

"""The Report page: grades with their criteria, files, what is signed and amended, and what is loaded for it."""

from collections import Counter

import safetensors
from sqlalchemy import event
from sqlalchemy.engine import Engine


def button(app, label):
    return next(known for known in app.button if known.label == label)


def test_a_report_shows_the_grades_with_their_criteria(filled, filled_home, said):
    app = filled("report", {"project": "1", "score": str(filled_home.score)})
    words = said(app)
    for phrase in ("NAS", "Kleiner 2005", "&lt; 5 %", "Not signed yet", "not signed"):
        assert phrase in words, phrase
    assert [download.label for download in app.get("download_button")] == ["PDF", "HTML", "CSV", "JSON", "QuPath"]


def test_the_models_grades_can_be_signed_as_they_are_and_then_amended_with_a_reason(filled, filled_home):
    lab, score = filled_home.lab, filled_home.score
    app = filled("report", {"project": "1", "score": str(score)})
    button(app, "Sign as Ada").click().run()
    assert not app.error
    (first,) = lab.reports.sign_offs(score)
    assert first.reader == "Ada"

    model = lab.scoring.get(score).summary.tasks["steatosis"].grade
    app.get_by_key(f"sign_{score}_1_steatosis").set_value((model + 1) % 4)
    button(app, "Amend as Ada").click().run()
    assert "Say why" in app.error[0].value
    app.get_by_key(f"sign_{score}_1_steatosis").set_value((model + 1) % 4)
    app.text_input(key=f"reason_{score}_1").set_value("Seen under the microscope")
    button(app, "Amend as Ada").click().run()
    signed = lab.reports.sign_offs(score)
    assert [signature.amends_id for signature in signed] == [None, first.id]
    assert signed[1].grades["steatosis"] == (model + 1) % 4


def test_without_a_reader_nothing_can_be_signed(filled, filled_home, said):
    app = filled("report", {"project": "1", "score": str(filled_home.score)}, reader_id=None)
    assert "Say at the left who is reading" in said(app)
    assert not [known for known in app.button if known.label.startswith("Sign")]


def test_a_page_reads_the_score_file_and_the_patches_once(filled, filled_home, monkeypatch):
    loads: Counter = Counter()
    opened = safetensors.safe_open

    def open_counted(path, *args, **more):
        loads["score file"] += 1
        return opened(path, *args, **more)

    def count(connection, cursor, statement, *rest):
        selected, _, rest_of_it = statement.partition("FROM")
        loads["a slide's patches"] += "patches.x_px0" in selected and "patches.slide_id = " in rest_of_it

    monkeypatch.setattr(safetensors, "safe_open", open_counted)
    event.listen(Engine, "before_cursor_execute", count)
    try:
        app = filled("overview")
        loads.clear()
        app.switch_page("pages/report.py").run()
    finally:
        event.remove(Engine, "before_cursor_execute", count)
    assert not app.exception
    assert loads == {"score file": 1, "a slide's patches": 1}


def test_the_grade_shown_is_the_one_its_bars_favour(filled_home):
    for feature in filled_home.lab.reports.build(filled_home.score).features:
        assert feature.probabilities[feature.grade] == max(feature.probabilities)

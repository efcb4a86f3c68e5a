"""Facts and grades by table on the page: looked at first, done at a press, and who is one patient."""

import pytest
from streamlit.testing.v1 import AppTest

from mmdnet.workflows.slides.patients import Patients
from mmdnet.workflows.slides.tables.facts_table import FactsTables
from ui.slides import by_table
from ui.slides.by_table import _row


def page() -> None:
    from ui.slides.by_table import facts_by_table, shared_patients

    facts_by_table(1)
    shared_patients(1)


class Slides:
    def __init__(self, services):
        self.tables, self.patients = FactsTables(services), Patients(services)


@pytest.fixture
def app(label_bench, monkeypatch):
    """The fold, open, over two slides; Ada is reading."""
    lab = type("Lab", (), {"slides": Slides(label_bench.services)})()
    monkeypatch.setattr(by_table, "lab", lambda: lab)
    who = type("Who", (), {"id": label_bench.readers[0], "name": "Ada"})()
    monkeypatch.setattr(by_table, "reader", lambda: who)
    app = AppTest.from_function(page, default_timeout=60)
    app.session_state["by_table"] = True
    app.lab, app.bench = lab, label_bench
    return app.run()


def names(bench):
    return [str(row["slide"]) for row in FactsTables(bench.services).rows(bench.project)]


def upload(app, text):
    return app.file_uploader(key="facts_in_1_0").upload("t.csv", text.encode()).run()


def test_a_table_is_looked_at_and_done_at_a_press(app):
    first = names(app.bench)[0]
    app = upload(app, f"slide,patient,site,steatosis\n{first},P*1*,North,2\n")
    assert not app.exception and not app.error
    (line,) = [known.value for known in app.markdown if "Row 2" in known.value]
    assert "Site: – → North" in line and r"P\*1\*" in line and "steatosis: – → 2" in line
    app.button(key="facts_do_file").click().run()
    row = app.lab.slides.tables.rows(1)[0]
    assert (row["patient"], row["steatosis"], row["reader"]) == ("P*1*", 2, "Ada")


def test_wrong_rows_are_told_and_nothing_can_be_pressed(app):
    app = upload(app, "slide,steatosis\nnowhere,2\n")
    assert "1 row cannot be used" in app.error[0].value
    assert any("names nowhere" in known.value for known in app.markdown)
    assert all(known.key != "facts_do_file" for known in app.button)


def test_a_slide_that_comes_in_moves_no_row_of_the_open_table_until_that_is_asked_for(app):
    held = f"facts_rows_facts_editor_1_0_{app.bench.readers[0]}"
    app.session_state[held] = app.session_state[held][1:]  # as if the first had come in since
    assert len(app.run().dataframe[0].value) == 1 and "it stays while you edit" in app.caption[1].value
    app.button(key=f"show_{held}").click().run()
    held = held.replace("1_0", "1_1")
    app.session_state[held] = [{**row, "stain": "PAS"} for row in app.session_state[held]]  # as if read of it since
    assert list(app.run().dataframe[0].value["stain"]) == ["PAS", "PAS"], "no cell changes under a hand"
    app.button(key=f"show_{held}").click().run()
    assert len(app.dataframe[0].value) == 2 and not app.exception


def test_an_id_of_two_sites_asks_once(app):
    first, second = names(app.bench)
    rows = {
        2: {"slide": first, "patient": "P1", "site": "North"},
        3: {"slide": second, "patient": "p 1", "site": "South"},
    }
    app.lab.slides.tables.import_rows(1, rows, apply=True)
    app.run()
    assert "P1 is used at North and at South" in app.warning[0].value
    app.button(key="person_P1_False").click().run()
    assert not app.warning and app.lab.slides.patients.shared(1)[0].one_person is False


def test_an_edited_row_says_which_reading_it_is_of_and_what_was_changed():
    row = {"slide": "a", "path": "/a", "reader": None, "patient": "P1", "steatosis": 1}
    assert _row(row, {"steatosis": 2}) == {"path": "/a", "reader": None, "steatosis": 2}

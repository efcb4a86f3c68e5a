"""Where a tab is: a link wins over what was remembered, and what belongs to one project is not carried into another."""

from types import SimpleNamespace

import pytest
import streamlit as st

from mmdnet.errors import LabError
from ui.shell import session
from ui.shell.pages import BELOW_PROJECT


@pytest.fixture
def tab(monkeypatch):
    """A tab's memory and address."""
    state: dict[str, object] = {}
    address: dict[str, str] = {}
    monkeypatch.setattr(st, "session_state", state)
    monkeypatch.setattr(st, "query_params", address)
    monkeypatch.setattr(st, "context", SimpleNamespace(cookies={}, headers={}))
    return SimpleNamespace(state=state, address=address)


@pytest.fixture
def lab(monkeypatch):
    def views(*names):
        known = [SimpleNamespace(id=n, name=name) for n, name in enumerate(names, 1)]
        return SimpleNamespace(
            list=lambda: known,
            names=lambda: {view.id: view.name for view in known},
            get=lambda key: next(view for view in known if view.id == key),
        )

    made = SimpleNamespace(projects=views("First", "Second"), readers=views("Ada", "Ben"))
    monkeypatch.setattr(session, "lab", lambda: made)
    monkeypatch.setattr(session, "person", lambda: None)
    return made


def test_the_address_wins_and_is_remembered(tab):
    session.go_to("slide", 3)
    tab.address["slide"] = "5"
    assert session.at("slide") == 5
    tab.address.clear()
    assert session.at("slide") == 5


@pytest.mark.parametrize("written", ["", "-1", "7x", "²", "1.0", "9" * 16, "None"])
def test_an_address_that_names_nothing_is_passed_over(tab, written):
    session.go_to("slide", 3)
    tab.address["slide"] = written
    assert session.at("slide") == 3


def test_a_link_to_what_is_not_there_is_said_in_a_sentence_and_takes_nothing_along(tab, lab):
    lab.projects.holds = lambda project, what, key: (project, what, key) == (2, "score", 7)
    session.go_to("slide", 3)
    tab.address.clear()
    for address, words, project, left in (
        ({"project": "9"}, "project 9, which is not in this lab", 1, {"at_slide": 3}),
        ({"session": ""}, "names the label session “”", 1, {"at_slide": 3}),
        ({"patch": "1"}, "patch 1, which is not in the project First", 1, {"at_slide": 3}),
        ({"project": "2", "score": "8"}, "report 8, which is not in the project Second", 2, {"at_project": 2}),
        ({"project": "2", "run": "²"}, "names the training “²”", 2, {"at_project": 2}),
    ):
        for _ in range(2):  # as the page is drawn again
            tab.address |= address
            lost = session.lost_link()
            assert words in lost.sentence and lost.project_id == project
            assert session.st.session_state == left  # the next page is of the project the link names
        tab.address.clear()
    session.st.session_state.clear()
    tab.address |= {"project": "2", "score": "7"}
    assert session.lost_link() is None and session.at("slide") is None
    assert (session.at("project"), session.at("score")) == (2, 7)
    lab.projects.names = dict  # what this tab is at is not looked up again
    assert session.lost_link() is None
    session.leave_link(1)
    assert tab.address == {"project": "1"} and session.at("score") is None


def test_another_project_or_slide_leaves_what_was_below_it(tab):
    session.go_to("project", 1)
    for place in BELOW_PROJECT:
        session.go_to(place, 9)
    session.go_to("slide", 8)
    assert session.at("patch") is None and session.at("run") == 9
    session.go_to("project", 1)
    assert session.at("run") == 9
    session.go_to("project", 2)
    assert [session.at(place) for place in BELOW_PROJECT] == [None] * len(BELOW_PROJECT)
    assert tab.address == {"project": "2"}


def test_each_page_names_its_own_places_and_no_others_in_the_address(tab):
    tab.address |= {"project": "1", "slide": "2", "score": "3", "tab": "kept"}
    session.keep_address("slides")
    assert tab.address == {"project": "1", "slide": "2", "tab": "kept"}
    session.keep_address("report")
    assert tab.address == {"project": "1", "score": "3", "tab": "kept"}


def test_an_address_the_browser_went_back_to_names_all_that_is_open(tab, monkeypatch):
    now = [100.0]
    monkeypatch.setattr(session.time, "monotonic", lambda: now[0])
    tab.address |= {"project": "1"}
    session.keep_address("slides")
    session.go_to("slide", 5)
    session.keep_address("slides")
    tab.address.pop("slide")  # a press that was on its way when the slide was opened brings the address of before
    session.keep_address("slides")
    assert session.at("slide") == 5 and tab.address == {"project": "1", "slide": "5"}
    now[0] += 10
    tab.address.pop("slide")
    session.keep_address("slides")
    assert session.at("slide") is None and tab.address == {"project": "1"}
    session.go_to("slide", 6)
    session.keep_address("slides")
    now[0] += 10
    tab.address.clear()  # a link of the side bar names nothing: what was open there is open again
    session.keep_address("label")
    session.keep_address("slides")
    assert session.at("slide") == 6


def test_a_project_that_is_not_there_gives_way_to_the_first(tab, lab):
    tab.address["project"] = "99"
    assert session.project().name == "First" and tab.address["project"] == "1"
    lab.projects.names = dict
    assert session.project() is None


def test_who_reads_is_kept_for_the_tab_and_never_in_the_address(tab, lab):
    assert session.reader() is None
    session.set_reader(2)
    assert session.reader().name == "Ben" and tab.address == {}
    session.set_reader(None)
    assert session.reader() is None


def test_a_tab_that_was_labelling_is_its_sessions_readers_after_a_restart(tab, lab, monkeypatch):
    monkeypatch.setattr(st, "context", SimpleNamespace(cookies={"mmdnet-session-4": "signed"}, headers={}))
    asked = []
    monkeypatch.setattr(session, "remembered_reader", lambda lab, cookies, view: asked.append((cookies, view)) or 2)
    tab.address["session"] = "4"
    assert session.reader().name == "Ben"
    assert asked == [({"mmdnet-session-4": "signed"}, 4)]


def test_a_tab_told_who_read_in_it_has_that_reader_until_another_is_chosen(tab, lab, monkeypatch):
    """Whoever this lab has not is nobody, and that is not taken for cleared by a reader: another lab's name stays."""
    told = iter((None, "Cleo", "Ben"))
    monkeypatch.setattr(session, "told_reader", lambda headers: next(told))
    monkeypatch.setattr(session, "remembered_reader", lambda lab, cookies, view: None)
    session.go_to("session", 7)
    for _ in range(2):
        assert session.reader() is None and "reader_id" not in tab.state
    assert session.reader().name == "Ben" == session.reader().name
    session.set_reader(None)
    assert session.reader() is None


def test_notes_are_said_once(tab):
    session.say_next_run("Saved")
    assert (session.said(), session.said()) == (["Saved"], [])


def test_a_refusal_is_shown_and_a_fault_is_not_swallowed(monkeypatch):
    shown = []
    monkeypatch.setattr(st, "error", lambda words, icon: shown.append(words))
    with session.refusals():
        raise LabError("Not so.")
    with pytest.raises(ZeroDivisionError), session.refusals():
        raise ZeroDivisionError
    assert shown == ["Not so."]


def test_a_name_that_changed_under_the_browser_is_no_choice(monkeypatch):
    """Then the browser's choice comes back as its text, which must not come into the address."""
    state, gone = {"pick_score": "a.svs · 10 min ago"}, []
    monkeypatch.setattr(session.st, "session_state", state)
    monkeypatch.setattr(session, "go_to", lambda *where: gone.append(where))
    session.go_to_picked("score", "pick_score", [3, 4])
    state["pick_score"] = 4
    session.go_to_picked("score", "pick_score", [3, 4])
    assert gone == [("score", 4)]


def test_a_refusal_in_a_callback_is_said_in_the_run_that_follows(tab):
    with session.refusals_next_run():
        raise LabError("No model *knows* these slides.")
    assert session.said() == ["No model *knows* these slides."] and session.said() == []

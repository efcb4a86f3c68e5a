import pytest
from streamlit.runtime.scriptrunner_utils.script_requests import RerunData, ScriptRequests

from ui.server.turned_page import keep_turned


@pytest.fixture
def as_streamlit_has_it(monkeypatch):
    """Streamlit's own requests, whatever another test made of them, and put back afterwards."""
    monkeypatch.setattr(ScriptRequests, "request_rerun", ScriptRequests.request_rerun)
    monkeypatch.setattr(ScriptRequests, "mmdnet_keeps_turned", True, raising=False)
    monkeypatch.delattr(ScriptRequests, "mmdnet_keeps_turned")


def run_that_begins(*asked: RerunData) -> RerunData:
    """What is drawn where all that was asked for came before a run began."""
    requests = ScriptRequests()
    assert all(requests.request_rerun(one) for one in asked)
    return requests.on_scriptrunner_ready().rerun_data


CHOSEN = RerunData(page_script_hash="agreement")


def timer(page: str) -> RerunData:
    return RerunData(page_script_hash=page, fragment_id="learns with you", is_auto_rerun=True)


def test_a_page_that_was_chosen_is_drawn_though_a_fragment_of_the_page_before_has_its_turn(as_streamlit_has_it):
    assert run_that_begins(CHOSEN, timer("label")).page_script_hash == "label", "else this is not needed any more"
    keep_turned()
    keep_turned()
    assert run_that_begins(CHOSEN, timer("label")).page_script_hash == "agreement"


def test_a_fragment_of_the_same_page_and_one_before_the_link_was_pressed_are_what_they_were(as_streamlit_has_it):
    keep_turned()
    assert run_that_begins(CHOSEN, timer("agreement")).fragment_id_queue == []
    assert run_that_begins(timer("label"), CHOSEN).page_script_hash == "agreement"
    assert run_that_begins(timer("label")).fragment_id_queue == ["learns with you"]
    assert run_that_begins(timer("label"), timer("label")).fragment_id_queue == ["learns with you"]

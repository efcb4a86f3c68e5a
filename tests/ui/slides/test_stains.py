"""What colours look like, drawn by itself: nothing stands as a stain before it is confirmed."""

from types import SimpleNamespace

import pytest
from streamlit.testing.v1 import AppTest

from mmdnet.workflows.job_specs import StainsSpec
from ui.slides import stains


def page(proposed: str | None, certainty: float | None, slides: int) -> None:
    from tests.ui.shell.test_words import slide
    from ui.slides.stains import stain_question, stains_to_confirm

    known = {"status": "ready", "stain": None, "proposed_stain": proposed, "stain_certainty": certainty}
    stains_to_confirm(1, [slide(**known) for _ in range(slides)])
    stain_question(slide(**known))


@pytest.fixture
def drawn(monkeypatch):
    asked, going = [], []
    use_cases = SimpleNamespace(stains=SimpleNamespace(submit=asked.append, propose=lambda ids: []))
    jobs = SimpleNamespace(list=lambda project, active: going)
    monkeypatch.setattr(stains, "may", lambda what, project: True)
    monkeypatch.setattr(stains, "lab", lambda: SimpleNamespace(slides=use_cases, jobs=jobs))

    def draw(*proposal, slides=1, looking=False):
        going[:] = [SimpleNamespace(kind=StainsSpec.kind)] if looking else []
        return AppTest.from_function(page, args=(*proposal, slides), default_timeout=60).run()

    draw.asked = asked
    return draw


def test_a_proposal_is_shown_with_its_certainty_and_a_press_to_confirm(drawn):
    app = drawn("H&E", 0.93)
    assert any("E**, 93% certain" in line.value for line in app.markdown)
    assert {button.key for button in app.button} == {"stains_confirm", "stain_confirm"}


def test_not_sure_and_not_looked_at_are_told_apart(drawn):
    unsure, unseen = drawn(None, 0.4), drawn(None, None)
    assert "no stain for certain" in unsure.caption[0].value and not unsure.button
    assert {button.key for button in unseen.button} == {"stains_look", "stain_look"}


def test_many_slides_are_looked_at_in_the_background_and_once(drawn):
    drawn(None, None).button(key="stains_look").click().run()
    assert drawn.asked == []
    many = drawn(None, None, slides=stains.AT_ONCE + 1)
    many.button(key="stains_look").click().run()
    assert [len(ids) for ids in drawn.asked] == [stains.AT_ONCE + 1]
    looking = drawn(None, None, slides=stains.AT_ONCE + 1, looking=True)
    assert [button.key for button in looking.button] == ["stain_look"]
    assert "in the background" in looking.caption[0].value

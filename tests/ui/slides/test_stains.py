"""What colours look like, drawn by itself: nothing stands as a stain before it is confirmed."""

import pytest
from streamlit.testing.v1 import AppTest

from ui.slides import stains


def page(proposed: str | None, certainty: float | None) -> None:
    from tests.ui.shell.test_words import slide
    from ui.slides.stains import stain_question, stains_to_confirm

    known = {"status": "ready", "stain": None, "proposed_stain": proposed, "stain_certainty": certainty}
    stains_to_confirm(1, [slide(**known)])
    stain_question(slide(**known))


@pytest.fixture
def drawn(monkeypatch):
    monkeypatch.setattr(stains, "may", lambda what, project: True)
    return lambda *proposal: AppTest.from_function(page, args=proposal, default_timeout=60).run()


def test_a_proposal_is_shown_with_its_certainty_and_a_press_to_confirm(drawn):
    app = drawn("H&E", 0.93)
    assert any("E**, 93% certain" in line.value for line in app.markdown)
    assert {button.key for button in app.button} == {"stains_confirm", "stain_confirm"}


def test_not_sure_and_not_looked_at_are_told_apart(drawn):
    unsure, unseen = drawn(None, 0.4), drawn(None, None)
    assert "no stain for certain" in unsure.caption[0].value and not unsure.button
    assert {button.key for button in unseen.button} == {"stains_look", "stain_look"}

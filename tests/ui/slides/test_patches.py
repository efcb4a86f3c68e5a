"""A slide's patches, drawn by themselves."""

from streamlit.testing.v1 import AppTest


def unused() -> None:
    from types import SimpleNamespace

    from tests.ui.shell.test_words import slide
    from ui.slides.patches import set_aside_gallery

    set_aside_gallery(slide(), [SimpleNamespace(set_aside=None)])


def test_a_slide_of_which_all_is_used_says_so():
    app = AppTest.from_function(unused, default_timeout=60).run()
    assert [line.value for line in app.caption] == ["No patch of this slide is set aside."]

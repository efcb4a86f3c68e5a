"""No page can break unseen: each is opened in an empty lab and in one that is in use."""

import pytest

from ui.shell.pages import PAGES

NAMES = [page.name for page in PAGES]


@pytest.mark.parametrize("page", NAMES)
def test_a_page_of_an_empty_lab_says_how_to_begin(page, empty, said):
    app = empty(page)
    assert not app.exception
    assert not app.error
    assert ("Welcome to the lab" if page == "overview" else "There is no project yet.") in said(app)
    assert "Research use only" in said(app)


@pytest.mark.parametrize("page", NAMES)
def test_a_page_of_a_project_without_anything_says_how_to_go_on(page, empty):
    app = empty("overview")
    app.text_input[0].set_value("Cohort")
    app.button[0].click().run()
    app.switch_page(f"pages/{page}.py").run()
    assert not app.exception
    assert not app.error


@pytest.mark.parametrize("page", NAMES)
def test_a_page_of_a_lab_in_use_draws(page, filled):
    app = filled(page)
    assert not app.exception
    assert not app.error


@pytest.mark.parametrize("page", NAMES)
def test_a_page_counts_what_a_project_holds_once(page, filled, filled_home, statements):
    filled_home.lab.projects.create("Another")
    app = filled(page)
    statements.clear()
    app.run()
    assert not app.exception
    counted = [asked for asked in statements if "count(distinct(scores.slide_id))" in asked]
    listed = 2 if page == "overview" else 1  # the Overview lists both projects
    assert len(counted) == listed


@pytest.mark.parametrize("page", NAMES)
def test_a_link_that_names_what_is_not_there_breaks_no_page(page, filled):
    app = filled(page, {"project": "1", "slide": "999", "session": "999", "run": "999", "score": "999", "patch": "7x"})
    assert not app.exception
    assert "This link leads to slide 999, which is not in the project Cohort." in app.warning[0].value
    app.button(key="leave_link").click().run()
    assert not app.exception and not any("This link" in warning.value for warning in app.warning)
    assert app.query_params["project"] in ("1", ["1"])

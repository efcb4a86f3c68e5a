"""Every page is listed once, with a file that draws it and what its address names."""

from pathlib import Path

from ui.shell.pages import PAGES, PLACES, address_of

ROOT = Path(__file__).parents[3]


def test_every_page_is_in_the_navigation_once_and_has_its_file():
    assert sorted(page.file for page in PAGES) == sorted(f"pages/{path.name}" for path in (ROOT / "pages").glob("*.py"))
    assert len({page.title for page in PAGES}) == len(PAGES)


def test_every_address_names_the_project_and_only_places_there_are():
    for page in PAGES:
        assert page.address[0] == "project" and set(page.address) <= set(PLACES)
    assert address_of("report") == ("project", "score")
    assert address_of("nowhere") == ()

"""In a real browser, too, hostile names are read as they are, and nothing leaves for where they point."""

from __future__ import annotations

import re

import pytest

from tests.browser import steps
from tests.browser.lab_process import RunningLab
from tests.hostile import LONG, MARK, hostile
from tests.pages.conftest import Filled

pytestmark = pytest.mark.browser
ALIVE = f"a[href*='{MARK}'], img[src*='{MARK}'], del, .katex"
OWN_WORDS = re.compile(r"[A-Z][a-z]+( [a-z]+)*")  # pages emphasize names of buttons; no emphasis in LONG reads like one


def read(page, *expected: str) -> None:
    """Wait for these texts; then no other trace of a hostile text may stand on the page."""
    for text in expected:
        page.wait_for_function(
            "text => document.body.innerText.replace(/\\s+/g, ' ').includes(text)", arg=text, timeout=steps.WAIT_MS
        )
    steps.at_rest(page)
    said = " ".join(page.locator("body").inner_text().split())
    assert not [piece for piece in (MARK, "by D") if piece in said.replace(LONG, "")], said
    alive = page.locator(ALIVE).evaluate_all("found => found.map(one => one.outerHTML)")
    assert not alive
    emphasized = page.locator("[data-testid=stMain] em").all_text_contents()
    assert not [text for text in emphasized if not OWN_WORDS.fullmatch(text)]


def test_hostile_names_are_read_as_they_are_and_no_request_leaves(page, spoilt_lab: tuple[RunningLab, Filled]):
    lab, filled = spoilt_lab
    away: list[str] = []

    def hear(request) -> None:
        if not request.url.startswith((lab.url, "data:", "blob:")):
            away.append(request.url)

    page.on("request", hear)
    page.goto(f"{lab.url}/?project=1")
    read(page, hostile("project 1"), hostile("project 2"), hostile("job"))

    page.get_by_role("combobox", name="Reader").click()
    page.get_by_role("option", name=hostile("reader 2")).click()
    steps.at_rest(page)
    page.get_by_role("link", name="Report", exact=True).click()
    read(page, f"signed by {hostile('reader 2')}", hostile("reason of a signature"))
    badges = page.locator(".stMarkdownBadge").all_inner_texts()
    assert len([badge for badge in badges if "signed" in badge]) == 1, "a reader's name forges no badge"

    page.goto(f"{lab.url}/slides?project=1&slide={filled.slides[0]}")
    read(page, hostile("slide 1") + ".png", hostile("stain"), hostile("patient"), hostile("reason of a slide"))
    page.goto(f"{lab.url}/train?project=1&run={filled.run}")
    read(page)
    page.goto(f"{lab.url}/agreement?project=1")
    read(page, hostile("reader 1"), hostile("reader 2"))
    assert "A*1*2 ~~B~~ $9$" in " ".join(page.locator(".mmd-kappas th[scope=row]").all_text_contents())
    assert not away

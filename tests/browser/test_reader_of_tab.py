"""A page opened by a link in a tab where somebody reads is drawn for them at once; another tab knows nobody."""

from __future__ import annotations

import pytest

from tests.browser.drawn import make_label_home
from tests.browser.lab_process import RunningLab
from tests.browser.steps import at_rest, choose_reader

pytestmark = pytest.mark.browser
NAME = "Łucja “Ö” 王"  # what no header can hold as it is
ASKS = "Who is reading"
WATCH = f"""() => {{
  window.asked = 0
  new MutationObserver(() => {{ if (document.body?.innerText.includes('{ASKS}')) window.asked += 1 }})
    .observe(document, {{ childList: true, subtree: true, characterData: true }})
}}"""


@pytest.fixture
def home(shared_lab: RunningLab, request):
    """A project of this test's own in the shared lab."""
    return make_label_home(shared_lab.home, project=request.node.name[-60:])


def test_a_page_opened_by_a_link_is_drawn_for_the_tabs_reader_at_once(page, shared_lab, home):
    pages = [f"{shared_lab.url}/{name}project={home.project}" for name in ("label?", "label_many?", "agreement?")]
    pages.append(f"{pages[-1]}&part=Read+again")
    page.goto(pages[0])
    page.get_by_text(ASKS).first.wait_for()
    choose_reader(page, NAME)
    page.get_by_text(ASKS).first.wait_for(state="detached")
    at_rest(page)
    page.add_init_script(f"({WATCH})()")
    for address in pages:
        page.goto(address)
        at_rest(page)
        assert page.evaluate("window.asked") == 0, f"{address} was drawn first for nobody"
        assert page.get_by_role("combobox", name="Reader", exact=True).input_value() == NAME
    page.evaluate("sessionStorage.clear()")  # what a tab of their own has not
    page.goto(pages[-1])
    page.get_by_text(ASKS).first.wait_for()

"""Every page and the exported report pass axe-core, in light and dark (WCAG 2.2 A and AA, and its best practice)."""

from __future__ import annotations

from pathlib import Path

import pytest

from mmdnet.settings import PROJECT_ROOT
from tests.browser import steps
from tests.browser.lab_process import RunningLab
from tests.pages.conftest import Filled
from ui.shell.pages import PAGES

pytestmark = pytest.mark.browser
AXE = PROJECT_ROOT / "node_modules" / "axe-core" / "axe.min.js"
# Streamlit's own column of check boxes: nothing of ours can give its header a name.
CHECK_BOXES = '<th role="columnheader" aria-selected="false" aria-colindex="1"'
DARK = "() => getComputedStyle(document.querySelector('.stApp')).colorScheme === 'dark'"
# What waits for the server fades for that long, and is drawn anew.
RUN = """async () => (await axe.run({ exclude: [["[data-stale='true']"]] }, { resultTypes: ["violations"] })).violations"""


def violations(page) -> list[str]:
    """What axe-core finds wrong, each with one element."""
    wrong = []
    for found in page.evaluate(RUN):
        elements = [node["html"] for node in found["nodes"]]
        if found["id"] == "empty-table-header":
            elements = [element for element in elements if not element.startswith(CHECK_BOXES)]
        if elements:
            wrong.append(f"{found['id']}, {len(elements)} times: {elements[0][:200]}")
    return wrong


def test_no_page_and_no_exported_report_breaks_a_rule_of_access(
    page, spoilt_lab: tuple[RunningLab, Filled], tmp_path: Path
):
    lab, filled = spoilt_lab
    exported = tmp_path / "report.html"
    exported.write_text(filled.lab.reports.file(filled.score, "html"), "utf-8")
    wrong: dict[str, list[str]] = {}
    addresses = {entry.name: f"{lab.url}/{'' if entry.name == 'overview' else entry.name}?project=1" for entry in PAGES}
    for name, address in (addresses | {"exported report": exported.as_uri()}).items():
        page.emulate_media(color_scheme="light")
        page.goto(address)
        if name != "exported report":
            steps.at_rest(page)
        page.evaluate(AXE.read_text("utf-8"))
        wrong[f"{name}, light"] = violations(page)
        page.emulate_media(color_scheme="dark")
        if name != "exported report":
            page.wait_for_function(DARK)
            steps.at_rest(page)
        wrong[f"{name}, dark"] = violations(page)
    assert not {where: found for where, found in wrong.items() if found}

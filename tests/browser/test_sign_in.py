"""A reader signs in through an identity provider, labels, signs, and is refused where the role says no."""

from __future__ import annotations

from pathlib import Path

import pytest

from mmdnet.accounts.roles import Role
from mmdnet.labels.grading import TASK_NAMES
from mmdnet.workflows.labelling.views import QueueChoice
from tests.browser import steps
from tests.browser.lab_process import RunningLab
from tests.browser.provider import provider
from tests.pages.conftest import Filled, copied

pytestmark = pytest.mark.browser


def test_who_signs_in_at_the_provider_labels_and_signs_in_the_own_name_and_no_further(
    page, filled_template: Filled, tmp_path: Path
):
    filled = copied(filled_template, tmp_path / "home")
    accounts, labels = filled.lab.accounts, filled.lab.labels
    accounts.add("Root", "correct horse battery", roles=[(Role.ADMIN, None)])
    accounts.add("Ben B.", identity="ben@example.org", reader="Ben", roles=[(Role.READER, filled.project)])
    reader = filled.lab.readers.ensure("Ben").id
    session = labels.sessions.create(filled.project, reader, "Read", QueueChoice(filled.slides[:1], 3)).id
    lab = RunningLab(filled.lab.settings.home)
    with provider() as known:
        secrets = tmp_path / "secrets.toml"
        secrets.write_text(known.secrets_toml(lab.url))
        lab.arguments = ["--secrets.files", str(secrets)]
        try:
            lab.start_app()
            known.who = ("9", "mallory@example.org")
            page.goto(lab.url)
            page.get_by_role("button", name="Sign in").click()
            page.get_by_text("this lab has no account for you").wait_for()
            page.evaluate("sessionStorage.setItem('mmdnet:unsent:add_slides_1', JSON.stringify({ whose: '1' }))")
            page.reload()
            page.wait_for_function(
                "!('mmdnet:unsent:add_slides_1' in sessionStorage)"
            )  # of the last person at this tab

            known.who = ("1", "ben@example.org")
            page.context.clear_cookies()
            page.goto(f"{lab.url}/report?score={filled.score}")
            page.get_by_role("button", name="Sign in").click()
            page.get_by_text("Ben B.").first.wait_for()
            assert page.get_by_role("combobox", name="Reader").count() == 0

            page.goto(f"{lab.url}/report?score={filled.score}")
            for task in range(len(TASK_NAMES)):
                chosen = page.locator(".st-key-sign_panel [data-testid='stButtonGroup']").nth(task)
                chosen.get_by_text("1", exact=True).click()
                steps.at_rest(page)
            page.reload()
            page.get_by_text("NAS 3 (S1 I1 B1)").wait_for()  # what was chosen and not signed yet is there again
            page.get_by_role("button", name="Sign as Ben").click()
            page.get_by_text("Signer proven by identity provider").wait_for()

            page.goto(f"{lab.url}/label?project={filled.project}&session={session}")
            steps.canvas_ready(page)
            patch = steps.patch_shown(page)
            steps.press(page, "321")
            steps.next_patch(page, patch)
            steps.settled(page)

            page.goto(f"{lab.url}/agreement?project={filled.project}")
            page.get_by_text("has no role here that may see other readers' grades").wait_for()
        finally:
            lab.stop()
    (signed,) = filled.lab.reports.sign_offs(filled.score)
    assert (signed.reader, signed.proof, signed.grades.total) == ("Ben", "identity provider", 3)
    given = labels.sessions.progress(session)
    kept = {(label.reader_id, label.patch_id): label.grades for label in labels.current(filled.project)}
    assert given.labelled == 1 and tuple(kept[reader, patch].values()) == (1, 2, 3)

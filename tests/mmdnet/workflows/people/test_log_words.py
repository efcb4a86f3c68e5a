from datetime import UTC, datetime

from mmdnet.accounts.rules import RULES
from mmdnet.workflows.people.log_words import THINGS, did_in_words
from mmdnet.workflows.people.views import AccessView


def said(act, **facts):
    return did_in_words(AccessView(1, "Ada", act, 1, facts, datetime.now(UTC)))


def test_every_use_case_that_is_logged_has_its_words():
    assert {path for path, rule in RULES.items() if rule.logged} == set(THINGS)


def test_an_event_is_told_without_names_of_the_program():
    assert said("export", what="reports.pdf", score_id=3) == "took out a report as PDF: score 3"
    assert said("export", what="reports.file", score_id=3, kind="pdf") == "took out a report: score 3, as pdf"
    assert said("view", what="slides.get", slide_id=5) == "looked at a slide: slide 5"
    assert said("export", what="labels.files.export", kind="csv") == "took out labels: as csv"
    assert said("add account", account=2, by="command line: root") == "add account: account 2"
    event = AccessView(1, "Ada", "grant role", None, {"account": 2, "role": "lead"}, datetime.now(UTC))
    assert did_in_words(event, {2: "Ben"}) == "grant role: Ben, role lead"
    assert said("sign in", proof="password") == "sign in: by password"
    assert said("sign out") == "sign out"
    assert (
        said("delete", what="projects.delete", name="Cohort") == "deleted the project: Cohort"
    )  # its number tells nobody
    assert said("delete", what="of an earlier build", slide_id=4) == "deleted: slide 4"

"""The lines of accounts and of the log of access in words."""

from datetime import UTC, datetime

from mmdnet.accounts.roles import Role
from mmdnet.workflows.people.views import AccessView, AccountView, RoleView
from ui.people.accounts import account_row, event_row, roles_in_words

WHEN = datetime(2026, 3, 4, 9, 30, tzinfo=UTC)
PROJECTS = {1: "Cohort"}


def test_roles_are_told_with_where_they_hold():
    assert roles_in_words((), PROJECTS) == "no role yet"
    held = (RoleView(Role.READER, 1), RoleView(Role.ADMIN, None), RoleView(Role.LEAD, 9))
    assert roles_in_words(held, PROJECTS) == "admin; reader in Cohort; lead in project 9"


def test_a_disabled_account_says_so_and_how_one_signs_in_stands_beside():
    account = AccountView(1, "Ada", None, None, (RoleView(Role.ADMIN, None),), True, True, None)
    assert list(account_row(account, PROJECTS).values()) == ["Ada", "admin", "by password and code"]
    gone = AccountView(2, "Eve", "eve@example.org", None, (), False, False, WHEN)
    assert list(account_row(gone, PROJECTS).values()) == ["Eve", "disabled", "elsewhere, as eve@example.org"]


def test_an_event_names_the_account_or_who_ran_a_command():
    by_page = AccessView(1, "Ada", "export", 1, {"what": "reports.pdf", "score_id": 3}, WHEN)
    assert list(event_row(by_page, PROJECTS).values()) == [
        "2026-03-04 09:30:00 UTC", "Ada", "export", "Cohort", "what=reports.pdf score_id=3",
    ]  # fmt: skip
    by_command = AccessView(2, None, "add account", None, {"account": 2, "by": "command line: root"}, WHEN)
    assert event_row(by_command, PROJECTS)["account"] == "command line: root"
    assert event_row(AccessView(3, None, "refused sign-in", None, {}, WHEN), PROJECTS)["account"] == "–"

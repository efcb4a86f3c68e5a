"""Roles in words."""

from mmdnet.accounts.roles import Role
from mmdnet.workflows.people.views import RoleView, role_words


def test_roles_in_every_project_come_first_and_others_name_theirs():
    roles = (RoleView(Role.READER, 2), RoleView(Role.ADMIN, None), RoleView(Role.LEAD, 9))
    assert role_words(roles, {2: "Cohort"}) == ["admin", "reader in Cohort", "lead in project 9"]
    assert role_words((), {}) == []

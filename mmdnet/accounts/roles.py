"""Roles, and what each allows; a person with their roles per project."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from mmdnet.errors import LabError


class May(StrEnum):
    """What a role allows. `SYSTEM` is given to nobody: it is the workers' own."""

    SEE = "look at slides, patches and reports"
    LABEL = "label"
    SIGN = "sign"
    COMPARE = "see other readers' grades"
    SETTLE = "adjudicate"
    MANAGE = "add, change or remove slides, or train and score"
    EXPORT = "take out all readers' labels"
    AUDIT = "read the log"
    ADMINISTER = "manage accounts and projects"
    SYSTEM = "do what only the lab's workers do"


class Role(StrEnum):
    READER = "reader"
    ADJUDICATOR = "adjudicator"
    LEAD = "lead"
    ADMIN = "admin"
    AUDITOR = "auditor"


_READER = frozenset({May.SEE, May.LABEL, May.SIGN})
ALLOWS: Mapping[Role, frozenset[May]] = {
    Role.READER: _READER,
    Role.ADJUDICATOR: _READER | {May.COMPARE, May.SETTLE},
    Role.LEAD: _READER | {May.COMPARE, May.SETTLE, May.MANAGE, May.EXPORT},
    Role.ADMIN: frozenset({May.SEE, May.MANAGE, May.EXPORT, May.AUDIT, May.ADMINISTER}),
    Role.AUDITOR: frozenset({May.SEE, May.COMPARE, May.EXPORT, May.AUDIT}),
}
"""An admin changes what the lab is and grades nothing; an auditor reads all and changes nothing."""

GRADES = (Role.READER, Role.ADJUDICATOR, Role.LEAD)
"""Roles whose labels and signatures need a reader of their own."""


class Proof(StrEnum):
    """How it was proven who somebody is."""

    PASSWORD = "password"
    PASSWORD_AND_CODE = "password and code"
    PROVIDER = "identity provider"
    PROXY = "web server in front"


class Refused(LabError, PermissionError):
    """The role does not allow it."""


@dataclass(frozen=True, slots=True)
class Person:
    """Who asks. `roles` by project, under None those in every project; `reader_id` is whose labels are theirs."""

    account_id: int
    name: str
    reader_id: int | None = None
    roles: Mapping[int | None, frozenset[Role]] = field(default_factory=dict)
    sign_in_id: int = 0
    proof: Proof = Proof.PASSWORD

    def allowed(self, project_id: int | None) -> frozenset[May]:
        """What this person may do in a project; with None, what they may do in every project."""
        roles = self.roles.get(None, frozenset())
        if project_id is not None:
            roles |= self.roles.get(project_id, frozenset())
        return frozenset[May]().union(*(ALLOWS[role] for role in roles))

    def allowed_anywhere(self) -> frozenset[May]:
        """What this person may do in at least one project."""
        return frozenset[May]().union(*(self.allowed(project) for project in [None, *self.roles]))

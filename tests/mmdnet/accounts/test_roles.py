"""What a person's roles allow, per project."""

from mmdnet.accounts.roles import May, Person, Role


def test_a_role_in_one_project_allows_nothing_in_another():
    person = Person(1, "Ada", 1, {3: frozenset({Role.LEAD})})
    assert May.MANAGE in person.allowed(3)
    assert person.allowed(4) == person.allowed(None) == frozenset()
    assert May.MANAGE in person.allowed_anywhere()


def test_a_role_in_every_project_adds_to_those_of_one():
    person = Person(1, "Ada", 1, {None: frozenset({Role.AUDITOR}), 3: frozenset({Role.READER})})
    assert person.allowed(3) >= {May.AUDIT, May.LABEL}
    assert May.LABEL not in person.allowed(4) and May.AUDIT in person.allowed(4)

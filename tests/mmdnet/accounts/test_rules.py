"""Every use case has its rule, and none stands there that is not."""

import inspect

import pytest

from db.accounts import PROJECT_BY
from mmdnet.accounts.roles import ALLOWS, May, Role
from mmdnet.accounts.rules import RULES, Whose
from mmdnet.lab import open_lab
from mmdnet.settings import Settings


def use_cases(group, path=""):
    """Every public method and property as it is reached from the lab."""
    for name in dir(type(group)):
        if not name.startswith("_"):
            yield f"{path}{name}"
    for name, part in vars(group).items():
        if not name.startswith("_") and type(part).__module__.startswith("mmdnet.workflows"):
            yield from use_cases(part, f"{path}{name}.")


@pytest.fixture(scope="module")
def lab(new_home):
    return open_lab(Settings(home=new_home))


# What the shell asks for itself, before it is known who comes, or of the person's own sign-in.
OF_THE_SHELL = {
    f"accounts.{name}"
    for name in (
        "sign_in", "sign_in_elsewhere", "person", "person_by_id", "sign_out", "confirm", "use_confirmation", "note",
        "new_second_factor", "confirm_second_factor", "change_own_password", "own",
    )
}  # fmt: skip


PICTURES = {"slides.pictures.patch_jpeg", "slides.pictures.patch_pixels"}  # there a context is a width


def test_every_use_case_has_a_rule_and_every_rule_a_use_case(lab):
    there = set(use_cases(lab))
    assert there - OF_THE_SHELL - set(RULES) == set()
    assert set(RULES) - there == set()
    assert there >= OF_THE_SHELL


def test_what_takes_a_jobs_context_is_for_workers_only(lab):
    for path in use_cases(lab):
        part = lab
        for name in path.split("."):
            part = inspect.getattr_static(part, name) if name in vars(type(part)) else getattr(part, name)
        if callable(part) and path not in PICTURES and "context" in inspect.signature(part).parameters:
            assert RULES[path].may is May.SYSTEM, path


OF_NO_PROJECT = {"project_id", "reader_id", "account_id", "sign_in_id", "by_id"}


def test_the_project_of_every_thing_that_is_named_can_be_asked_for(lab):
    """Else a role in the one project that the thing is of would not count."""
    unknown = set()
    for path in use_cases(lab):
        part = lab
        for name in path.split("."):
            part = inspect.getattr_static(part, name) if name in vars(type(part)) else getattr(part, name)
        if callable(part) and path in RULES and RULES[path].may not in (May.SYSTEM, May.ADMINISTER):
            ids = {name for name in inspect.signature(part).parameters if name.endswith("_id")}
            unknown |= {f"{path}: {name}" for name in ids - OF_NO_PROJECT - set(PROJECT_BY)}
    assert unknown == set()


def test_nobody_is_a_worker_an_auditor_changes_nothing_and_an_admin_grades_nothing():
    assert all(May.SYSTEM not in allowed for allowed in ALLOWS.values())
    assert not ALLOWS[Role.AUDITOR] & {May.LABEL, May.SIGN, May.SETTLE, May.MANAGE, May.ADMINISTER}
    assert not ALLOWS[Role.ADMIN] & {May.LABEL, May.SIGN, May.SETTLE, May.COMPARE}


def test_labelling_and_signing_are_in_ones_own_name_only():
    for path, rule in RULES.items():
        if rule.may in (May.LABEL, May.SIGN):
            assert rule.whose is Whose.OWN, path

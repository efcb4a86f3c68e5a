"""The lab as one person may use it: every call is held against its rule (`mmdnet.accounts.rules`) before it is made.

Which project a call touches is read off its arguments' names (`project_id`, `slide_id`, `patch_ids` ...), of all of
them; so no id of another project slips in beside one that is allowed.
"""

from __future__ import annotations

import inspect
import threading
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast

from db import accounts as rows
from mmdnet.accounts.roles import May, Person, Refused
from mmdnet.accounts.rules import RULES, VIEWED, Rule, Whose

if TYPE_CHECKING:
    from mmdnet.workflows.lab import Lab

OPEN = ("settings",)  # of the lab itself: what everybody may know
READERS = ("reader_id", "set_by", "by", "seen_by")  # arguments that name a reader
NAMED = (*rows.PROJECT_BY, *(f"{name}s" for name in rows.PROJECT_BY))
CARRIED = {"act": ("session_id", "patch_id", "reader_id"), "prepared": ("project_id",), "project": (), "slides": ()}
ALL_OF_IT = {Whose.OWN_OR_COMPARED: May.COMPARE, Whose.OWN_OR_EXPORTED: May.EXPORT}
VIEWS_REMEMBERED = 4096  # as written already, so that one view is one line of the log

Noted = set[tuple[int, str, str]]


def guarded(lab: Lab, person: Person) -> Lab:
    """The lab for this person; what it gives out is as it was, what it refuses is a `Refused`."""
    return cast("Lab", _Guarded(lab, lab, person, ""))


def as_owner(lab: Lab) -> Lab:
    """The lab for whoever owns its files: nothing is refused.

    Once the lab asks who comes, what is looked at, taken out or deleted stands in the log of access as the owner's act.
    """
    return cast("Lab", _Owned(lab, lab, "")) if lab.accounts.asked() else lab


class _Owned:
    """A group of use cases, or the lab itself, whose acts are noted."""

    def __init__(self, lab: Lab, group: Any, path: str) -> None:
        self._lab, self._group, self._path = lab, group, path

    def __getattr__(self, name: str) -> Any:
        part, path = getattr(self._group, name), f"{self._path}{name}"
        rule = RULES.get(path)
        if rule is not None and rule.logged:
            return _OwnersCall(self._lab, rule, path, part)
        return _Owned(self._lab, part, f"{path}.") if type(part).__module__.startswith("mmdnet.workflows.") else part


class _OwnersCall:
    """One use case of the owner's that is noted."""

    def __init__(self, lab: Lab, rule: Rule, path: str, work: Callable[..., Any]) -> None:
        self.lab, self.rule, self.path, self.work = lab, rule, path, work

    def __call__(self, *args: Any, **named: Any) -> Any:
        given = _bound(self.work, args, named)
        projects = _projects(self.lab, given)  # asked first: what is deleted is of none afterwards
        result = self.work(*args, **named)
        _note(self.lab, None, self.rule, self.path, given, projects)
        return result


class _Guarded:
    """A group of use cases, or the lab itself, behind its rules."""

    def __init__(self, lab: Lab, group: Any, person: Person, path: str) -> None:
        self._lab, self._group, self._person, self._path = lab, group, person, path

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        path = f"{self._path}{name}"
        if path in OPEN:
            return getattr(self._group, name)
        if isinstance(inspect.getattr_static(type(self._group), name, None), property):
            _check_role(self._person, _rule(path), [])
            return getattr(self._group, name)
        part = getattr(self._group, name)
        if callable(part):
            return _Call(self._lab, self._person, path, part)
        if type(part).__module__.startswith("mmdnet.workflows."):
            return _Guarded(self._lab, part, self._person, f"{path}.")
        raise Refused(f"{path} is not given out.")


class _Call:
    """One use case behind its rule."""

    def __init__(self, lab: Lab, person: Person, path: str, work: Callable[..., Any]) -> None:
        self.lab, self.person, self.path, self.work = lab, person, path, work

    def __call__(self, *args: Any, **named: Any) -> Any:
        rule = _rule(self.path)
        if rule.may is May.ADMINISTER and "by" in inspect.signature(self.work).parameters:
            named = {**named, "by": self.person.account_id}
        given = _bound(self.work, args, named)
        projects = _projects(self.lab, given)
        _check_role(self.person, rule, projects, given)
        _check_reader(self.lab, self.person, rule, given, projects)
        if rule.confirmed:
            self.lab.accounts.use_confirmation(self.person)
            named = {**named, "account": self.person}
        result = self.work(*args, **named)
        if rule.logged:
            _note(self.lab, self.person, rule, self.path, given, projects)
        return _seen(self.person, self.path, result) if rule.filtered else result


def _rule(path: str) -> Rule:
    if path not in RULES:
        raise Refused(f"{path} has no rule yet, so nobody who signs in may use it.")
    return RULES[path]


def _bound(work: Callable[..., Any], args: tuple[Any, ...], named: Mapping[str, Any]) -> dict[str, object]:
    """Every argument by its name, defaults too; what some carry in themselves stands beside them."""
    bound = inspect.signature(work).bind(*args, **named)
    bound.apply_defaults()
    given = dict(bound.arguments)
    for name, fields in CARRIED.items():
        if name in given:
            given |= {field: getattr(given[name], field) for field in fields if hasattr(given[name], field)}
    if hasattr(given.get("project"), "id"):
        given["project_id"] = given["project"].id
    for choice in ("choice", "labels"):
        if hasattr(given.get(choice), "slides"):
            given["slide_ids"] = list(given[choice].slides)
    return given


def _projects(lab: Lab, given: Mapping[str, Any]) -> list[int | None]:
    """The projects that the arguments belong to; None is of no project."""
    found: set[int | None] = set()
    if isinstance(given.get("project_id"), int):
        found.add(given["project_id"])
    found |= set(given.get("project_ids") or ())
    asked = {name: given[name] for name in NAMED if given.get(name) is not None}
    if asked:
        with lab.db() as session:
            for name, value in asked.items():
                keys = list(value) if name.endswith("s") and isinstance(value, Iterable) else [value]
                found |= rows.projects_of(session, name.removesuffix("s"), keys)
    return sorted(found, key=lambda project: project or 0)


def _check_role(person: Person, rule: Rule, projects: list[int | None], given: Mapping[str, Any] | None = None) -> None:
    wanted = {rule.may}
    if (kind := (given or {}).get("kind")) in rule.kinds:
        wanted.add(rule.kinds[cast(str, kind)])
    places = [project for project in projects if project is not None]
    for may in wanted:
        if rule.filtered or (projects and not places):  # of no project: a model that comes with the program
            allowed = may in person.allowed_anywhere()
        elif places:
            allowed = all(may in person.allowed(project) for project in places)
        else:
            allowed = may in person.allowed(None)
        if not allowed:
            raise Refused(
                f"{person.name} has no role here that may {may.value}. Ask an admin of the lab for it; "
                "nothing was changed."
            )


def _check_reader(lab: Lab, person: Person, rule: Rule, given: Mapping[str, Any], projects: list[int | None]) -> None:
    """Whether the reader that is named is this person; no name of another's opens their blinded work."""
    if rule.may is May.ADMINISTER:
        return
    if rule.whose is Whose.ANYBODYS:
        for name in ("set_by", "by"):  # whoever acts acts as themselves
            if isinstance(given.get(name), int) and given[name] != person.reader_id:
                raise Refused("This can only be done in one's own name. Nothing was changed.")
        return
    name = "seen_by" if "seen_by" in given else "reader_id"
    reader = given.get(name)
    others = rule.whose in ALL_OF_IT and all(
        ALL_OF_IT[rule.whose] in person.allowed(place) for place in projects or [None]
    )
    if "session_id" in given and given["session_id"] is not None and not others:
        with lab.db() as session:
            if rows.reader_of_session(session, given["session_id"]) not in (None, person.reader_id):
                raise Refused("This label session belongs to another reader. Nothing was changed.")
    if not others and name in given and (reader is None or reader != person.reader_id):
        raise Refused(f"{person.name} may not look at other readers' grades here, or act in their name.")


def _seen(person: Person, path: str, result: Any) -> Any:
    """What a person may see of what belongs to many projects."""
    if path == "projects.list":
        return [project for project in result if May.SEE in person.allowed(project.id)]
    if path == "projects.names":
        return {key: name for key, name in result.items() if May.SEE in person.allowed(key)}
    if path in ("jobs.list", "jobs.numbered"):
        return [job for job in result if job.project_id is None or May.SEE in person.allowed(job.project_id)]
    return result


@lru_cache(maxsize=1)
def _noted() -> tuple[threading.Lock, Noted]:
    return threading.Lock(), set()


def _note(
    lab: Lab, person: Person | None, rule: Rule, path: str, given: Mapping[str, Any], projects: list[int | None]
) -> None:
    """Write what was seen or taken out; a view once a sign-in, since a page asks for the same slide at each click.

    Args:
        person: None for the lab's owner.
    """
    sign_in = person.sign_in_id if person else 0
    said = {name: given[name] for name in (*rows.PROJECT_BY, "kind", "name") if isinstance(given.get(name), int | str)}
    if rule.logged == VIEWED:
        what = f"score {said['score_id']}" if "score_id" in said else f"slide {said.get('slide_id')}"
        lock, noted = _noted()
        with lock:
            if (sign_in, str(lab.settings.home), what) in noted:
                return
            if len(noted) >= VIEWS_REMEMBERED:
                noted.clear()
            noted.add((sign_in, str(lab.settings.home), what))
    project = projects[0] if projects else None
    lab.accounts.note(person, rule.logged, project, {"what": path, **said})

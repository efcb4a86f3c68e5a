"""The lab behind its rules: every role, every project, every reader's name."""

import shutil
from dataclasses import replace

import pytest

from mmdnet.accounts.owner import owner
from mmdnet.accounts.roles import Person, Refused, Role
from mmdnet.errors import LabError
from mmdnet.lab import open_lab
from mmdnet.settings import Settings
from mmdnet.workflows.guarded import as_owner, guarded
from tests.label_bench import act, grade_all

PASSWORD = "correct horse battery"


@pytest.fixture
def lab(label_bench, new_home):
    shutil.copy(new_home / "jobs.sqlite", label_bench.services.settings.home)
    return open_lab(
        Settings(home=label_bench.services.settings.home, database_url=label_bench.url, jobs_url=_jobs(label_bench))
    )


def _jobs(bench):
    return f"sqlite:///{bench.services.settings.home.resolve() / 'jobs.sqlite'}"


@pytest.fixture
def as_role(lab, label_bench):
    """The lab as the first reader with this role, in the bench's project or in another."""

    def make(role, project=None, reader=0):
        project = label_bench.project if project is None else project
        reader_id = label_bench.readers[reader] if role not in (Role.ADMIN, Role.AUDITOR) else None
        account = lab.accounts.list()[0] if lab.accounts.list() else lab.accounts.add("Somebody", PASSWORD)
        person = lab.accounts.person(lab.accounts.sign_in("Somebody", PASSWORD))
        assert account.id == person.account_id
        return guarded(lab, replace(person, reader_id=reader_id, roles={project: frozenset({role})}))

    return make


@pytest.mark.parametrize("role", Role)
def test_whoever_has_a_role_sees_its_project_and_no_other(lab, label_bench, as_role, role):
    other = lab.projects.create("Other").id
    mine = as_role(role)
    assert list(mine.projects.names()) == [label_bench.project] == [project.id for project in mine.projects.list()]
    assert mine.slides.get(label_bench.slides[0]).project_id == label_bench.project
    with pytest.raises(Refused, match="may look at slides"):
        mine.projects.get(other)
    stranger = as_role(role, project=other)
    for look in (
        lambda: stranger.slides.get(label_bench.slides[0]),
        lambda: stranger.slides.list(label_bench.project),
        lambda: stranger.slides.patch(label_bench.patches[label_bench.slides[0]][0]),
        lambda: stranger.scoring.start(other, [label_bench.slides[0]], 1),
        lambda: stranger.labels.files.export(label_bench.project),
        lambda: stranger.slides.incoming.look(other, "nowhere", [label_bench.project]),
    ):
        with pytest.raises(Refused):
            look()


@pytest.mark.parametrize("role", Role)
def test_only_who_grades_labels_and_only_in_their_own_name_and_session(lab, label_bench, as_role, role):
    own, others = label_bench.session(0), label_bench.session(1, name="Second")
    grades = role in (Role.READER, Role.ADJUDICATOR, Role.LEAD)
    mine = as_role(role)
    item = label_bench.labels.sessions.queue(own.id)[0]
    if grades:
        mine.labels.acts.put(act(label_bench, own, item))
        assert mine.labels.sessions.queue(own.id)[0].own is not None
    else:
        with pytest.raises(Refused):
            mine.labels.acts.put(act(label_bench, own, item))
    other = label_bench.labels.sessions.queue(others.id)[0]
    for wrong in (
        lambda: mine.labels.acts.put(act(label_bench, others, other, 1, reader_id=label_bench.readers[1])),
        lambda: mine.labels.acts.put(act(label_bench, others, other, 2)),
        lambda: mine.labels.sessions.queue(others.id),
        lambda: mine.labels.acts.undo(others.id, label_bench.readers[1]),
        lambda: mine.labels.sessions.progress(others.id),
        lambda: mine.readers.set_keys(label_bench.readers[1], {}),
    ):
        with pytest.raises(Refused):
            wrong()
    assert label_bench.labels.record.verify().events == int(grades)


def test_a_reader_sees_no_others_grades_and_an_auditor_all(label_bench, as_role):
    grade_all(label_bench, 1, [2, 2])
    reader, auditor = as_role(Role.READER), as_role(Role.AUDITOR)
    own = label_bench.readers[0]
    assert reader.labels.current(label_bench.project, own) == []
    for look in (
        lambda: reader.labels.current(label_bench.project),
        lambda: reader.labels.current(label_bench.project, label_bench.readers[1]),
        lambda: reader.labels.files.export(label_bench.project),
        lambda: reader.labels.agreement.of_project(label_bench.project),
        lambda: reader.truth.of_project(label_bench.project),
        lambda: reader.slides.reads.votes(label_bench.slides[0], own),
        lambda: reader.labels.reviews.create(label_bench.project, own, "adjudication"),
    ):
        with pytest.raises(Refused):
            look()
    assert reader.labels.files.export(label_bench.project, seen_by=own).labels == 0
    assert len(auditor.labels.current(label_bench.project)) == 2
    assert auditor.labels.files.export(label_bench.project).labels == 2


def test_the_owner_of_the_files_is_refused_nothing_and_logged_once_the_lab_asks(lab, label_bench):
    assert as_owner(lab) is lab, "a lab that asks nobody logs nobody"
    lab.accounts.add("Root", PASSWORD)
    own = as_owner(lab)
    own.labels.files.export(label_bench.project)
    own.slides.get(label_bench.slides[0])
    assert own.settings is lab.settings and own.labels.counts(label_bench.project)
    own.projects.remove(own.projects.create("Gone").id)
    taken, viewed, deleted = [event for event in reversed(lab.accounts.log()) if event.act != "add account"]
    assert (taken.act, viewed.act, deleted.act) == ("export", "view", "delete")
    assert taken.account is None and taken.said["by"] == f"command line: {owner()}"
    assert taken.project_id == label_bench.project and lab.labels.record.verify_all()[2].intact


CHANGES = [
    ("projects.create", ("New",)), ("projects.remove", (1,)), ("slides.remove", (1,)), ("slides.overrule", (1, True)),
    ("jobs.cancel", ("x",)), ("readers.ensure", ("Eve",)), ("readers.merge", (1, 2)), ("accounts.add", ("Eve", PASSWORD)),
    ("accounts.grant", (1, Role.ADMIN)), ("store.prune", ()), ("training.resume", (1,)), ("maps.start", (1,)),
    ("labels.consensus.set_rule", (1, "latest")), ("slides.submit", (1, "/etc")), ("qupath.forget_regions", (1,)),
]  # fmt: skip


@pytest.mark.parametrize(("path", "arguments"), CHANGES, ids=[path for path, _ in CHANGES])
@pytest.mark.parametrize("role", [Role.AUDITOR, Role.READER, Role.ADJUDICATOR])
def test_who_only_reads_changes_nothing(as_role, role, path, arguments):
    work = as_role(role)
    for name in path.split("."):
        work = getattr(work, name)
    with pytest.raises(Refused):
        work(*arguments)


def test_what_has_no_rule_and_what_only_workers_do_is_closed(as_role):
    lead = as_role(Role.LEAD)
    for reach in (
        lead.db,
        lambda: lead.accounts.sign_in("x", "y"),
        lambda: lead.training.run(None, 1),
        lambda: lead.jobs.submit("x", None),
        lambda: lead.labels._services,
    ):
        with pytest.raises((Refused, AttributeError)):
            reach()


def test_changes_of_accounts_are_noted_in_the_name_of_who_did_them(lab, as_role):
    admin = as_role(Role.ADMIN, project=0)
    everywhere = guarded(lab, replace(admin._person, roles={None: frozenset({Role.ADMIN})}))
    made = everywhere.accounts.add("Eve", PASSWORD, by=999)
    event = lab.accounts.log(1)[0]
    assert (event.account, event.act, event.said["account"]) == ("Somebody", "add account", made.id)


def test_views_are_noted_once_a_sign_in_and_exports_each_time(lab, label_bench, as_role):
    mine = as_role(Role.LEAD)
    for _ in range(3):
        mine.slides.get(label_bench.slides[0])
        mine.labels.files.export(label_bench.project)
    told = [event.act for event in lab.accounts.log()]
    assert (told.count("view"), told.count("export")) == (1, 3)
    again = as_role(Role.LEAD)
    again.slides.get(label_bench.slides[0])
    assert [event.act for event in lab.accounts.log()].count("view") == 2


def test_a_signature_needs_the_role_and_to_be_asked_again(lab, label_bench, as_role):
    with pytest.raises(Refused):
        as_role(Role.ADMIN).reports.sign(1, label_bench.readers[0], {})
    with pytest.raises(LabError, match="once more who you are"):
        as_role(Role.READER, project=None).reports.sign(_score(label_bench), label_bench.readers[0], {})


def _score(bench):
    import numpy as np

    slide = bench.slides[0]
    bench.scored(slide, {"steatosis": np.full((len(bench.patches[slide]), 4), 0.25)})
    from db.models import Score

    with bench.db() as session:
        return session.query(Score).one().id


def test_a_person_without_any_role_may_nothing(lab, label_bench):
    nobody = guarded(lab, Person(1, "Eve"))
    for look in (nobody.projects.names, nobody.readers.list, lambda: nobody.slides.get(label_bench.slides[0])):
        with pytest.raises(Refused):
            look()

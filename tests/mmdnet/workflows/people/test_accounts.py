"""Accounts: sign-ins that end, codes taken once, roles, the last admin, and all of it in the log."""

from datetime import UTC, datetime, timedelta

import pyotp
import pytest
from sqlalchemy import event

from db.account_models import Account, SignIn
from mmdnet.accounts.owner import owner
from mmdnet.accounts.roles import May, Proof, Role
from mmdnet.accounts.tries import TRIES
from mmdnet.errors import LabError
from mmdnet.lab import open_lab
from mmdnet.workflows.people import accounts
from mmdnet.workflows.people.views import RoleView

PASSWORD = "correct horse battery"


@pytest.fixture
def admin(lab):
    account = lab.accounts.add("Admin", PASSWORD)
    return lab.accounts.grant(account.id, Role.ADMIN)


@pytest.fixture
def ada(lab, admin):
    account = lab.accounts.add("Ada", PASSWORD)
    return lab.accounts.grant(account.id, Role.READER)


def acts(lab):
    return [event.act for event in lab.accounts.log()]


def test_the_first_account_makes_the_lab_ask(lab):
    assert not lab.accounts.asked()
    lab.accounts.add("Admin", PASSWORD)
    assert lab.accounts.asked()


def test_a_lab_without_accounts_is_asked_for_one_once_a_second_and_not_at_each_part_of_a_page(lab, monkeypatch):
    moment, questions = [0.0], []
    monkeypatch.setattr(accounts.time, "monotonic", lambda: moment[0])
    event.listen(lab.db.kw["bind"], "before_cursor_execute", lambda *asked: questions.append(asked[2]))
    assert [lab.accounts.asked() for _ in range(50)] == [False] * 50 and len(questions) == 1
    open_lab(lab.settings).accounts.add("Admin", PASSWORD)  # as the command line does it, beside the running app
    assert not lab.accounts.asked()
    moment[0] = accounts.NOBODY_FOR_S
    assert [lab.accounts.asked() for _ in range(50)] == [True] * 50 and len(questions) == 2


def test_a_first_account_that_is_made_while_it_is_asked_for_is_not_forgotten(lab, monkeypatch):
    def nobody_yet(_session):
        lab.accounts.add("Admin", PASSWORD)  # by another thread, once this one has looked
        return False

    monkeypatch.setattr(accounts.rows, "any_account", nobody_yet)
    assert lab.accounts.asked()


def test_who_signs_in_has_their_roles_and_their_own_reader(lab, ada):
    person = lab.accounts.person(lab.accounts.sign_in(" ada ", PASSWORD))
    assert (person.name, person.proof) == ("Ada", Proof.PASSWORD)
    assert May.LABEL in person.allowed(1) and lab.readers.get(person.reader_id).name == "Ada"
    assert lab.accounts.person_by_id(person.sign_in_id) == person
    assert [each.account for each in lab.accounts.sign_ins()] == ["Ada"]


@pytest.mark.parametrize(("name", "password"), [("Ada", "wrong horse battery"), ("Nobody", PASSWORD), ("", "")])
def test_a_wrong_name_or_password_gets_one_sentence_and_stands_in_the_log(lab, ada, name, password):
    with pytest.raises(LabError, match="is not right, or the account is retired"):
        lab.accounts.sign_in(name, password)
    assert acts(lab)[0] == "refused sign-in" and lab.accounts.sign_ins() == []


def test_a_second_factor_is_asked_for_once_it_was_confirmed_and_each_code_opens_once(lab, ada):
    ada = lab.accounts.person(lab.accounts.sign_in("Ada", PASSWORD))
    with pytest.raises(LabError, match="password is not right"):
        lab.accounts.new_second_factor(ada, "wrong")
    address = lab.accounts.new_second_factor(ada, PASSWORD)
    lab.accounts.sign_in("Ada", PASSWORD)  # not confirmed yet
    code = pyotp.parse_uri(address).now()
    with pytest.raises(LabError, match="not of the new second factor"):
        lab.accounts.confirm_second_factor(ada, "000000" if code != "000000" else "000001")
    lab.accounts.confirm_second_factor(ada, code)
    for wrong in ("", code):
        with pytest.raises(LabError):
            lab.accounts.sign_in("Ada", PASSWORD, wrong)
    following = pyotp.parse_uri(address).at(datetime.now() + timedelta(seconds=30))
    person = lab.accounts.person(lab.accounts.sign_in("Ada", PASSWORD, following))
    assert person.proof is Proof.PASSWORD_AND_CODE
    lab.accounts.new_second_factor(person, PASSWORD)  # and never confirmed: what there was goes on to hold
    with pytest.raises(LabError):
        lab.accounts.sign_in("Ada", PASSWORD)
    assert lab.accounts.own(person).second_factor


def test_who_is_asked_again_may_be_wrong_eight_times_and_then_waits_even_with_the_right_password(lab, ada):
    person = lab.accounts.person(lab.accounts.sign_in("Ada", PASSWORD))
    wrong = [
        lambda: lab.accounts.confirm(person, "wrong"),
        lambda: lab.accounts.change_own_password(person, "wrong", "another long one"),
        lambda: lab.accounts.new_second_factor(person, "wrong"),
    ]
    for number in range(TRIES):
        with pytest.raises(LabError, match="not right"):
            wrong[number % 3]()
    for ask in (*wrong, lambda: lab.accounts.confirm(person, PASSWORD)):
        with pytest.raises(LabError, match="Wait five minutes"):
            ask()
    assert acts(lab).count("refused confirmation") == TRIES
    assert lab.accounts.sign_in("Ada", PASSWORD), "nobody is kept from signing in by it"


def test_what_the_owner_of_the_files_does_is_logged_as_theirs(lab, ada):
    assert {event.said["by"] for event in lab.accounts.log() if event.account is None} == {f"command line: {owner()}"}


@pytest.mark.parametrize("end", ["idle", "absolute", "sign out", "by an admin", "retired", "new password"])
def test_a_sign_in_ends(lab, ada, admin, end):
    token = lab.accounts.sign_in("Ada", PASSWORD)
    person = lab.accounts.person(token)
    long_ago = datetime.now(UTC) - timedelta(hours=lab.settings.sign_in_hours, seconds=1)
    with lab.db.begin() as session:
        row = session.get_one(SignIn, person.sign_in_id)
        if end == "idle":
            row.created_at = row.seen_at = datetime.now(UTC) - timedelta(minutes=lab.settings.sign_in_idle_min + 1)
        if end == "absolute":
            row.created_at = long_ago
    match end:
        case "sign out":
            lab.accounts.sign_out(person)
        case "by an admin":
            lab.accounts.end(person.sign_in_id, by=admin.id)
        case "retired":
            lab.accounts.retire(ada.id, by=admin.id)
        case "new password":
            lab.accounts.set_password(ada.id, PASSWORD + "2", by=admin.id)
    assert lab.accounts.person(token) is None and lab.accounts.person_by_id(person.sign_in_id) is None
    assert lab.accounts.sign_ins() == []


def test_a_new_password_of_ones_own_ends_the_other_sign_ins(lab, ada):
    here, there = (lab.accounts.sign_in("Ada", PASSWORD) for _ in range(2))
    person = lab.accounts.person(here)
    with pytest.raises(LabError, match="old password"):
        lab.accounts.change_own_password(person, "wrong wrong wrong", PASSWORD + "2")
    lab.accounts.change_own_password(person, PASSWORD, PASSWORD + "2")
    assert lab.accounts.person(here) and lab.accounts.person(there) is None


def test_roles_are_given_and_taken_per_project(lab, ada):
    project = lab.projects.create("P").id
    assert RoleView(Role.LEAD, project) in lab.accounts.grant(ada.id, Role.LEAD, project).roles
    lab.accounts.grant(ada.id, Role.LEAD, project)
    assert RoleView(Role.LEAD, project) not in lab.accounts.take(ada.id, Role.LEAD, project).roles
    with pytest.raises(LabError, match="has no role lead"):
        lab.accounts.take(ada.id, Role.LEAD, project)
    with pytest.raises(LabError, match="no project"):
        lab.accounts.grant(ada.id, Role.LEAD, 999)
    assert acts(lab)[:2] == ["take role", "grant role"]


def test_the_last_admin_stays(lab, admin):
    for leave in (lambda: lab.accounts.take(admin.id, Role.ADMIN), lambda: lab.accounts.retire(admin.id)):
        with pytest.raises(LabError, match="last admin"):
            leave()


@pytest.mark.parametrize(
    ("again", "reason"),
    [
        ({"name": "ADA", "password": PASSWORD}, "already an account"),
        ({"name": "Eve", "password": "short"}, "10 to 256"),
        ({"name": "Eve"}, "needs a password"),
        ({"name": "", "password": PASSWORD}, "1 to 80"),
        ({"name": "Eve", "password": PASSWORD, "reader": "ada"}, "another account's already"),
    ],
)
def test_what_cannot_be_an_account_is_refused_and_nothing_is_changed(lab, ada, again, reason):
    before = lab.accounts.list()
    with pytest.raises(LabError, match=reason):
        lab.accounts.add(**again)
    assert lab.accounts.list() == before


def test_who_signed_in_elsewhere_is_known_by_the_identity_and_an_ended_sign_in_does_not_come_back(lab, admin):
    lab.accounts.add("Eve", identity="eve@example.org")
    now = datetime.now(UTC)
    assert lab.accounts.sign_in_elsewhere(["iss#other"], Proof.PROVIDER, "t0", now) is None
    token = lab.accounts.sign_in_elsewhere(["iss#1", "EVE@example.org"], Proof.PROVIDER, "t1", now)
    person = lab.accounts.person(token)
    assert (person.name, person.proof) == ("Eve", Proof.PROVIDER)
    lab.accounts.use_confirmation(person)  # signed in just now
    with pytest.raises(LabError, match="sign out and in again"):
        lab.accounts.use_confirmation(person)
    lab.accounts.end(person.sign_in_id)
    assert (
        lab.accounts.person(lab.accounts.sign_in_elsewhere(["iss#1", "eve@example.org"], Proof.PROVIDER, "t1", now))
        is None
    )
    old = now - timedelta(hours=13)
    assert lab.accounts.person(lab.accounts.sign_in_elsewhere(["eve@example.org"], Proof.PROVIDER, "t2", old)) is None


def test_a_signature_follows_only_on_a_fresh_confirmation_and_once(lab, ada):
    person = lab.accounts.person(lab.accounts.sign_in("Ada", PASSWORD))
    with pytest.raises(LabError, match="give your password again"):
        lab.accounts.use_confirmation(person)
    with pytest.raises(LabError, match="Nothing was signed"):
        lab.accounts.confirm(person, "wrong")
    lab.accounts.confirm(person, PASSWORD)
    lab.accounts.use_confirmation(person)
    with pytest.raises(LabError):
        lab.accounts.use_confirmation(person)


def test_no_secret_is_kept_as_it_is_and_the_log_holds(lab, ada):
    token = lab.accounts.sign_in("Ada", PASSWORD)
    with lab.db() as session:
        kept = session.get_one(Account, ada.id)
        assert PASSWORD not in kept.password_hash
        assert token not in {row.token_sha256 for row in session.query(SignIn)}
    *_, access = lab.labels.record.verify_all()
    assert access.intact and access.events == len(acts(lab)) > 3

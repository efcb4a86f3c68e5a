"""`mmdnet accounts`, `mmdnet readers`."""

import json

import pytest

from mmdnet.lab import open_lab
from mmdnet.settings import Settings


@pytest.fixture
def liver(tmp_path):
    """A project in the lab that commands work on."""
    return open_lab(Settings(home=tmp_path / "home")).projects.create("Liver")


@pytest.fixture
def secret(tmp_path):
    file = tmp_path / "password.txt"
    file.write_text("correct horse battery\n")
    return ("--password-file", str(file))


def test_the_first_account_is_an_admin_and_says_that_the_lab_asks_now(run, secret, liver):
    code, _, err = run("accounts", "add", "Ada", "--role", "reader", *secret)
    assert code == 1 and "must be an admin" in err
    code, _, err = run("accounts", "add", "Ada", "--role", "admin", "--project", "Liver", *secret)
    assert code == 1 and "admin of the whole lab" in err
    code, out, _ = run("accounts", "add", "Ada", "--role", "admin", "--role", "lead", *secret)
    assert code == 0 and "Ada: admin, lead" in out and "From now on the lab asks" in out
    code, out, _ = run("accounts", "list", "--json")
    (account,) = json.loads(out)
    assert account["reader_id"] and "hash" not in out and "correct" not in out


def test_roles_are_given_and_taken_accounts_retired_and_all_is_told(run, secret, liver):
    run("accounts", "add", "Ada", "--role", "admin", *secret)
    run("accounts", "add", "Eve", "--role", "reader", "--identity", "eve@example.org")
    assert "reader, auditor" in run("accounts", "role", "eve", "auditor")[1]
    assert "auditor" not in run("accounts", "role", "Eve", "auditor", "--take")[1]
    assert "There is no account called Bo. Known are: Ada, Eve." in run("accounts", "role", "Bo", "lead")[2]
    assert "no project called X" in run("accounts", "role", "Eve", "lead", "-p", "X")[2]
    assert "Leo: admin in Liver." in run("accounts", "add", "Leo", "--role", "admin", "-p", "Liver", *secret)[1]
    assert "Eve is retired" in run("accounts", "retire", "Eve")[1]
    assert "last admin" in run("accounts", "retire", "Ada")[2]
    assert "new password" in run("accounts", "password", "Ada", *secret)[1]
    assert "Nobody is signed in" in run("accounts", "sign-ins")[1]
    log = run("accounts", "log")[1]
    for act in ("add account", "grant role", "take role", "retire account", "set password"):
        assert act in log
    code, out, _ = run("audit", "verify")
    assert code == 0 and "access events, all as they were written" in out


def test_without_a_terminal_a_password_comes_from_a_file(run, tmp_path):
    assert "--password-file" in run("accounts", "add", "Ada", "--role", "admin")[2]
    missing = run("accounts", "add", "Ada", "--role", "admin", "--password-file", str(tmp_path / "none"))
    assert missing[0] == 1 and "cannot be read" in missing[2]
    assert "no accounts" in run("accounts", "list")[1]


def test_readers_are_renamed_merged_and_retired(run, tmp_path):
    from mmdnet.lab import open_lab
    from mmdnet.settings import load_settings

    lab = open_lab(load_settings())
    for name in ("Ada", "A. Byron", "Eve"):
        lab.readers.ensure(name)
    assert "Ada L. now" in run("readers", "rename", "ada", "Ada L.")[1]
    assert "another reader called Eve" in run("readers", "rename", "Ada L.", "eve")[2]
    assert "A. Byron is Ada L." in run("readers", "merge", "A. Byron", "Ada L.")[1]
    run("readers", "retire", "Eve")
    assert run("readers", "list")[1].split("\n")[0] == "Ada L."
    assert "no reader called Eve" in run("readers", "rename", "Eve", "X")[2]


def test_the_secret_of_the_web_server_in_front_is_told(run):
    assert len(run("accounts", "proxy-secret")[1].strip()) > 30

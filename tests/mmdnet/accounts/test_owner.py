"""Whoever owns the lab's files has a name, on machines too that know none."""

import getpass

from mmdnet.accounts.owner import owner


def test_a_user_that_the_machine_knows_no_name_for_is_named_by_number(monkeypatch):
    def nobody():
        raise KeyError("uid not found")

    assert owner() == getpass.getuser()
    monkeypatch.setattr(getpass, "getuser", nobody)
    assert owner().startswith("user ")

"""One's own account where its password is kept elsewhere; `tests/pages/test_people.py` changes one that is ours."""

from types import SimpleNamespace

from streamlit.testing.v1 import AppTest

from mmdnet.accounts.roles import Person, Proof
from tests.pages.conftest import texts
from ui.people import own


def draw():
    import streamlit as st

    from ui.people.own import own_account

    own_account(st.session_state["known"])


def test_who_signs_in_elsewhere_is_told_where_password_and_code_are_changed(lab, label_bench, monkeypatch):
    account = lab.accounts.add("A*d*a", identity="ada@example.org")
    monkeypatch.setattr(own, "lab_of_server", lambda: lab)
    monkeypatch.setattr(own, "lab", lambda: SimpleNamespace(projects=SimpleNamespace(names=dict)))
    app = AppTest.from_function(draw)
    app.session_state["known"] = Person(account.id, "A*d*a", proof=Proof.PROVIDER)
    said = texts(app.run())
    assert "changed there" in said and "no role yet" in said and not app.text_input

"""Pages in a lab with accounts, as somebody with one role; who it is comes from the browser's cookie."""

import pytest


@pytest.mark.parametrize("role", ["reader", "lead", "auditor"])
def test_every_page_draws_or_says_what_the_role_lacks(filled, as_role, said, role):
    from ui.shell.frame import WENT_WRONG
    from ui.shell.pages import PAGES

    as_role(role)
    closed = {}
    for page in PAGES:
        words = said(filled(page.name, reader_id=None))
        assert WENT_WRONG not in words, page.name
        if "has no role here" in words or "may not look at other" in words:
            closed[page.name] = [line for line in words.splitlines() if "no role here" in line or "may not" in line]
    expected = {"reader": {"agreement", "evaluate"}, "lead": set(), "auditor": set()}
    assert set(closed) - {"people"} == expected[role], closed


def test_the_account_stands_where_a_name_was_chosen_and_another_reader_cannot_be_taken(filled, as_role, said):
    as_role("reader")
    app = filled("overview", reader_id=999)
    assert "Ada L." in said(app) and not [box for box in app.selectbox if box.label == "Reader"]


def test_an_ended_sign_in_gets_the_way_back_in_and_nothing_else(filled, filled_home, as_role, said):
    as_role("reader")
    filled_home.lab.accounts.end(1)
    app = filled("slides")
    assert "not signed in any more" in said(app) and "Slides" not in said(app)


def test_a_signature_asks_for_the_password_and_says_how_it_was_proven(filled, filled_home, as_role, said):
    as_role("reader")
    app = filled("report")
    app.get_by_key(f"sign_{filled_home.score}_0_steatosis_{filled_home.reader}").set_value(2).run()
    app.button(key="sign").click().run()
    assert "Password or code is not right" in said(app)
    assert filled_home.lab.reports.sign_offs(filled_home.score) == []
    app.text_input(key="sign_password").set_value("correct horse")
    app.button(key="sign").click().run()
    (signed,) = filled_home.lab.reports.sign_offs(filled_home.score)
    assert (signed.reader, signed.proof) == ("Ada", "password")
    assert "proven by password" in filled_home.lab.reports.file(filled_home.score, "html")
    assert "proven by password" in said(app)


def test_where_nobody_signs_in_a_report_says_that_the_signer_is_not_proven(filled, filled_home, said):
    app = filled("report")
    app.get_by_key(f"sign_{filled_home.score}_0_steatosis_{filled_home.reader}").set_value(2).run()
    app.button(key="sign").click().run()
    assert "Signer not proven" in said(app)
    assert "signer not proven" in filled_home.lab.reports.file(filled_home.score, "html")

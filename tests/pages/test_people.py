"""The People page: accounts for an admin, the log for an auditor, nothing of it for a reader."""

import pyotp

from mmdnet.accounts.roles import Role


def test_a_lab_without_accounts_says_how_they_begin_in_this_very_home(filled, filled_home, said):
    app = filled("people")
    assert "asks nobody who they are" in said(app)
    home = filled_home.lab.settings.home.resolve()
    assert app.code[0].value == f".venv/bin/mmdnet accounts add NAME --role admin --home {home}"


def test_an_admin_adds_changes_and_disables_accounts_and_all_of_it_is_in_the_log(filled, filled_home, as_role, said):
    accounts = filled_home.lab.accounts
    admin = as_role("lead")
    accounts.grant(admin.id, Role.ADMIN)
    app = filled("people")
    app.text_input(key="add_name").set_value("Eve")
    app.text_input(key="add_password").set_value("short")
    app.button(key="add_do").click().run()
    assert "A password has 10" in said(app) and len(accounts.list()) == 1
    app.text_input(key="add_password").set_value("long enough for this")
    app.selectbox(key="add_role").set_value(Role.ADJUDICATOR)
    app.selectbox(key="add_project").set_value(filled_home.project)
    app.button(key="add_do").click().run()
    eve = next(account for account in accounts.list() if account.name == "Eve")
    assert [(held.role, held.project_id) for held in eve.roles] == [(Role.ADJUDICATOR, filled_home.project)]

    app.selectbox(key="account").set_value(eve.id).run()
    assert "Not signed in" in said(app)
    app.selectbox(key="change_role").set_value(Role.AUDITOR)
    app.button(key="give").click().run()
    assert "auditor; adjudicator in Cohort" in said(app)
    app.button(key="take").click().run()
    app.button(key="take").click().run()
    assert "has no role auditor there" in said(app)
    app.text_input(key="reset_password").set_value("another long one")
    app.button(key="reset_do").click().run()
    accounts.sign_in("Eve", "another long one")
    app.run()
    app.button(key="end_sign_ins").click().run()
    assert [each.account for each in accounts.sign_ins()] == ["Ada L."]
    app.button(key="disable").click().run()
    app.selectbox(key="account").set_value(admin.id).run()
    app.button(key="disable").click().run()
    assert "last admin" in said(app)
    log = app.dataframe[-1].value
    for act in ("add account", "grant role", "take role", "set password", "end sign-in", "retire account"):
        assert any(did.startswith(act) for did in log[log["Who"] == "Ada L."]["Did"]), act


def test_an_auditor_reads_the_log_and_no_accounts(filled, filled_home, as_role, said):
    filled_home.lab.accounts.grant(as_role("auditor").id, Role.AUDITOR)
    app = filled("people")
    assert "Log of access" in said(app) and "account" not in [box.key for box in app.selectbox]
    assert any(did.startswith("sign in") for did in app.dataframe[-1].value["Did"])


def test_a_password_is_changed_and_a_second_factor_set_up(filled, filled_home, as_role, said):
    as_role("reader")
    app = filled("people")
    assert "reader in Cohort" in said(app) and "Accounts" not in said(app) and "Log of access" not in said(app)
    for key, typed in (("own_old", "correct horse"), ("own_new", "battery staple"), ("own_again", "other")):
        app.text_input(key=key).set_value(typed)
    app.button(key="own_change").click().run()
    assert "differ" in said(app)
    for key, typed in (("own_old", "wrong"), ("own_new", "battery staple"), ("own_again", "battery staple")):
        app.text_input(key=key).set_value(typed)
    app.button(key="own_change").click().run()
    assert "old password is not right" in said(app)
    for key, typed in (("own_old", "correct horse"), ("own_new", "battery staple"), ("own_again", "battery staple")):
        app.text_input(key=key).set_value(typed)
    app.button(key="own_change").click().run()
    assert filled_home.lab.accounts.sign_in("Ada L.", "battery staple")

    app.text_input(key="factor_password").set_value("battery staple")
    app.button(key="factor_begin").click().run()
    (shown,) = [block.value for block in app.code]
    app.text_input(key="factor_code").set_value(pyotp.TOTP(shown.replace(" ", "")).now())
    app.button(key="factor_on").click().run()
    assert "is asked for when you sign in" in said(app) and not app.code
    (account,) = filled_home.lab.accounts.list()
    assert account.second_factor

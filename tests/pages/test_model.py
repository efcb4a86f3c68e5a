"""The Model card page, by itself and from a report and the registry."""


def test_a_link_to_a_model_shows_its_card_and_one_to_no_model_shows_none(filled, filled_home, said):
    model = filled_home.lab.models.list(1)[0]
    shipped = filled_home.lab.models.shipped()  # of all projects
    for key in (model.id, shipped):
        app = filled("model", {"project": "1", "model": str(key)})
        assert not app.exception and not app.warning
        assert filled_home.lab.models.get(key).card.weights_sha256[:16] in said(app)
    app = filled("model", {"project": "1", "model": "99"})
    assert "model 99, which is not in the project Cohort" in app.warning[0].value


def test_report_and_registry_lead_to_the_card_of_their_model(filled, filled_home, said):
    score = filled_home.lab.scoring.get(filled_home.score)
    for page, key in (("report", "report_card"), ("train", "registry_card")):
        app = filled(page, {"project": "1", "score": str(score.id)})
        app.button(key=key).click().run()
        assert not app.exception
        assert app.title[0].value == "Model card" and "of 52 items of TRIPOD+AI" in said(app)

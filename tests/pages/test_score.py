"""The Score page: which slides, which model, which rule."""

from db.models import Job, Model


def button(app, label):
    return next(known for known in app.button if known.label == label)


def test_slides_the_model_has_not_scored_are_ticked_and_can_be_started(filled, filled_home):
    app = filled("score")
    button(app, "Score 2 slides").click().run()
    assert not app.error
    (job,) = [queued for queued in filled_home.lab.jobs.list(filled_home.project) if queued.kind == "score"]
    assert job.status == "queued"


def test_the_rule_that_is_chosen_is_the_jobs(filled, filled_home):
    app = filled("score")
    app.selectbox(key="pick_rule").set_value("max")
    button(app, "Score 2 slides").click().run()
    assert not app.error
    (job,) = [queued for queued in filled_home.lab.jobs.list(filled_home.project) if queued.kind == "score"]
    with filled_home.lab.db() as session:
        assert session.get(Job, job.id).spec["rule"] == "max"
    app.segmented_control(key="score_priority").set_value("last")
    app.button(key="score_after").click().run()
    later = next(queued for queued in filled_home.lab.jobs.list(filled_home.project) if queued.after is not None)
    assert (later.after_title, later.priority) == ("Train First training", "last") and not app.error


def test_before_the_first_model_a_training_that_waits_can_be_scored_after(filled, filled_home):
    models, project = filled_home.lab.models, filled_home.project
    for model in models.list(project):
        models.archive(model.id)
    app = filled("score")
    assert not [known for known in app.button if known.key == "score_start"]
    app.button(key="score_after").click().run()
    (job,) = [queued for queued in filled_home.lab.jobs.list(project) if queued.kind == "score"]
    assert job.after_title == "Train First training" and not app.error


def test_every_score_is_in_the_table_with_its_grades(filled, filled_home, validated):
    app = filled("score")
    table = app.dataframe[-1].value
    (score,) = filled_home.lab.scoring.list(filled_home.project)
    assert table["NAS"].tolist() == [score.summary.nas]
    assert table["Steatosis"].tolist() == [score.summary.grades["steatosis"]]
    low, high = score.summary.nas_interval
    interval = str(low) if low == high else f"{low}–{high}"
    assert table["Model's NAS"].tolist() == [f"{score.nas} (90 %: {interval})"]


def test_a_score_that_is_not_reportable_is_no_number_in_the_table_but_the_reason(filled, filled_home):
    table = filled("score").dataframe[-1].value
    assert table["NAS"].isna().all() and table["Steatosis"].isna().all()
    assert table["Model's NAS"].tolist() == ["not reportable"]
    assert "not validated" in table["Why not"].iloc[0]


def test_the_model_of_drawn_tissue_says_so_on_real_slides_and_offers_a_training(filled, filled_home):
    shipped = filled_home.lab.models.shipped()
    app = filled("score")
    assert [warning.value.partition(":")[0] for warning in app.warning] == ["Its scores are not reportable"]
    app.selectbox(key="score_by").set_value(shipped).run()
    assert "learnt from drawn tissue only" in app.warning[0].value
    button(app, "Train on your own labels").click().run()
    assert not app.exception and app.title[0].value == "Train"


def test_of_two_models_of_one_name_the_one_that_was_chosen_scores(filled, filled_home):
    with filled_home.lab.db.begin() as session:
        (first,) = session.query(Model)
        columns = {column.key: getattr(first, column.key) for column in Model.__table__.columns if column.key != "id"}
        session.add(twin := Model(**columns | {"folder": "elsewhere"}))
        session.flush()
        mine, other = first.id, twin.id
    app = filled("score")
    for model in (mine, other, mine):
        app.selectbox(key="score_by").set_value(model).run()
        assert app.selectbox(key="score_by").value == model
    assert app.selectbox(key="score_by").options[0] != app.selectbox(key="score_by").options[1]


def test_a_model_without_calibration_says_so_and_a_calibration_on_too_few_slides_is_refused_in_a_sentence(filled):
    app = filled("score")
    assert any("cover the choice of tissue only" in caption.value for caption in app.caption)
    button(app, "Calibrate on graded slides").click().run()
    assert not app.exception
    assert any("at least 10 graded slides" in error.value for error in app.error)

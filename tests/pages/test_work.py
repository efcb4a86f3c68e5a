"""Train, score and report: what their buttons do, and what they refuse."""


def button(app, label):
    return next(one for one in app.button if one.label == label)


def test_a_check_says_what_a_training_would_use_and_starts_nothing(filled, filled_home):
    app = filled("train")
    button(app, "Check first").click().run()
    assert app.success or app.error
    assert len(filled_home.lab.training.runs(filled_home.project)) == 1


def test_a_started_training_is_queued_with_the_choices_made(filled, filled_home):
    app = filled("train")
    app.number_input(key="train_epochs_product").set_value(2)
    app.text_input(key="train_name").set_value("Second")
    button(app, "Start training").click().run()
    assert not app.error
    newest = filled_home.lab.training.runs(filled_home.project)[0]
    assert (newest.name, newest.choices["epochs"], newest.job.status) == ("Second", 2, "queued")
    assert app.query_params["run"] == str(newest.id)
    button(app, "Cancel").click().run()
    assert filled_home.lab.training.get(newest.id).job.status == "cancelled"


def test_a_finished_training_shows_its_curves_and_what_it_was_made_of(filled, filled_home, said):
    app = filled("train", {"project": "1", "run": str(filled_home.run)})
    assert len(app.get("plotly_chart")) >= 1
    assert not app.error


def test_a_model_is_offered_for_scoring_only_once_its_training_has_ended(filled, filled_home):
    """Its row is written a moment before the job ends; a press in that moment was lost as the page drew itself anew."""
    offered = "Score slides with it"
    run = filled_home.lab.training.get(filled_home.run)
    assert run.model_id is not None and run.job.active
    app = filled("train", {"project": "1", "run": str(run.id)})
    assert offered not in [one.label for one in app.button]
    button(app, "Cancel").click().run()
    assert offered in [one.label for one in app.button]


def test_slides_the_model_has_not_scored_are_ticked_and_can_be_started(filled, filled_home):
    app = filled("score")
    button(app, "Score 2 slides").click().run()
    assert not app.error
    (job,) = [one for one in filled_home.lab.jobs.list(filled_home.project) if one.kind == "score"]
    assert job.status == "queued"


def test_a_report_shows_the_grades_with_their_criteria(filled, filled_home, said):
    app = filled("report", {"project": "1", "score": str(filled_home.score)})
    words = said(app)
    for phrase in ("NAS", "Kleiner 2005", "&lt; 5 %", "Not signed yet", "not signed"):
        assert phrase in words, phrase
    assert [one.label for one in app.get("download_button")] == ["HTML", "CSV", "JSON", "QuPath"]


def test_the_models_grades_can_be_signed_as_they_are_and_then_amended_with_a_reason(filled, filled_home):
    lab, score = filled_home.lab, filled_home.score
    app = filled("report", {"project": "1", "score": str(score)})
    button(app, "Sign as Ada").click().run()
    assert not app.error
    (first,) = lab.reports.sign_offs(score)
    assert first.reader == "Ada"

    model = lab.scoring.get(score).summary.tasks["steatosis"].grade
    app.get_by_key(f"sign_{score}_1_steatosis").set_value((model + 1) % 4)
    button(app, "Amend as Ada").click().run()
    assert "Say why" in app.error[0].value
    app.get_by_key(f"sign_{score}_1_steatosis").set_value((model + 1) % 4)
    app.text_input(key=f"reason_{score}_1").set_value("Seen under the microscope")
    button(app, "Amend as Ada").click().run()
    signed = lab.reports.sign_offs(score)
    assert [one.amends_id for one in signed] == [None, first.id]
    assert signed[1].grades["steatosis"] == (model + 1) % 4


def test_without_a_reader_nothing_can_be_signed(filled, filled_home, said):
    app = filled("report", {"project": "1", "score": str(filled_home.score)}, reader_id=None)
    assert "Say at the left who is reading" in said(app)
    assert not [one for one in app.button if one.label.startswith("Sign")]

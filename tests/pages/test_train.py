"""The Train page: what its buttons do, and what they refuse."""

from mmdnet.training.config import GROUPS, training_options


def button(app, label):
    return next(known for known in app.button if known.label == label)


def test_a_check_says_what_a_training_would_use_and_starts_nothing(filled, filled_home):
    app = filled("train")
    button(app, "Check first").click().run()
    assert [message.value for message in app.success] == ["This training can start."]
    assert not app.error
    (checked,) = [words.value for words in app.markdown if "Slides with labels" in words.value]
    assert "Backbone efficientnet-lite0" in checked
    assert len(filled_home.lab.training.runs(filled_home.project)) == 1


def test_a_started_training_is_queued_with_the_choices_made(filled, filled_home):
    app = filled("train")
    app.number_input(key="train_epochs_product_1").set_value(2)
    app.text_input(key="train_name_1").set_value("Second")
    button(app, "Start training").click().run()
    assert not app.error
    newest = filled_home.lab.training.runs(filled_home.project)[0]
    assert (newest.name, newest.choices["epochs"], newest.job.status) == ("Second", 2, "queued")
    assert app.query_params["run"] == str(newest.id)
    assert any("Second is under way" in box.value for box in app.info)
    button(app, "Cancel").click().run()
    assert filled_home.lab.training.get(newest.id).job.status == "cancelled"


def test_every_choice_of_a_training_is_on_the_page_under_its_group(filled):
    app = filled("train")
    shown = {
        widget.label
        for kind in ("selectbox", "number_input", "text_input", "checkbox", "button_group")
        for widget in app.get(kind)
    }
    assert {option.option.title for option in training_options()} <= shown
    assert set(GROUPS.values()) <= {expander.label for expander in app.expander}


def test_a_choice_is_sent_only_where_it_differs_and_a_preset_says_what_it_sets(filled, filled_home):
    app = filled("train")
    app.number_input(key="train_ema_1").set_value(0.9)
    app.number_input(key="train_microbatch_size_1").set_value(8)
    app.selectbox(key="train_head_product_1").set_value("ce")
    button(app, "Start training").click().run()
    assert not app.error
    kept = filled_home.lab.training.runs(filled_home.project)[0]
    wanted = {"ema": 0.9, "microbatch_size": 8, "head": "ce", "weights": None, "warm_up_epochs": None, "alpha": 0.1}
    assert {name: kept.choices[name] for name in wanted} == wanted
    app.get("button_group")[1].set_value("paper").run()
    head = app.selectbox(key="train_head_paper_1")
    assert head.value == "ce"
    assert "As published: Unordered grades (softmax)" in head.help


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
    assert offered not in [known.label for known in app.button]
    button(app, "Cancel").click().run()
    assert offered in [known.label for known in app.button]


def test_the_form_begins_with_pretrained_weights_and_says_what_it_does_with_them(filled, filled_home):
    app = filled("train")
    assert app.selectbox(key="train_backbone_product_1").value == "efficientnet-lite0"
    said = " ".join(caption.value for caption in app.caption)
    assert "ImageNet-1k weights that came with the program (Apache-2.0)" in said
    button(app, "Check first").click().run()
    assert "its features are computed once, about" in " ".join(markdown.value for markdown in app.markdown)
    app.selectbox(key="train_backbone_product_1").set_value("small").run()
    said = " ".join(caption.value for caption in app.caption)
    assert (
        "came with the program" not in said and "Not the quick choice" in said and "first choice for your" not in said
    )


def test_a_link_to_a_training_that_is_not_here_opens_no_other(filled):
    app = filled("train", {"project": "1", "run": "999"})
    assert "This link leads to training 999, which is not in the project Cohort" in app.warning[0].value


def test_a_number_out_of_range_blocks_the_start_and_says_why(filled):
    app = filled("train")
    app.number_input(key="train_epochs_product_1").set_value(999_999_999).run()
    assert not app.exception and "100" in app.error[0].value
    assert all(app.button(key=key).disabled for key in ("train_start", "train_check"))


def test_readiness_is_in_sight_and_says_why_not(filled, filled_home, said):
    app = filled("train")
    assert "Ready: 24 labelled patches; slides: " in said(app)
    assert "With labels of fewer than five patients its scores are seldom reportable" in said(app)
    app.number_input(key="train_epochs_product_1").set_value(999_999_999).run()
    assert "Ready: " not in said(app) and button(app, "Start training").disabled
    app.number_input(key="train_epochs_product_1").set_value(2)
    app.selectbox(key="train_split_by_1").set_value("site").run()
    assert not app.exception and "Not ready: " in said(app)


def test_models_are_named_chosen_for_reports_and_put_away(filled, filled_home, said):
    lab, project = filled_home.lab, filled_home.project
    model = lab.models.list(project)[0].id
    app = filled("train")
    app.text_input(key=f"model_name_{model}").set_value("**Liver**")
    button(app, "Save").click().run()
    assert not app.exception and lab.models.get(model).name == "**Liver**"
    app.button(key="use_for_reports").click().run()
    assert lab.projects.get(project).report_model_id == model
    app.button(key="archive_model").click().run()
    assert "for reports. Choose another" in app.error[0].value


def test_a_reader_sees_what_came_of_trainings_and_starts_and_changes_none(filled, filled_home, as_role, said):
    as_role("reader")
    app = filled("train")
    assert not app.exception and not app.error
    text = said(app)
    assert "24 labelled patches" in text and "a lead of this project starts them" in text
    assert any(box.label == "Model in full" for box in app.selectbox) and app.dataframe
    assert {button.label for button in app.button} <= {"Its training", "Model card", "Sign out"}
    assert not app.text_input and not app.number_input

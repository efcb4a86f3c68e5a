"""The form of a training as it stands untouched or filled in, and the labels at hand."""

from types import SimpleNamespace

from streamlit.testing.v1 import AppTest

from mmdnet.labels.grading import TASKS, Grades
from mmdnet.labels.slide_truth import SlideTruth
from mmdnet.training.config import read_config
from mmdnet.workflows.labelling.views import LabelCounts
from tests.nas import by_task
from ui.models import train


def form_page():
    import streamlit as st

    from ui.models.train import choose

    st.session_state["chosen"] = choose(1)


def test_an_untouched_form_sends_what_everybody_chooses_and_nothing_else():
    chosen, name = AppTest.from_function(form_page, default_timeout=60).run().session_state["chosen"]
    assert set(chosen) == {"preset", "backbone", "epochs", "device"}
    assert name is None


def test_names_are_tidied_and_an_empty_one_is_none():
    app = AppTest.from_function(form_page, default_timeout=60).run()
    app.text_input(key="train_name_1").set_value("  Second ").run()
    app.text_input(key="train_weights_1").set_value(" w.safetensors ").run()
    chosen, name = app.session_state["chosen"]
    assert (name, chosen["weights"]) == ("Second", "w.safetensors")
    app.text_input(key="train_name_1").set_value("   ").run()
    app.text_input(key="train_weights_1").set_value("  ").run()
    chosen, name = app.session_state["chosen"]
    assert name is None and "weights" not in chosen


def filled_page():
    import streamlit as st

    from ui.models.train import FilledIn, choose

    st.session_state["chosen"] = choose(1, filled=FilledIn("3_7", "Filled.", st.session_state["settings"]))


def test_a_form_that_was_filled_in_sends_those_very_settings_whatever_the_usual_ones_are():
    asked = {
        "preset": "paper", "backbone": "resnet18", "epochs": 7, "head": "corn", "lr_heads": 0.002, "layer_decay": 1,
        "balance": False, "test_on": "2", "warm_up_epochs": 3, "class_weight_cap": 2,
    }  # fmt: skip
    wanted = read_config(asked)
    app = AppTest.from_function(filled_page, default_timeout=60)
    app.session_state["settings"] = wanted.model_dump(mode="json")
    app.run()
    assert not app.exception
    assert read_config(app.session_state["chosen"][0]) == wanted
    assert app.session_state["train_preset_3_7"] == "paper"


def labels_page():
    import streamlit as st

    from ui.models.train import anything_to_learn_from, to_learn_from

    st.session_state["any"] = anything_to_learn_from(to_learn_from(1))


def at_hand(counts, *truths):
    return SimpleNamespace(
        labels=SimpleNamespace(counts=lambda project: counts), truth=SimpleNamespace(of_project=lambda project: truths)
    )


NONE = LabelCounts(0, 0, 0, (), {task.name: {} for task in TASKS}, {})


def test_a_project_of_graded_slides_alone_can_learn_and_an_empty_one_cannot(monkeypatch):
    graded = [SlideTruth(n, f"s{n}", person=f"p{n // 2}", grades=Grades(steatosis=1)) for n in range(4)]
    monkeypatch.setattr(train, "lab", lambda: at_hand(NONE, *graded, SlideTruth(9, "bare")))
    app = AppTest.from_function(labels_page, default_timeout=60).run()
    assert "4 slides with grades of the whole slide**, of 2 patients" in app.markdown[0].value
    assert "bags of patches nobody graded" in app.caption[0].value and app.session_state["any"]
    monkeypatch.setattr(train, "lab", lambda: at_hand(NONE, SlideTruth(9, "bare")))
    app = AppTest.from_function(labels_page, default_timeout=60).run()
    assert not app.session_state["any"] and not app.markdown


def test_the_labels_at_hand_are_counted_by_grade(monkeypatch):
    grades = by_task({"ballooning": {0: 11, 2: 12}, "inflammation": {}, "steatosis": {3: 13}}, {})
    counts = LabelCounts(40, 4, 0, (1, 2), grades, {1: 20, 2: 20})
    monkeypatch.setattr(train, "lab", lambda: at_hand(counts))
    app = AppTest.from_function(labels_page, default_timeout=60).run()
    assert "40 labelled patches" in app.markdown[0].value and "4 of them ignored" in app.markdown[0].value
    table = app.get("html")[0].value
    assert all(f"</span>{number}</span>" in table for number in (11, 12, 13))
    assert (
        table.count("</span>0</span>") == sum(len(task.grades) for task in TASKS) - 3
    )  # the other grades of all tasks


def visited_page():
    """The form, left for another page and another project's form, and come back to."""
    import streamlit as st

    from ui.models.train import choose

    project = st.session_state.get("project", 1)
    if project:
        st.session_state["chosen"] = choose(project)
    else:
        st.write("another page")


def test_what_was_chosen_stays_while_other_pages_are_looked_at_and_in_no_other_projects_form():
    app = AppTest.from_function(visited_page, default_timeout=60).run()
    usual, _ = app.session_state["chosen"]
    app.number_input(key="train_epochs_product_1").set_value(4)
    app.checkbox(key="train_balance_1").set_value(False)
    app.selectbox(key="train_backbone_product_1").set_value("small")
    app.text_input(key="train_name_1").set_value("Mine").run()
    mine = app.session_state["chosen"]
    assert mine[0]["epochs"] == 4 and mine[0]["backbone"] == "small" and mine[0]["balance"] is False
    for project, wanted in ((0, mine), (2, (usual, None)), (0, (usual, None)), (1, mine)):
        app.session_state["project"] = project
        app.run()
        assert app.session_state["chosen"] == wanted

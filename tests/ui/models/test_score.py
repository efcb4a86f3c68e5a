"""A model in one line, and what the rules of the registry are called on the page."""

from datetime import UTC, datetime

import pytest
from streamlit.testing.v1 import AppTest

from mmdnet.scoring.rules import RULES
from mmdnet.workflows.scoring.views import ModelView
from tests.mmdnet.reports.crafted import card
from ui.models.score import model_words


def model(run_id=None, project_id=None, **facts) -> ModelView:
    return ModelView(1, project_id, run_id, "first", "a" * 64, card(**facts), datetime.now(UTC))


@pytest.mark.parametrize(
    ("given", "origin"),
    [
        ({"run_id": 3, "project_id": 1}, "trained here"),
        ({"project_id": 1}, "brought in"),
        ({}, "came with the program"),
    ],
)
def test_a_model_says_where_it_comes_from(given, origin):
    assert model_words(model(**given)).startswith(f"small backbone · {origin} · just now")


def test_a_model_says_how_well_it_agreed_on_patients_it_did_not_see_and_what_it_learned_from():
    metrics = {"validation": {"kappa_steatosis": 0.81}, "test": {"kappa_steatosis": 0.7, "kappa_ballooning": 0.456}}
    words = model_words(model(metrics=metrics, simulated=True))
    assert "quadratic κ on bags of test patients: steatosis 0.70, ballooning 0.46" in words
    assert "trained on simulated slides only" in words
    mixed = model_words(model(simulated=True, simulated_slides=1, trained_on={"slides": 20}))
    assert "trained on 20 slides, 1 of them simulated" in mixed


def rules_page():
    from ui.models.score import choose_rule

    choose_rule()


def test_every_rule_of_the_registry_can_be_chosen_and_the_models_own_way_is_the_first():
    app = AppTest.from_function(rules_page, default_timeout=60).run()
    box = app.selectbox(key="pick_rule")
    assert box.value == "auto"
    assert box.options == ["as the model was calibrated", *(rule.title for rule in RULES.values())]


def calibrated_page():
    from datetime import UTC, datetime

    from mmdnet.scoring.calibration_record import Calibration, RuleTried
    from mmdnet.workflows.scoring.views import ModelView
    from tests.mmdnet.reports.crafted import card
    from ui.models.score import calibration

    tried = (RuleTried(rule="density", kappas={"steatosis": 0.9}, mean=0.9),)
    known = Calibration(rule="density", slides=60, patients=58, nas_holds=0.91, tried=tried, notes=("Reach.",))
    kept = card(calibration=known.to_json())
    calibration(1, ModelView(1, 1, 1, "first", "a" * 64, kept, datetime.now(UTC)))


def test_a_calibrated_model_says_on_what_and_which_rules_were_compared():
    app = AppTest.from_function(calibrated_page, default_timeout=60).run()
    assert not app.exception
    said = " ".join(caption.value for caption in app.caption)
    assert "60 graded slides of 58 patients by the rule density" in said and "91%" in said and "Reach" in said
    assert len(app.table) == 1


def test_two_models_stand_side_by_side_the_most_apart_first():
    from types import SimpleNamespace

    from mmdnet.labels.grading import Grades
    from ui.models.score import both_said

    def score(name, *grades):
        given = Grades(**dict(zip(("ballooning", "inflammation", "steatosis"), grades, strict=True)))
        return SimpleNamespace(slide_name=name, reported=given, reported_nas=given.total)

    first = {1: score("a", 0, 1, 1), 2: score("b", 0, 1, 1), 3: score("only", 0, 0, 0)}
    second = {1: score("a", 0, 1, 1), 2: score("b", 2, 1, None)}
    rows = both_said(first, second)
    assert [row["Slide"] for row in rows] == ["b", "a"]
    assert (rows[0]["NAS"], rows[0]["Ballooning"], rows[0]["Steatosis"]) == ("2 → –", "0 → 2", "1 → –")
    assert rows[0]["Apart in"] == "B" and rows[1]["Apart in"] is None and rows[1]["NAS"] == "2"


def test_models_side_by_side_say_nothing_that_may_not_be_reported():
    from mmdnet.scoring.validity import Ground, Objection, Validity
    from mmdnet.workflows.scoring.views import ScoreView
    from tests.mmdnet.reports.crafted import score as summary
    from ui.models.score import both_said

    of_chance = Objection(ground=Ground.NO_AGREEMENT, tasks=("ballooning",), words="chance", remedy="Train.")
    now = datetime.now(UTC)
    kept = ScoreView(1, 1, "a", 1, "m", summary(), now, Validity(), None)
    withheld = ScoreView(2, 1, "a", 2, "n", summary(), now, Validity(objections=(of_chance,)), None)
    (row,) = both_said({1: kept}, {1: withheld})
    said = kept.summary.grades
    assert row["Ballooning"] == f"{said['ballooning']} → –" and row["NAS"].endswith("→ –") and row["Apart in"] is None
    assert row["Steatosis"] == str(said["steatosis"])


def test_a_model_nobody_validated_is_warned_of_before_it_scores():
    def page():
        from tests.ui.models.test_score import model
        from ui.models.score import warn_of_worth

        warn_of_worth(model(metrics={}))

    app = AppTest.from_function(page, default_timeout=60).run()
    assert "not reportable" in app.warning[0].value

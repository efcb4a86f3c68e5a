import re

from mmdnet.nn.card import ModelCard, TrainedOn, read_card
from mmdnet.reports.model_card import model_card
from mmdnet.reports.tripod import tripod_items
from mmdnet.settings import DEMO_MODEL
from tests.mmdnet.reports import crafted

PARTS = {3: "abc", 5: "ab", 6: "abc", 8: "abc", 9: "abc", 12: "abcdefg", 18: "abcdef", 20: "abc", 23: "ab", 27: "abc"}


def said(card: ModelCard) -> dict[str, str]:
    return {item.number: item.said for item in tripod_items(card)}


def test_every_item_of_the_statement_is_there_once_and_in_order():
    wanted = [f"{number}{part}" for number in range(1, 28) for part in PARTS.get(number, " ")]
    assert [item.number for item in tripod_items(crafted.card())] == [name.strip() for name in wanted]


def test_what_no_record_holds_is_open():
    items = said(crafted.card())
    for number in ("2", "3c", "5b", "6b", "6c", "8b", "8c", "14", "17", "18a", "18b", "18c", "18d", "18e", "19", "27c"):
        assert items[number] == "", number


def test_the_demo_models_items_are_its_cards_own_figures():
    card = read_card(DEMO_MODEL)
    items = said(card)
    assert "36 slides of 18 patients" in items["5a"] and "Simulated slides" in items["5a"]
    assert "North, South, West" in items["6a"]
    assert "training 36 slides, validation 14 slides, test 14 slides" in items["12a"]
    assert f"lobular inflammation {card.metrics['test']['kappa_inflammation']:.2f}" in items["23a"]
    assert "bags of test patients: steatosis 55" in items["21"]
    assert "60 graded slides of 60 patients: rule density, scale isotonic" in items["12f"]
    assert re.search("ballooning quadratic κ 0.85, 90 % intervals held 90 %", items["24"])
    assert card.weights_sha256 in items["22"]
    assert model_card(card).verdict == items["25"]
    assert "What was drawn" in items["8a"] and "simulated" in items["25"] and "real tissue is not known" in items["26"]


def test_a_card_of_real_slides_with_a_simulated_one_among_them_does_not_call_all_of_them_drawn():
    mixed = crafted.card(simulated=True, simulated_slides=1, trained_on={"slides": 20, "patients": 19})
    items = said(mixed)
    assert "1 simulated slide: drawn by a program" in items["5a"]
    assert items["8a"].startswith("Readers' grades") and "of simulated slides what was drawn" in items["8a"]
    assert "20 slides, 1 of them simulated" in items["25"] and "took part" in items["26"]
    drawn = said(mixed.model_copy(update={"simulated_slides": 20}))
    assert drawn["8a"].startswith("What was drawn") and "are simulated" in drawn["25"]


def test_a_card_of_before_that_says_little_has_more_open_items_and_none_made_up():
    bare = crafted.card().model_copy(
        update={"trained_on": TrainedOn(), "split": {}, "metrics": {}, "choices": {}, "calibration": None}
    )
    items = said(bare)
    for number in ("5a", "6a", "10", "12a", "12f", "13", "16", "20a", "20b", "21", "23a", "24"):
        assert items[number] == "", number
    assert "not reportable" in items["25"] and "Readers' grades" in items["8a"]
    assert items["4"] == "Development. No patients were kept for validation."


def test_a_site_that_was_kept_apart_is_not_said_to_be_where_the_training_slides_come_from():
    plain, apart = (
        said(crafted.card().model_copy(update={"split": {"train": (1,), "test": (2,)}, "choices": {"split_by": by}}))
        for by in ("patient", "staining_run")
    )
    assert "test slides come from where the training slides come from" in plain["16"] and "internal" in plain["4"]
    assert plain["12a"].startswith("Split by patient: ")
    assert apart["16"].startswith("Test slides are of a staining run that training never saw")
    assert apart["12a"].startswith("Split by patient, and one staining run kept apart for the test: ")


def test_bags_too_few_to_judge_by_are_no_validation():
    few = {"validation": {"kappa_ballooning": 0.67, "n_ballooning": 2.0}}
    items = said(crafted.card().model_copy(update={"metrics": few, "calibration": None, "split": {"validation": (2,)}}))
    assert items["4"].startswith("Development. The patients kept aside chose the epoch; they are too few")
    assert items["23a"].startswith("bags of validation patients: quadratic κ ballooning 0.67")
    assert items["23a"].endswith("They are too few to say how right the model is.")


def test_thresholds_that_were_fitted_are_named():
    fitted = crafted.card().model_copy(update={"calibration": {"lines": {"steatosis": 0.35}}})
    assert "steatosis 0.35" in said(fitted)["15"]

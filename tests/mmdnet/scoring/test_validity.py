import re

import pytest

from mmdnet.scoring.validity import Ground, Validity, judge_validity, kappas_of, verdict_of
from tests.mmdnet.reports.crafted import card, score, task

GOOD = {f"{what}_{name}": value for name in ("ballooning", "inflammation", "steatosis") for what, value in (("kappa", 0.6), ("n", 40))}  # fmt: skip


def judged(given=None, by=None, learnt_patient=False, stain="H&E", simulated=False) -> Validity:
    by = by or card(metrics={"test": GOOD})
    return judge_validity(
        given or score(), by, kappas_of(by), stain=stain, simulated=simulated, learnt_patient=learnt_patient
    )


def grounds(validity: Validity) -> set[Ground]:
    return {objection.ground for objection in validity.objections}


def test_a_validated_model_on_tissue_like_its_own_is_reportable():
    validity = judged()
    assert validity.reportable and validity.words == "" and validity.remedies == ()


def test_a_model_nobody_validated_is_not_reportable_and_it_says_what_would_change_that():
    validity = judged(by=card(metrics={}))
    assert grounds(validity) == {Ground.NOT_VALIDATED}
    assert validity.words == "The model's score is not reportable: the model was not validated on other patients."
    assert "evaluate it" in validity.remedies[0]
    assert not validity.holds_for("steatosis")


def test_a_feature_without_validation_takes_the_nas_with_it_and_leaves_the_others():
    only = {key: value for key, value in GOOD.items() if "ballooning" not in key}
    validity = judged(by=card(metrics={"test": only}))
    assert not validity.reportable and not validity.holds_for("ballooning") and validity.holds_for("steatosis")
    assert "for ballooning" in validity.words


@pytest.mark.parametrize(
    ("kappa", "reportable"), [(0.0, False), (-0.4, False), (0.19, False), (0.2, True), (1.0, True)]
)
def test_a_kappa_near_nought_is_no_validation(kappa, reportable):
    validity = judged(by=card(metrics={"validation": GOOD | {"kappa_steatosis": kappa}}))
    assert validity.reportable is reportable
    assert (grounds(validity) == {Ground.NO_AGREEMENT}) is not reportable


def test_the_most_telling_check_counts_and_a_handful_is_none():
    by = card(metrics={"validation": GOOD, "test": GOOD | {"kappa_steatosis": 0.05}})
    assert kappas_of(by)["steatosis"] == 0.05
    judged_here = by.model_copy(
        update={"metrics": by.metrics | {"evaluation": {"kappa_steatosis": 0.5, "n_steatosis": 12}}}
    )
    assert kappas_of(judged_here)["steatosis"] == 0.5
    assert kappas_of(card(metrics={"test": {"kappa_steatosis": 1.0, "n_steatosis": 9.0}}))["steatosis"] is None


def test_what_the_model_learnt_from_is_no_independent_reading():
    assert grounds(judged(learnt_patient=True)) == {Ground.LEARNT_PATIENT}


@pytest.mark.parametrize(
    ("stain", "unseen"), [("H&E", False), ("h&e", False), (None, False), ("Masson trichrome", True)]
)
def test_a_stain_the_model_has_not_seen(stain, unseen):
    assert (Ground.UNSEEN_STAIN in grounds(judged(stain=stain))) is unseen


def test_simulated_training_says_nothing_of_real_tissue():
    by = card(metrics={"test": GOOD}, simulated=True)
    assert grounds(judged(by=by)) == {Ground.SIMULATED_TRAINING}
    assert judged(by=by, simulated=True).reportable
    mixed = card(metrics={"test": GOOD}, simulated=True, simulated_slides=1, trained_on={"slides": 20})
    assert "the model learnt from 20 slides, 1 of them simulated, and this is real tissue" in judged(by=mixed).words


def test_tissue_too_unlike_the_trainings():
    validity = judged(score(withheld=True, unlikeness=2.4, nas=None))
    assert grounds(validity) == {Ground.UNSEEN_TISSUE} and "2.4 times the usual limit" in validity.words


def test_a_grade_the_training_never_held():
    held = card().trained_on.model_copy(update={"grades": {"steatosis": (5, 5, 0, 2), "inflammation": (1, 0, 3)}})
    validity = judged(by=card(metrics={"test": GOOD}, trained_on=held))
    assert grounds(validity) == {Ground.UNSEEN_GRADE}
    assert validity.objections[0].tasks == ("steatosis",) and "the grades of steatosis" in validity.words
    told = validity.words + "".join(validity.remedies)
    assert not re.search(r"\d", told) and "gave" not in told, "the card lists the grades it held: the other is withheld"


@pytest.mark.parametrize(
    ("times", "patches", "flat"),
    [(1.0, 20, True), (1.09, 20, True), (3.0, 20, False), (1.0, 9, False), (None, 20, False)],
)
def test_attention_that_is_the_same_everywhere(times, patches, flat):
    tasks = score().tasks | {"steatosis": task(2, 4, highest_attention=times)}
    assert (Ground.FLAT_ATTENTION in grounds(judged(score(tasks=tasks, assessed_patches=patches)))) is flat


def test_all_grounds_are_said_at_once():
    validity = judged(
        score(withheld=True, unlikeness=3), card(metrics={}, simulated=True), learnt_patient=True, stain="PAS"
    )
    assert len(validity.objections) == 5
    assert validity.words.count(";") >= 4
    assert all(not validity.holds_for(name) for name in score().tasks)


@pytest.mark.parametrize(
    ("metrics", "good", "words"),
    [
        ({"test": GOOD}, True, "quadratic κ on bags of test patients: steatosis 0.60"),
        ({"validation": GOOD | {"kappa_steatosis": 0.0}}, False, "hardly better than chance (steatosis κ 0.00)"),
        ({}, False, "not validated on other patients"),
    ],
)
def test_a_training_that_ended_is_judged_by_what_its_model_is_worth(metrics, good, words):
    verdict = verdict_of(card(metrics=metrics))
    assert verdict.good is good and words in verdict.words

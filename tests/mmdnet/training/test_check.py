import re
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import psutil
import pytest
import torch
from safetensors.torch import save_file

from mmdnet.bags.splits import Split, split_by_patient
from mmdnet.errors import LabError
from mmdnet.training.check import check
from mmdnet.training.config import TrainingConfig

ALL = Split(tuple(range(6)))


def small(**more) -> TrainingConfig:
    return TrainingConfig(backbone="small", **more)


def with_grades(cohort, column: int | None, grade: int):
    grades = cohort.grades.copy()
    grades[:, slice(None) if column is None else column] = grade
    return replace(cohort, grades=grades)


def test_it_says_what_would_be_used_and_writes_nothing(crafted, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    report = check(crafted.cohort, small(device="cpu"), split_by_patient(crafted.cohort))
    assert report.trained_tasks == ("ballooning", "inflammation", "steatosis")
    assert report.device == "cpu"
    assert report.domains == ("scanner 0 · H&E", "scanner 1 · H&E")
    assert "Backbone small" in " ".join(report.lines)
    assert not list(tmp_path.iterdir())


def test_no_labels_at_all_cannot_train(crafted):
    cohort = with_grades(crafted.cohort, None, -1)
    with pytest.raises(LabError, match="no labels to train on"):
        check(cohort, small(), split_by_patient(cohort))


@pytest.mark.parametrize("grade", [0, 2])
def test_one_grade_everywhere_cannot_train(crafted, grade):
    cohort = with_grades(crafted.cohort, None, grade)
    with pytest.raises(LabError, match="no task with two different grades"):
        check(cohort, small(), split_by_patient(cohort))


@pytest.mark.parametrize(("grade", "words"), [(0, "only grade 0"), (-1, "no grade")])
def test_a_task_of_one_grade_is_left_out_with_a_warning(crafted, grade, words):
    cohort = with_grades(crafted.cohort, 1, grade)
    report = check(cohort, small(), split_by_patient(cohort))
    assert report.trained_tasks == ("ballooning", "steatosis")
    assert any("Lobular inflammation" in w and words in w for w in report.warnings)


def test_a_grade_no_label_has_is_named(crafted):
    grades = np.minimum(crafted.cohort.grades, 2)
    report = check(replace(crafted.cohort, grades=grades), small(), ALL)
    assert "Steatosis: no training label of grade 3." in report.warnings


def test_a_domain_of_one_slide_is_named_and_one_domain_alone_switches_the_branch_off(crafted):
    slides = crafted.cohort.slides
    lone = replace(crafted.cohort, slides=(replace(slides[0], scanner="rare"), *slides[1:]))
    report = check(lone, small(), ALL)
    assert any("single slide" in w and "rare" in w for w in report.warnings)
    alike = replace(crafted.cohort, slides=tuple(replace(s, scanner="one") for s in slides))
    report = check(alike, small(), ALL)
    assert report.domains == ()
    assert any("domain branch off" in w for w in report.warnings)


def test_a_leaking_split_cannot_train(crafted):
    cohort = replace(crafted.cohort, slides=tuple(replace(s, patient="one") for s in crafted.cohort.slides))
    with pytest.raises(LabError, match="leaks"):
        check(cohort, small(), Split((0, 1, 2), (3,), (4, 5)))


def test_a_step_that_does_not_fit_into_memory_is_refused_and_in_parts_it_fits(crafted, monkeypatch):
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=5 * 2**20))
    with pytest.raises(LabError, match="Choose fewer patches at once"):
        check(crafted.cohort, small(device="cpu"), ALL)
    assert check(crafted.cohort, small(device="cpu", microbatch_size=4), ALL).lines


def test_too_few_slides_in_a_step_are_told(crafted):
    warnings = check(crafted.cohort, small(device="cpu"), ALL).warnings
    assert not any("slides only" in warning for warning in warnings)
    warnings = check(crafted.cohort, small(device="cpu", bags_per_step=2), ALL).warnings
    assert any("bags of 2 slides only" in warning for warning in warnings)


def test_weights_that_are_not_there_are_refused_before_anything_starts(crafted, tmp_path):
    with pytest.raises(LabError, match="could not be read"):
        check(crafted.cohort, small(weights=tmp_path / "no.safetensors"), split_by_patient(crafted.cohort))


def test_weights_of_another_backbone_are_refused(crafted, tmp_path):
    save_file({"conv1.weight": torch.zeros(3)}, tmp_path / "resnet.safetensors")
    with pytest.raises(LabError, match=r"do not fit the backbone .small."):
        check(crafted.cohort, small(weights=tmp_path / "resnet.safetensors"), ALL)


def test_warm_up_without_graded_patches_is_refused(crafted):
    cohort = with_grades(crafted.cohort, None, -1)
    slides = tuple(replace(s, grades={"steatosis": i % 4}) for i, s in enumerate(cohort.slides))
    with pytest.raises(LabError, match="Warm-up"):
        check(replace(cohort, slides=slides), small(warm_up_epochs=1), ALL)


def test_slides_graded_as_a_whole_train_without_warm_up(crafted):
    cohort = with_grades(crafted.cohort, None, -1)
    slides = tuple(replace(s, grades={"steatosis": i % 4}) for i, s in enumerate(cohort.slides))
    report = check(replace(cohort, slides=slides), small(device="cpu"), ALL)
    assert report.warm_up == 0
    assert report.trained_tasks == ("steatosis",)


def test_the_default_backbone_stays_frozen_on_a_processor_and_says_how_long_its_features_take(crafted):
    report = check(crafted.cohort, TrainingConfig(device="cpu"), split_by_patient(crafted.cohort))
    assert (report.mode, report.warm_up, report.domains) == ("fast", 0, ())
    assert re.search(r"features are computed once, about \d+ s on this machine's processor", report.expected)
    assert report.expected in report.lines
    assert "from ImageNet-1k weights, Apache-2.0), fast training" in " ".join(report.lines)
    assert not any("random weights" in warning for warning in report.warnings)


def test_the_papers_preset_says_that_its_weights_are_not_at_hand(crafted):
    def said(config):
        return [w for w in check(crafted.cohort, config, ALL).warnings if "published networks start from" in w]

    (sentence,) = said(TrainingConfig(preset="paper", backbone="resnet10t", device="cpu"))
    assert "none of resnet10t are at hand: it starts at random" in sentence and "(weights)" in sentence
    assert not said(TrainingConfig(preset="paper", backbone="efficientnet-lite0", device="cpu"))


def test_the_small_backbone_is_trained_as_a_whole_and_says_how_long_an_epoch_takes(crafted):
    report = check(crafted.cohort, small(device="cpu"), split_by_patient(crafted.cohort))
    assert report.mode == "full" and report.warm_up == 15
    assert re.match(r"The whole network is trained: about \d+ s an epoch", report.expected)


def test_it_says_how_many_slides_and_patients_teach_a_task_and_by_what(crafted):
    grades = crafted.cohort.grades.copy()
    grades[crafted.cohort.slide_index == 0] = -1
    slides = (replace(crafted.cohort.slides[0], grades={"steatosis": 2}), *crafted.cohort.slides[1:])
    cohort = replace(crafted.cohort, slides=slides, grades=grades, slide_trust=0.5)
    lines = check(cohort, small(device="cpu"), Split(tuple(range(6)))).lines
    told = next(line for line in lines if line.startswith("Steatosis"))
    assert "5 slides by their patches and 1 slide by its own grade (trust 0.5)" in told and "patients" in told


def test_slides_without_a_patient_are_named_before_a_training(crafted):
    slides = [replace(slide, patient="", name=f"s{n}") for n, slide in enumerate(crafted.cohort.slides[:5])]
    cohort = replace(crafted.cohort, slides=(*slides, crafted.cohort.slides[5]))
    (said,) = [w for w in check(cohort, small(device="cpu"), ALL).warnings if "No patient" in w]
    assert "s0, s1, s2 and 2 more: each counts as a patient of its own" in said

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmdnet.bags.splits import Split, audit_leakage, hold_out, kfold, split_by_patient, splits_by
from mmdnet.errors import LabError


@settings(max_examples=15)
@given(st.integers(0, 1000), st.integers(6, 30))
def test_no_patient_stands_in_two_parts_and_every_slide_in_one(crafted, seed, slides):
    cohort = crafted(slides, 8)
    split = split_by_patient(cohort, seed)
    patients = [{cohort.slides[s].patient for s in part} for part in split.parts().values()]
    assert not (patients[0] & patients[1] or patients[0] & patients[2] or patients[1] & patients[2])
    assert sorted(split.train + split.validation + split.test) == list(range(slides))
    assert split.validation
    audit_leakage(cohort, split)


def test_parts_are_six_two_two_and_the_grades_alike(crafted):
    cohort = crafted(60, 20)
    split = split_by_patient(cohort, 3)
    assert [len(part) for part in split.parts().values()] == [36, 12, 12]
    for t in range(3):
        shares = [
            np.bincount(cohort.grades[np.isin(cohort.slide_index, part), t], minlength=4)
            for part in split.parts().values()
        ]
        shares = [count / count.sum() for count in shares]
        assert np.abs(shares[1] - shares[0]).max() < 0.15
        assert np.abs(shares[2] - shares[0]).max() < 0.15


@pytest.mark.parametrize("patients", [1, 2])
def test_fewer_than_three_patients_all_train_and_it_says_so(crafted, patients):
    cohort = crafted(patients * 2, 8)
    split = split_by_patient(cohort)
    assert split.train == tuple(range(patients * 2))
    assert split.validation == split.test == ()
    assert "all of them train" in split.warnings[0]


def test_three_patients_validate_on_one_and_test_on_none(crafted):
    split = split_by_patient(crafted(6, 8))
    assert [len(part) for part in split.parts().values()] == [4, 2, 0]
    assert "none is left to test on" in split.warnings[0]


def test_slides_without_labels_never_judge(crafted):
    cohort = crafted(20, 8)
    grades = cohort.grades.copy()
    bare = [3, 4, 11]
    grades[np.isin(cohort.slide_index, bare)] = -1
    split = split_by_patient(replace(cohort, grades=grades), 1)
    assert set(bare) <= set(split.train)


def test_the_same_seed_gives_the_same_split(crafted):
    cohort = crafted(20, 8)
    assert split_by_patient(cohort, 5) == split_by_patient(cohort, 5)
    assert any(split_by_patient(cohort, 5) != split_by_patient(cohort, seed) for seed in range(3))


def test_folds_test_every_labelled_slide_once(crafted):
    cohort = crafted(30, 8)
    splits = kfold(cohort, 5, seed=1)
    assert sorted(s for split in splits for s in split.test) == list(range(30))
    for split in splits:
        audit_leakage(cohort, split)
        assert split.validation


def test_more_folds_than_patients_are_refused(crafted):
    with pytest.raises(LabError, match="cannot be made of 4 patients"):
        kfold(crafted(8, 8), 5)


@pytest.mark.parametrize("by", ["site", "staining_run"])
def test_each_site_or_run_is_left_out_once_and_nothing_of_it_or_its_patients_trains(crafted, by):
    cohort = crafted(30, 8, per_patient=2)
    slides = [replace(slide, **{by: f"{by} {s // 2 % 3}"}) for s, slide in enumerate(cohort.slides)]
    cohort = replace(cohort, slides=tuple(slides))
    folds = splits_by(cohort, by)
    assert [fold.name for fold in folds] == [f"{by} {n}" for n in range(3)]
    for fold in folds:
        assert {getattr(cohort.slides[s], by) for s in fold.split.test} == {fold.name}
        tested = {cohort.slides[s].person for s in fold.split.test}
        used = fold.split.train + fold.split.validation
        assert len(used) == 20 and not tested & {cohort.slides[s].person for s in used}
        assert fold.name not in {getattr(cohort.slides[s], by) for s in used}


def test_slides_that_could_be_of_what_is_tested_are_left_out_and_counted(crafted):
    cohort = crafted(24, 8, per_patient=1)
    runs = ["r1", "R01", "r2", "r3", "r3", ""] * 4
    slides = [replace(slide, staining_run=run) for slide, run in zip(cohort.slides, runs, strict=True)]
    slides[3] = replace(slides[3], patient="P00")  # of r3; slide 0, of run r1, is of the same patient
    cohort = replace(cohort, slides=tuple(slides))
    split = hold_out(cohort, "staining_run", "r1")
    assert len(split.test) == 8 and not {3, 5, 11, 17, 23} & {*split.train, *split.validation, *split.test}
    assert "Left out: 1 slide of patients who" in split.warnings[-2] and "Left out: 4 slides" in split.warnings[-1]
    assert [fold.name for fold in splits_by(cohort, "staining_run")] == ["R01", "r2", "r3"]


def test_a_site_that_is_not_there_and_a_single_site_are_refused_by_name(crafted):
    cohort = crafted(30, 8, per_patient=1)
    with pytest.raises(LabError, match=r'at least one other site.*"site 0", "site 1"'):
        hold_out(cohort, "site", "nowhere")
    with pytest.raises(LabError, match="needs some of other patients"):
        hold_out(crafted(30, 8, per_patient=30), "site", "site 1")
    with pytest.raises(LabError, match="No labelled slide says which staining run"):
        splits_by(cohort, "staining_run")
    alone = replace(cohort, slides=tuple(replace(slide, site="North") for slide in cohort.slides))
    with pytest.raises(LabError, match='all of the site "North"'):
        splits_by(alone, "site")


def test_folds_by_patient_have_names(crafted):
    assert [fold.name for fold in splits_by(crafted(30, 8), "patient", 3)] == ["fold 1", "fold 2", "fold 3"]


@settings(max_examples=15)
@given(st.integers(0, 1000), st.integers(8, 24))
def test_ways_to_write_a_patient_never_come_apart(crafted, seed, slides):
    cohort = crafted(slides, 8)
    ways = ["P{:d}", "p{:d}", " P{:03d}", "P {:d}", "Ｐ{:d}"]
    infos = [replace(each, patient=ways[s % 5].format(s // 2)) for s, each in enumerate(cohort.slides)]
    cohort = replace(cohort, slides=tuple(infos))
    splits = [split_by_patient(cohort, seed), *(fold.split for fold in splits_by(cohort, "patient", 3, seed))]
    for split in splits:
        parts = [{s // 2 for s in part} for part in split.parts().values()]
        assert not (parts[0] & parts[1] or parts[0] & parts[2] or parts[1] & parts[2])


def test_the_audit_names_a_patient_written_two_ways(crafted):
    cohort = crafted(6, 4, per_patient=1)
    slides = [replace(s, patient=written) for s, written in zip(cohort.slides, ["P1", "p01", *"abcd"], strict=True)]
    cohort = replace(cohort, slides=tuple(slides))
    with pytest.raises(LabError, match="Patient p01 is both in train and in test"):
        audit_leakage(cohort, Split(train=(0, 2), test=(1,)))
    audit_leakage(cohort, Split(train=(0, 2), test=(1,), by="slide"))
    with pytest.raises(LabError, match="Site site 0 is both in training and in test"):
        audit_leakage(crafted(6, 4, per_patient=1), Split(train=(0,), test=(3,), by="site"))


def test_a_leaking_split_is_refused_by_name(crafted):
    cohort = crafted(6, 4)
    with pytest.raises(LabError, match="Patient p0 is both in train and in test"):
        audit_leakage(cohort, Split(train=(0, 2, 3), test=(1,)))
    with pytest.raises(LabError, match="both in train and in validation"):
        audit_leakage(cohort, Split(train=(0, 1), validation=(1,)))
    hashes = np.zeros(len(cohort.patch_id), np.int64)
    with pytest.raises(LabError, match="Patch picture"):
        audit_leakage(cohort, Split(train=(0, 1), test=(2, 3)), hashes)


def test_a_split_survives_its_file_and_refuses_another_cohort(crafted):
    cohort = crafted(12, 8)
    split = split_by_patient(cohort, 2)
    text = split.to_json(cohort)
    assert Split.from_json(text, cohort) == split
    assert json.loads(text)["train"][0] >= 100  # slide ids, which outlive the cohort
    with pytest.raises(LabError, match="does not fit"):
        Split.from_json(text, crafted(6, 8))
    with pytest.raises(LabError, match="no split"):
        Split.from_json("[", cohort)


def test_edited_siblings_are_found_by_their_neighbour_only_when_the_split_leaks():
    """Coin-flip labels per parent patch: a nearest neighbour is right by chance, unless a sibling is in training."""
    random = np.random.default_rng(0)
    parents = np.repeat(np.arange(200), 5)
    label = random.integers(0, 2, 200)[parents]
    look = random.normal(size=(200, 8))[parents] + 0.05 * random.normal(size=(1000, 8))

    def accuracy(test: np.ndarray) -> float:
        distance = ((look[test][:, None] - look[~test][None]) ** 2).sum(-1)
        return float((label[~test][distance.argmin(axis=1)] == label[test]).mean())

    assert accuracy(random.random(1000) < 0.3) > 0.95
    assert abs(accuracy(parents < 60) - 0.5) < 0.15

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmdnet.bags.splits import Split, audit_leakage, hold_out_site, kfold, split_by_patient
from mmdnet.errors import LabError


@settings(max_examples=15, deadline=None)
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


def test_a_site_can_be_held_out(crafted):
    cohort = crafted(30, 8, per_patient=1)
    split = hold_out_site(cohort, "site 1")
    assert {cohort.slides[s].site for s in split.test} == {"site 1"}
    assert "site 1" not in {cohort.slides[s].site for s in split.train + split.validation}
    with pytest.raises(LabError, match="at least one other site"):
        hold_out_site(cohort, "nowhere")


def test_a_site_that_shares_patients_cannot_be_held_out(crafted):
    with pytest.raises(LabError, match="leaks"):
        hold_out_site(crafted(30, 8, per_patient=2), "site 1")


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

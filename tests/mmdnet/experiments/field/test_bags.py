import numpy as np
import pytest

from mmdnet.errors import LabError
from mmdnet.experiments.field.bags import parts_of
from mmdnet.experiments.field.plan import UNGROUPED
from tests.mmdnet.experiments.field.made import made_data, plan


def persons(cohort, bags):
    return {cohort.slides[bag.slide_index].person for bag in bags}


@pytest.mark.parametrize("folds", [None, 4])
def test_a_patient_is_on_one_side_alone_and_folds_test_everybody_once(folds):
    cohort = made_data().cohort
    parts = parts_of(cohort, plan(seeds=(0, 1), folds=folds))
    assert len(parts) == 2 * (folds or 1)
    for part in parts:
        train, validation, test = (
            persons(cohort, bags) for bags in (part.training_bags(0), part.validation, part.test)
        )
        assert not train & validation
        assert not (train | validation) & test
        assert part.warnings == ()
    if folds:
        tested = np.concatenate([[bag.slide_index for bag in part.test] for part in parts[:folds]])
        assert set(tested) == set(range(len(cohort.slides)))
        assert parts[1].name == "seed 0 fold 2"


def test_the_papers_split_has_patients_on_both_sides_and_says_so():
    cohort = made_data().cohort
    (part,) = parts_of(cohort, plan(split="bags"))
    assert persons(cohort, part.training_bags(0)) & persons(cohort, part.test)
    assert part.warnings == (UNGROUPED,)
    instances = [
        set(np.concatenate([bag.instances for bag in bags]).tolist()) for bags in (part.training_bags(0), part.test)
    ]
    assert instances[0] & instances[1]
    assert {id(bag) for bag in part.training_bags(0)} == {id(bag) for bag in part.training_bags(1)}


def test_too_few_patients_are_refused_by_a_sentence():
    with pytest.raises(LabError, match="at least five patients"):
        parts_of(made_data(patients=4).cohort, plan())
    with pytest.raises(LabError, match="folds cannot be made"):
        parts_of(made_data(patients=4).cohort, plan(folds=5))

from mmdnet.experiments.field.plan import read_plan
from ui.evaluate.methods import CAPTIONS, ROWS, WAYS, WAYS_OF


def test_every_way_to_test_is_one_that_a_plan_takes():
    for way in WAYS:
        plan = read_plan({"split": "patient" if way == "folds" else way, "folds": 5 if way == "folds" else None})
        assert set(WAYS_OF) <= set(ROWS) == set(CAPTIONS)
        assert plan.folds == (5 if way == "folds" else None)

import json

from mmdnet.experiments.search.files import ranked, trial_table, written
from mmdnet.experiments.search.plan import SearchPlan
from tests.mmdnet.experiments.search.test_trial import judged

PLAN = SearchPlan(over=("lr_heads",), folds=2 + 1)
TRIALS = [
    judged(0, 0.5, 0.5, 0.5),
    judged(1, 0.7, state="stopped"),
    judged(2, 0.6, 0.6, 0.6),
    judged(3, state="failed"),
]


def test_what_was_judged_on_more_folds_stands_first_however_good_the_others_began():
    assert [trial.number for trial in ranked(TRIALS)] == [2, 0, 1, 3]
    table = trial_table(PLAN, TRIALS)
    assert table.columns[-1] == "Learning rate, heads"
    assert table.rows[0] == ("2", "0.600", "+0.100", "3 of 3", "judged on every fold", "0.001")
    assert table.rows[1] == ("0", "0.500", "–", "3 of 3", "judged on every fold", "yours")
    assert table.rows[2][2:4] == ("+0.200", "1 of 3") and table.rows[3][1] == "–"


def test_a_file_holds_every_fold_and_says_that_the_best_figure_is_too_good():
    csv = written(PLAN, TRIALS, "csv").splitlines()
    assert len(csv) == 1 + 7 and csv[0].endswith("epochs,seconds,lr_heads")
    assert "its own is too good" in written(PLAN, TRIALS, "md") and "| 2 | 0.600 |" in written(PLAN, TRIALS, "md")
    kept = json.loads(written(PLAN, TRIALS, "json"))
    assert kept["best"] == 2 and kept["plan"]["folds"] == 3 and len(kept["trials"]) == 4

from mmdnet.experiments.field.result import Cell, Cost, TaskSaid, TestedBags
from mmdnet.experiments.field.slides import by_slide, judged_by_slide

TestedBags.__test__ = False  # a record, no test


def made_cell() -> Cell:
    """Two bags of each of two slides; ballooning was not taught."""
    return Cell(
        method="mean", part="seed 0", seed=0, curve=(), best_epoch=1,
        cost=Cost(parameters=1, train_processor_s=0, patches_per_s=1),
        bags=TestedBags(
            patients=("A", "B", "A", "B"), slides=(7, 9, 7, 9),
            truth={"steatosis": (0, 1, 2, -1), "ballooning": (-1, 0, -1, 0)},
            of_slides={"steatosis": (3, -1, 3, -1), "ballooning": (-1, -1, -1, -1)},
        ),
        said={"steatosis": TaskSaid(
            grades=(1, 2, 1, 0), expected=(1.0, 2.0, 1.4, 0.1),
            probabilities=((0, 1, 0, 0), (0, 0, 1, 0), (0, 0.6, 0.4, 0), (0.9, 0.1, 0, 0)),
        )},
    )  # fmt: skip


def test_a_slide_is_graded_as_its_highest_bag_beside_its_own_grade_or_its_highest_patch():
    judged = by_slide(made_cell())
    assert (judged.bags.slides, judged.bags.patients) == ((7, 9), ("A", "B"))
    assert judged.bags.truth == {"steatosis": (3, 1), "ballooning": (-1, 0)}
    said = judged.said["steatosis"]
    assert (said.grades, said.expected) == ((1, 2), (1.4, 2.0))
    assert said.probabilities[0] == (0, 0.6, 0.4, 0)


def test_the_folds_of_a_seed_are_judged_as_one_and_a_task_that_a_fold_was_not_taught_does_not_count_there():
    first = made_cell()
    untaught = first.model_copy(update={
        "part": "seed 0 fold 2", "bags": first.bags.model_copy(update={"slides": (3, 4, 3, 4)}),
        "said": {"ballooning": first.said["steatosis"]}, "cost": first.cost.model_copy(update={"train_processor_s": 2}),
    })  # fmt: skip
    (whole,) = judged_by_slide([first, untaught])
    assert (whole.part, whole.bags.slides) == ("seed 0", (7, 9, 3, 4))
    assert whole.bags.truth == {"steatosis": (3, 1, -1, -1), "ballooning": (-1, -1, -1, 0)}
    assert whole.said["steatosis"].grades == (1, 2, 0, 0)
    assert whole.said["ballooning"].grades == (0, 0, 1, 2)
    assert whole.cost.train_processor_s == 2

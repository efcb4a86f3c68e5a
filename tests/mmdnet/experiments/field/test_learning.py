import re

import numpy as np
import torch

from mmdnet.experiments.field.bags import parts_of
from mmdnet.experiments.field.learning import WEIGHT_BYTES, learn_part, make_batch, trained_tasks
from mmdnet.labels.grading import TASKS
from mmdnet.nn.baselines.registry import baselines_called
from tests.mmdnet.experiments.field.made import WIDTH, made_data, plan


def cells_of(names, data, **choices):
    asked = plan(methods=names, **choices)
    cells = {}
    (part,) = parts_of(data.cohort, asked)
    learn_part(data, part, baselines_called(names), asked, lambda cell: cells.update({cell.method: cell}))
    return cells


def test_a_method_learns_alone_what_it_learns_beside_others():
    data = made_data()
    together = cells_of(("mean", "ibmil", "remix", "mmd-net"), data, epochs=2)
    for name, cell in together.items():
        alone = cells_of((name,), data, epochs=2)[name]
        assert alone.said == cell.said
        assert [epoch.loss for epoch in alone.curve] == [epoch.loss for epoch in cell.curve]


def test_it_learns_and_stops_when_validation_gets_no_better():
    (cell,) = cells_of(("mean",), made_data(), epochs=60, patience=3).values()
    assert len(cell.curve) < 60
    assert len(cell.curve) - cell.best_epoch == 3
    assert cell.curve[cell.best_epoch - 1].kappa == max(epoch.kappa for epoch in cell.curve)
    truth, said = np.array(cell.bags.truth["steatosis"]), np.array(cell.said["steatosis"].grades)
    assert (truth == said).mean() > 0.7
    assert cell.cost.parameters > 0
    assert cell.cost.step_mib > WEIGHT_BYTES * cell.cost.parameters / 2**20


def test_heads_take_their_steps_in_one_thread_and_leave_the_others_as_they_were():
    data, usual, seen = made_data(), torch.get_num_threads(), set()
    asked = plan(methods=("mean",), epochs=2)
    torch.set_num_threads(2)
    try:
        (part,) = parts_of(data.cohort, asked)
        learn_part(
            data, part, baselines_called(("mean",)), asked, lambda cell: None,
            lambda share, message, /, **_: seen.add(torch.get_num_threads()),
        )  # fmt: skip
        assert (seen, torch.get_num_threads()) == ({1}, 2)
    finally:
        torch.set_num_threads(usual)


def test_labels_of_one_task_alone_teach_that_task_and_the_rest_is_said():
    data = made_data(tasks=(2,))
    (part,) = parts_of(data.cohort, plan())
    assert trained_tasks(part.training_bags(0)) == {"steatosis": 4}
    for cell in cells_of(("abmil", "heinemann", "mmd-net"), data, epochs=2).values():
        assert list(cell.said) == ["steatosis"]
        assert sum("was not learnt" in warning for warning in cell.warnings) == len(TASKS) - 1


def test_a_fold_without_a_grade_is_said_and_judged_by_the_others():
    data = made_data()
    steatosis = data.cohort.grades[:, 2]
    steatosis[(steatosis == 3) & (data.cohort.slide_index // 2 != 1)] = 2  # one patient alone has a 3
    asked = plan(methods=("mean",), epochs=2, folds=4)
    cells, lacks = [], re.compile(r"No test bag has steatosis [\d, ]*3\.")
    for part in parts_of(data.cohort, asked):
        learn_part(data, part, baselines_called(("mean",)), asked, cells.append)
    without = [cell for cell in cells if any(lacks.search(said) for said in cell.warnings)]
    assert len(cells) == 4 and len(without) == 3
    assert all("steatosis" in cell.said for cell in cells)


def test_a_batch_holds_both_scales_and_pads_short_bags():
    data = made_data()
    (part,) = parts_of(data.cohort, plan())
    bags = part.test[:5]
    batch = make_batch(data, bags, data.cohort.domains("scanner+stain")[0], {})
    assert batch.of_scales(2).shape == (5, 6, 2 * WIDTH)
    first = bags[0].instances
    assert np.array_equal(batch.of_scales(1)[0, : len(first)].numpy(), data.features[first])
    assert not batch.of_scales(2)[~batch.mask].any()
    assert (batch.targets["steatosis"].instance_grades[~batch.mask] == -1).all()

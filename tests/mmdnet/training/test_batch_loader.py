import numpy as np
import torch

from mmdnet.bags.bag import natural_bags
from mmdnet.training.batch_loader import BatchLoader, build_targets, in_steps, to_device, training_variation
from mmdnet.training.config import read_config


def test_a_step_reads_its_bags_patches_in_order_then_the_set_aside_ones(crafted):
    cohort = crafted.cohort
    bags = natural_bags(cohort, range(4), 4)
    steps = in_steps(bags, 4)
    extra = [np.flatnonzero(cohort.ignored)[:2]] * len(steps)
    loader = BatchLoader(cohort, steps, np.zeros(6, int), lambda rows: rows, extra)
    batches = list(loader)
    assert len(loader) == len(batches) == len(steps)
    for step, batch in zip(steps, batches, strict=True):
        wanted = np.concatenate([bag.instances for bag in step])
        assert batch.in_bags == len(wanted)
        assert batch.data.tolist() == [*wanted.tolist(), *extra[0].tolist()]


def test_targets_are_padded_and_know_nothing_of_padding(crafted):
    bags = natural_bags(crafted.cohort, range(2), 4)
    mask, targets = build_targets(crafted.cohort, bags, np.arange(6))
    for row, bag in enumerate(bags):
        k = len(bag.instances)
        assert mask[row].tolist() == [True] * k + [False] * (mask.shape[1] - k)
        assert targets.instance_grades[row, :k].tolist() == crafted.cohort.grades[bag.instances].tolist()
        assert (targets.instance_grades[row, k:] == -1).all()
        assert targets.domains[row] == bag.slide_index
    assert not targets.ignored_mask.any()
    assert torch.equal(to_device(targets, torch.device("cpu")).grades, targets.grades)


def test_the_same_seed_varies_patches_alike(crafted):
    bags = natural_bags(crafted.cohort, range(2), 4)
    made = [
        next(iter(BatchLoader(crafted.cohort, [bags], np.zeros(6, int), crafted.pixels.read, (), np.random.default_rng(seed))))
        for seed in (3, 3, 4)
    ]  # fmt: skip
    assert np.array_equal(made[0].data, made[1].data)
    assert not np.array_equal(made[0].data, made[2].data)


def test_only_training_slides_are_measured_and_only_where_stains_are_swapped(crafted):
    config = read_config({"stain_variation": "both", "scanner_variation": True})
    asked = []

    class Pixels:
        def read(self, positions):
            asked.extend(crafted.cohort.slide_index[positions].tolist())
            return crafted.pixels.read(positions)

    variation = training_variation(crafted.cohort, Pixels(), config, [0, 2])
    assert set(asked) == {0, 2} and variation.swaps is not None and variation.scanner
    assert not variation.swaps.partners(1)
    asked.clear()
    assert training_variation(crafted.cohort, Pixels(), read_config({}), [0, 2]).swaps is None and not asked

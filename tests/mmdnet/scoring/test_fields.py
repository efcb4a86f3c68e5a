import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmdnet.scoring.fields import resample_counts, resampling_blocks, spatial_groups

places = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), min_size=1, max_size=200, unique=True).map(
    np.array
)


@settings(max_examples=60)
@given(places, st.integers(1, 60))
def test_every_patch_is_in_one_group_and_all_groups_but_one_are_full(grid, size):
    group = spatial_groups(grid[:, 0], grid[:, 1], size)
    sizes = np.bincount(group)
    assert sizes.sum() == len(grid)
    assert len(sizes) == -(-len(grid) // size)
    assert (sizes[:-1] == size).all()
    assert 1 <= sizes[-1] <= size


@settings(max_examples=30)
@given(places, st.integers(1, 60), st.randoms())
def test_groups_do_not_depend_on_the_order_patches_come_in(grid, size, random):
    order = list(range(len(grid)))
    random.shuffle(order)
    group = spatial_groups(grid[:, 0], grid[:, 1], size)
    shuffled = spatial_groups(grid[order, 0], grid[order, 1], size)
    assert (shuffled == group[order]).all()


def test_groups_are_compact_and_not_strips():
    rows, cols = (axis.ravel() for axis in np.mgrid[:28, :28])
    group = spatial_groups(rows, cols, 49)
    for number in range(group.max() + 1):
        inside = group == number
        assert np.ptp(rows[inside]) < 14
        assert np.ptp(cols[inside]) < 14


@settings(max_examples=60)
@given(places, st.integers(1, 60))
def test_a_block_lies_within_one_bag(grid, size):
    bag = spatial_groups(grid[:, 0], grid[:, 1], size)
    block = resampling_blocks(grid[:, 0], grid[:, 1], bag, size)
    assert set(np.unique(block)) == set(range(block.max() + 1))
    for number in range(block.max() + 1):
        assert len(set(bag[block == number])) == 1
    if len(grid) >= 12:
        assert block.max() + 1 >= 12 or block.max() == bag.max()


def test_each_resample_draws_as_many_blocks_as_there_are():
    counts = resample_counts(17, 50, seed=3)
    assert counts.shape == (50, 17)
    assert (counts.sum(axis=1) == 17).all()
    assert (counts == resample_counts(17, 50, seed=3)).all()


def test_a_group_of_nothing_is_refused():
    with pytest.raises(ValueError, match="at least one patch"):
        spatial_groups(np.zeros(3), np.zeros(3), 0)

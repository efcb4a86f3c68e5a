"""Which patches of a slide are judged together: compact groups, every patch in exactly one, the same each time."""

import numpy as np

FIELD_PATCHES = 48  # a bag for scoring: about one 200x field (0.95 mm² is 42.5 patches of 149.5 µm)
LEAST_BLOCKS = 12  # resampling needs this many blocks; where bags are fewer they are cut into smaller blocks


def spatial_groups(rows: np.ndarray, cols: np.ndarray, size: int) -> np.ndarray:
    """Group number of each patch: neighbours together, `size` to a group, only the last group smaller.

    The slide is halved along its longer side, again and again, each time at a whole number of groups. So a group is a
    compact piece of tissue, as a field under the microscope is, and not a strip.

    Args:
        rows: grid row of each patch, shape (patches,).
        cols: grid column of each patch, shape (patches,).
        size: patches in a full group.

    Returns:
        Group numbers from 0, shape (patches,), int64.

    Raises:
        ValueError: a group of no patches was asked for.
    """
    if size < 1:
        raise ValueError("a group needs at least one patch")
    group = np.zeros(len(rows), dtype=np.int64)
    pending = [np.arange(len(rows))]
    number = 0
    while pending:
        members = pending.pop()
        if len(members) <= size:
            group[members] = number
            number += 1
            continue
        y, x = rows[members], cols[members]
        tall = np.ptp(y) > np.ptp(x)
        members = members[np.lexsort((x, y) if tall else (y, x))]
        groups = -(-len(members) // size)
        cut = groups // 2 * size
        pending += [members[cut:], members[:cut]]
    return group


def resampling_blocks(rows: np.ndarray, cols: np.ndarray, bag: np.ndarray, bag_size: int) -> np.ndarray:
    """Block number of each patch for the bootstrap: the bags, or parts of bags where a slide has too few of them.

    Args:
        rows: grid row of each patch, shape (patches,).
        cols: grid column of each patch, shape (patches,).
        bag: bag number of each patch, shape (patches,).
        bag_size: patches in a full bag.

    Returns:
        Block numbers from 0, shape (patches,); every block lies within one bag.
    """
    size = int(np.clip(len(rows) // LEAST_BLOCKS, 1, bag_size))
    if size == bag_size:
        return bag.copy()
    block = np.zeros(len(rows), dtype=np.int64)
    first = 0
    for number in np.unique(bag):
        members = np.flatnonzero(bag == number)
        inner = spatial_groups(rows[members], cols[members], size)
        block[members] = first + inner
        first += int(inner.max()) + 1
    return block


def resample_counts(blocks: int, resamples: int, seed: int) -> np.ndarray:
    """How often each block is drawn in each resample, shape (resamples, blocks); every row sums to `blocks`."""
    chance = np.full(blocks, 1.0 / blocks)
    return np.random.default_rng(seed).multinomial(blocks, chance, size=resamples)

"""What the pathologist grades: fatty hepatocytes, lobular foci, ballooned cells; as many as the wanted grade needs."""

from collections.abc import Callable

import numpy as np

from mmdnet.labels.grading import slide_ballooning_grade, slide_inflammation_grade

FATTY_SHARE = {0: (0.0, 0.04), 1: (0.08, 0.29), 2: (0.37, 0.62), 3: (0.70, 0.92)}  # inside Kleiner's 5, 33 and 66 %
FOCI_PER_FIELD = {0: (0.0, 0.0), 1: (0.5, 1.7), 2: (2.2, 3.9), 3: (6.0, 12.0)}
BALLOONED_PER_FIELD = {0: (0.0, 0.0), 1: (0.8, 3.5), 2: (6.0, 14.0)}
FOCUS_APART_UM = 50.0  # nearer ones would be counted as one
BALLOONED_APART_UM = 34.0


def lesion_count(
    grade: int,
    rates: dict[int, tuple[float, float]],
    grade_of: Callable[[float], int],
    fields: float,
    lesions: float,
    rng: np.random.Generator,
) -> int:
    """How many lesions to draw so that their number per field has the wanted grade.

    Returns:
        The count whose rate is nearest to a random rate of that grade and still has the grade; on slides too small for
        any such count, the nearest one.
    """
    low, high = rates[grade]
    if high == 0:
        return 0
    scale = lesions if grade == max(rates) else 1.0
    rate = rng.uniform(low, high) * scale
    counts = np.arange(1, int(np.ceil((rate + high) * fields)) + 2)
    fitting = counts[[grade_of(count / fields) == grade for count in counts]]
    pool = fitting if len(fitting) else counts
    return int(pool[np.argmin(np.abs(pool / fields - rate))])


def foci_count(grade: int, fields: float, lesions: float, rng: np.random.Generator) -> int:
    """Number of lobular foci on a slide of that many 200x fields."""
    return lesion_count(grade, FOCI_PER_FIELD, slide_inflammation_grade, fields, lesions, rng)


def ballooned_count(grade: int, fields: float, lesions: float, rng: np.random.Generator) -> int:
    """Number of ballooned hepatocytes on a slide of that many 200x fields."""
    return lesion_count(grade, BALLOONED_PER_FIELD, slide_ballooning_grade, fields, lesions, rng)


def count_of_density(per_field: float, fields: float) -> int:
    """How many lesions give that many per 200x field: the nearest whole number, and one where there shall be any."""
    return max(round(per_field * fields), 1) if per_field > 0 else 0


def scatter(
    points: np.ndarray, weight: np.ndarray, count: int, apart_um: float, clustering: float, rng: np.random.Generator
) -> np.ndarray:
    """Choose points one by one, none nearer than `apart_um` to another, a share of them next to an earlier one.

    Args:
        points: candidates, shape (n, 2) in µm.
        weight: chance of each candidate, shape (n,); 0 never.
        clustering: share that is drawn from within twice `apart_um` of a chosen one.

    Returns:
        Indices into `points`; fewer than `count` where there is no room.
    """
    weight = weight.astype(float).copy()
    near_any = np.zeros(len(points), bool)
    chosen: list[int] = []
    while len(chosen) < count and weight.sum() > 0:
        pool = weight * near_any if chosen and rng.random() < clustering else weight
        if pool.sum() <= 0:
            pool = weight
        index = int(np.searchsorted(np.cumsum(pool), rng.random() * pool.sum(), side="right"))
        chosen.append(index)
        distance = np.hypot(*(points - points[index]).T)
        weight[distance < apart_um] = 0
        near_any |= distance < 2 * apart_um
    return np.array(chosen, int)


def choose_fatty(
    points: np.ndarray, zone: np.ndarray, allowed: np.ndarray, share: float, rng: np.random.Generator
) -> np.ndarray:
    """Which hepatocytes hold fat: zone 3 first (Brunt 1999), in patches, exactly the wanted share.

    Args:
        points: cells, shape (n, 2).
        zone: 0 at the central vein, 1 at the tract, shape (n,).
        allowed: cells that may hold fat.
        share: wanted share of all cells.
    """
    wave = rng.normal(0, 1 / 160, (8, 2))
    patchy = np.cos(points @ wave.T + rng.uniform(0, 6.3, 8)).sum(axis=1) / 2
    liking = -2.6 * zone + 0.8 * patchy + rng.gumbel(0, 0.9, len(points))
    liking[~allowed] = -np.inf
    fatty = np.zeros(len(points), bool)
    fatty[np.argsort(-liking)[: min(round(share * len(points)), int(allowed.sum()))]] = True
    return fatty


def fat_droplets(
    centres: np.ndarray, owner_radius: np.ndarray, macro: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """The droplets of fatty cells: one large one, or many small ones.

    Args:
        centres: fatty cells, shape (n, 2).
        owner_radius: radius of the large droplet of each cell, shape (n,).
        macro: True for a cell with one large droplet.

    Returns:
        Droplets, shape (m, 5): x, y, long half axis, short half axis, angle; and the cell of each, shape (m,).
    """
    rows: list[np.ndarray] = []
    owners: list[np.ndarray] = []
    for index in range(len(centres)):
        if macro[index]:
            small = int(rng.integers(0, 4))
            radius = np.r_[owner_radius[index], rng.uniform(0.8, 2.2, small)]
            turn = rng.uniform(0, 2 * np.pi, small)
            away = owner_radius[index] + rng.uniform(2.0, 3.5, small)
            offset = np.r_[np.zeros((1, 2)), np.c_[np.cos(turn), np.sin(turn)] * away[:, None]]
            ratio = rng.uniform(0.78, 1.0, small + 1)
        else:
            count = int(rng.integers(6, 17))
            radius = np.clip(rng.lognormal(np.log(1.5), 0.45, count), 0.7, 4.0)
            turn, away = rng.uniform(0, 2 * np.pi, count), 9.0 * np.sqrt(rng.uniform(0.12, 1, count))
            offset = np.c_[np.cos(turn), np.sin(turn)] * away[:, None]
            ratio = rng.uniform(0.85, 1.0, count)
        long, short = radius / np.sqrt(ratio), radius * np.sqrt(ratio)
        rows.append(np.c_[centres[index] + offset, long, short, rng.uniform(0, np.pi, len(radius))])
        owners.append(np.full(len(radius), index))
    if not rows:
        return np.zeros((0, 5)), np.zeros(0, int)
    return np.concatenate(rows), np.concatenate(owners)

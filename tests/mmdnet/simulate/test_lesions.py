"""Counts and places of lesions."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mmdnet.labels.grading import slide_ballooning_grade, slide_inflammation_grade
from mmdnet.simulate.lesions import ballooned_count, choose_fatty, count_of_density, foci_count, scatter


@given(st.integers(0, 3), st.floats(2.0, 40.0), st.floats(1.0, 3.0), st.integers(0, 999))
def test_as_many_foci_are_drawn_as_the_grade_says(grade, fields, lesions, seed):
    count = foci_count(grade, fields, lesions, np.random.default_rng(seed))
    assert slide_inflammation_grade(count / fields) == grade


@given(st.integers(0, 2), st.floats(0.5, 40.0), st.floats(1.0, 3.0), st.integers(0, 999))
def test_as_many_ballooned_cells_are_drawn_as_the_grade_says(grade, fields, lesions, seed):
    count = ballooned_count(grade, fields, lesions, np.random.default_rng(seed))
    assert slide_ballooning_grade(count / fields) == grade


@given(st.floats(0.01, 20), st.floats(0.2, 400))
def test_a_density_gives_the_nearest_count_and_at_least_one(density, fields):
    count = count_of_density(density, fields)
    assert count >= 1 and abs(count - density * fields) <= max(0.5, 1 - density * fields)
    assert count_of_density(0, fields) == 0


@given(st.integers(1, 40), st.floats(0, 1), st.integers(0, 999))
def test_scattered_lesions_keep_their_distance_and_avoid_forbidden_points(count, clustering, seed):
    rng = np.random.default_rng(seed)
    points = rng.uniform(0, 600, (500, 2))
    weight = (points[:, 0] > 100).astype(float)
    chosen = scatter(points, weight, count, 60.0, clustering, rng)
    assert (points[chosen, 0] > 100).all()
    gap = np.hypot(*(points[chosen][:, None] - points[chosen][None]).transpose(2, 0, 1))
    assert (gap + 1e9 * np.eye(len(chosen)) >= 60.0).all()
    assert len(set(chosen.tolist())) == len(chosen)


@given(st.floats(0, 1), st.integers(0, 99))
def test_exactly_the_wanted_share_of_cells_holds_fat(share, seed):
    rng = np.random.default_rng(seed)
    points, zone = rng.uniform(0, 900, (400, 2)), rng.random(400)
    fatty = choose_fatty(points, zone, np.ones(400, bool), share, rng)
    assert fatty.sum() == round(share * 400)


def test_fat_begins_around_the_central_vein():
    rng = np.random.default_rng(0)
    points, zone = rng.uniform(0, 3000, (4000, 2)), rng.random(4000)
    fatty = choose_fatty(points, zone, np.ones(4000, bool), 0.2, rng)
    assert zone[fatty].mean() < zone[~fatty].mean() - 0.15

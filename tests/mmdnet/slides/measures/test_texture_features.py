"""What a patch looks like in plain numbers."""

import cv2
import numpy as np

from mmdnet.slides.measures.texture_features import COLUMNS, texture_features


def tissue(seed=0, nuclei=0, holes=0, side=75):
    rng = np.random.default_rng(seed)
    picture = np.clip(np.array([205, 150, 190]) + rng.normal(0, 8, (side, side, 3)), 0, 255).astype(np.uint8)
    for count, radius, colour in ((nuclei, 2, (90, 50, 130)), (holes, 5, (245, 245, 245))):
        for x, y in rng.integers(5, side - 5, (count, 2)).tolist():
            cv2.circle(picture, (x, y), radius, colour, -1)
    return picture


def test_the_numbers_are_finite_even_of_black_and_of_white():
    for shade in (0, 255):
        numbers = texture_features(np.full((75, 75, 3), shade, np.uint8))
        assert numbers.shape == (COLUMNS,) and np.isfinite(numbers).all()


def test_fatty_and_cell_dense_tissue_are_further_apart_than_two_of_a_kind():
    kinds = {"plain": {}, "fat": {"holes": 25}, "cells": {"nuclei": 40}}
    tables = {
        name: np.stack([texture_features(tissue(seed, **how)) for seed in range(8)]) for name, how in kinds.items()
    }
    spread = np.concatenate(list(tables.values())).std(axis=0) + 1e-6
    for kind in kinds:
        for other in kinds:
            if kind < other:
                between = np.linalg.norm((tables[kind].mean(axis=0) - tables[other].mean(axis=0)) / spread)
                within = np.linalg.norm(((tables[kind] - tables[kind].mean(axis=0)) / spread), axis=1).mean()
                assert between > 1.5 * within

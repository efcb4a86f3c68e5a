"""Tiny diffusion weights, and patches that look a little like tissue."""

import cv2
import numpy as np
import pytest

from tests.diffusion_folder import make_folder


@pytest.fixture(scope="session")
def weights(tmp_path_factory):
    return make_folder(tmp_path_factory.mktemp("weights") / "tiny-sd")


@pytest.fixture(scope="session")
def tissue():
    """Makes pink patches with purple dots and white round holes, (n, side, side, 3)."""

    def make(count, side=128, holes=3, seed=0, pink=(205, 150, 190)):
        random = np.random.default_rng(seed)
        images = []
        for _ in range(count):
            noise = cv2.GaussianBlur(random.normal(0, 40, (side, side, 3)), (0, 0), 2)
            image = np.clip(np.array(pink) + noise, 0, 255).astype(np.uint8)
            for x, y in random.integers(0, side, (side // 5, 2)):
                cv2.circle(image, (int(x), int(y)), 4, (90, 50, 130), -1)
            for x, y in random.integers(15, side - 15, (holes, 2)):
                cv2.circle(image, (int(x), int(y)), 10, (250, 250, 250), -1)
            images.append(image)
        return np.stack(images)

    return make

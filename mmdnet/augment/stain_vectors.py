r"""The two stains of a section, estimated from its own pixels (Macenko et al. 2009).

In optical density :math:`-\ln(I/255)` two stains span a plane; the outermost directions of a section's pixels in that
plane are its stains. Only tissue counts: what absorbs hardly anything (glass, fat, sinusoids) has no direction, and the
darkest pixels (pigment, folds) have the camera's.
"""

import numpy as np

LEAST_OD, MOST_OD = 0.15, 2.5  # of the mean over channels, for a pixel that says something of a stain
OUTERMOST = (2.0, 98.0)  # percentiles of the angle in the plane
ENOUGH_PIXELS = 200
AT_MOST = 20_000  # pixels looked at


def optical_density(images: np.ndarray) -> np.ndarray:
    """Optical density, float32, of uint8 RGB of any shape; 0 is white."""
    return _DENSITY[images]


_DENSITY = -np.log((np.arange(256, dtype=np.float32) + 1) / 256)


def stain_vectors(images: np.ndarray, seed: int = 0) -> np.ndarray | None:
    """Unit optical densities of two stains, (2, 3), the bluer (haematoxylin) first.

    Args:
        images: uint8 RGB of one section, (..., 3).
        seed: of the pixels looked at, where there are very many.

    Returns:
        None where there is too little tissue to tell.
    """
    density = optical_density(images.reshape(-1, 3))
    mean = density.mean(axis=1)
    density = density[(mean > LEAST_OD) & (mean < MOST_OD)]
    if len(density) < ENOUGH_PIXELS:
        return None
    if len(density) > AT_MOST:
        density = density[np.random.default_rng(seed).choice(len(density), AT_MOST, replace=False)]
    _, _, axes = np.linalg.svd(density.T @ density)
    plane = axes[:2] * np.sign(axes[:2].sum(axis=1, keepdims=True) + 1e-9)
    flat = density @ plane.T
    angles = np.arctan2(flat[:, 1], flat[:, 0])
    low, high = np.percentile(angles, OUTERMOST)
    ends = np.clip(np.array([(np.cos(a), np.sin(a)) for a in (low, high)]) @ plane, 1e-3, None)
    ends /= np.linalg.norm(ends, axis=1, keepdims=True)
    return ends[np.argsort(-ends[:, 0])].astype(np.float32)  # haematoxylin takes more of the red light away


def degrees_between(first: np.ndarray, second: np.ndarray) -> float:
    """The larger angle, in degrees, of two sections' stains, each (2, 3)."""
    cosines = np.clip((first * second).sum(axis=1), -1, 1)
    return float(np.degrees(np.arccos(cosines)).max())

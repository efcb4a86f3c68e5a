"""Random textures fixed to the slide, not to the window: neighbouring windows meet without a seam.

Each texture is one small periodic picture; a window reads it at its place on the slide. Periods differ, so that their
mixture does not visibly repeat.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.ndimage import gaussian_filter

_FEATURE_UM = {"grain": 0.32, "speck": 0.85, "blotch": 2.2, "patch": 9.0, "slow": 45.0, "warp_x": 3.2, "warp_y": 3.2}
_PERIOD_PX = {
    "grain": 797, "speck": 911, "blotch": 1151, "patch": 1531, "slow": 2203, "warp_x": 1013, "warp_y": 1097,
    "fibre": 1237, "sensor": 863,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Window:
    """A rectangle of slide pixels: upper left corner, size, and scale."""

    x_px: int
    y_px: int
    width: int
    height: int
    mpp: float

    @property
    def origin_um(self) -> tuple[float, float]:
        return self.x_px * self.mpp, self.y_px * self.mpp

    def grow(self, pixels: int) -> "Window":
        return Window(
            self.x_px - pixels, self.y_px - pixels, self.width + 2 * pixels, self.height + 2 * pixels, self.mpp
        )

    def to_px(self, points: np.ndarray) -> np.ndarray:
        """Points in µm as pixel coordinates of this window, where whole numbers are pixel centres."""
        return points / self.mpp - (self.x_px + 0.5, self.y_px + 0.5)

    def reaches(self, points: np.ndarray, radius_um: np.ndarray | float) -> np.ndarray:
        """True for discs (centres of shape (n, 2) in µm) that touch the window."""
        x0, y0 = self.origin_um
        x1, y1 = x0 + self.width * self.mpp, y0 + self.height * self.mpp
        x, y = points[:, 0], points[:, 1]
        return (x > x0 - radius_um) & (x < x1 + radius_um) & (y > y0 - radius_um) & (y < y1 + radius_um)


@lru_cache(maxsize=4)
def _bank(mpp: float) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(4)
    bank = {}
    for name, feature in _FEATURE_UM.items():
        sigma, period = max(feature / mpp, 0.35), _PERIOD_PX[name]
        bank[name] = _unit(gaussian_filter(rng.standard_normal((period, period)), sigma, mode="wrap"))
    period = _PERIOD_PX["fibre"]
    strands = gaussian_filter(rng.standard_normal((period, period)), (0.7 / mpp, 7 / mpp), mode="wrap")
    wave = gaussian_filter(rng.standard_normal((period, period)), 12 / mpp, mode="wrap")
    shift = np.round(_unit(wave) * 9 / mpp).astype(int)
    rows = (np.arange(period)[:, None] + shift) % period
    bank["fibre"] = _unit(strands[rows, np.arange(period)[None]])
    bank["sensor"] = _unit(rng.standard_normal((_PERIOD_PX["sensor"],) * 2))
    return bank


def _unit(values: np.ndarray) -> np.ndarray:
    return ((values - values.mean()) / values.std()).astype(np.float32)


def texture(name: str, window: Window, seed: int = 0) -> np.ndarray:
    """A texture with mean 0 and deviation 1 in a window, float32 of shape (height, width)."""
    picture = _bank(window.mpp)[name]
    period = len(picture)
    shift = (seed * 7919) % period
    rows = np.arange(window.y_px + shift, window.y_px + shift + window.height) % period
    columns = np.arange(window.x_px + 2 * shift, window.x_px + 2 * shift + window.width) % period
    return picture.take(rows, axis=0).take(columns, axis=1)

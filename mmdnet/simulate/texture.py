"""Random textures fixed to the slide, not to the window: neighbouring windows meet without a seam.

Each texture is one small periodic picture; a window reads it at its place on the slide. Periods differ, so that their
mixture does not visibly repeat.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.fft import irfft2, rfft2

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
        bank[name] = _unit(_smooth_noise(period, sigma, sigma, rng))
    period = _PERIOD_PX["fibre"]
    strands = _smooth_noise(period, 0.7 / mpp, 7 / mpp, rng)
    wave = _smooth_noise(period, 12 / mpp, 12 / mpp, rng)
    shift = np.round(_unit(wave) * 9 / mpp).astype(int)
    rows = (np.arange(period)[:, None] + shift) % period
    bank["fibre"] = _unit(strands[rows, np.arange(period)[None]])
    bank["sensor"] = _unit(rng.standard_normal((_PERIOD_PX["sensor"],) * 2))
    return bank


def _smooth_noise(period: int, sigma_y: float, sigma_x: float, rng: np.random.Generator) -> np.ndarray:
    """Periodic Gaussian noise: white noise times the transform of a Gaussian."""
    y, x = np.fft.fftfreq(period)[:, None], np.fft.rfftfreq(period)[None]
    damping = np.exp(-2 * np.pi**2 * ((sigma_y * y) ** 2 + (sigma_x * x) ** 2)).astype(np.float32)
    white = rng.standard_normal((period, period), dtype=np.float32)
    return irfft2(rfft2(white) * damping, s=(period, period))


def _unit(values: np.ndarray) -> np.ndarray:
    return ((values - values.mean()) / values.std()).astype(np.float32)


def texture(name: str, window: Window, seed: int = 0) -> np.ndarray:
    """A texture with mean 0 and deviation 1 in a window, float32 of shape (height, width)."""
    picture = _bank(window.mpp)[name]
    period = len(picture)
    shift = (seed * 7919) % period
    out = np.empty((window.height, window.width), np.float32)
    for to_rows, rows in _wrapped(window.y_px + shift, window.height, period):
        for to_columns, columns in _wrapped(window.x_px + 2 * shift, window.width, period):
            out[to_rows, to_columns] = picture[rows, columns]
    return out


def _wrapped(first: int, count: int, period: int) -> list[tuple[slice, slice]]:
    """Where each run of a periodic axis goes to and comes from."""
    runs, done = [], 0
    while done < count:
        start = (first + done) % period
        length = min(period - start, count - done)
        runs.append((slice(done, done + length), slice(start, start + length)))
        done += length
    return runs

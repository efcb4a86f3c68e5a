"""Maps over the slide: one value per patch, drawn as the squares they are, with numbers for the legend."""

import io
from dataclasses import dataclass

import numpy as np
from PIL import Image

from mmdnet.scoring.palette import HEAT, heat_rgba, rgb

HATCH_STEP_PX = 7
HATCH_RGBA = (70, 76, 82, 150)
HATCHED = 255  # the level of a hatch's lines, among the heat's, which are its opacity and end below


@dataclass(frozen=True, slots=True)
class HeatLegend:
    """What the colours of a map stand for: the ends of its scale, round ticks between them, and the unit in words."""

    low: float
    high: float
    ticks: tuple[float, ...]
    unit: str


@dataclass(frozen=True, slots=True)
class MapFrame:
    """How patches lie on a slide, in level-0 pixels: enough to draw over a picture of the whole slide."""

    width_px0: int
    height_px0: int
    x_px0: np.ndarray  # left edges, shape (places,)
    y_px0: np.ndarray  # top edges, shape (places,)
    side_x_px0: float
    side_y_px0: float

    def edges(self, width_px: int) -> tuple[np.ndarray, int, int]:
        """Left, top, right and bottom of each patch on a picture that is `width_px` wide, and the picture's size.

        Neighbours share their edge: both round the same coordinate, so no seam and no overlap appears.
        """
        scale = width_px / self.width_px0
        height_px = max(1, round(self.height_px0 * scale))
        corners = (self.x_px0, self.y_px0, self.x_px0 + self.side_x_px0, self.y_px0 + self.side_y_px0)
        edges = np.stack([np.rint(np.asarray(c) * scale) for c in corners], axis=1).astype(np.int64)
        edges[:, 2:] = np.maximum(edges[:, 2:], edges[:, :2] + 1)
        return edges, width_px, height_px


def relative_attention(attention: np.ndarray) -> np.ndarray:
    """Attention as multiples of the slide's mean: 1 is what each patch would get if all mattered alike.

    So maps of slides with few and with many patches can be laid side by side.

    Args:
        attention: shares of the slide's attention, shape (places,), NaN where not assessed.
    """
    return attention * np.isfinite(attention).sum()


def attention_legend(attention: np.ndarray) -> HeatLegend:
    """A scale from 0 to the 99th percentile (at least 2) of relative attention, so that one patch does not dim all."""
    times = relative_attention(attention)
    times = times[np.isfinite(times)]
    high = max(2.0, float(np.quantile(times, 0.99))) if len(times) else 2.0
    ticks = round_ticks(0.0, high)
    return HeatLegend(0.0, high, ticks, "times the mean attention of a patch")


def round_ticks(low: float, high: float, about: int = 4) -> tuple[float, ...]:
    """Round numbers within [low, high], around `about` of them, `low` among them if it is 0."""
    raw = (high - low) / max(about, 1)
    if raw <= 0:
        return (low,)
    power = 10.0 ** np.floor(np.log10(raw))
    step = power * min((1, 2, 5, 10), key=lambda m: abs(m * power - raw))
    first = np.ceil(low / step) * step
    return tuple(float(round(t, 10)) for t in np.arange(first, high + step * 1e-6, step))


def heat_png(
    frame: MapFrame, values: np.ndarray, legend: HeatLegend, width_px: int = 1600, opacity: float = 1.0
) -> bytes:
    """A map of values as a PNG that covers the whole slide: clear where the value is low, hatched where none is.

    Args:
        frame: where the patches lie.
        values: in the legend's unit, shape (places,), NaN where not assessed.
        legend: the ends of the scale; values beyond them count as its ends.
        width_px: width of the picture.
        opacity: 0-1, of the whole map.
    """
    edges, width, height = frame.edges(width_px)
    share = (np.nan_to_num(values, nan=legend.low) - legend.low) / (legend.high - legend.low)
    levels = heat_rgba(share)[:, 3].tolist()
    hatch = _hatch(width, HATCH_STEP_PX)
    picture = np.zeros((height, width), dtype=np.uint8)
    squares = np.clip(edges, 0, [width, height, width, height]).tolist()
    for (x0, y0, x1, y1), level, assessed in zip(squares, levels, np.isfinite(values).tolist(), strict=True):
        picture[y0:y1, x0:x1] = level if assessed else hatch[np.arange(y0, y1) % HATCH_STEP_PX, x0:x1]
    return _palette_png(picture, float(np.clip(opacity, 0.0, 1.0)))


def _hatch(width: int, step: int) -> np.ndarray:
    """Thin lines that rise to the right, `HATCHED` of shape (step, width) uint8: the rows that repeat."""
    row, col = np.ogrid[:step, :width]
    return np.where((row + col) % step == 0, np.uint8(HATCHED), np.uint8(0))


def _palette_png(picture: np.ndarray, opacity: float) -> bytes:
    """Levels of the heat's one colour, shape (height, width) uint8, as a PNG with a palette.

    A quarter of an RGBA picture's bytes to compress, and the same to whoever decodes it.
    """
    opaque = np.rint(np.arange(256) * opacity)
    opaque[HATCHED] = np.rint(HATCH_RGBA[3] * opacity)
    image = Image.fromarray(picture)
    image.putpalette([*rgb(HEAT) * HATCHED, *HATCH_RGBA[:3]])
    out = io.BytesIO()
    image.save(out, "PNG", transparency=opaque.astype(np.uint8).tobytes(), compress_level=3)
    return out.getvalue()


def scale_bar_um(width_um: float, share: float = 0.25) -> float:
    """A round length (1, 2 or 5 times a power of ten, µm) of at most this share of a picture's width."""
    power = 10.0 ** np.floor(np.log10(width_um * share))
    return float(max(m * power for m in (1, 2, 5) if m * power <= width_um * share))


def pick_places(values: np.ndarray, top: int, low: int, random: int, seed: int) -> dict[str, list[int]]:
    """Places to show as evidence: highest values first, lowest values, and others drawn at random; none twice.

    Random ones are there because the extremes alone flatter a model.

    Args:
        values: attention per place, shape (places,), NaN where not assessed.
        top, low, random: how many of each.
        seed: of the random draw.

    Returns:
        Indices of places under `top`, `low` and `random`.
    """
    assessed = np.flatnonzero(np.isfinite(values))
    order = assessed[np.argsort(-values[assessed], kind="stable")]
    highest = order[:top]
    rest = order[top:]
    lowest = rest[::-1][:low]
    others = np.setdiff1d(rest, lowest)
    drawn = np.random.default_rng(seed).permutation(others)[:random]
    return {"top": highest.tolist(), "low": lowest.tolist(), "random": drawn.tolist()}

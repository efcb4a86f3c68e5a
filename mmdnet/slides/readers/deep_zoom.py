"""Deep zoom: any slide as the tile pyramid that browsers' viewers read (Deep Zoom Image: halves, down to one pixel)."""

import math

import cv2

from mmdnet.errors import LabError
from mmdnet.slides.readers.reader import SlideReader

TILE = 512
JPEG_QUALITY = 85


class ZoomPyramid:
    """A slide's Deep Zoom pyramid; level `max_level` is level 0 of the slide. Tiles do not overlap."""

    def __init__(self, slide: SlideReader) -> None:
        self._slide = slide
        self.width_px0, self.height_px0 = slide.facts.width_px0, slide.facts.height_px0
        self.max_level = math.ceil(math.log2(max(self.width_px0, self.height_px0)))

    def dzi(self) -> dict[str, int]:
        """What a viewer must know: width, height, tile_size, overlap and max_level."""
        return {
            "width": self.width_px0,
            "height": self.height_px0,
            "tile_size": TILE,
            "overlap": 0,
            "max_level": self.max_level,
        }

    def tile(self, level: int, col: int, row: int) -> bytes:
        """One tile as JPEG.

        Raises:
            LabError: there is no such tile, or its pixels cannot be decoded.
        """
        if not 0 <= level <= self.max_level:
            raise LabError(f"There is no zoom level {level}; there are 0 to {self.max_level}.")
        scale = 2 ** (self.max_level - level)
        width, height = math.ceil(self.width_px0 / scale), math.ceil(self.height_px0 / scale)
        left, top = col * TILE, row * TILE
        if col < 0 or row < 0 or left >= width or top >= height:
            raise LabError(f"There is no tile {col}, {row} on zoom level {level}.")
        w, h = min(TILE, width - left), min(TILE, height - top)
        read = self._slide.read_region_px0(left * scale, top * scale, w * scale, h * scale, w, h)
        pixels = self._slide.to_screen(read)
        done, coded = cv2.imencode(
            ".jpg", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY]
        )
        if not done:
            raise LabError("A tile could not be drawn.")
        return coded.tobytes()

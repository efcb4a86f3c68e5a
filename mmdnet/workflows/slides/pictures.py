"""What a slide looks like: overview, tissue, single patches, and the tiles of the deep zoom, as encoded images."""

from __future__ import annotations

import hashlib
import threading
import time
from collections import OrderedDict
from contextlib import suppress
from typing import TYPE_CHECKING

from db.models import Patch, Slide
from db.slides import AnyPatch
from mmdnet.errors import LabError
from mmdnet.files import write_aside
from mmdnet.settings import Settings
from mmdnet.workflows.services import Services, must_get
from mmdnet.workflows.slides.fetched.place import stamp_of
from mmdnet.workflows.slides.stored_geometry import open_stored, stored_grid
from mmdnet.workflows.slides.stores import with_reduced

if TYPE_CHECKING:
    import numpy as np

    from mmdnet.slides.readers.deep_zoom import ZoomPyramid
    from mmdnet.slides.readers.reader import SlideReader

OPEN_SLIDES = 16
OUTLINED_PX, OUTLINED_ZOOM = 480, 8.0
OUTLINE_GAP_PX = 3
OUTLINE_BGR = (15, 134, 207)
JPEG_QUALITY = 90
KEPT_PX, KEPT_S, SMALL_PICTURES = 320, 30 * 24 * 3600.0, "thumbnails"
_Key = tuple[str, str, float | None, tuple[int, int | str]]


def _key(slide: Slide, settings: Settings) -> _Key:
    """With the file's size and time of its last change: another file in its place is opened anew."""
    return slide.path, slide.fingerprint, slide.facts.stated_mpp, stamp_of(settings, slide.path)


class OpenSlides:
    """The slides last looked at, kept open: opening one costs more than reading a patch from it."""

    def __init__(self, limit: int = OPEN_SLIDES) -> None:
        self._limit = limit
        self._open: OrderedDict[_Key, tuple[SlideReader, ZoomPyramid]] = OrderedDict()
        self._veils: OrderedDict[_Key, bytes] = OrderedDict()
        self._lock = threading.Lock()
        self._opening: dict[_Key, threading.Lock] = {}

    def get(self, slide: Slide, settings: Settings) -> tuple[SlideReader, ZoomPyramid]:
        """The reader and deep-zoom pyramid of a slide; those used longest ago are let go.

        Raises:
            LabError: its file is gone, damaged, or another one by now.
        """
        from mmdnet.slides.readers.deep_zoom import ZoomPyramid

        key = _key(slide, settings)
        with self._lock:
            opening = self._opening.setdefault(key, threading.Lock())
        with opening:  # of this slide alone: a large one's reduced levels take a while to make, and others do not wait
            with self._lock:
                opened = self._open.get(key)
            if opened is None:
                reader = with_reduced(open_stored(slide, settings), settings)
                opened = reader, ZoomPyramid(reader)
            with self._lock:
                self._opening.pop(key, None)
                self._open[key] = opened
                self._open.move_to_end(key)
                if len(self._open) > self._limit:
                    self._open.popitem(last=False)  # closed when the last request that reads from it is done
            return opened

    def veil(self, slide: Slide, settings: Settings) -> bytes:
        """What covers all but a slide's tissue, as a PNG of the whole slide; kept, for finding tissue takes a while."""
        key = _key(slide, settings)
        kept = self._veils.get(key) or _tissue_png(self.get(slide, settings)[0])
        with self._lock:
            self._veils[key] = kept
            if len(self._veils) > 2 * self._limit:
                self._veils.popitem(last=False)
        return kept


_OPENED = OpenSlides()


def _tissue_png(reader: SlideReader) -> bytes:
    import cv2
    import numpy as np

    from mmdnet.slides.measures.tissue import find_tissue

    mask = find_tissue(reader).mask
    picture = np.zeros((*mask.shape, 4), np.uint8)
    picture[~mask] = (128, 128, 128, 150)
    return cv2.imencode(".png", picture)[1].tobytes()


class SlidePictures:
    """Encoded pictures of slides, reachable as `lab.slides.pictures`; coordinates in, bytes out."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def thumbnail(self, slide_id: int, max_px: int = 1200) -> bytes:
        """The whole slide as a JPEG whose longer side is at most `max_px`; a small one is made once and kept.

        Raises:
            LabError: it is not kept, and the slide's file is gone, damaged, or another one by now.
        """
        slide = self._slide(slide_id)
        if max_px > KEPT_PX:
            return overview_jpeg(slide, self._services.settings, max_px)
        return _kept_jpeg(slide, self._services.settings, max_px)

    def tissue_overlay(self, slide_id: int) -> bytes:
        """The tissue mask as a PNG over the whole slide: glass grey and half covered, tissue clear."""
        return _OPENED.veil(self._slide(slide_id), self._services.settings)

    def patch_pixels(self, patch_id: int, context: float = 1.0, px: int | None = None) -> np.ndarray:
        """A patch, or `context` times its width and height around its centre, as RGB of shape (px, px, 3).

        Raises:
            LabError: it cannot be decoded.
        """
        return patch_rgb(*self._patch(patch_id), self._services.settings, context, px)

    def patch_jpeg(self, patch_id: int, context: float = 1.0, px: int | None = None) -> bytes:
        """A patch as a JPEG; see `patch_pixels`."""
        return patch_jpeg(*self._patch(patch_id), self._services.settings, context, px)

    def zoom_info(self, slide_id: int) -> dict[str, int]:
        """What a deep-zoom viewer needs: width, height, tile_size, overlap, max_level."""
        return self._opened(slide_id)[1].dzi()

    def zoom_tile(self, slide_id: int, level: int, col: int, row: int) -> bytes:
        """One JPEG tile of the deep zoom.

        Raises:
            LabError: there is no such tile.
        """
        return self._opened(slide_id)[1].tile(level, col, row)

    def _slide(self, slide_id: int) -> Slide:
        with self._services.db() as session:
            return must_get(session, Slide, slide_id, "slide")

    def _patch(self, patch_id: int) -> tuple[Slide, Patch]:
        with self._services.db() as session:
            patch = must_get(session, Patch, patch_id, "patch")
            return must_get(session, Slide, patch.slide_id, "slide"), patch

    def _opened(self, slide_id: int) -> tuple[SlideReader, ZoomPyramid]:
        slide = self._slide(slide_id)
        return _OPENED.get(slide, self._services.settings)


def overview_jpeg(slide: Slide, settings: Settings, max_px: int) -> bytes:
    """A whole slide as a JPEG whose longer side is at most `max_px`."""
    reader = _OPENED.get(slide, settings)[0]
    return encode_jpeg(reader.to_screen(reader.thumbnail(max_px)))


def _kept_jpeg(slide: Slide, settings: Settings, max_px: int) -> bytes:
    """A slide's small overview from the lab's cache, else made and put there; one made long ago is made anew, and then
    all others of so long ago go, of slides that are no longer here among them.

    It is kept by what the file holds, so that a slide of another content never shows it.
    """
    folder = settings.folder("cache") / SMALL_PICTURES
    file = folder / f"{hashlib.sha256(slide.fingerprint.encode()).hexdigest()[:40]}-{max_px}.jpg"
    with suppress(OSError):
        if time.time() - file.stat().st_mtime < KEPT_S:
            return file.read_bytes()
        for known in folder.glob("*.jpg"):  # not at each making: a first look at a long list makes them all
            if time.time() - known.stat().st_mtime >= KEPT_S:
                known.unlink(missing_ok=True)
    jpeg = overview_jpeg(slide, settings, max_px)
    with suppress(OSError):  # a full disk hides no slide
        folder.mkdir(exist_ok=True)
        write_aside(file, jpeg)
    return jpeg


def patch_rgb(
    slide: Slide, patch: AnyPatch, settings: Settings, context: float = 1.0, px: int | None = None
) -> np.ndarray:
    """A patch's pixels; see `SlidePictures.patch_pixels`."""
    if not 1.0 <= context <= 9.0 or not (px is None or 16 <= px <= 2048):
        raise LabError("A patch is shown at 1 to 9 times its size and 16 to 2048 pixels.")
    grid = stored_grid(slide)
    reader = _OPENED.get(slide, settings)[0]
    px = px or grid.patch_px
    if context == 1.0 and px == grid.patch_px:
        return reader.read_patch(patch.x_px0, patch.y_px0, grid.patch_px, grid.patch_mpp)
    width, height = grid.size_px0
    wide, high = round(width * context), round(height * context)
    left, top = patch.x_px0 - (wide - width) // 2, patch.y_px0 - (high - height) // 2
    return reader.read_region_px0(left, top, wide, high, px, px)


def patch_jpeg(slide: Slide, patch: AnyPatch, settings: Settings, context: float = 1.0, px: int | None = None) -> bytes:
    """A patch as a JPEG; see `SlidePictures.patch_pixels`."""
    return encode_jpeg(patch_on_screen(slide, patch, settings, context, px))


def patch_on_screen(
    slide: Slide, patch: AnyPatch, settings: Settings, context: float = 1.0, px: int | None = None
) -> np.ndarray:
    """A patch's pixels in the colours of a screen; see `SlidePictures.patch_pixels`."""
    return _OPENED.get(slide, settings)[0].to_screen(patch_rgb(slide, patch, settings, context, px))


def encode_jpeg(rgb: np.ndarray, quality: int = JPEG_QUALITY) -> bytes:
    """RGB pixels, shape (h, w, 3), as a JPEG without chroma subsampling: pink and purple keep their edges."""
    import cv2

    done, data = cv2.imencode(
        ".jpg",
        cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR),
        [cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444],
    )
    if not done:
        raise LabError("This picture could not be encoded.")
    return data.tobytes()


def outlined_png(overview: np.ndarray, mask: np.ndarray) -> bytes:
    """A small picture of a slide with a line around each part of a mask: RGB (h, w, 3) and bool (h, w) in, a PNG out.

    Its longer side is 480 px, of tiny slides eight times the overview's.
    """
    import cv2
    import numpy as np

    height, width = mask.shape
    zoom = min(OUTLINED_PX / max(height, width), OUTLINED_ZOOM)
    size = (max(1, round(width * zoom)), max(1, round(height * zoom)))
    picture = cv2.resize(overview[..., ::-1], size, interpolation=cv2.INTER_AREA if zoom < 1 else cv2.INTER_LINEAR)
    share = cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_AREA if zoom < 1 else cv2.INTER_NEAREST)
    wider = cv2.dilate((share > 0).astype(np.uint8), np.ones((2 * OUTLINE_GAP_PX + 1,) * 2, np.uint8))
    outlines = cv2.findContours(wider, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)[0]
    drawn = cv2.drawContours(np.ascontiguousarray(picture), outlines, -1, OUTLINE_BGR, 2)
    return cv2.imencode(".png", drawn)[1].tobytes()

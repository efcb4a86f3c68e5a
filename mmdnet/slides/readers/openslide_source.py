"""Every format OpenSlide knows, through OpenSlide."""

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import openslide

from mmdnet.errors import LabError
from mmdnet.slides.facts import check_size
from mmdnet.slides.geometry import Level, Window, levels_of
from mmdnet.slides.pixels import Pixels, blank, clip
from mmdnet.slides.readers.tiff import NotTiffError, read_directories

PRINT_MPP = 20.0  # a TIFF's resolution tag coarser than this is one for printing (72 dpi), not a scanner's
READ_ERRORS = (openslide.OpenSlideError, OSError, ValueError, MemoryError)
LARGEST_TILE_PX = 8192 * 8192
SCANNER_KEYS = (
    "aperio.ScanScope ID",
    "hamamatsu.Product",
    "leica.device-model",
    "mirax.NONHIERLAYER_1_SECTION.SCANNER_HARDWARE_VERSION",
    "philips.DICOM_MANUFACTURERS_MODEL_NAME",
    "dicom.ManufacturerModelName",
    "ventana.ScannerModel",
)


class OpenSlideSource:
    """Pixels by OpenSlide. After an error OpenSlide's handle answers nothing more, so a fresh one is opened then."""

    def __init__(self, path: Path) -> None:
        """Open.

        Raises:
            LabError: no slide, damaged, or claims an absurd size.
        """
        self._path = path
        self._lock = threading.Lock()
        refuse_absurd_claims(path)
        self._slide = self._open()
        try:
            self.properties: Mapping[str, str] = dict(self._slide.properties)
        except (KeyError, UnicodeError, openslide.OpenSlideError) as error:  # names that are not even text
            raise _damaged(path, "its description cannot be read") from error
        for width, height in self._slide.level_dimensions:
            check_size(path.name, width, height)
        for index in range(self._slide.level_count):
            self._check_tile(index)
        self.levels: tuple[Level, ...] = levels_of(list(self._slide.level_dimensions))
        self.downsamples: tuple[float, ...] = tuple(self._slide.level_downsamples)

    def _open(self) -> openslide.OpenSlide:
        try:
            return openslide.OpenSlide(self._path)
        except openslide.OpenSlideUnsupportedFormatError:
            raise LabError(
                f"{self._path.name} was not added: it is no slide this program can read. Export it as SVS, TIFF or "
                "DICOM and try again. Nothing was changed."
            ) from None
        except (openslide.OpenSlideError, OSError, ValueError) as error:
            raise _damaged(self._path, str(error)) from error

    def _check_tile(self, index: int) -> None:
        keys = (f"openslide.level[{index}].tile-width", f"openslide.level[{index}].tile-height")
        check_tile(self._path, *(int(self.properties.get(key, 0)) for key in keys))

    def tiling(self, level: int) -> None:
        """Tiles cannot be had one by one."""

    def read(self, window: Window, out: Pixels | None = None) -> Pixels:
        """See Source.read. A window starts at the nearest level-0 pixel: OpenSlide takes no finer place."""
        x0, y0, x1, y1 = clip(window, self.levels[window.level])
        out = blank(window, self.levels[window.level], out)
        if x1 == x0 or y1 == y0:
            return out
        downsample = self.downsamples[window.level]
        corner = (round(x0 * downsample), round(y0 * downsample))
        rgba = self._read_region(corner, window.level, (x1 - x0, y1 - y0))
        inside = out[y0 - window.y : y1 - window.y, x0 - window.x : x1 - window.x]
        inside[...] = rgba[..., :3]
        alpha = rgba[..., 3:]
        if alpha.min() < 255:  # parts the scanner did not take: glass
            inside[...] = (rgba[..., :3] * (alpha / 255.0) + (255.0 - alpha)).round().astype(np.uint8)
        return out

    def _read_region(self, corner: tuple[int, int], level: int, size: tuple[int, int]) -> Pixels:
        """Pixels with transparency, (height, width, 4). The second try is on a handle no other thread spoils."""
        slide = self._slide
        try:
            return np.asarray(slide.read_region(corner, level, size))
        except READ_ERRORS:
            self._renew(slide)
        own = self._open()
        try:
            return np.asarray(own.read_region(corner, level, size))
        except READ_ERRORS as error:
            raise LabError(f"{self._path.name}: pixels cannot be decoded there ({error}).") from error
        finally:
            own.close()

    def _renew(self, broken: openslide.OpenSlide) -> None:
        with self._lock:
            if self._slide is broken:
                self._slide = self._open()

    def close(self) -> None:
        self._slide.close()


def _damaged(path: Path, why: str) -> LabError:
    return LabError(
        f"{path.name} was not added: the file is damaged ({why}). Copy or scan it again. Nothing was changed."
    )


def check_tile(path: Path, width: int, height: int) -> None:
    """Refuse tiles no scanner writes, before memory is taken for one.

    Raises:
        LabError: more than 67 million pixels in a tile.
    """
    if width * height > LARGEST_TILE_PX:
        raise LabError(
            f"{path.name} was not added: its tiles claim to be {width} × {height} pixels. The file is "
            "damaged; scan or export it again. Nothing was changed."
        )


def refuse_absurd_claims(path: Path) -> None:
    """Look at the sizes a TIFF claims before any library takes memory for them; other formats pass.

    Raises:
        LabError: a picture or a tile is larger than any slide's.
    """
    try:
        directories = read_directories(path)
    except NotTiffError:
        return
    for page in directories:
        check_size(path.name, max(1, page.width), max(1, page.height))
        check_tile(path, page.tile_width, page.tile_height)
        if len(page.sizes) and not 0 <= int(page.sizes.min()) <= int(page.sizes.max()) <= path.stat().st_size:
            # The library below OpenSlide takes memory for that many bytes, and ends the program where it gets none.
            raise _damaged(path, "a tile claims more bytes than the file has")


@dataclass(frozen=True, slots=True)
class Statements:
    """What a file says of itself; None where it says nothing."""

    mpp_x: float | None = None
    mpp_y: float | None = None
    objective: float | None = None
    stain: str | None = None
    scanner: str | None = None
    site: str | None = None
    patient: str | None = None
    simulated: bool = False
    bounds_px0: tuple[int, int, int, int] | None = None


def statements(properties: Mapping[str, str]) -> Statements:
    """Read OpenSlide's properties, and the facts a simulated slide carries in its description."""
    own = simulated_facts(properties)
    mpp_x, mpp_y = (_number(properties.get(f"openslide.mpp-{axis}")) for axis in "xy")
    if properties.get("openslide.vendor") == "generic-tiff" and max(mpp_x or 0, mpp_y or 0) > PRINT_MPP:
        mpp_x = mpp_y = None
    stated = _number(own.get("mpp"))
    bounds = [_number(properties.get(f"openslide.bounds-{key}")) for key in ("x", "y", "width", "height")]
    whole = [int(value) for value in bounds if value is not None]
    scanner = next((properties[key] for key in SCANNER_KEYS if properties.get(key, "").strip()), None)
    return Statements(
        mpp_x=stated or mpp_x or mpp_y,
        mpp_y=stated or mpp_y or mpp_x,
        objective=_number(properties.get("openslide.objective-power")),
        stain=_text(own.get("stain")),
        scanner=_text(own.get("scanner")) or scanner,
        site=_text(own.get("site")) or _text(properties.get("dicom.InstitutionName")),
        patient=_text(own.get("patient")) or _text(properties.get("dicom.PatientID")),
        simulated=bool(own.get("simulated", False)),
        bounds_px0=(whole[0], whole[1], whole[2], whole[3]) if len(whole) == 4 and min(whole[2:]) > 0 else None,
    )


def simulated_facts(properties: Mapping[str, str]) -> dict[str, object]:
    """The JSON `{"mmdnet": {...}}` that this project's own slides carry in their description; else empty."""
    for key in ("tiff.ImageDescription", "openslide.comment"):
        text = properties.get(key, "")
        start = text.find('{"mmdnet"')
        if start < 0:
            continue
        try:
            facts = json.JSONDecoder().raw_decode(text[start:])[0]["mmdnet"]
        except (ValueError, KeyError, RecursionError):
            continue
        if isinstance(facts, dict):
            return facts
    return {}


def _number(value: object) -> float | None:
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None
    return number if 0 <= number < float("inf") else None


def _text(value: object) -> str | None:
    return str(value).strip() or None if value is not None else None

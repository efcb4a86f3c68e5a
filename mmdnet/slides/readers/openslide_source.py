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
from mmdnet.slides.geometry import Level, Window
from mmdnet.slides.pixels import Pixels, blank, clip
from mmdnet.slides.readers.dicom import series_files
from mmdnet.slides.readers.levels import Remembered, StoredLevel, UsedLevel, used_levels
from mmdnet.slides.readers.refusals import damaged, refuse_unknown
from mmdnet.slides.readers.tiles.tiff import Directory, NotTiffError, read_directories

PRINT_MPP = 20.0  # a TIFF's resolution tag coarser than this is one for printing (72 dpi), not a scanner's
READ_ERRORS = (openslide.OpenSlideError, OSError, ValueError, MemoryError)
LARGEST_TILE_PX = 8192 * 8192
CHECKING_BYTES, READING_BYTES = 4 * 2**20, 32 * 2**20  # of decoded tiles that OpenSlide keeps
RGB, TRANSPARENCY = 2, {1, 2}  # TIFF's photometric interpretation, and what an extra sample may be said to be
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
        self._slide.set_cache(openslide.OpenSlideCache(CHECKING_BYTES))  # what is compared all over a slide fills any
        try:
            self.properties: Mapping[str, str] = dict(self._slide.properties)
        except (KeyError, UnicodeError, openslide.OpenSlideError) as error:  # names that are not even text
            raise damaged(path.name, "its description cannot be read") from error
        self.icc = self._icc()
        for width, height in self._slide.level_dimensions:
            check_size(path.name, width, height)
        for index in range(self._slide.level_count):
            self._check_tile(index)
        self._stored_downsamples = tuple(self._slide.level_downsamples)
        used = _USED.of([path], self._slide.level_dimensions, self._used_levels)
        self._stored = tuple(each.index for each in used)
        self.levels: tuple[Level, ...] = tuple(each.level for each in used)
        self.downsamples: tuple[float, ...] = tuple(self._stored_downsamples[index] for index in self._stored)
        self.planes = sum(size == self._slide.level_dimensions[0] for size in self._slide.level_dimensions)
        """Pictures as large as the slide itself: focal planes, or masks. The first is read."""

    def _open(self) -> openslide.OpenSlide:
        try:
            return openslide.OpenSlide(self._path)
        except openslide.OpenSlideUnsupportedFormatError:
            refuse_unknown(self._path)
            raise AssertionError from None  # refuse_unknown always raises
        except (openslide.OpenSlideError, OSError, ValueError) as error:
            refuse_unknown(self._path, str(error))
            raise AssertionError from error

    def keep_tiles(self) -> None:
        """Keep as many decoded tiles as reading patches row by row asks for; before, hardly any are kept."""
        self._slide.set_cache(openslide.OpenSlideCache(READING_BYTES))

    def _icc(self) -> bytes | None:
        """The profile of the slide's colours, where the file holds one that can be read."""
        try:
            profile = self._slide.color_profile
        except (openslide.OpenSlideError, OSError, ValueError, TypeError):
            return None
        return None if profile is None else profile.tobytes()

    def _check_tile(self, index: int) -> None:
        check_tile(self._path, *self._tile(index))

    def _tile(self, index: int) -> tuple[int, int]:
        keys = (f"openslide.level[{index}].tile-width", f"openslide.level[{index}].tile-height")
        width, height = (int(self.properties.get(key, 0)) for key in keys)
        return width, height

    def _used_levels(self) -> tuple[UsedLevel, ...]:
        spacings = _stated_downsamples(self._path) if self.properties.get("openslide.vendor") == "dicom" else {}
        stored = [
            StoredLevel(width, height, self._tile(index), spacings.get((width, height)))
            for index, (width, height) in enumerate(self._slide.level_dimensions)
        ]
        return used_levels(stored, self._stored_pixels, self.properties.get("openslide.quickhash-1", ""))

    def _stored_pixels(self, index: int, x: int, y: int, width: int, height: int) -> Pixels:
        """A window of a level as it is stored, on glass."""
        downsample = self._stored_downsamples[index]
        return _on_glass(self._read_region((round(x * downsample), round(y * downsample)), index, (width, height)))

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
        rgba = self._read_region(corner, self._stored[window.level], (x1 - x0, y1 - y0))
        out[y0 - window.y : y1 - window.y, x0 - window.x : x1 - window.x] = _on_glass(rgba)
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


def _on_glass(rgba: Pixels) -> Pixels:
    """Pixels with transparency, (height, width, 4), laid on white: what the scanner did not take is glass."""
    alpha = rgba[..., 3:]
    if alpha.min() == 255:
        return rgba[..., :3]
    return np.asarray((rgba[..., :3] * (alpha / 255.0) + (255.0 - alpha)).round(), np.uint8)


_USED: Remembered[tuple[UsedLevel, ...]] = Remembered()


def _stated_downsamples(path: Path) -> dict[tuple[int, int], float]:
    """By size in pixels, how much coarser the files of a DICOM slide say they are than the finest of them."""
    heads = [head for _, head in series_files(path) if head.spacing_um is not None]
    finest = min((head.spacing_um[0] for head in heads if head.spacing_um), default=None)
    if finest is None:
        return {}
    return {(head.columns, head.rows): head.spacing_um[0] / finest for head in heads if head.spacing_um}


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
        _refuse_unreadable(path.name, page)
        if len(page.sizes) and not 0 <= int(page.sizes.min()) <= int(page.sizes.max()) <= path.stat().st_size:
            # The library below OpenSlide takes memory for that many bytes, and ends the program where it gets none.
            raise damaged(path.name, "a tile claims more bytes than the file has")


def _refuse_unreadable(name: str, page: Directory) -> None:
    """Refuse a picture that would be read, and wrongly.

    Raises:
        LabError: it lies turned or mirrored, or its fourth sample is not said to be transparency.
    """
    if not page.tile_width:
        return
    refuse_turned(name, page)
    if page.photometric == RGB and page.samples > 3 and not set(page.extra_samples[:1]) & TRANSPARENCY:
        raise LabError(
            f"{name} was not added: its pixels have {page.samples} samples, and the file does not say what those "
            "beyond red, green and blue mean. Export it as RGB with three. Nothing was changed."
        )


def refuse_turned(name: str, page: Directory) -> None:
    """Refuse a picture that lies turned or mirrored.

    Raises:
        LabError: its orientation tag says so.
    """
    if page.orientation in range(2, 9):
        raise LabError(
            f"{name} was not added: its orientation tag ({page.orientation}) says that the picture is stored turned or "
            "mirrored, and slide readers take its tiles as they lie. Export it upright. Nothing was changed."
        )


def planes_note(planes: int) -> tuple[str, ...]:
    """What of a file with several pictures of the slide's size is read; nothing where there is one."""
    if planes < 2:
        return ()
    return (f"The file holds {planes} pictures of the slide's size (focal planes or masks); the first is read.",)


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
    staining_run: str | None = None
    accession_number: str | None = None
    barcode: str | None = None


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
        staining_run=_text(own.get("staining_run")),
        accession_number=_text(properties.get("dicom.AccessionNumber")),
        barcode=_text(properties.get("openslide.barcode")),
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

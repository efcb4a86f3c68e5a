"""One frame of a DICOM slide to pixels, whatever it is compressed as, and once more by a decoder of another maker.

Transfer syntaxes: DICOM PS3.5 annex A; photometric interpretations: PS3.3 C.7.6.3.1.2. Decoders are imagecodecs'
(CharLS, OpenJPEG, OpenJPH, libjxl, libjpeg-turbo); each is handed the memory it has to fill, so that a frame that
claims another size is refused before memory is taken for it.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import imagecodecs
import numpy as np
from PIL import Image

from mmdnet.slides.pixels import Pixels

RGB, YBR, YBR_422 = "RGB", "YBR_FULL", "YBR_FULL_422"
BY_WAVELET = ("YBR_RCT", "YBR_ICT")  # the frame itself says that its colours are turned, and decoders turn them back
CODING_STYLE = b"\xff\x52"  # JPEG 2000's marker of the segment that says so (ISO/IEC 15444-1, A.6.1)
TO_RGB = np.array([[1, 0, 1.402], [1, -0.344136286, -0.714136286], [1, 1.772, 0]], np.float32)
IMPLICIT, EXPLICIT, RLE = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.5"


@dataclass(frozen=True, slots=True)
class FrameForm:
    """How frames are stored.

    `syntax` is the transfer syntax's identifier, `photometric` the photometric interpretation; `in_planes` is whether
    a frame's colours follow each other in planes (planar configuration 1). Sizes are in pixels.
    """

    syntax: str
    photometric: str
    in_planes: bool
    width: int
    height: int

    @property
    def largest_bytes(self) -> int:
        """More bytes than any frame of that size is written in."""
        return 8 * self.width * self.height + 65_536

    @property
    def raw_bytes(self) -> int:
        """Bytes of a frame that is not compressed."""
        return self.width * self.height * (2 if self.photometric == YBR_422 else 3)


Decode = Callable[[bytes, FrameForm, Pixels], None]
Second = Callable[[bytes, FrameForm], Pixels]


@dataclass(frozen=True, slots=True)
class Coding:
    """How frames may be compressed.

    Attributes:
        name: for people.
        photometrics: those that may be decoded.
        decode: a frame into RGB (height, width, 3). May raise almost anything on damaged bytes.
        second: the same frame by another decoder, RGB; None where there is none.
        second_name: what that is called.
    """

    name: str
    photometrics: tuple[str, ...]
    decode: Decode
    second: Second | None = None
    second_name: str = ""


def decode(data: bytes, form: FrameForm, out: Pixels) -> None:
    """Decode one frame into `out`, RGB (height, width, 3); the form's coding and colours must be among `CODINGS`.

    Raises:
        ValueError: damaged, of another size than stated, or coloured otherwise than stated.
    """
    try:
        CODINGS[form.syntax].decode(data, form, out)
    except Exception as error:  # decoders raise almost anything on damaged bytes
        raise ValueError((str(error).splitlines() or [type(error).__name__])[0][:120]) from error


def second(data: bytes, form: FrameForm) -> Pixels | None:
    """The same frame by another decoder, RGB (height, width, 3); None where there is none, or it gave up."""
    again = CODINGS[form.syntax].second
    try:
        return None if again is None else again(data, form)
    except Exception:  # as above
        return None


def _jpeg(data: bytes, form: FrameForm, out: Pixels) -> None:
    imagecodecs.jpeg8_decode(data, colorspace="RGB" if form.photometric == RGB else "YCBCR", outcolorspace=RGB, out=out)


def _lossless_jpeg(data: bytes, form: FrameForm, out: Pixels) -> None:
    imagecodecs.jpeg8_decode(data, colorspace=RGB, outcolorspace=RGB, out=out)  # as they are, whatever they stand for
    _in_rgb(form, out)


def _jpeg_ls(data: bytes, form: FrameForm, out: Pixels) -> None:
    imagecodecs.jpegls_decode(data, out=out)
    _in_rgb(form, out)


def _jpeg_2000(data: bytes, form: FrameForm, out: Pixels) -> None:
    _refuse_unturned(data, form)
    imagecodecs.jpeg2k_decode(data, out=out)
    _in_rgb(form, out)


def _jpeg_xl(data: bytes, form: FrameForm, out: Pixels) -> None:
    imagecodecs.jpegxl_decode(data, out=out)


def _rle(data: bytes, form: FrameForm, out: Pixels) -> None:
    values = np.empty(out.size, np.uint8)
    if len(imagecodecs.dicomrle_decode(data, np.dtype(np.uint8), out=values.data)) != out.size:
        raise ValueError("a frame is cut short")
    out[...] = values.reshape(3, form.height, form.width).transpose(1, 2, 0)
    _in_rgb(form, out)


def _not_compressed(data: bytes, form: FrameForm, out: Pixels) -> None:
    if len(data) < form.raw_bytes:
        raise ValueError("a frame is cut short")
    values = np.frombuffer(data, np.uint8, form.raw_bytes)
    if form.photometric == YBR_422:
        pairs = values.reshape(form.height, form.width // 2, 4)  # two of brightness, then both colours for the pair
        out[..., 0] = pairs[..., :2].reshape(form.height, form.width)
        out[..., 1:] = np.repeat(pairs[..., 2:], 2, axis=1)
    elif form.in_planes:
        out[...] = values.reshape(3, form.height, form.width).transpose(1, 2, 0)
    else:
        out[...] = values.reshape(form.height, form.width, 3)
    _in_rgb(form, out)


def _refuse_unturned(data: bytes, form: FrameForm) -> None:
    at = data.find(CODING_STYLE)
    if form.photometric in BY_WAVELET and data[at + 8 : at + 9] != b"\x01":
        raise ValueError(f"a frame is stored otherwise than {form.photometric}")


def _in_rgb(form: FrameForm, out: Pixels) -> None:
    """Turn brightness and colours into red, green and blue, in place."""
    if form.photometric in {YBR, YBR_422}:
        values = out.astype(np.float32)
        values[..., 1:] -= 128
        out[...] = np.clip(np.rint(cv2.transform(values, TO_RGB)), 0, 255)


def _by_pydicom(plugin: str) -> Second:
    def again(data: bytes, form: FrameForm) -> Pixels:
        from pydicom.encaps import encapsulate
        from pydicom.pixels import get_decoder

        array, _ = get_decoder(form.syntax).as_array(
            encapsulate([data]) if plugin else data,
            decoding_plugin=plugin,
            rows=form.height,
            columns=form.width,
            samples_per_pixel=3,
            bits_allocated=8,
            bits_stored=8,
            pixel_representation=0,
            photometric_interpretation=form.photometric,
            planar_configuration=int(form.in_planes),
            number_of_frames=1,
            pixel_keyword="PixelData",
        )
        return np.asarray(array, np.uint8)

    return again


def _by_pillow(data: bytes, form: FrameForm) -> Pixels:
    with Image.open(io.BytesIO(data)) as picture:
        if picture.size != (form.width, form.height) or picture.mode != RGB:
            raise ValueError("another picture than stated")
        out = np.array(picture)
    _in_rgb(form, out)
    return out


def _by_openjph(data: bytes, form: FrameForm) -> Pixels:
    """For frames without loss alone: of others, imagecodecs 2026.3.6 lets what is brighter than white turn black."""
    out = np.empty((form.height, form.width, 3), np.uint8)
    imagecodecs.htj2k_decode(data, out=out)
    _in_rgb(form, out)
    return out


def _by_jpegsof3(data: bytes, form: FrameForm) -> Pixels:
    out = np.array(imagecodecs.jpegsof3_decode(data), np.uint8)
    if out.shape != (form.height, form.width, 3):
        raise ValueError("another picture than stated")
    _in_rgb(form, out)
    return out


_RAW = Coding("not compressed", (RGB, YBR, YBR_422), _not_compressed, _by_pydicom(""), "pydicom")
_WRAPPED = Coding("not compressed", (RGB, YBR, YBR_422), _not_compressed)
_JPEG = Coding("JPEG", (RGB, YBR, YBR_422), _jpeg, _by_pydicom("pillow"), "Pillow")
_LOSSLESS = Coding("lossless JPEG", (RGB, YBR), _lossless_jpeg, _by_jpegsof3, "jpegsof3")
_LS = Coding("JPEG-LS", (RGB, YBR), _jpeg_ls, _by_pydicom("pyjpegls"), "pyjpegls")
_J2K = Coding("JPEG 2000", (RGB, YBR, *BY_WAVELET), _jpeg_2000, _by_pillow, "Pillow")
_HT = Coding("HTJ2K", (RGB, YBR, *BY_WAVELET), _jpeg_2000, _by_openjph, "OpenJPH")
_LOSSY_HT = Coding("HTJ2K", (RGB, YBR, *BY_WAVELET), _jpeg_2000, _by_pillow, "Pillow")
_JXL = Coding("JPEG XL", (RGB, "XYB"), _jpeg_xl)

CODINGS: dict[str, Coding] = {
    IMPLICIT: _RAW, EXPLICIT: _RAW, "1.2.840.10008.1.2.1.98": _WRAPPED,
    RLE: Coding("RLE", (RGB, YBR), _rle, _by_pydicom("pydicom"), "pydicom"),
    "1.2.840.10008.1.2.4.50": _JPEG, "1.2.840.10008.1.2.4.51": _JPEG,
    "1.2.840.10008.1.2.4.57": _LOSSLESS, "1.2.840.10008.1.2.4.70": _LOSSLESS,
    "1.2.840.10008.1.2.4.80": _LS, "1.2.840.10008.1.2.4.81": _LS,
    "1.2.840.10008.1.2.4.90": _J2K, "1.2.840.10008.1.2.4.91": _J2K,
    "1.2.840.10008.1.2.4.110": _JXL, "1.2.840.10008.1.2.4.111": Coding("JPEG XL", (RGB, YBR, YBR_422), _jpeg_xl),
    "1.2.840.10008.1.2.4.112": _JXL,
    "1.2.840.10008.1.2.4.201": _HT, "1.2.840.10008.1.2.4.202": _HT, "1.2.840.10008.1.2.4.203": _LOSSY_HT,
}  # fmt: skip
"""How frames may be compressed, by transfer syntax: the one list of what is read beside OpenSlide."""

"""Small slides drawn for tests of what files get wrong: tissue, reduced levels, TIFF and DICOM by hand."""

import struct
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import imagecodecs
import numpy as np
import tifffile

GLASS = (243, 243, 243)


def tissue(width: int, height: int, *, border: int = 100, seed: int = 0, fat: float = 0.1, glass=GLASS) -> np.ndarray:
    """Pink tissue with nuclei and white droplets on glass, RGB (height, width, 3), for 0.5 µm/px."""
    chance = np.random.default_rng(seed)
    coarse = chance.normal(0, 1, (height // 8 + 2, width // 8 + 2)).astype(np.float32)
    picture = np.array([214, 150, 190], np.float32) + 9 * cv2.resize(coarse, (width, height))[..., None]
    picture += chance.normal(0, 5, (height, width, 1))
    for x, y in chance.integers(0, (width, height), (width * height // 1000, 2)).tolist():
        cv2.circle(picture, (x, y), 5, (95, 60, 140), -1, cv2.LINE_AA)
    for x, y in chance.integers(0, (width, height), (int(fat * width * height / 450), 2)).tolist():
        cv2.circle(picture, (x, y), 12, (246, 244, 246), -1, cv2.LINE_AA)
        cv2.circle(picture, (x, y), 12, (190, 110, 165), 1, cv2.LINE_AA)
    out = np.full((height, width, 3), glass, np.float32)
    inside = np.s_[border : height - border, border : width - border]
    out[inside] = picture[inside]
    return np.clip(out, 0, 255).astype(np.uint8)


def reduced(image: np.ndarray, levels: int, by: int = 2) -> list[np.ndarray]:
    """The image and its reduced levels, sides rounded up."""
    out = [image]
    while len(out) < levels:
        height, width = out[-1].shape[:2]
        out.append(cv2.resize(out[-1], (-(-width // by), -(-height // by)), interpolation=cv2.INTER_AREA))
    return out


def padded(image: np.ndarray, tile: int) -> np.ndarray:
    """Filled up with white to whole tiles."""
    height, width = (-(-side // tile) * tile for side in image.shape[:2])
    out = np.full((height, width, 3), 255, np.uint8)
    out[: image.shape[0], : image.shape[1]] = image
    return out


def write_tiff(path: Path, levels: list[np.ndarray], *, mpp: float = 0.5, tile: int = 128, flags=None, **given) -> Path:
    """A tiled pyramid; `flags` are the pages' subfile types, 1 for reduced."""
    given = {"compression": "jpeg", "photometric": "rgb", "metadata": None} | given
    with tifffile.TiffWriter(path) as file:
        for number, level in enumerate(levels):
            kind = flags[number] if flags else int(number > 0)
            scale = {"resolution": (1e4 / mpp, 1e4 / mpp), "resolutionunit": "CENTIMETER"} if mpp else {}
            file.write(level, tile=(tile, tile), subfiletype=kind, **scale, **given)
    return path


def write_qptiff(
    path: Path, levels: list[np.ndarray], *, mpp: float = 0.5, channels: int = 0, marked: bool = True, **given
) -> Path:
    """A QPTIFF as PerkinElmer and Akoya write it: slide, thumbnail, reduced pages, overview and label, in that order.

    With `channels` a fluorescence scan of so many grey pages; `marked` is whether TIFF's own flag says what is reduced.
    """
    given = {"compression": "jpeg"} | given
    colour = {"photometric": "minisblack" if channels else "rgb"} | given
    beside = {"photometric": "rgb", "compression": "lzw", "rowsperstrip": 32}
    first, rest = levels[0], levels[1:]
    pages = [(first, "FullResolution", 0, 1, colour), (first[::8, ::8], "Thumbnail", int(marked), 8, beside)]
    pages += [(level, "ReducedResolution", int(marked), 2**i, colour) for i, level in enumerate(rest, 1)]
    pages += [(np.full((60, 140, 3), 90, np.uint8), "Overview", 0, 30, beside)]
    pages += [(np.full((40, 50, 3), 200, np.uint8), "Label", 0, 30, beside)]
    with tifffile.TiffWriter(path) as file:
        for image, kind, reduced_type, by, how in pages:
            for channel in range(channels if how is colour and channels else 1):
                file.write(
                    image[..., channel % 3] if how is colour and channels else image,
                    tile=(128, 128) if how is colour else None,
                    subfiletype=reduced_type,
                    resolution=(1e4 / mpp / by, 1e4 / mpp / by),
                    resolutionunit="CENTIMETER",
                    software="PerkinElmer-QPI",
                    description=_qpi(kind),
                    metadata=None,
                    **how,
                )
    return path


def _qpi(kind: str) -> str:
    said = {"ImageType": kind, "SlideID": "S-1", "Barcode": "B-1", "Objective": "20x", "InstrumentType": "Polaris"}
    elements = "".join(f"  <{name}>{value}</{name}>\r\n" for name, value in said.items())
    head, root = '<?xml version="1.0" encoding="utf-16"?>\r\n', "PerkinElmer-QPI-ImageDescription"
    return f"{head}<{root}>\r\n{elements}  <ScanProfile><root><Objective>4x</Objective></root></ScanProfile></{root}>"


def aperio(width: int, height: int) -> str:
    return (
        f"Aperio Image Library v12\r\n{width}x{height} [0,0 {width}x{height}] (128x128) JPEG/RGB|AppMag = 20|MPP = 0.5"
    )


def _element(group: int, element: int, kind: str, value: bytes) -> bytes:
    value += b"\0" * (len(value) % 2) if kind in {"UI", "OB"} else b" " * (len(value) % 2)
    head = struct.pack("<HH2s", group, element, kind.encode())
    if kind in {"OB", "SQ"}:
        return head + struct.pack("<HI", 0, len(value)) + value
    return head + struct.pack("<H", len(value)) + value


def _item(*elements: bytes) -> bytes:
    inside = b"".join(elements)
    return struct.pack("<HHI", 0xFFFE, 0xE000, len(inside)) + inside


def _placed(x: int, y: int) -> bytes:
    """Where a frame lies in its level (PS3.3 C.8.12.6.1)."""
    place = _element(0x48, 0x21E, "SL", struct.pack("<i", x + 1)) + _element(
        0x48, 0x21F, "SL", struct.pack("<i", y + 1)
    )
    height = b"".join(_element(0x40, tag, "DS", b"0") for tag in (0x72A, 0x73A, 0x74A))
    return _item(_element(0x48, 0x21A, "SQ", _item(height, place)))


def jpeg_frame(tile: np.ndarray) -> bytes:
    return imagecodecs.jpeg8_encode(tile, level=92)


def in_planes(tile: np.ndarray) -> bytes:
    return tile.transpose(2, 0, 1).tobytes()


def lossless_jpeg_frame(tile: np.ndarray) -> bytes:
    return imagecodecs.jpeg8_encode(tile, lossless=True, outcolorspace="RGB")


def wavelet_frame(tile: np.ndarray, turned: bool = True) -> bytes:
    """JPEG 2000 without loss, its colours turned before or not."""
    return imagecodecs.jpeg2k_encode(tile, level=0, codecformat="j2k", reversible=True, mct=turned)


def rle_frame(tile: np.ndarray) -> bytes:
    """DICOM's run lengths (PS3.5 annex G), as pydicom writes them."""
    from pydicom.pixels import get_encoder

    return get_encoder("1.2.840.10008.1.2.5").encode(
        tile.tobytes(),
        index=0,
        rows=tile.shape[0],
        columns=tile.shape[1],
        samples_per_pixel=3,
        bits_allocated=8,
        bits_stored=8,
        pixel_representation=0,
        number_of_frames=1,
        photometric_interpretation="RGB",
        planar_configuration=0,
        encoding_plugin="pydicom",
    )


def write_dicom(
    path: Path,
    image: np.ndarray,
    *,
    series: str = "1.2.3",
    number: int = 1,
    mpp: float = 0.5,
    tile: int = 128,
    bits: int = 8,
    sop_class: str = "1.2.840.10008.5.1.4.1.1.77.1.6",
    syntax: str = "1.2.840.10008.1.2.4.50",
    photometric: str = "YBR_FULL_422",
    others: bytes = b"",
    accession: str = "",
    barcode: str = "",
    encode: Callable[[np.ndarray], bytes] = jpeg_frame,
    planar: int = 0,
    samples: int = 3,
    scanned: Sequence[int] | None = None,
    part: tuple[int, int, int] | None = None,
    planes: Sequence[np.ndarray] = (),
    kind: str | None = None,
) -> Path:
    """One level of a DICOM slide (PS3.3 A.32.8), JPEG frames in full tiling; `others` goes in as (0008,1115).

    `encode` makes a frame's bytes of its pixels, which are written one after the other where the syntax says so;
    `scanned` names the tiles that are written, in sparse tiling; `part` is the first frame, the frame behind the last
    one and the number of a file that holds a piece of the picture; `planes` are more focal planes; `kind` is the third
    word of the image's type.
    """
    height, width = image.shape[:2]
    corners = [(x, y) for y in range(0, height, tile) for x in range(0, width, tile)]
    frames = [
        encode(np.ascontiguousarray(padded(plane[y : y + tile, x : x + tile], tile)[:tile, :tile]))
        for plane in (image, *planes)
        for x, y in corners
    ]
    written = list(range(len(frames)) if scanned is None else scanned)[slice(*part[:2]) if part else slice(None)]
    frames = [frames[i] + b"\0" * (len(frames[i]) % 2) for i in written]
    flavour = "ORIGINAL\\PRIMARY\\VOLUME\\NONE" if number == 1 else "DERIVED\\PRIMARY\\VOLUME\\RESAMPLED"
    if kind:
        flavour = f"ORIGINAL\\PRIMARY\\{kind}\\NONE"
    spacing = _element(0x28, 0x30, "DS", f"{mpp / 1000}\\{mpp / 1000}".encode())
    measures = _element(0x28, 0x9110, "SQ", _item(spacing, _element(0x18, 0x50, "DS", b"0.001")))
    optical = _item(_element(0x48, 0x106, "SH", b"0"))
    origin = _item(_element(0x40, 0x72A, "DS", b"20"), _element(0x40, 0x73A, "DS", b"50"))

    def short(group: int, element: int, value: int) -> bytes:
        return _element(group, element, "US", struct.pack("<H", value))

    def long(group: int, element: int, value: int) -> bytes:
        return _element(group, element, "UL", struct.pack("<I", value))

    meta = _element(2, 2, "UI", sop_class.encode()) + _element(2, 3, "UI", f"{series}.{number}".encode())
    meta += _element(2, 0x10, "UI", syntax.encode())
    data = [
        _element(8, 8, "CS", flavour.encode()),
        _element(8, 0x16, "UI", sop_class.encode()),
        _element(8, 0x18, "UI", f"{series}.{number}{f'.{part[2]}' if part else ''}".encode()),
        _element(8, 0x50, "SH", accession.encode()) if accession else b"",
        _element(8, 0x60, "CS", b"SM"),
        _element(8, 0x1115, "SQ", others) if others else b"",
        _element(0x10, 0x20, "LO", b"P-1"),
        _element(0x20, 0xD, "UI", b"1.2"),
        _element(0x20, 0xE, "UI", series.encode()),
        _element(0x20, 0x13, "IS", str(number).encode()),
        _element(0x20, 0x52, "UI", b"1.2.9"),
        _element(0x20, 0x9161, "UI", f"{series}.{number}.9".encode()) if part else b"",
        short(0x20, 0x9162, part[2]) if part else b"",
        long(0x20, 0x9228, part[0]) if part else b"",
        _element(0x20, 0x9311, "CS", b"TILED_FULL" if scanned is None else b"TILED_SPARSE"),
        short(0x28, 2, samples),
        _element(0x28, 4, "CS", photometric.encode()),
        short(0x28, 6, planar),
        _element(0x28, 8, "IS", str(len(frames)).encode()),
        short(0x28, 0x10, tile),
        short(0x28, 0x11, tile),
        short(0x28, 0x100, bits),
        short(0x28, 0x101, bits),
        short(0x28, 0x102, bits - 1),
        short(0x28, 0x103, 0),
        _element(0x48, 1, "FL", struct.pack("<f", width * mpp / 1000)),
        _element(0x48, 2, "FL", struct.pack("<f", height * mpp / 1000)),
        long(0x48, 6, width),
        long(0x48, 7, height),
        _element(0x48, 8, "SQ", origin),
        _element(0x48, 0x102, "DS", b"0\\-1\\0\\-1\\0\\0"),
        _element(0x48, 0x105, "SQ", optical),
        long(0x48, 0x303, 1 + len(planes)),
        _element(0x2200, 5, "LT", barcode.encode()) if barcode else b"",
        _element(0x5200, 0x9229, "SQ", _item(measures)),
        b"" if scanned is None else _element(0x5200, 0x9230, "SQ", b"".join(_placed(*corners[i]) for i in written)),
    ]
    pixels = struct.pack("<HHI", 0xFFFE, 0xE000, 0)
    pixels += b"".join(struct.pack("<HHI", 0xFFFE, 0xE000, len(frame)) + frame for frame in frames)
    pixels += struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)
    head = struct.pack("<HH2sHI", 0x7FE0, 0x10, b"OB", 0, 0xFFFFFFFF)
    if syntax == "1.2.840.10008.1.2.1":
        head, pixels = b"", _element(0x7FE0, 0x10, "OB", b"".join(frames))
    length = _element(2, 0, "UL", struct.pack("<I", len(meta)))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"\0" * 128 + b"DICM" + length + meta + b"".join(data) + head + pixels)
    return path


def derived_from(series: str) -> bytes:
    """A sequence that names another series, as annotations do."""
    return _item(_element(0x20, 0xE, "UI", series.encode()))

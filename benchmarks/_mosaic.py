"""Slides of any size for measuring: one field of tissue repeated, a JPEG pyramid whose equal tiles share their bytes.

So a slide of 100,000 x 100,000 px takes a few megabytes on disk, while every tile still has to be found, read and
decoded by itself.
"""

import os
import struct
from pathlib import Path

import cv2
import imagecodecs
import numpy as np
from numpy.typing import NDArray

TILE = 256
PERIOD = 2048
DOWNSAMPLES = (1, 4, 16)


def real_data() -> Path | None:
    """The folder of real tissue, where there is one."""
    folder = Path(os.environ.get("MMDNET_REAL_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
    return folder if (folder / "slides").is_dir() else None


def tissue_field() -> tuple[NDArray[np.uint8], str]:
    """A field of 2048 x 2048 px and where it is from: real liver where present, else drawn ellipses."""
    data = real_data()
    if data is not None:
        image = cv2.imread(str(data / "liver_he" / "tile02_HE.jpg"))
        return np.ascontiguousarray(image[:PERIOD, :PERIOD, ::-1], dtype=np.uint8), "real liver, H&E"
    chance = np.random.default_rng(0)
    image = np.full((PERIOD, PERIOD, 3), (214, 150, 190), np.uint8)
    image = np.clip(image + chance.normal(0, 9, image.shape), 0, 255).astype(np.uint8)
    for _ in range(9000):
        centre = tuple(int(v) for v in chance.integers(0, PERIOD, 2))
        axes = tuple(int(v) for v in chance.integers(3, 14, 2))
        colour = ((96, 60, 140), (245, 243, 245), (196, 110, 160))[int(chance.integers(3))]
        cv2.ellipse(image, centre, axes, float(chance.integers(180)), 0, 360, colour, -1, cv2.LINE_AA)
    return cv2.GaussianBlur(image, (3, 3), 0).astype(np.uint8), "drawn ellipses"


def write_mosaic(
    path: Path,
    side_px: int,
    mpp: float = 0.25,
    field: NDArray[np.uint8] | None = None,
    downsamples: tuple[int, ...] = DOWNSAMPLES,
    quality: int = 80,
    subsampling: str = "420",
    photometric: int = 6,
    tile: int = TILE,
) -> Path:
    """Write a square pyramid of JPEG tiles, 4:2:0 and quality 80 as scanners write them."""
    image = tissue_field()[0] if field is None else field
    with path.open("wb") as file:
        file.write(b"II" + struct.pack("<HHHQ", 43, 8, 0, 0))
        link = 8
        for down in downsamples:
            small = cv2.resize(image, None, fx=1 / down, fy=1 / down, interpolation=cv2.INTER_AREA)
            offsets, sizes = _write_tiles(file, small, tile, quality, subsampling, photometric)
            link = _write_directory(
                file, link, -(-side_px // down), tile, mpp * down, offsets, sizes, down, photometric
            )
    return path


def _write_tiles(file, small, tile, quality, subsampling, photometric):  # type: ignore[no-untyped-def]
    repeats = -(-tile // small.shape[0])
    whole = np.tile(small, (repeats, repeats, 1))
    count = max(1, whole.shape[0] // tile)
    offsets, sizes = np.zeros((count, count), np.uint64), np.zeros((count, count), np.uint64)
    for row in range(count):
        for col in range(count):
            part = np.ascontiguousarray(whole[row * tile : (row + 1) * tile, col * tile : (col + 1) * tile])
            space = {"colorspace": "RGB", "outcolorspace": "RGB" if photometric == 2 else "YCBCR"}
            data = imagecodecs.jpeg8_encode(part, level=quality, subsampling=subsampling, **space)
            offsets[row, col], sizes[row, col] = file.tell(), len(data)
            file.write(data + b"\0" * (len(data) % 2))
    return offsets, sizes


def _write_directory(file, link, side, tile, mpp, offsets, sizes, down, photometric):  # type: ignore[no-untyped-def]
    count = -(-side // tile)
    rows, cols = np.meshgrid(np.arange(count) % len(offsets), np.arange(count) % len(offsets), indexing="ij")
    arrays = {}
    for tag, values in ((324, offsets[rows, cols]), (325, sizes[rows, cols])):
        arrays[tag] = file.tell()
        file.write(values.astype("<u8").tobytes())
    resolution = struct.pack("<II", round(1e7 / mpp), 1000)  # pixels per centimetre
    entries = [
        (254, 4, 1, int(down > 1)),
        (256, 4, 1, side),
        (257, 4, 1, side),
        (258, 3, 3, int.from_bytes(struct.pack("<HHH", 8, 8, 8), "little")),
        (259, 3, 1, 7),
        (262, 3, 1, photometric),
        (277, 3, 1, 3),
        (282, 5, 1, int.from_bytes(resolution, "little")),
        (283, 5, 1, int.from_bytes(resolution, "little")),
        (284, 3, 1, 1),
        (296, 3, 1, 3),
        (322, 4, 1, tile),
        (323, 4, 1, tile),
    ]
    if count == 1:
        entries += [(324, 16, 1, int(offsets[0, 0])), (325, 16, 1, int(sizes[0, 0]))]
    else:
        entries += [(tag, 16, count * count, where) for tag, where in arrays.items()]
    at = file.tell()
    file.write(struct.pack("<Q", len(entries)))
    for tag, kind, length, value in entries:
        file.write(struct.pack("<HHQQ", tag, kind, length, value))
    following = file.tell()
    file.write(struct.pack("<Q", 0))
    file.seek(link)
    file.write(struct.pack("<Q", at))
    file.seek(0, os.SEEK_END)
    return following

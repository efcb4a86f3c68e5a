"""[formats] Every format by files made here: opens, equals a second reader, says µm/px, bounds, planes.

Writes docs/formats.md. What nobody can write without the maker's own program is said to be not tried here.
"""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import imagecodecs
import numpy as np
import tifffile

from benchmarks._drawn import (
    aperio,
    jpeg_frame,
    lossless_jpeg_frame,
    padded,
    reduced,
    rle_frame,
    tissue,
    wavelet_frame,
    write_dicom,
    write_qptiff,
    write_tiff,
)
from benchmarks._drawn_zarr import write_ome_zarr
from benchmarks.result import Result
from mmdnet.errors import LabError
from mmdnet.slides.pixels import Pixels
from mmdnet.slides.readers.open import open_slide

PAGE = Path(__file__).resolve().parents[1] / "docs" / "formats.md"
COLUMNS = ("opens", "largest difference to a second reader", "µm/px", "bounds", "planes")
NOT_TRIED = {
    "NDPI, VMS and VMU (Hamamatsu)": "OpenSlide",
    "MRXS (3DHISTECH)": "OpenSlide",
    "SCN (Leica)": "OpenSlide",
    "BIF (Ventana)": "OpenSlide",
    "CZI (Zeiss)": "OpenSlide",
    "Philips TIFF, Trestle, Sakura": "OpenSlide",
}


@dataclass(frozen=True)
class Made:
    """A file of a format: where it is, and its finest pixels as another reader gives them."""

    path: Path
    second: Callable[[], Pixels]
    reader: str


def _tiff(folder: Path, name: str, levels: list[Pixels], **given: object) -> Made:
    return _tiff_of(write_tiff(folder / name, levels, **given))


def _tiff_of(path: Path) -> Made:
    return Made(path, lambda: np.asarray(tifffile.imread(path, key=0)), "tifffile")


def _picture(folder: Path, name: str, image: Pixels) -> Made:
    path = folder / name
    cv2.imwrite(str(path), image[..., ::-1])
    return Made(path, lambda: np.asarray(cv2.imread(str(path)))[..., ::-1], "OpenCV")


def _strips(folder: Path, image: Pixels) -> Made:
    path = folder / "strips.tif"
    tifffile.imwrite(path, image, photometric="rgb", compression="lzw", rowsperstrip=16, metadata=None)
    return Made(path, lambda: np.asarray(tifffile.imread(path)), "tifffile")


def _ome(folder: Path, levels: list[Pixels]) -> Made:
    path = folder / "a.ome.tif"
    with tifffile.TiffWriter(path, ome=True) as file:
        given = {"tile": (128, 128), "photometric": "rgb", "compression": "jpeg"}
        file.write(levels[0], subifds=len(levels) - 1, metadata={"PhysicalSizeX": 0.5, "PhysicalSizeY": 0.5}, **given)
        for level in levels[1:]:
            file.write(level, subfiletype=1, **given)
    return Made(path, lambda: np.asarray(tifffile.imread(path, key=0)), "tifffile")


SYNTAX = "1.2.840.10008.1.2"
WITHOUT_LOSS: dict[str, tuple[str, str, Callable[[Pixels], bytes]]] = {
    "JPEG 2000": (".4.90", "YBR_RCT", wavelet_frame),
    "not compressed": (".1", "RGB", np.ndarray.tobytes),
    "JPEG-LS": (".4.80", "RGB", imagecodecs.jpegls_encode),
    "lossless JPEG": (".4.70", "RGB", lossless_jpeg_frame),
    "RLE": (".5", "RGB", rle_frame),
    "HTJ2K": (".4.201", "YBR_RCT", imagecodecs.htj2k_encode),
    "JPEG XL": (".4.110", "RGB", lambda tile: imagecodecs.jpegxl_encode(tile, lossless=True)),
}
"""How frames of a DICOM slide may be compressed so that they come back as they were: syntax, colours, what does it."""


def _dicom(folder: Path, levels: list[Pixels], second: Callable[[], Pixels], reader: str, **given: Any) -> Made:
    for number, level in enumerate(levels):
        write_dicom(folder / f"{number}.dcm", level, number=number + 1, mpp=0.5 * 2**number, **given)
    return Made(folder / "0.dcm", second, reader)


def _dicoms(folder: Path, levels: list[Pixels]) -> dict[str, Made]:
    """DICOM slides by how their frames are compressed, and one with focal planes and one in parts."""
    image = levels[0]
    jpeg = _dicom(folder / "jpeg", levels, lambda: _tile_by_tile(image), "imagecodecs")
    coded = {
        f"DICOM, {name}": _dicom(
            folder / name, levels, lambda: image, "as drawn", syntax=SYNTAX + syntax, photometric=colours, encode=encode
        )
        for name, (syntax, colours, encode) in WITHOUT_LOSS.items()
    }
    ls = {"syntax": f"{SYNTAX}.4.80", "photometric": "RGB", "encode": imagecodecs.jpegls_encode}
    blurred = cv2.GaussianBlur(image, (0, 0), 3).astype(np.uint8)
    stack = write_dicom(folder / "stack" / "0.dcm", blurred, planes=[image, blurred], **ls)
    parts = [
        write_dicom(folder / "parts" / f"{number}.dcm", image, part=(begin, end, number + 1), **ls)
        for number, (begin, end) in enumerate([(0, 10), (10, 24)])
    ]
    return {
        "DICOM, JPEG": jpeg,
        **coded,
        "DICOM, JPEG-LS, focal planes": Made(stack, lambda: image, "as drawn"),
        "DICOM, JPEG-LS, a picture in several files": Made(parts[1], lambda: image, "as drawn"),
    }


def _tile_by_tile(image: Pixels, tile: int = 128) -> Pixels:
    """A picture whose tiles went through JPEG."""
    whole, out = padded(image, tile), np.empty_like(image)
    for y in range(0, image.shape[0], tile):
        for x in range(0, image.shape[1], tile):
            back = imagecodecs.jpeg8_decode(jpeg_frame(np.ascontiguousarray(whole[y : y + tile, x : x + tile])))
            place = out[y : y + tile, x : x + tile]
            place[...] = back[: place.shape[0], : place.shape[1]]
    return out


def _tiles(folder: Path, image: Pixels) -> Made:
    (folder / "tiles").mkdir()
    for row in range(0, image.shape[0], 128):
        for col in range(0, image.shape[1], 128):
            name = folder / "tiles" / f"S_{col // 128}_{row // 128}.png"
            cv2.imwrite(str(name), image[row : row + 128, col : col + 128, ::-1])
    return Made(folder / "tiles", lambda: image, "as drawn")


def made(folder: Path) -> dict[str, Made]:
    """A small file of every format that can be written here."""
    image = tissue(700, 500, border=40)
    levels = reduced(image, 3)
    stack = [image, cv2.GaussianBlur(image, (0, 0), 3).astype(np.uint8), levels[2]]
    description = aperio(700, 500)
    codings = {
        f"TIFF, tiles, {coding or 'not compressed'}": _tiff(folder, f"{coding}.tif", levels, compression=coding)
        for coding in ("jpeg", None, "lzw", "deflate", "zstd", "packbits", "webp", "jpegxl", "jpeg2000")
    }
    return {
        "SVS (Aperio)": _tiff(folder, "a.svs", levels, mpp=0, description=description),
        "SVS, focal planes": _tiff(folder, "z.svs", stack, mpp=0, flags=[0, 0, 0], description=description),
        **codings,
        "TIFF, strips": _strips(folder, image),
        "TIFF, no reduced levels": _tiff(folder, "flat.tif", levels[:1]),
        "OME-TIFF, levels as SubIFDs": _ome(folder, levels),
        "QPTIFF (PerkinElmer, Akoya), brightfield": _tiff_of(write_qptiff(folder / "a.qptiff", levels)),
        "QPTIFF, reduced pages not marked": _tiff_of(write_qptiff(folder / "b.qptiff", levels, marked=False)),
        "QPTIFF, fluorescence": _tiff_of(write_qptiff(folder / "c.qptiff", levels, channels=4, compression="lzw")),
        **_dicoms(folder / "dicom", levels),
        "OME-Zarr 0.4, folder": Made(write_ome_zarr(folder / "a.zarr", levels), lambda: image, "as drawn"),
        "OME-Zarr 0.5, folder, shards": Made(
            write_ome_zarr(folder / "b.zarr", levels, version="0.5", coding="zstd", shard=2), lambda: image, "as drawn"
        ),
        "OME-Zarr 0.5, zip": Made(
            write_ome_zarr(folder / "c.ozx", levels, version="0.5", zipped=True), lambda: image, "as drawn"
        ),
        "PNG": _picture(folder, "a.png", image),
        "JPEG": _picture(folder, "a.jpg", image),
        "BMP": _picture(folder, "a.bmp", image),
        "folder of tiles": _tiles(folder, image),
    }


def examine(file: Made) -> tuple[str, ...]:
    """The cells of a file's row."""
    try:
        slide = open_slide(file.path)
    except LabError as refusal:
        reason = str(refusal).split(": ", 1)[-1].removesuffix(" Nothing was changed.")
        return (f"refused: {reason}", *("not read",) * (len(COLUMNS) - 1))
    with slide:
        facts = slide.facts
        ours = slide.read_region_px0(0, 0, facts.width_px0, facts.height_px0, facts.width_px0, facts.height_px0)
        apart = int(np.abs(ours.astype(int) - file.second()).max())
        scale = f"{facts.mpp_x:.4g}, from the file" if facts.mpp_x else "asked for"
        levels = len(facts.levels)
    return (
        f"yes, {levels} level{'s' if levels > 1 else ''}, by {facts.reader}",
        f"{apart} ({file.reader})",
        scale,
        "stated" if facts.bounds_px0 else "none stated",
        " ".join(facts.notes) or "one",
    )


def run(quick: bool) -> Result:
    with tempfile.TemporaryDirectory() as folder:
        rows = {name: examine(file) for name, file in made(Path(folder)).items()}
    head = ["format", *COLUMNS]
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join([name, *cells]) + " |" for name, cells in rows.items()]
    untried = "not tried here: only its maker's program writes it"
    lines += [f"| {name} | by {reader}, {untried} |" + " not tried |" * 4 for name, reader in NOT_TRIED.items()]
    if not quick:
        PAGE.write_text(
            "# Formats\n\nMade by `python -m benchmarks formats` from small files that it writes itself; differences "
            "are in grey levels, over\nall pixels of the finest level.\n\n" + "\n".join(lines) + "\n"
        )
    read = [name for name, cells in rows.items() if cells[0].startswith("yes")]
    refused = [name for name in rows if name not in read]
    return Result("formats", len(read), "formats read, of those written here", {"refused": refused}, 1)

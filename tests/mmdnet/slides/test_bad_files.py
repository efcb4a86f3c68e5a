"""Damaged files of every kind: a process of its own opens them, since a crash of a C library would end this one."""

import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import imagecodecs
import numpy as np
import pytest
import tifffile

from benchmarks._drawn import rle_frame, write_dicom, write_qptiff
from benchmarks._drawn_zarr import write_ome_zarr
from benchmarks._mosaic import write_mosaic

CASES, ALL_CASES = 180, 2700
SCRIPT = Path(__file__).with_name("fuzz_slides.py")
ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def whole_files(tmp_path, field, real_data) -> Path:
    for name in ("boxes.tiff", "small.svs", "boxes_0.dcm", "camelyon_overview_29um.dcm"):
        shutil.copyfile(real_data / "slides" / name, tmp_path / name)
    coarse = np.random.default_rng(1).integers(60, 240, (192, 192, 3)).astype(np.uint8)
    textured = np.repeat(np.repeat(coarse, 8, axis=0), 8, axis=1)  # no tile like another, none with an even area
    write_mosaic(tmp_path / "drawn.svs", 1500, 0.5, textured, (1, 4), quality=60)
    tifffile.imwrite(tmp_path / "strips.tif", coarse, photometric="rgb", compression="lzw", rowsperstrip=16)
    for coding in ("webp", "jpeg2000", "jpegxl"):
        tifffile.imwrite(tmp_path / f"{coding}.tif", coarse, photometric="rgb", compression=coding, tile=(64, 64))
    with tifffile.TiffWriter(tmp_path / "a.ome.tif", ome=True) as file:
        file.write(coarse, tile=(64, 64), photometric="rgb", compression="deflate", subifds=1)
        file.write(coarse[::2, ::2], tile=(64, 64), photometric="rgb", compression="deflate", subfiletype=1)
    for name, marked in (("a.qptiff", True), ("b.qptiff", False)):
        write_qptiff(tmp_path / name, [coarse, coarse[::2, ::2]], marked=marked)
    ls = {"syntax": "1.2.840.10008.1.2.4.80", "photometric": "RGB", "encode": imagecodecs.jpegls_encode}
    write_dicom(tmp_path / "ls.dcm", coarse, series="1.2.81", tile=64, scanned=[0, 1, 2, 4, 8], **ls)
    raw = {"syntax": "1.2.840.10008.1.2.1", "photometric": "YBR_FULL", "encode": np.ndarray.tobytes}
    write_dicom(tmp_path / "raw.dcm", coarse, series="1.2.82", tile=64, **raw)
    rle = {"syntax": "1.2.840.10008.1.2.5", "photometric": "RGB", "encode": rle_frame}
    write_dicom(tmp_path / "rle.dcm", coarse, series="1.2.83", tile=64, **rle)
    write_ome_zarr(tmp_path / "a.ozx", [coarse, coarse[::2, ::2]], chunk=64, zipped=True)
    for name in ("field.png", "field.jpg"):
        cv2.imwrite(str(tmp_path / name), field[:200, :200])
    return tmp_path


def outcomes(folder: Path, cases: int) -> list[list[str]]:
    command = [sys.executable, str(SCRIPT), str(folder), "0", str(cases)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=550, env={"PYTHONPATH": str(ROOT)})
    lines = [line.split(maxsplit=3) for line in done.stdout.split("\n")[:-1]]
    assert done.returncode == 0, f"crashed at {lines[-1:]}: {done.stderr[-500:]}"
    return lines


def check(lines: list[list[str]], cases: int) -> None:
    assert len(lines) == cases
    assert not [line for line in lines if line[2] == "ERROR"]
    assert {line[2] for line in lines} == {"read", "refused"}


def test_damaged_files_are_read_or_refused_in_words(whole_files):
    check(outcomes(whole_files, CASES), CASES)


@pytest.mark.slow
def test_two_thousand_damaged_files_are_read_or_refused_in_words(whole_files):
    check(outcomes(whole_files, ALL_CASES), ALL_CASES)

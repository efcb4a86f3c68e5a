"""One list of formats, and a format that is added by one entry."""

from pathlib import Path

import numpy as np
import pytest

from mmdnet.errors import LabError
from mmdnet.slides.facts import FileFacts, fingerprint
from mmdnet.slides.geometry import PatchPlace, levels_of
from mmdnet.slides.patches import patch_grid
from mmdnet.slides.pixels import blank, clip
from mmdnet.slides.readers import formats
from mmdnet.slides.readers.formats import FORMATS, SlideFormat, format_of, format_of_suffix, slides_in
from mmdnet.slides.readers.open import discover, open_slide


def test_no_suffix_belongs_to_two_formats_and_all_are_lower_case():
    suffixes = [suffix for known in FORMATS for suffix in known.suffixes]
    assert len(suffixes) == len(set(suffixes))
    assert all(suffix.startswith(".") and suffix == suffix.lower() for suffix in suffixes)


@pytest.mark.parametrize(
    ("name", "content", "opened_by"),
    [
        ("a.PNG", b"", "picture"),
        ("a.dcm", b"", "DICOM"),
        ("a.mrxs", b"", "MIRAX"),
        ("a.vmu", b"", "Hamamatsu"),
        ("a.svs", b"", "slide"),
        ("no-ending", b"", "slide"),
        ("folder/tile_0_0.png", b"", "folder of images"),
    ],
)
def test_a_path_is_opened_by_the_format_it_looks_like(tmp_path, name, content, opened_by):
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    assert format_of(path if path.parent == tmp_path else path.parent).name == opened_by


def test_a_folder_with_a_dicom_file_is_a_dicom_series(tmp_path):
    (tmp_path / "level.dcm").write_bytes(b"")
    assert format_of(tmp_path).name == "DICOM"


def test_pictures_beside_slides_are_passed_over_and_tiles_are_one_slide_each(tmp_path):
    names = ["a_0_0.png", "a_0_1.png", "b_0_0.png", "field.jpg"]
    for name in names:
        (tmp_path / name).write_bytes(b"")
    assert sorted(slides_in(tmp_path, names)) == [tmp_path / name for name in ("a", "b", "field.jpg")]
    assert slides_in(tmp_path, [*names, "slide.svs", "other.mrxs"]) == [tmp_path / "other.mrxs", tmp_path / "slide.svs"]


def test_a_suffix_is_known_in_any_case():
    assert format_of_suffix(".MRXS").more_files == "a folder of the same name"
    assert format_of_suffix(".docx") is None


class ArraySource:
    """Pixels of a NumPy file, RGB (height, width, 3)."""

    def __init__(self, path: Path) -> None:
        try:
            self._pixels = np.load(path, mmap_mode="r", allow_pickle=False)
        except ValueError as error:
            raise LabError(f"{path.name} was not added: it is no NumPy file. Save it again.") from error
        self.levels = levels_of([self._pixels.shape[1::-1]])

    def tiling(self, level: int) -> None:
        """Tiles cannot be had one by one."""

    def read(self, window, out=None):
        out = blank(window, self.levels[0], out)
        x0, y0, x1, y1 = clip(window, self.levels[0])
        out[y0 - window.y : y1 - window.y, x0 - window.x : x1 - window.x] = self._pixels[y0:y1, x0:x1]
        return out

    def close(self) -> None:
        """Nothing is held open."""


def open_array(path: Path, mpp: float | None) -> tuple[FileFacts, ArraySource]:
    source = ArraySource(path)
    level = source.levels[0]
    facts = FileFacts(
        path=path, vendor="numpy", reader="numpy", width_px0=level.width_px, height_px0=level.height_px, mpp_x=mpp,
        mpp_y=mpp, mpp_source="person" if mpp else None, levels=source.levels, fingerprint=fingerprint(path),
    )  # fmt: skip
    return facts, source


def arrays_in(folder: Path, files) -> list[Path]:
    return [file for file in files if file.suffix == ".npy"]


@pytest.fixture
def with_arrays(monkeypatch):
    entry = SlideFormat("array", (".npy",), lambda path: path.suffix == ".npy", open_array, arrays_in)
    monkeypatch.setattr(formats, "FORMATS", (entry, *FORMATS))


def test_a_format_that_is_added_is_found_opened_and_read_as_any_other(with_arrays, tmp_path, field):
    np.save(tmp_path / "field.npy", field)
    (tmp_path / "notes.txt").write_text("passed over")
    assert discover(tmp_path) == [tmp_path / "field.npy"]
    with open_slide(tmp_path / "field.npy", mpp=0.5) as slide:
        grid = patch_grid(slide, 64)
        ((_, patch),) = slide.read_patches([PatchPlace(1, 2, *grid.corner_px0(1, 2), 1.0)], grid)
    assert np.array_equal(patch, field[64:128, 128:192])


def test_a_damaged_file_of_an_added_format_is_refused_in_its_words(with_arrays, tmp_path):
    (tmp_path / "damaged.npy").write_bytes(b"nothing")
    with pytest.raises(LabError, match="no NumPy file"):
        open_slide(tmp_path / "damaged.npy", mpp=0.5)

"""Files of features of other programs: read as each writes them, or refused with the reason."""

import h5py
import numpy as np
import pytest

from mmdnet.errors import LabError
from mmdnet.slides.geometry import PatchGrid, PatchPlace
from mmdnet.slides.stores.h5_features import coordinates_h5, read_h5, rows_on

GRID = PatchGrid((7, 5), 299, 0.5, 0.25, 0.25)  # 598 level-0 pixels a side
PLACES = [PatchPlace(row, col, *GRID.corner_px0(row, col), 1.0) for row in range(3) for col in range(4)]
CORNERS = np.array([(place.x_px0, place.y_px0) for place in PLACES], np.int64)
FEATURES = np.random.default_rng(0).normal(size=(12, 6)).astype(np.float32)


def trident(file, coords=CORNERS, features=FEATURES, **said):
    file["features"], file["coords"] = features, coords
    attrs = {"patch_size": 299, "patch_size_level0": 598, "target_magnification": 20, "overlap": 0} | said
    file["coords"].attrs.update({key: value for key, value in attrs.items() if value is not None})


def stamp(file, features=FEATURES, side=149.5):
    file["feats"], file["coords"] = features.astype(np.float16), (CORNERS * 0.25).astype(np.float32)
    file.attrs.update({"unit": "um", "tile_size_um": side, "tile_size_px": 224, "extractor": "mahmood-uni"})


def written(tmp_path, write):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        write(file)
    return path


def fitted(path, **more):
    given = read_h5(path, "a.h5")
    return given, rows_on(given, PLACES, GRID, "a.h5", **more)


def test_each_programs_file_fits_the_patches_it_was_made_on(tmp_path):
    order = np.random.default_rng(1).permutation(12)
    given, rows = fitted(written(tmp_path, lambda file: trident(file, CORNERS[order], FEATURES[order])))
    assert given.made_by == "TRIDENT" and np.array_equal(given.features[rows], FEATURES)
    given, rows = fitted(written(tmp_path, stamp))
    assert given.made_by == "STAMP, mahmood-uni" and np.array_equal(rows, np.arange(12))
    clam = {"patch_size": 299, "patch_level": 1, "downsample": (2.0, 2.0), "patch_size_level0": None}
    given, rows = fitted(written(tmp_path, lambda file: trident(file, CORNERS[:7], FEATURES[None, :7], **clam)))
    assert given.made_by == "CLAM" and rows.tolist() == [*range(7), *[-1] * 5]


def test_what_is_written_for_another_program_is_what_is_read_back(tmp_path):
    path = tmp_path / "coords.h5"
    path.write_bytes(coordinates_h5(PLACES, GRID, "s.svs", (5000, 4000)))
    with h5py.File(path, "a") as file:
        assert file["coords"].attrs["level0_magnification"] == 40 and file["coords"].attrs["target_magnification"] == 20
        file["features"] = FEATURES
    assert np.array_equal(fitted(path)[1], np.arange(12))


def test_a_file_that_does_not_say_its_side_is_told_it(tmp_path):
    bare = dict.fromkeys(("patch_size", "patch_size_level0"))
    path = written(tmp_path, lambda file: trident(file, **bare))
    with pytest.raises(LabError, match=r"does not say how large.*this slide are 598"):
        fitted(path)
    assert (fitted(path, side_px0=598)[1] >= 0).all()
    with pytest.raises(LabError, match=r"256 level-0 pixels wide and those of this slide 598 \(149\.5 µm\)"):
        fitted(path, side_px0=256)


def linked(file):
    trident(file)
    del file["features"]
    file["features"] = h5py.ExternalLink("/etc/passwd", "x")


def empty_table(file):
    trident(file)
    del file["features"]
    file.create_dataset("features", (3_000_000, 4), "f4")


BAD = {
    "another scale": (lambda file: stamp(file, side=256.0), "1024 level-0 pixels wide"),
    "another grid": (lambda file: trident(file, CORNERS + 300), "Only 0 of the 12 patches"),
    "lengths": (lambda file: trident(file, features=FEATURES[:5]), "not a feature and a corner"),
    "of a slide": (lambda file: file.update({"feats": FEATURES[0]}), "holds feats, and no features with coords"),
    "not finite": (lambda file: trident(file, features=FEATURES * np.nan), "not finite"),
    "text": (lambda file: trident(file, features=np.array([b"a"] * 12)), "no table of numbers"),
    "a link": (linked, "no table of numbers in the file itself"),
    "too large": (empty_table, "larger than a slide's features"),
    "nothing": (lambda file: None, "holds nothing"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_does_not_fit_is_refused_with_the_reason(tmp_path, case):
    write, sentence = BAD[case]
    with pytest.raises(LabError, match=rf"(?s){sentence}.*Nothing was imported\."):
        fitted(written(tmp_path, write))


def test_no_hdf5_file_and_half_of_one(tmp_path):
    path = written(tmp_path, trident)
    path.write_bytes(path.read_bytes()[:900])
    with pytest.raises(LabError, match="could not be read as an HDF5 file"):
        read_h5(path, "a.h5")
    with pytest.raises(LabError, match="could not be read as an HDF5 file"):
        read_h5(tmp_path / "none.h5", "none.h5")

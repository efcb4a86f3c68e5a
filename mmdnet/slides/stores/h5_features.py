"""Features that another program made, from its HDF5 file: TRIDENT and CLAM (`features`, `coords`), STAMP (`feats`).

TRIDENT (Zhang et al. 2025) and CLAM (Lu et al. 2021) keep corners in level-0 pixels, with the patches' side as
attributes of `coords` (CLAM's files of features often leave them out); STAMP (El Nahhas et al. 2024) keeps corners and
side in µm, as attributes of the file. Only plain data of the file itself is read: links and external storage are not
followed.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mmdnet.errors import LabError
from mmdnet.slides.geometry import MPP_TOLERANCE, PatchGrid, PatchPlace

if TYPE_CHECKING:
    import h5py

MOST_ROWS, WIDEST = 2_000_000, 65_536
MOST_BYTES = 8 * 2**30
AT_1_UM = 10.0  # magnification at 1 µm/px, as such files count it
NEAR = 0.01  # of a patch's side: so far may a corner be from ours, for rounding
LEAST_SHARE = 0.5  # of a file's patches that lie on ours; fewer are of another grid


@dataclass(frozen=True, slots=True)
class ForeignFeatures:
    """What a file holds.

    Attributes:
        features: (n, d) float32.
        coords: (n, 2) float64, left upper corners, x and y, in `unit`.
        unit: "px0" (level-0 pixels) or "um".
        side: of its patches in `unit`; None where it does not say.
        made_by: program and encoder as far as the file says, for people.
    """

    features: NDArray[np.float32]
    coords: NDArray[np.float64]
    unit: str
    side: float | None
    made_by: str


def read_h5(path: Path, name: str) -> ForeignFeatures:
    """Read a file of features.

    Args:
        path: where it lies.
        name: what a person calls it.

    Raises:
        LabError: it is no HDF5 file, damaged, or holds no features of patches.
    """
    import h5py

    try:
        with h5py.File(path, "r") as file:
            return _read(file, name)
    except (OSError, KeyError, ValueError, TypeError, RuntimeError, OverflowError) as problem:
        raise LabError(
            f"{name} could not be read as an HDF5 file of features. It may be half copied, or of another kind. "
            "Nothing was imported."
        ) from problem


def _read(file: h5py.File, name: str) -> ForeignFeatures:
    key = next((key for key in ("features", "feats") if key in file), None)
    if key is None or "coords" not in file:
        there = ", ".join(sorted(map(str, file))[:8]) or "nothing"
        raise LabError(
            f"{name} holds {there}, and no features with coords as TRIDENT, CLAM and STAMP write them. "
            "Nothing was imported."
        )
    features, coords = _plain(file, key, name), _plain(file, "coords", name)
    if features.ndim == 3 and features.shape[0] == 1:  # CLAM and TRIDENT write a batch of one at times
        features = features[0]
    if coords.ndim == 3 and coords.shape[0] == 1:
        coords = coords[0]
    if features.ndim != 2 or coords.shape != (len(features), 2) or not len(features):
        raise LabError(
            f"{name} holds features of shape {features.shape} and corners of shape {coords.shape}: these are not a "
            "feature and a corner for each patch. Nothing was imported."
        )
    if not (np.isfinite(features).all() and np.isfinite(coords).all()):
        raise LabError(f"{name} holds numbers that are not finite. Nothing was imported.")
    said = {**dict(file.attrs), **dict(file[key].attrs), **dict(file["coords"].attrs)}
    unit, side = _side(said)
    encoder = next((_text(said[word]) for word in ("extractor", "encoder", "patch_encoder") if word in said), "")
    program = "STAMP" if key == "feats" else "TRIDENT" if "patch_size_level0" in said else "CLAM"
    made_by = f"{program}, {encoder}" if encoder else program
    return ForeignFeatures(features.astype(np.float32), coords.astype(np.float64), unit, side, made_by)


def _plain(file: h5py.File, key: str, name: str) -> NDArray[Any]:
    """Numbers that lie in the file itself."""
    import h5py

    data = file[key] if isinstance(file.get(key, getlink=True), h5py.HardLink) else None
    if not isinstance(data, h5py.Dataset) or data.external or data.is_virtual or data.dtype.kind not in "iuf":
        raise LabError(f"{name}: {key} is no table of numbers in the file itself. Nothing was imported.")
    shape = data.shape[1:] if data.ndim == 3 else data.shape
    large = data.size * data.dtype.itemsize > MOST_BYTES or data.ndim > 3
    if large or (shape and shape[0] > MOST_ROWS) or (len(shape) > 1 and shape[1] > WIDEST):
        raise LabError(f"{name}: {key} is larger than a slide's features can be. Nothing was imported.")
    read: NDArray[Any] = data[()]
    return read


def _side(said: dict[str, Any]) -> tuple[str, float | None]:  # attributes as another program wrote them
    """Unit of the corners, and the patches' side in it."""

    def number(word: str) -> float | None:
        try:
            value = float(np.ravel(said[word])[0])
        except (KeyError, ValueError, TypeError, IndexError):
            return None
        return value if np.isfinite(value) and value > 0 else None

    if _text(said.get("unit", "")) == "um" or "tile_size_um" in said:
        return "um", number("tile_size_um") or number("tile_size")
    if side := number("patch_size_level0"):
        return "px0", side
    side, downsample = number("patch_size"), number("downsample")
    level = said.get("patch_level")
    if side and downsample:
        return "px0", side * downsample
    return "px0", side if side and level is not None and int(np.ravel(level)[0]) == 0 else None


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace")[:80] if isinstance(value, bytes) else str(value)[:80]


def rows_on(
    given: ForeignFeatures, places: list[PatchPlace], grid: PatchGrid, name: str, side_px0: float | None = None
) -> NDArray[np.int64]:
    """Which row of a file belongs to each patch of a slide.

    Args:
        given: of `read_h5`.
        places: the slide's patches.
        grid: they were laid on.
        name: of the file, for the sentence.
        side_px0: side of the file's patches in level-0 pixels, where it does not say.

    Returns:
        The row of each place, (places,), -1 where the file has none.

    Raises:
        LabError: another size or grid; says which.
    """
    scale = np.array([grid.mpp_x, grid.mpp_y]) if given.unit == "um" else np.ones(2)
    side = given.side / scale if given.side is not None else None if side_px0 is None else np.full(2, side_px0)
    own = np.array(grid.side_px0)
    if side is None:
        raise LabError(
            f"{name} does not say how large its patches are. Give the side in level-0 pixels: those of this slide are "
            f"{own[0]:.0f}. Nothing was imported."
        )
    if (np.abs(side / own - 1) > MPP_TOLERANCE).any():
        raise LabError(
            f"The patches of {name} are {side[0]:.0f} level-0 pixels wide and those of this slide {own[0]:.0f} "
            f"({grid.side_um:.1f} µm): features of other pieces of tissue do not fit. Make them on this lab's patches. "
            "Nothing was imported."
        )
    from scipy.spatial import cKDTree

    corners = np.array([(place.x_px0, place.y_px0) for place in places], np.float64).reshape(-1, 2)
    near = max(2.0, NEAR * float(own.min()))
    distance, row = cKDTree(given.coords / scale).query(corners, distance_upper_bound=near, p=np.inf)
    rows = np.where(np.isfinite(distance), row, -1).astype(np.int64)
    on_ours = len(set(rows[rows >= 0].tolist()))
    if on_ours < LEAST_SHARE * len(given.coords):
        raise LabError(
            f"Only {on_ours} of the {len(given.coords)} patches of {name} lie where this slide's do: they are of "
            "another slide, or of another grid. Make them on this lab's patches. Nothing was imported."
        )
    return rows


def coordinates_h5(places: list[PatchPlace], grid: PatchGrid, slide: str, size_px0: tuple[int, int]) -> bytes:
    """Corners of patches as TRIDENT keeps them: `coords` in level-0 pixels, with scale and side as attributes."""
    import io

    import h5py

    corners = np.array([(place.x_px0, place.y_px0) for place in places], np.int64).reshape(-1, 2)
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        coords = file.create_dataset("coords", data=corners)
        coords.attrs["patch_size"] = grid.patch_px
        coords.attrs["patch_size_level0"] = grid.size_px0[0]
        coords.attrs["level0_magnification"] = AT_1_UM / grid.mpp_x
        coords.attrs["target_magnification"] = AT_1_UM / grid.patch_mpp
        coords.attrs["overlap"] = 0
        coords.attrs["name"] = Path(slide).stem
        coords.attrs["level0_width"], coords.attrs["level0_height"] = size_px0
    return buffer.getvalue()

"""Patches needed for training, decoded once into files that random access reads fast."""

import hashlib
import json
import os
import shutil
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mmdnet.errors import LabError
from mmdnet.slides.geometry import PatchGrid, PatchPlace
from mmdnet.slides.reader import Pixels, SlideReader, Unreadable

PIXEL_VERSION = 1  # raised whenever the same slide and place would give other pixels
PIXELS, NOTE = "patches.u8", "patches.json"


def store_key(slide: SlideReader, places: Sequence[PatchPlace], grid: PatchGrid) -> str:
    """SHA-256 of everything that changes a pixel or the order: file, geometry, places, version of the code's pixels."""
    facts = {
        "fingerprint": slide.facts.fingerprint,
        "grid": asdict(grid),
        "places": [(place.x_px0, place.y_px0) for place in places],
        "pixels": PIXEL_VERSION,
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


class StoredPatches:
    """Decoded patches of one slide, in the order they were asked for; several processes may read.

    `readable[i]` is False where the slide's pixels could not be decoded; `reasons` says why.
    """

    def __init__(self, folder: Path) -> None:
        """Open.

        Raises:
            LabError: absent, cut short or damaged.
        """
        self.folder = folder
        try:
            note = json.loads((folder / NOTE).read_text())
            self._shape = (int(note["patches"]), int(note["patch_px"]), int(note["patch_px"]), 3)
            self.reasons: dict[int, str] = {int(i): str(why) for i, why in note["unreadable"].items()}
            if (folder / PIXELS).stat().st_size != int(np.prod(self._shape)):
                raise ValueError("cut short")
            self._pixels = np.memmap(folder / PIXELS, np.uint8, "r", shape=self._shape) if self._shape[0] else None
        except (OSError, KeyError, ValueError, TypeError, AttributeError) as error:
            raise LabError(
                f"The store of patches {folder.name[:12]} is damaged. Remove it; it is made again when needed."
            ) from error
        self.readable: NDArray[np.bool_] = np.ones(self._shape[0], bool)
        self.readable[list(self.reasons)] = False

    def __reduce__(self) -> tuple[type["StoredPatches"], tuple[Path]]:
        return StoredPatches, (self.folder,)

    def __len__(self) -> int:
        return self._shape[0]

    def __getitem__(self, index: int) -> Pixels:
        return self.read(np.asarray([index]))[0]

    def read(self, indices: NDArray[np.integer] | Sequence[int]) -> Pixels:
        """Patches (n, side, side, 3), in the order asked.

        Raises:
            LabError: one of them is unreadable.
        """
        wanted = np.asarray(indices, dtype=np.int64)
        if not self.readable[wanted].all():
            bad = int(wanted[~self.readable[wanted]][0])
            raise LabError(f"Patch {bad} cannot be used: {self.reasons[bad]}")
        if self._pixels is None:
            return np.empty((0, *self._shape[1:]), np.uint8)
        return np.asarray(self._pixels[wanted])


def patch_store(folder: Path, slide: SlideReader, places: Sequence[PatchPlace], grid: PatchGrid) -> StoredPatches:
    """The decoded patches of a slide: opened where they are stored already, else decoded once and stored.

    Raises:
        LabError: no room on the disk.
    """
    home = folder / store_key(slide, places, grid)
    if home.is_dir():
        try:
            stored = StoredPatches(home)
        except LabError:
            shutil.rmtree(home)
        else:
            os.utime(home)
            return stored
    aside = folder / f"{home.name}.{os.getpid()}.{time.time_ns()}.part"
    aside.mkdir(parents=True)
    try:
        _write(aside, slide, places, grid)
        try:
            aside.rename(home)
        except OSError:
            if not home.is_dir():  # else another process was first, with the same pixels
                raise
    except OSError as error:
        raise LabError(
            f"Patches could not be stored in {folder}: {error.strerror}. Make room, then try again."
        ) from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return StoredPatches(home)


def _write(folder: Path, slide: SlideReader, places: Sequence[PatchPlace], grid: PatchGrid) -> None:
    unreadable: dict[str, str] = {}
    size = grid.patch_px * grid.patch_px * 3
    with (folder / PIXELS).open("wb") as file:
        file.truncate(len(places) * size)
        for index, patch in slide.read_patches(places, grid):
            if isinstance(patch, Unreadable):
                unreadable[str(index)] = patch.reason
            else:
                file.seek(index * size)
                file.write(patch.tobytes())
    note = {
        "format": 1,
        "slide": slide.facts.path.name,
        "fingerprint": slide.facts.fingerprint,
        "patches": len(places),
        "patch_px": grid.patch_px,
        "patch_mpp": grid.patch_mpp,
        "unreadable": unreadable,
    }
    (folder / NOTE).write_text(json.dumps(note, sort_keys=True, indent=1))


@dataclass(frozen=True, slots=True)
class StoreEntry:
    """One store on disk: its key, the slide's name, size, when it was last used (seconds since 1970), and its fault."""

    key: str
    slide: str
    patches: int
    bytes: int
    used_at: float
    fault: str | None


def list_stores(folder: Path) -> list[StoreEntry]:
    """What is stored, the longest unused first."""
    entries = []
    for home in folder.iterdir() if folder.is_dir() else ():
        if not home.is_dir() or home.name.endswith(".part"):
            continue
        size = sum(file.stat().st_size for file in home.iterdir())
        try:
            note = json.loads((home / NOTE).read_text())
            StoredPatches(home)
            entries.append(StoreEntry(home.name, note["slide"], note["patches"], size, home.stat().st_mtime, None))
        except (LabError, OSError, ValueError, KeyError) as error:
            entries.append(StoreEntry(home.name, "", 0, size, home.stat().st_mtime, str(error)))
    return sorted(entries, key=lambda entry: (entry.used_at, entry.key))


def prune_stores(folder: Path, limit_bytes: int) -> list[StoreEntry]:
    """Remove damaged stores, leftovers, and the longest unused ones until the rest fits; returns what went."""
    entries = list_stores(folder)
    total = sum(entry.bytes for entry in entries)
    gone = []
    for entry in entries:
        if entry.fault is None and total <= limit_bytes:
            continue
        shutil.rmtree(folder / entry.key)
        total -= entry.bytes
        gone.append(entry)
    return gone

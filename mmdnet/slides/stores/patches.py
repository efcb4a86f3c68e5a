"""Patches needed for training, decoded once into files that random access reads fast."""

from __future__ import annotations

import builtins
import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mmdnet.errors import LabError
from mmdnet.files import lock, sha256_of
from mmdnet.slides.geometry import PatchGrid, PatchPlace
from mmdnet.slides.readers.reader import Pixels, SlideReader, Unreadable

PIXEL_VERSION = 2  # raised whenever the same slide and place would give other pixels
PIXELS, NOTE = "patches.u8", "patches.json"
PART = ".part"  # ends the name of a folder that is being written or removed
LEFTOVER_S = 24 * 3600.0  # a store still being written has changed since yesterday


@contextmanager
def _held(home: Path, *, alone: bool) -> Iterator[None]:
    """A store's lock, held while its folder is moved."""
    if os.name == "nt":
        yield
        return
    with (home / PIXELS).open("rb") as file:
        lock(file, alone=alone)
        yield


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

    While one is open, no process on this machine prunes it.
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
            with (folder / PIXELS).open("rb") as file:
                lock(file, alone=False)  # the map below duplicates the handle, and so keeps the lock
                if os.fstat(file.fileno()).st_size != int(np.prod(self._shape)):
                    raise ValueError("cut short")
                self._pixels = np.memmap(file, np.uint8, "r", shape=self._shape) if self._shape[0] else None
        except (OSError, KeyError, ValueError, TypeError, AttributeError) as error:
            raise LabError(
                f"The store of patches {folder.name[:12]} is damaged. Remove it; it is made again when needed."
            ) from error
        self.readable: NDArray[np.bool_] = np.ones(self._shape[0], bool)
        self.readable[list(self.reasons)] = False

    def __reduce__(self) -> tuple[type[StoredPatches], tuple[Path]]:
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


@dataclass(frozen=True, slots=True)
class StoreEntry:
    """One store on disk: its key, the slide's name, size, when it was last used (seconds since 1970), and its fault.

    `in_use` is True while a process on this machine has it open; `kind` is "patches" or "features".
    """

    key: str
    slide: str
    patches: int
    bytes: int
    used_at: float
    in_use: bool
    fault: str | None
    kind: str = "patches"


BETWEEN = 32  # patches from one word on how many are decoded to the next
Told = Callable[[int], None]


def _told_nobody(done: int) -> None:
    pass


class PatchStore:
    """Decoded patches of slides in one folder, each slide's under its key; see `store_key`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def get(
        self, slide: SlideReader, places: Sequence[PatchPlace], grid: PatchGrid, told: Told = _told_nobody
    ) -> StoredPatches:
        """The decoded patches of a slide: opened where they are stored already, else decoded once and stored.

        Args:
            slide, places, grid: which patches.
            told: hears now and then how many are decoded; what it raises ends the work, and nothing is stored.

        Raises:
            LabError: no room on the disk.
        """
        home = self.folder / store_key(slide, places, grid)
        if home.is_dir():
            try:
                stored = StoredPatches(home)
            except LabError:
                shutil.rmtree(home, ignore_errors=True)
            else:
                os.utime(home)
                return stored
        try:
            return _make(home, slide, places, grid, told)
        except OSError as error:
            raise LabError(
                f"Patches could not be stored in {self.folder}: {error.strerror}. Make room, then try again."
            ) from error

    def list(self, verify: bool = False) -> builtins.list[StoreEntry]:
        """What is stored, the longest unused first. `verify` also reads every pixel and compares the checksums."""
        homes = [home for home in self.folder.iterdir() if home.is_dir()] if self.folder.is_dir() else []
        entries = [_entry(home, verify) for home in homes if not home.name.endswith(PART)]
        return sorted((entry for entry in entries if entry), key=lambda entry: (entry.used_at, entry.key))

    def prune(self, limit_bytes: int, verify: bool = False) -> builtins.list[StoreEntry]:
        """Remove damaged stores, then the longest unused ones until the rest fits; returns what went.

        A store that a process has open stays, so more than the limit may be left. What broken-off writing left behind
        for a day goes too. `verify` finds damage in the pixels as well.
        """
        _remove_leftovers(self.folder)
        entries = self.list(verify)
        total = sum(entry.bytes for entry in entries)
        gone = []
        for entry in entries:
            if entry.fault is None and total <= limit_bytes:
                continue
            if _remove(self.folder / entry.key):
                total -= entry.bytes
                gone.append(entry)
        return gone


def _make(home: Path, slide: SlideReader, places: Sequence[PatchPlace], grid: PatchGrid, told: Told) -> StoredPatches:
    """Decode a slide's patches into a folder aside and move it into place.

    Not by `files.moved_into_place`: what another process stored there meanwhile stays, for somebody may have it open,
    and a lock is held over the move.
    """
    aside = _aside(home)
    aside.mkdir(parents=True)
    try:
        _write(aside, slide, places, grid, told)
        with _held(aside, alone=False):  # nobody prunes it between its move and its opening
            try:
                aside.rename(home)
            except OSError:
                if not home.is_dir():  # else another process was first, with the same pixels
                    raise
            return StoredPatches(home)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _aside(home: Path) -> Path:
    return home.with_name(f"{home.name}.{os.getpid()}.{time.time_ns()}{PART}")


def _write(folder: Path, slide: SlideReader, places: Sequence[PatchPlace], grid: PatchGrid, told: Told) -> None:
    unreadable: dict[str, str] = {}
    size = grid.patch_px * grid.patch_px * 3
    with (folder / PIXELS).open("wb") as file:
        file.truncate(len(places) * size)
        for done, (index, patch) in enumerate(slide.read_patches(places, grid)):
            if done % BETWEEN == 0:
                told(done)
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
        "sha256": sha256_of(folder / PIXELS),
    }
    (folder / NOTE).write_text(json.dumps(note, sort_keys=True, indent=1))


def _entry(home: Path, verify: bool) -> StoreEntry | None:
    """None: another process removed it while we looked."""
    try:
        used_at, size = home.stat().st_mtime, sum(file.stat().st_size for file in home.iterdir())
    except FileNotFoundError:
        return None
    in_use = _in_use(home)
    try:
        StoredPatches(home)
        note = json.loads((home / NOTE).read_text())
        if verify and note.get("sha256") != sha256_of(home / PIXELS):
            raise LabError(f"The store of patches {home.name[:12]} is damaged: its pixels are not those written.")
        return StoreEntry(home.name, str(note["slide"]), int(note["patches"]), size, used_at, in_use, None)
    except (LabError, OSError, ValueError, KeyError) as error:
        return StoreEntry(home.name, "", 0, size, used_at, in_use, str(error)) if home.is_dir() else None


def _in_use(home: Path) -> bool:
    try:
        with _held(home, alone=True):
            return False
    except BlockingIOError:
        return True
    except OSError:  # its pixels are gone: nobody can have it open
        return False


def _remove(home: Path) -> bool:
    """Remove a store nobody has open; it leaves its place in one step, so that no one meets half of it."""
    aside = _aside(home)
    try:
        if (home / PIXELS).exists():
            with _held(home, alone=True):
                home.rename(aside)
        else:
            home.rename(aside)
    except OSError:  # in use, or another process was first
        return False
    shutil.rmtree(aside, ignore_errors=True)
    return True


def _remove_leftovers(folder: Path) -> None:
    for part in folder.glob(f"*{PART}"):
        try:
            changed = max(path.stat().st_mtime for path in [part, *part.iterdir()])
        except OSError:
            continue
        if time.time() - changed > LEFTOVER_S:
            shutil.rmtree(part, ignore_errors=True)

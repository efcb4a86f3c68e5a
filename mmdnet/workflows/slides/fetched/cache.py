"""Objects of servers in a folder of this lab: each fetched once, whole or not at all, within a size.

`KEY/VERSION/NAME` is an object that is whole, `KEY/VERSION.SIZE.part` one that comes or once came; KEY is of its
address, VERSION of what its server says of it. Whoever has one open holds a lock on the file, which the kernel gives
back, and who removes asks for it first. A fetch holds the lock of KEY, so that one process fetches what several want.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from mmdnet.errors import LabError, NotNowError
from mmdnet.files import lock
from mmdnet.progress import Progress, silent
from mmdnet.slides.slide_url import SlideUrl
from mmdnet.workflows.slides.fetched.servers import AwayError, Seen, Server

PART, LOCK, ROOM = ".part", "lock", "room.lock"
LOOK_EVERY_S, TELL_EVERY_S = 0.2, 0.5
SAFE_BYTES = 32 * 2**20  # after so many more the part is flushed, and a fetch goes on from the last such place
TRIES = 3
SPARE_BYTES = 256 * 2**20  # left free on the disk: the lab's databases come first


@dataclass
class Held:
    """A fetched object that is open: it stays in the cache until this is closed, or nobody has it any more."""

    path: Path
    version: str
    _file: BinaryIO

    def close(self) -> None:
        self._file.close()


class ObjectCache:
    """The cache in one folder, at most `limit` bytes; several processes and machines may use it at once."""

    def __init__(self, folder: Path, limit: int) -> None:
        self._folder, self._limit = folder, limit

    def kept(self, url: SlideUrl, seen: Seen) -> Held | None:
        """The object in this version, where it is here whole; it counts as used now."""
        return _hold(self._home(url) / _short(seen.version) / url.name, seen.version, seen.size)

    def newest(self, url: SlideUrl) -> Held | None:
        """What was fetched of it last, whatever its version, for while its server cannot be asked."""
        for path in sorted(self._home(url).glob("*/*"), key=_used, reverse=True):
            if held := _hold(path, path.parent.name):
                return held
        return None

    def forget(self, url: SlideUrl) -> None:
        """Remove all that was fetched of it, in every version, also what is open somewhere."""
        for path in [*self._home(url).glob("*/*"), *self._home(url).glob(f"*{PART}")]:
            path.unlink(missing_ok=True)

    def fetch(self, url: SlideUrl, server: Server, seen: Seen, progress: Progress = silent) -> Held:
        """The object, fetched unless it is here; progress by bytes.

        Raises:
            AwayError: the server stopped answering; what came is kept, and the next fetch goes on from there.
            NotNowError: no room now, or it was changed while it came.
            LabError: larger than all the room.
        """
        home = self._home(url)
        for _ in range(TRIES):
            if held := self.kept(url, seen):
                return held
            home.mkdir(parents=True, exist_ok=True)
            with _alone(home / LOCK, lambda: progress(0.0, "being fetched by another process")):
                if held := self.kept(url, seen):
                    return held
                part = home / f"{_short(seen.version)}.{seen.size}{PART}"
                for older in set(home.glob(f"*{PART}")) - {part}:  # of a version that the server no longer has
                    older.unlink()
                self._make_room(part, seen.size, url.name)
                _receive(server, part, seen, url.name, progress)
                if server.look() != seen:
                    part.unlink(missing_ok=True)
                    raise NotNowError(f"{url} was changed while it was being fetched. Try again. Nothing was changed.")
                target = home / _short(seen.version) / url.name
                target.parent.mkdir(exist_ok=True)
                part.replace(target)
                if held := self.kept(url, seen):
                    return held
        raise NotNowError(f"{url.name} was fetched and at once removed to make room for others. Try again later.")

    def _home(self, url: SlideUrl) -> Path:
        return self._folder / _short(str(url))

    def _make_room(self, part: Path, size: int, name: str) -> None:
        """Let go of what was not used for longest until `size` bytes fit into the limit and on the disk, and set them
        aside by making the part.

        Raises:
            LabError: they never will, or not while so much is open.
        """
        if size > self._limit:
            raise LabError(
                f"{name} was not fetched: it has {_told(size)}, and fetched slides may take {_told(self._limit)} "
                "together (MMDNET_SLIDE_CACHE_GIB). Nothing was changed."
            )
        with _alone(self._folder / ROOM):
            needed = size - _size_on_disk(part)
            sizes = {path: _size_on_disk(path) for path in self._folder.glob("*/*/*")}
            sizes |= {path: int(path.name.split(".")[1]) for path in self._folder.glob(f"*/*{PART}") if path != part}
            taken = sum(sizes.values())
            for path in sorted(sizes, key=_used):
                if taken + size <= self._limit and needed <= self._free():
                    break
                if _removed(path):
                    taken -= sizes[path]
            if taken + size > self._limit:
                raise NotNowError(
                    f"{name} was not fetched: the room for fetched slides ({_told(self._limit)}, "
                    "MMDNET_SLIDE_CACHE_GIB) is full of slides that are in use. Try again later. Nothing was changed."
                )
            if needed > (free := self._free()):
                raise NotNowError(
                    f"{name} was not fetched: it needs {_told(needed)}, and the lab's disk has {_told(free)} "
                    "left for slides. Make room, then try again. Nothing was changed."
                )
            part.touch()

    def _free(self) -> int:
        return max(0, shutil.disk_usage(self._folder).free - SPARE_BYTES)


def _hold(path: Path, version: str, size: int | None = None) -> Held | None:
    """An object's file, opened and kept from being removed, if it is there in this size; it counts as used now."""
    try:
        file = path.open("rb")
    except OSError:
        return None
    try:
        lock(file, alone=False)
        here = os.fstat(file.fileno())
        if here.st_nlink and size in (None, here.st_size):
            with suppress(OSError):
                os.utime(path)
            return Held(path, version, file)
    except OSError:  # it is being removed
        pass
    file.close()
    return None


def _receive(server: Server, part: Path, seen: Seen, name: str, progress: Progress) -> None:
    """Fill the part up, from the last place that is surely on the disk.

    Raises:
        AwayError, LabError: see `ObjectCache.fetch`.
    """
    safe = max(0, min(_size_on_disk(part), seen.size) - 1) // SAFE_BYTES * SAFE_BYTES
    try:
        with part.open("r+b") as file:
            done, parts = server.read(safe)
            file.truncate(done)
            file.seek(done)
            flushed, told = done, 0.0
            for data in parts:
                file.write(data)
                done += len(data)
                if done > seen.size:
                    break
                if done - flushed >= SAFE_BYTES:
                    file.flush()
                    os.fsync(file.fileno())
                    flushed = done
                if time.monotonic() - told > TELL_EVERY_S:
                    told = time.monotonic()
                    progress(done / max(1, seen.size), f"{_told(done)} of {_told(seen.size)} fetched")
            file.flush()
            os.fsync(file.fileno())
    except AwayError as error:
        raise AwayError(f"{error} A fetch goes on from its last full {SAFE_BYTES // 2**20} MiB.") from error
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            part.unlink(missing_ok=True)
            raise NotNowError(f"{name} was not fetched: the lab's disk is full. Make room, then try again.") from error
        raise
    if done != seen.size:
        if done > seen.size:
            part.unlink(missing_ok=True)
        raise AwayError(
            f"{name} did not come whole ({_told(done)} of {_told(seen.size)}). Try again: it goes on from "
            f"its last full {SAFE_BYTES // 2**20} MiB."
        )


@contextmanager
def _alone(path: Path, waiting: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Hold a lock of a file's own; who waits for it says so."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        while True:
            try:
                lock(file, alone=True)
                break
            except BlockingIOError:
                waiting()
                time.sleep(LOOK_EVERY_S)
        yield


def _removed(path: Path) -> bool:
    """Remove an object unless it is open somewhere, or a part unless it is coming."""
    try:
        with (path.with_name(LOCK) if path.suffix == PART else path).open("r+b") as file:
            lock(file, alone=True)
            path.unlink()
    except FileNotFoundError:
        return True
    except OSError:
        return not path.exists()
    return True


def _size_on_disk(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _used(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def _told(size: int) -> str:
    """Bytes as people say them."""
    for unit, width in (("GB", 10**9), ("MB", 10**6)):
        if size >= width:
            return f"{size / width:.1f} {unit}"
    return f"{size / 1000:.0f} kB"

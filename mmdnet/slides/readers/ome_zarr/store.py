"""The files of a Zarr hierarchy by their keys, in a folder or in a zip; no key leads out of it."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path, PurePosixPath
from typing import Protocol

SUFFIXES = (".ozx",)  # a zip; a folder's own name mostly ends with .zarr, and need not
ROOTS = ("zarr.json", ".zattrs", ".zgroup", ".zarray")
ZIP_ERRORS = (zipfile.BadZipFile, zlib.error, RuntimeError, EOFError)  # damaged, encrypted, of a compression not known


def is_ome_zarr(path: Path) -> bool:
    """Whether a path looks like a Zarr hierarchy, whatever is in it: a folder with a root's file, or a zip."""
    if path.is_dir():
        return path.suffix.lower() == ".zarr" or any((path / name).is_file() for name in ROOTS)
    return path.is_file() and path.name.lower().endswith((*SUFFIXES, ".zarr.zip"))


class Store(Protocol):
    """Files by key, as `0/c/0/1/2`. Several threads may ask. What is damaged is a ValueError."""

    def get(self, key: str, most: int) -> bytes | None:
        """A file's bytes; None where it is not there. Raises ValueError where they are more than `most`."""

    def part(self, key: str, begin: int, size: int) -> bytes | None:
        """So many bytes of a file from there on (from its end where negative); None where it is not there."""

    def close(self) -> None:
        """Give files back."""


class FolderStore:
    """A folder."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def get(self, key: str, most: int) -> bytes | None:
        """See Store.get."""
        try:
            with (self._path / inside(key)).open("rb") as file:
                return _at_most(file.read(most + 1), most)
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return None

    def part(self, key: str, begin: int, size: int) -> bytes | None:
        """See Store.part."""
        try:
            with (self._path / inside(key)).open("rb") as file:
                file.seek(begin, 2 if begin < 0 else 0)
                return file.read(size)
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return None

    def close(self) -> None:
        """No file is held open."""


class ZipStore:
    """A zip; its hierarchy may begin in one folder of it."""

    def __init__(self, path: Path) -> None:
        """Open.

        Raises:
            zipfile.BadZipFile, OSError: it is none, or damaged.
        """
        self._zip = zipfile.ZipFile(path)
        names = set(self._zip.namelist())
        tops = {name.split("/")[0] for name in names if "/" in name}
        only = next(iter(tops)) if len(tops) == 1 else ""
        here = any(name in names for name in ("zarr.json", ".zattrs", ".zgroup"))
        self._top = "" if here or not only else f"{only}/"

    def get(self, key: str, most: int) -> bytes | None:
        """See Store.get."""
        try:
            with self._zip.open(self._top + inside(key)) as file:
                return _at_most(file.read(most + 1), most)
        except KeyError:
            return None
        except ZIP_ERRORS as error:
            raise ValueError("a file in the zip is damaged") from error

    def part(self, key: str, begin: int, size: int) -> bytes | None:
        """See Store.part."""
        try:
            with self._zip.open(self._top + inside(key)) as file:
                file.seek(begin, 2 if begin < 0 else 0)
                return file.read(size)
        except KeyError:
            return None
        except ZIP_ERRORS as error:
            raise ValueError("a file in the zip is damaged") from error

    def close(self) -> None:
        self._zip.close()


def _at_most(data: bytes, most: int) -> bytes:
    if len(data) > most:
        raise ValueError("a file of it is larger than it can be")
    return data


def inside(key: str) -> str:
    """A key that stays in its hierarchy.

    Raises:
        ValueError: it does not.
    """
    parts = PurePosixPath(key).parts
    if not parts or ".." in parts or key.startswith("/") or "\\" in key or "\0" in key or ":" in key:
        raise ValueError("it names a file outside of itself")
    return "/".join(parts)

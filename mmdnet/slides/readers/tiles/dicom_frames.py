"""Where the frames of one DICOM file lie: offsets and sizes, every one held against the file before it is believed.

Encapsulated pixel data: DICOM PS3.5 annex A.4 (items, basic offset table); extended offset table: PS3.3 C.7.6.3.1.8.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mmdnet.slides.readers.tiles.tiff import TiffBytes

ITEM, END, PIXELS = b"\xfe\xff\x00\xe0", b"\xfe\xff\xdd\xe0", b"\xe0\x7f\x10\x00"
HEAD = 8  # an item's tag and length
UNDEFINED = 0xFFFFFFFF
LONGEST_TABLE = 64 * 2**20

Numbers = NDArray[np.int64]


class FrameFile:
    """A file's frames, as they are stored. Several threads may ask."""

    def __init__(self, path: Path, pixels_at: int, implicit: bool, frames: int, frame_bytes: int | None) -> None:
        """Find them.

        Args:
            path: the file.
            pixels_at: where its element of pixels begins.
            implicit: whether elements do not say what kind they are.
            frames: how many there are.
            frame_bytes: how long each is, where they are not compressed; None where each is an item, or some.

        Raises:
            ValueError: they are not there, or not all of them.
            OSError: the file cannot be read.
        """
        self._bytes = TiffBytes(path)
        self._size = path.stat().st_size
        self._in_items = frame_bytes is None
        try:
            begin, length = self._element(pixels_at, implicit)
            if frame_bytes is None:
                self.offsets, self.sizes = self._items(begin, frames)
            else:
                if length < frames * frame_bytes or begin + frames * frame_bytes > self._size:
                    raise ValueError("it ends before its last frame")
                self.offsets = begin + frame_bytes * np.arange(frames, dtype=np.int64)
                self.sizes = np.full(frames, frame_bytes, np.int64)
        except BaseException:
            self.close()
            raise

    def _element(self, at: int, implicit: bool) -> tuple[int, int]:
        """Where the pixels' value begins, and how long it is."""
        head = self._bytes.at(at, HEAD if implicit else HEAD + 4)
        if head[:4] != PIXELS or len(head) < HEAD:
            raise ValueError("it holds no pixels")
        (length,) = struct.unpack("<I", head[-4:])
        if self._in_items != (length == UNDEFINED):
            raise ValueError("its pixels are stored otherwise than it says")
        return at + len(head), length

    def _items(self, begin: int, frames: int) -> tuple[Numbers, Numbers]:
        """From each frame's first item to behind its last one."""
        table_size = self._item(begin)
        if table_size > LONGEST_TABLE:
            raise ValueError("its table of frames is damaged")
        first = begin + HEAD + table_size
        table = np.frombuffer(self._bytes.at(begin + HEAD, table_size), "<u4") if table_size % 4 == 0 else NO_TABLE
        stated = first + table.astype(np.int64)
        if len(table) == frames and table[0] == 0 and (np.diff(stated) > HEAD).all() and stated[-1] < self._size:
            *_, (at, size) = self._walk(int(stated[-1]))
            return stated, np.diff(stated, append=at + HEAD + size)
        spans = list(self._walk(first))  # a table is not needed, and of files beyond 4 GiB it is wrong
        if frames == 1 and spans:
            return np.array([first]), np.array([spans[-1][0] + HEAD + spans[-1][1] - first])
        if len(spans) != frames:
            raise ValueError(f"{len(spans)} pieces of pixels stand for {frames} frames")
        places = np.array(spans, np.int64)
        return places[:, 0], places[:, 1] + HEAD

    def _walk(self, at: int) -> Iterator[tuple[int, int]]:
        """Where each item lies from there on, and the size of what is in it, to the end of the pixels."""
        while (head := self._bytes.at(at, HEAD))[:4] != END:
            size = self._sized(head)
            if at + HEAD + size > self._size:
                raise ValueError("it ends before its last frame")
            yield at, size
            at += HEAD + size

    def _item(self, at: int) -> int:
        return self._sized(self._bytes.at(at, HEAD))

    def _sized(self, head: bytes) -> int:
        if len(head) < HEAD:
            raise ValueError("it ends before its last frame")
        if head[:4] != ITEM:
            raise ValueError("its frames are not where they should be")
        return int(struct.unpack("<I", head[4:])[0])

    def frame(self, number: int, most: int) -> bytes:
        """A frame's bytes.

        Raises:
            ValueError: longer than `most`, or not where it should be.
            OSError: the file is closed, or cannot be read.
        """
        at, size = int(self.offsets[number]), int(self.sizes[number])
        if size > most:
            raise ValueError("a frame claims more bytes than one can have")
        data = self._bytes.at(at, size)
        if len(data) < size:
            raise ValueError("a frame is cut short")
        return b"".join(self._parts(data)) if self._in_items else data

    def _parts(self, data: bytes) -> Iterator[memoryview]:
        at = 0
        while at < len(data):
            size = self._sized(data[at : at + HEAD])
            if at + HEAD + size > len(data):
                raise ValueError("a frame is cut short")
            yield memoryview(data)[at + HEAD : at + HEAD + size]
            at += HEAD + size

    def close(self) -> None:
        self._bytes.close()


NO_TABLE: NDArray[np.uint32] = np.empty(0, np.uint32)

"""Decoded tiles, kept in a fixed amount of memory that is used again and again.

A tile of 256 px is 192 KiB: memory of that size is fetched from the system anew for every tile, and touching it for the
first time costs a third of what decoding costs. So buffers are handed on from the oldest tile to the newest one.
"""

import threading
import weakref
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from mmdnet.slides.pixels import Pixels

LOCKS = 64
STREAMED = 32  # libjpeg-turbo writes past the processor's cache where a row begins at a multiple of so many bytes


def memory(shape: tuple[int, int, int]) -> Pixels:
    """Fresh memory for pixels that are read soon after they are decoded.

    It begins half way between two multiples of 32 bytes: at a multiple, libjpeg-turbo's colour conversion uses
    non-temporal stores, and the pixels have to be fetched from main memory again (measured: a quarter of decoding).
    """
    size = shape[0] * shape[1] * shape[2]
    raw = np.empty(size + 2 * STREAMED, np.uint8)
    begin = (STREAMED // 2 - raw.ctypes.data) % STREAMED
    return raw[begin : begin + size].reshape(shape)


class Recycled:
    """Memory for pixels that are given away: it comes back when nobody holds them, or a view of them, any more.

    Fresh memory for a patch costs a fiftieth of its decoding: the system clears it page by page.
    """

    def __init__(self, kept: int) -> None:
        """Keep at most so many pieces that nobody holds."""
        self._free: deque[bytearray] = deque(maxlen=kept)

    def empty(self, shape: tuple[int, int, int]) -> Pixels:
        """Pixels of a shape, with anything in them."""
        size = shape[0] * shape[1] * shape[2]
        try:
            raw = self._free.pop()
        except IndexError:
            raw = bytearray()
        if len(raw) != size:
            raw = bytearray(size)  # no array: a view of the pixels would then hold that alone, and outlive them
        pixels: Pixels = np.ndarray(shape, np.uint8, raw)
        weakref.finalize(pixels, self._free.append, raw).atexit = False
        return pixels


@dataclass(slots=True)
class _Slot:
    pixels: Pixels
    readers: int = 0


class TileCache:
    """The tiles used last, in at most `limit_bytes` (more only while all of it is being read). Threads may share it."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit = limit_bytes
        self._bytes = 0
        self._lock = threading.Lock()
        self._loading = [threading.Lock() for _ in range(LOCKS)]
        self._slots: OrderedDict[Hashable, _Slot] = OrderedDict()
        self._free: list[Pixels] = []

    @contextmanager
    def tile(self, key: Hashable, shape: tuple[int, int, int], load: Callable[[Pixels], None]) -> Iterator[Pixels]:
        """A tile, to be read only within the `with`; `load` fills a buffer of that shape where it is not kept.

        What `load` raises is raised, and nothing is kept then. Two threads that want one tile load it once.
        """
        slot = self._held(key)
        if slot is None:
            with self._loading[hash(key) % LOCKS]:
                slot = self._held(key) or self._load(key, shape, load)
        try:
            yield slot.pixels
        finally:
            with self._lock:
                slot.readers -= 1

    def _held(self, key: Hashable) -> _Slot | None:
        with self._lock:
            slot = self._slots.get(key)
            if slot is not None:
                slot.readers += 1
                self._slots.move_to_end(key)
            return slot

    def _load(self, key: Hashable, shape: tuple[int, int, int], load: Callable[[Pixels], None]) -> _Slot:
        slot = _Slot(self._buffer(shape), readers=1)
        try:
            load(slot.pixels)
        except BaseException:
            with self._lock:
                self._free.append(slot.pixels)
            raise
        with self._lock:
            self._slots[key] = slot
        return slot

    def _buffer(self, shape: tuple[int, int, int]) -> Pixels:
        size = shape[0] * shape[1] * shape[2]
        with self._lock:
            for i in range(len(self._free) - 1, -1, -1):
                if self._free[i].shape == shape:
                    return self._free.pop(i)
            while self._free and self._bytes + size > self._limit:  # buffers of another level's tiles
                self._bytes -= self._free.pop().nbytes
            while self._bytes + size > self._limit:
                oldest = next((key for key, slot in self._slots.items() if not slot.readers), None)
                if oldest is None:
                    break
                pixels = self._slots.pop(oldest).pixels
                if pixels.shape == shape:
                    return pixels
                self._bytes -= pixels.nbytes
            self._bytes += size
        return memory(shape)

    def forget(self) -> None:
        """Drop all tiles that are not being read; their memory is kept for the next ones."""
        with self._lock:
            for key in [key for key, slot in self._slots.items() if not slot.readers]:
                self._free.append(self._slots.pop(key).pixels)

    def clear(self) -> None:
        """Drop all tiles and give their memory back."""
        self.forget()
        with self._lock:
            self._bytes -= sum(pixels.nbytes for pixels in self._free)
            self._free.clear()

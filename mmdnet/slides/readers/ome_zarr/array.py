"""One array of 8-bit numbers of a Zarr hierarchy, chunk by chunk: Zarr 2 and 3, with shards.

Zarr specification 2 (`.zarray`) and 3 (`zarr.json`); sharding: ZEP 2. Chunks are decompressed by imagecodecs. The zarr
package does this too, and takes a second to import; nothing else here would need it.
"""

from __future__ import annotations

import json
import math
import struct
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from mmdnet.slides.readers.ome_zarr.store import Store

LONGEST_JSON = 16 * 2**20
LARGEST_CHUNK = 192 * 2**20
BLOSC_HEAD, BLOSC_COPY = 16, 2
NOT_WRITTEN = 2**64 - 1
MOST_DIMENSIONS = 8
GZIP, ZLIB = 31, 15  # zlib's window bits for each

Chunk = NDArray[np.uint8]


class ZarrError(Exception):
    """An array that is not read here, and why, as the end of a sentence."""


@dataclass(frozen=True, slots=True)
class _Shards:
    """Several chunks in one file: how many each way, where their table lies and how long it is."""

    counts: tuple[int, ...]
    at_end: bool
    has_checksum: bool

    @property
    def table_bytes(self) -> int:
        """Bytes of the table: offset and length of each chunk."""
        return 16 * math.prod(self.counts) + 4 * self.has_checksum


@dataclass(frozen=True, slots=True)
class ZarrArray:
    """An array: its shape and that of its chunks, what stands where no chunk is, and how one is stored."""

    key: str
    shape: tuple[int, ...]
    chunk: tuple[int, ...]
    fill: int
    codecs: tuple[Mapping[str, Any], ...]
    order: tuple[int, ...]
    separator: str
    prefix: str
    shards: _Shards | None
    store: Store

    def read(self, place: Sequence[int]) -> Chunk:
        """A chunk by its place among chunks, as large as all others.

        Raises:
            ValueError: damaged.
            OSError: it cannot be read.
        """
        data = self.bytes_of(place)
        if data is None:
            return np.full(self.chunk, self.fill, np.uint8)
        for codec in reversed(self.codecs):
            data = _decompressed(data, codec, math.prod(self.chunk))
        if len(data) != math.prod(self.chunk):
            raise ValueError("a chunk is cut short")
        stored = np.frombuffer(data, np.uint8).reshape([self.chunk[axis] for axis in self.order])
        return stored.transpose(np.argsort(self.order))

    def bytes_of(self, place: Sequence[int]) -> bytes | None:
        """A chunk as it is stored; None where it is not.

        Raises:
            ValueError: its file is damaged.
            OSError: it cannot be read.
        """
        if self.shards is None:
            return self.store.get(self._file(place), LARGEST_CHUNK)
        counts = self.shards.counts
        key = self._file([i // many for i, many in zip(place, counts, strict=True)])
        size = self.shards.table_bytes
        table = self.store.part(key, -size if self.shards.at_end else 0, size)
        if table is None:
            return None
        if len(table) < size:
            raise ValueError("a shard is cut short")
        number = int(np.ravel_multi_index([i % many for i, many in zip(place, counts, strict=True)], counts))
        offset, length = struct.unpack_from("<QQ", table, 16 * number)
        if offset == length == NOT_WRITTEN:
            return None
        if length > LARGEST_CHUNK or offset > 2**62:
            raise ValueError("a chunk claims more bytes than one can have")
        data = self.store.part(key, offset, length)
        if data is None or len(data) < length:
            raise ValueError("a shard is cut short")
        return data

    def _file(self, place: Sequence[int]) -> str:
        return f"{self.key}/{self.separator.join([*([self.prefix] if self.prefix else []), *map(str, place)])}"


def read_json(store: Store, key: str) -> dict[str, Any] | None:
    """A file of JSON; None where it is not there.

    Raises:
        ZarrError: it is no JSON, or absurdly long.
    """
    try:
        data = store.get(key, LONGEST_JSON)
        said = None if data is None else json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ZarrError("its description cannot be read") from error
    if said is not None and not isinstance(said, dict):
        raise ZarrError("its description cannot be read")
    return said


def read_array(store: Store, key: str) -> ZarrArray:
    """An array by the key of its folder.

    Raises:
        ZarrError: it is not there, damaged, not of 8-bit numbers, or stored in a way that is not read.
        OSError: it cannot be read.
    """
    try:
        said = read_json(store, f"{key}/zarr.json")
        if said is not None:
            return _third(store, key, said)
        said = read_json(store, f"{key}/.zarray")
        if said is not None:
            return _second(store, key, said)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, ArithmeticError) as error:
        raise ZarrError("the description of a level contradicts itself") from error
    raise ZarrError("a level that it names is not there")


def _second(store: Store, key: str, said: Mapping[str, Any]) -> ZarrArray:
    _check_type(said["dtype"] in {"|u1", "<u1", ">u1", "u1"}, said["dtype"])
    if said.get("filters"):
        raise ZarrError("its numbers are stored through filters, which are not read")
    shape, chunk = _sizes(said["shape"]), _sizes(said["chunks"])
    compressor = said.get("compressor")
    codecs = () if compressor is None else ({"name": compressor["id"]},)
    order = tuple(range(len(shape)))
    return _checked(ZarrArray(
        key, shape, chunk, int(said.get("fill_value") or 0) & 255, codecs,
        order[::-1] if said.get("order") == "F" else order, said.get("dimension_separator", "."), "", None, store,
    ))  # fmt: skip


def _third(store: Store, key: str, said: Mapping[str, Any]) -> ZarrArray:
    if said.get("node_type") != "array":
        raise ZarrError("a level that it names is no array")
    _check_type(said["data_type"] == "uint8", said["data_type"])
    grid, encoding = said["chunk_grid"], said["chunk_key_encoding"]
    if grid["name"] != "regular" or encoding["name"] not in {"default", "v2"}:
        raise ZarrError("its chunks lie in a way that is not read")
    shape, chunk, shards = _sizes(said["shape"]), _sizes(grid["configuration"]["chunk_shape"]), None
    codecs = list(said["codecs"])
    if any(codec["name"] == "sharding_indexed" for codec in codecs):
        if len(codecs) != 1:
            raise ZarrError("its shards are stored in a way that is not read")
        inner = codecs[0]["configuration"]
        small = _sizes(inner["chunk_shape"])
        if len(small) != len(chunk) or any(side % part for side, part in zip(chunk, small, strict=True)):
            raise ZarrError("its shards are stored in a way that is not read")
        names = [codec["name"] for codec in inner["index_codecs"]]
        if names not in (["bytes"], ["bytes", "crc32c"]):
            raise ZarrError("its shards are stored in a way that is not read")
        counts = tuple(side // part for side, part in zip(chunk, small, strict=True))
        shards = _Shards(counts, inner.get("index_location", "end") == "end", len(names) == 2)
        chunk, codecs = small, list(inner["codecs"])
    order = tuple(range(len(shape)))
    if codecs and codecs[0]["name"] == "transpose":
        order = tuple(int(axis) for axis in codecs.pop(0)["configuration"]["order"])
        if sorted(order) != list(range(len(shape))):
            raise ZarrError("the description of a level contradicts itself")
    if not codecs or codecs.pop(0)["name"] != "bytes":
        raise ZarrError("its chunks are stored in a way that is not read")
    named = encoding.get("configuration", {}).get("separator")
    default = encoding["name"] == "default"
    return _checked(ZarrArray(
        key, shape, chunk, int(said["fill_value"]) & 255, tuple(codecs), order, named or ("/" if default else "."),
        "c" if default else "", shards, store,
    ))  # fmt: skip


def _sizes(values: Sequence[Any]) -> tuple[int, ...]:
    return tuple(int(value) for value in values)


def _check_type(fits: bool, kind: object) -> None:
    if not fits:
        raise ZarrError(f"its numbers are of the type {str(kind)[:20]}, and 8-bit ones are read. Export it with 8 bits")


def _checked(array: ZarrArray) -> ZarrArray:
    sides = (*array.shape, *array.chunk, *(array.shards.counts if array.shards else ()))
    if not len(array.shape) == len(array.chunk) <= MOST_DIMENSIONS or min(sides, default=0) < 1:
        raise ZarrError("the description of a level contradicts itself")
    if math.prod(array.chunk) > LARGEST_CHUNK or (array.shards and array.shards.table_bytes > LARGEST_CHUNK):
        raise ZarrError("its chunks are larger than any program writes")
    unknown = [codec["name"] for codec in array.codecs if codec["name"] not in KNOWN]
    if unknown:
        raise ZarrError(f"its chunks are compressed as {str(unknown[0])[:20]}, which is not read. Export it with Blosc")
    return array


KNOWN = ("blosc", "zstd", "zlib", "gzip", "lz4", "crc32c")


def _decompressed(data: bytes, codec: Mapping[str, Any], size: int) -> bytes:
    """Undo one codec; `size` is what a whole chunk has, so that none claims more memory than that.

    Raises:
        ValueError: damaged.
    """
    name = codec["name"]
    if name == "crc32c":
        return data[:-4]  # a damaged chunk is told by its own codec
    try:
        if name in {"gzip", "zlib"}:
            opened = zlib.decompressobj(GZIP if name == "gzip" else ZLIB)
            return opened.decompress(data, size + 1)
        if name == "blosc":
            _check_blosc(data, size)
            return bytes(imagecodecs.blosc_decode(data, numthreads=1))
        if name == "lz4":
            if struct.unpack_from("<I", data)[0] != size:
                raise ValueError("a chunk of another size than stated")
            return bytes(imagecodecs.lz4_decode(data, header=True))
        return bytes(imagecodecs.zstd_decode(data, out=size))
    except (zlib.error, struct.error, RuntimeError) as error:  # imagecodecs' own errors are RuntimeErrors
        raise ValueError((str(error).splitlines() or ["damaged"])[0][:120]) from error


def _check_blosc(data: bytes, size: int) -> None:
    """Hold a Blosc chunk's header against its bytes before C-Blosc 1 sees it, which damaged chunks have ended.

    C-Blosc 1.21, README_CHUNK_FORMAT: versions, flags, size of a number, bytes, bytes of a block, bytes in all; then
    where each block begins, unless all of it is a plain copy.

    Raises:
        ValueError: it does not hold.
    """
    _, _, flags, wide, whole, block, stored = struct.unpack_from("<4B3I", data)
    if whole != size or stored != len(data):
        raise ValueError("a chunk of another size than stated")
    blocks = -(-whole // block) if 0 < block <= whole else 0
    if not wide or not blocks or BLOSC_HEAD + 4 * blocks > len(data):
        raise ValueError("a chunk's header is damaged")
    if flags & BLOSC_COPY:
        fits = stored == BLOSC_HEAD + whole
    else:
        begins = np.frombuffer(data, "<i4", blocks, BLOSC_HEAD)
        fits = begins.min() >= BLOSC_HEAD + 4 * blocks and begins.max() + 4 <= stored
    if not fits:
        raise ValueError("a chunk's header is damaged")

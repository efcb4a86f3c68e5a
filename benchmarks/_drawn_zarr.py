"""Small slides as OME-Zarr, written by hand: the zarr package is no part of the lab."""

import gzip
import json
import zipfile
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

import imagecodecs
import numpy as np


def write_ome_zarr(
    path: Path,
    levels: Sequence[np.ndarray],
    *,
    version: str = "0.4",
    axes: str = "tczyx",
    chunk: int = 128,
    colours: int = 1,
    coding: str = "blosc",
    shard: int = 0,
    mpp: float = 0.5,
    unit: str | None = "micrometer",
    scales: Sequence[float] = (),
    below: str = "",
    zipped: bool = False,
) -> Path:
    """An OME-Zarr (NGFF 0.4 over Zarr 2, 0.5 over Zarr 3) of RGB levels, (height, width, 3), or of several planes each.

    `colours` is how many of them a chunk holds, `shard` how many chunks each way lie in one file, `scales` what is
    stated of each level, `below` a folder that holds the picture. Chunks of nothing but zeros are left out.
    """
    files: dict[str, bytes] = {}
    scales = scales or [mpp * levels[0].shape[-2] / level.shape[-2] for level in levels]
    named = [{"name": axis, "type": {"t": "time", "c": "channel"}.get(axis, "space")} for axis in axes]
    for axis in named:
        if unit and axis["name"] in "xy":
            axis["unit"] = unit
    datasets = []
    for number, (level, scale) in enumerate(zip(levels, scales, strict=True)):
        whole = level[None] if level.ndim == 3 else level
        array = np.moveaxis(whole, -1, 0)[None]  # t, c, z, y, x
        taken = tuple(slice(None) if axis in axes else 0 for axis in "tczyx")
        array = array[taken].transpose([[a for a in "tczyx" if a in axes].index(axis) for axis in axes])
        sizes = tuple({"y": chunk, "x": chunk, "c": colours}.get(axis, 1) for axis in axes)
        _zarr_array(files, f"{below}{number}", array, sizes, version, coding, shard)
        steps = [scale if axis in "xy" else 1.0 for axis in axes]
        datasets.append({"path": str(number), "coordinateTransformations": [{"type": "scale", "scale": steps}]})
    said = {"multiscales": [{"axes": named, "datasets": datasets, "version": version}]}
    if version == "0.5":
        group = {"zarr_format": 3, "node_type": "group", "attributes": {"ome": said | {"version": "0.5"}}}
        files[f"{below}zarr.json"] = json.dumps(group).encode()
    else:
        files |= {f"{below}.zattrs": json.dumps(said).encode(), f"{below}.zgroup": b'{"zarr_format": 2}'}
    if zipped:
        with zipfile.ZipFile(path, "w") as file:
            for key, data in files.items():
                file.writestr(key, data)
        return path
    for key, data in files.items():
        (path / key).parent.mkdir(parents=True, exist_ok=True)
        (path / key).write_bytes(data)
    return path


ZARR_CODINGS: dict[str, Callable[[bytes], bytes]] = {
    "none": bytes,
    "blosc": lambda data: imagecodecs.blosc_encode(data, compressor="lz4", shuffle=1, typesize=1),
    "zstd": imagecodecs.zstd_encode,
    "zlib": zlib.compress,
    "gzip": gzip.compress,
    "lz4": lambda data: imagecodecs.lz4_encode(data, header=True),
}


def _zarr_array(files, key, array, sizes, version, coding, shard) -> None:
    """One array: its description and its chunks, each as large as all others."""
    counts = [-(-side // size) for side, size in zip(array.shape, sizes, strict=True)]
    filled = np.zeros([count * size for count, size in zip(counts, sizes, strict=True)], np.uint8)
    filled[tuple(slice(side) for side in array.shape)] = array
    chunks = {}
    for place in np.ndindex(*counts):
        part = filled[tuple(slice(i * size, (i + 1) * size) for i, size in zip(place, sizes, strict=True))]
        if part.any():
            chunks[place] = ZARR_CODINGS[coding](part.tobytes())
    if version == "0.4":
        said = {"zarr_format": 2, "shape": array.shape, "chunks": sizes, "dtype": "|u1", "order": "C", "filters": None}
        said |= {
            "fill_value": 0,
            "dimension_separator": "/",
            "compressor": None if coding == "none" else {"id": coding},
        }
        files[f"{key}/.zarray"] = json.dumps(said).encode()
        files |= {f"{key}/{'/'.join(map(str, place))}": data for place, data in chunks.items()}
        return
    codecs = [{"name": "bytes"}, *([] if coding == "none" else [{"name": coding, "configuration": {}}])]
    outer = sizes
    if shard:
        outer = tuple(size * shard if size > 3 else size for size in sizes)
        inner = {"chunk_shape": sizes, "codecs": codecs, "index_codecs": [{"name": "bytes"}, {"name": "crc32c"}]}
        codecs = [{"name": "sharding_indexed", "configuration": inner | {"index_location": "end"}}]
        chunks = _shards(chunks, [big // small for big, small in zip(outer, sizes, strict=True)])
    said = {"zarr_format": 3, "node_type": "array", "shape": array.shape, "data_type": "uint8", "fill_value": 0}
    said |= {"chunk_grid": {"name": "regular", "configuration": {"chunk_shape": outer}}, "codecs": codecs}
    said |= {"chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}}}
    files[f"{key}/zarr.json"] = json.dumps(said).encode()
    files |= {f"{key}/c/{'/'.join(map(str, place))}": data for place, data in chunks.items()}


def _shards(chunks, counts) -> dict[tuple[int, ...], bytes]:
    """Chunks joined to files, each with a table at its end; the table's checksum is left 0."""
    files: dict[tuple[int, ...], bytes] = {}
    tables: dict[tuple[int, ...], np.ndarray] = {}
    for place, data in chunks.items():
        file = tuple(i // many for i, many in zip(place, counts, strict=True))
        table = tables.setdefault(file, np.full((*counts, 2), 2**64 - 1, "<u8"))
        table[tuple(i % many for i, many in zip(place, counts, strict=True))] = len(files.get(file, b"")), len(data)
        files[file] = files.get(file, b"") + data
    return {file: data + tables[file].tobytes() + bytes(4) for file, data in files.items()}

"""One array, chunk by chunk; how slides look of it is tested in test_source."""

import json

import imagecodecs
import numpy as np
import pytest

from mmdnet.slides.readers.ome_zarr.array import ZarrError, read_array
from mmdnet.slides.readers.ome_zarr.store import FolderStore

NUMBERS = np.arange(24, dtype=np.uint8).reshape(4, 6)
THIRD = {
    "zarr_format": 3, "node_type": "array", "shape": [4, 6], "data_type": "uint8", "fill_value": 7,
    "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [4, 3]}}, "codecs": [{"name": "bytes"}],
    "chunk_key_encoding": {"name": "default"},
}  # fmt: skip


def array(folder, name, said, **files):
    (folder / "a").mkdir(exist_ok=True)
    (folder / "a" / name).write_text(json.dumps(said))
    for key, data in files.items():
        (folder / "a" / key).parent.mkdir(parents=True, exist_ok=True)
        (folder / "a" / key).write_bytes(data)
    return read_array(FolderStore(folder), "a")


def test_columns_first_dots_and_what_stands_where_nothing_is(tmp_path):
    said = {"shape": [4, 6], "chunks": [4, 3], "dtype": "|u1", "order": "F", "fill_value": 9, "compressor": None}
    read = array(tmp_path, ".zarray", said, **{"0.1": NUMBERS[:, 3:].tobytes("F")})
    assert np.array_equal(read.read((0, 1)), NUMBERS[:, 3:]) and (read.read((0, 0)) == 9).all()


def test_turned_axes_and_a_checksum_are_undone(tmp_path):
    turned = [{"name": "transpose", "configuration": {"order": [1, 0]}}, {"name": "bytes"}, {"name": "crc32c"}]
    read = array(tmp_path, "zarr.json", THIRD | {"codecs": turned}, **{"c/0/1": NUMBERS[:, 3:].T.tobytes() + b"sums"})
    assert np.array_equal(read.read((0, 1)), NUMBERS[:, 3:]) and (read.read((0, 0)) == 7).all()


@pytest.mark.parametrize("changed", [
    {"codecs": []}, {"codecs": [{"name": "packbits"}]}, {"codecs": [{"name": "bytes"}, {"name": "vlen-utf8"}]},
    {"chunk_grid": {"name": "rectilinear"}}, {"node_type": "group"}, {"data_type": "float32"}, {"shape": None},
    {"fill_value": float("inf")}, {"shape": [float("inf"), 6]},
    {"codecs": [{"name": "transpose", "configuration": {"order": [0, 0]}}, {"name": "bytes"}]},
    {"codecs": [{"name": "sharding_indexed", "configuration": {"chunk_shape": [3, 2]}}]},
])  # fmt: skip
def test_what_is_stored_otherwise_is_refused(tmp_path, changed):
    with pytest.raises(ZarrError):
        array(tmp_path, "zarr.json", THIRD | changed)


@pytest.mark.parametrize("coding", ["blosc", "zstd", "gzip", "lz4"])
def test_bytes_that_are_no_chunk_are_damage(tmp_path, coding):
    codecs = [{"name": "bytes"}, {"name": coding}]
    for data in (b"", b"no"):
        with pytest.raises(ValueError):
            array(tmp_path, "zarr.json", THIRD | {"codecs": codecs}, **{"c/0/0": data}).read((0, 0))


def test_a_blosc_chunk_of_another_size_than_the_array_states_is_not_handed_on(tmp_path):
    zeros = bytes(12)
    right, small, longer = (imagecodecs.blosc_encode(data, typesize=1) for data in (zeros, zeros[1:], zeros))
    said = THIRD | {"codecs": [{"name": "bytes"}, {"name": "blosc"}]}
    assert not array(tmp_path, "zarr.json", said, **{"c/0/0": right}).read((0, 0)).any()
    for data in (small, longer + b"more"):
        with pytest.raises(ValueError, match="another size"):
            array(tmp_path, "zarr.json", said, **{"c/0/0": data}).read((0, 0))

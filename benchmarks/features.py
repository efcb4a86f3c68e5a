"""[features] Reading 15,000 x 1,024 features, beside HDF5 with one chunk a row."""

import tempfile
from pathlib import Path

import h5py
import numpy as np

from benchmarks.result import Result, cpu_ms
from mmdnet.slides.stores.features import load_features, save_features

SHAPE = (15_000, 1024)


def run(quick: bool) -> Result:
    runs = 3 if quick else 9
    features = np.random.default_rng(0).normal(size=SHAPE).astype(np.float32)
    with tempfile.TemporaryDirectory() as folder:
        ours, other = Path(folder) / "ours.safetensors", Path(folder) / "other.h5"
        save_features(ours, features, {})
        with h5py.File(other, "w") as file:
            file.create_dataset("features", data=features, chunks=(1, SHAPE[1]))

        def read_other() -> None:
            with h5py.File(other) as file:
                file["features"][:]

        took = cpu_ms({"ours": lambda: load_features(ours), "hdf5_chunk_a_row": read_other}, runs)
    beside = {"reach": 10, **{f"{name}_cpu_ms": round(ms, 2) for name, ms in took.items()}}
    return Result("features", took["hdf5_chunk_a_row"] / took["ours"], "times fewer CPU ms", beside, runs)

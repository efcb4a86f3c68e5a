"""Features of patches on disk: fp16 safetensors with a JSON file beside it, both moved into place whole."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mmdnet.errors import LabError


class FeatureStore:
    """Feature tables in one folder, by key. A key names everything that changes a number; see `feature_key`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, key: str) -> Path:
        """Where the table of a key lies."""
        return self.folder / f"{key}.safetensors"

    def has(self, key: str) -> bool:
        return self.path(key).is_file() and self.path(key).with_suffix(".json").is_file()

    def save(self, key: str, features: NDArray[np.floating], meta: Mapping[str, object]) -> Path:
        """Write features (n, d) as fp16; the order of rows is the caller's and is kept.

        Raises:
            LabError: a feature is not finite or too large for fp16.
        """
        return save_features(self.path(key), features, meta)

    def load(self, key: str) -> tuple[NDArray[np.float16], dict[str, object]]:
        """Features (n, d) and what was said of them. Raises LabError where absent or damaged."""
        return load_features(self.path(key))


def feature_key(**facts: object) -> str:
    """SHA-256 of everything that changes a number: slide, grid, weights, code version, settings."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True, default=str).encode()).hexdigest()


def save_features(path: Path, features: NDArray[np.floating], meta: Mapping[str, object]) -> Path:
    """See FeatureStore.save."""
    from safetensors.numpy import save

    half = np.ascontiguousarray(features, dtype=np.float16)
    if not np.isfinite(half).all():
        raise LabError("Features hold numbers that are not finite, so they were not stored. Compute them again.")
    data = save({"features": half})
    path.parent.mkdir(parents=True, exist_ok=True)
    said = {
        **meta,
        "rows": int(half.shape[0]),
        "columns": int(half.shape[1]),
        "sha256": hashlib.sha256(data).hexdigest(),
    }
    for target, content in (
        (path, data),
        (path.with_suffix(".json"), json.dumps(said, sort_keys=True, indent=1).encode()),
    ):
        aside = target.with_name(target.name + ".part")
        aside.write_bytes(content)
        aside.replace(target)
    return path


def load_features(path: Path, verify: bool = False) -> tuple[NDArray[np.float16], dict[str, object]]:
    """See FeatureStore.load. `verify` also compares the file's hash with the one noted when it was written."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            features = file.get_tensor("features")
        meta = json.loads(path.with_suffix(".json").read_text())
        faulty = verify and hashlib.sha256(path.read_bytes()).hexdigest() != meta.get("sha256")
    except (OSError, SafetensorError, KeyError, ValueError, AttributeError) as error:
        raise LabError(
            f"The features {path.name} are missing or damaged. They will have to be computed again."
        ) from error
    if faulty or features.shape != (meta.get("rows"), meta.get("columns")):
        raise LabError(f"The features {path.name} are damaged. They will have to be computed again.")
    return features, meta

"""Features of patches on disk: fp16 safetensors with a JSON file beside it, both moved into place whole."""

from __future__ import annotations

import builtins
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mmdnet.errors import LabError
from mmdnet.files import write_aside
from mmdnet.slides.stores.patches import PIXEL_VERSION, StoreEntry

FEATURE_VERSION = 2  # raised whenever the same pixels and weights would give other features, or they are kept otherwise


def code_versions() -> list[object]:
    """Versions of all code that a network's features depend on."""
    return [FEATURE_VERSION, PIXEL_VERSION, torch_version()]


@cache
def torch_version() -> str:
    """Torch's version with what it was built for, as torch says it, read from its files: loading it takes seconds."""
    torch = find_spec("torch")
    assert torch is not None and torch.origin is not None  # one of the requirements
    spec = spec_from_file_location("version", Path(torch.origin).with_name("version.py"))
    assert spec is not None and spec.loader is not None
    said = module_from_spec(spec)
    spec.loader.exec_module(said)
    return str(said.__version__)


@dataclass(frozen=True, slots=True)
class FeatureRows:
    """Features of some patches of a slide.

    Attributes:
        features: (n, d).
        places_px0: (n, 2) int64, the patches' left upper corners, x and y, in level-0 pixels.
        engines: what computed them, see `mmdnet.nn.engines`.
    """

    features: NDArray[np.floating]
    places_px0: NDArray[np.int64]
    engines: tuple[str, ...] = ()

    def at(self, places_px0: NDArray[np.int64]) -> NDArray[np.int64]:
        """The row of each of these places, (m,), -1 where there is none."""
        row = {(int(x), int(y)): number for number, (x, y) in enumerate(self.places_px0)}
        return np.array([row.get((int(x), int(y)), -1) for x, y in places_px0], np.int64)

    def without(self, other: FeatureRows) -> FeatureRows:
        """Those of these rows whose place the other has not."""
        new = other.at(self.places_px0) < 0
        return FeatureRows(self.features[new], self.places_px0[new], self.engines)

    def joined(self, other: FeatureRows) -> FeatureRows:
        """These rows, and the other's behind them."""
        return FeatureRows(
            np.concatenate([self.features, other.features]),
            np.concatenate([self.places_px0, other.places_px0]),
            tuple(sorted({*self.engines, *other.engines})),
        )


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

    def save_rows(self, key: str, rows: FeatureRows, meta: Mapping[str, object]) -> Path:
        """Write a slide's rows as fp16, each with the place it belongs to.

        Raises:
            LabError: a feature is not finite or too large for fp16.
        """
        return save_features(self.path(key), rows.features, {**meta, "engines": rows.engines}, rows.places_px0)

    def rows(self, key: str) -> FeatureRows:
        """A slide's rows, used now. Raises LabError where absent or damaged."""
        features, said = self.load(key)
        engines = said.get("engines")
        named = tuple(map(str, engines)) if isinstance(engines, list) else ()
        return FeatureRows(features, _places(self.path(key), len(features)), named)

    def load(self, key: str) -> tuple[NDArray[np.float16], dict[str, object]]:
        """Features (n, d) and what was said of them, used now. Raises LabError where absent or damaged."""
        features, meta = load_features(self.path(key))
        with suppress(OSError):  # another process pruned it meanwhile
            os.utime(self.path(key))
        return features, meta

    def said(self) -> Iterator[dict[str, object]]:
        """What was said of each table, whether its rows are sound or not; unreadable notes are passed over."""
        for note in self.folder.glob("*.json"):
            with suppress(OSError, ValueError):
                said = json.loads(note.read_text(encoding="utf-8"))
                if isinstance(said, dict):
                    yield said

    def list(self, verify: bool = False) -> list[StoreEntry]:
        """What is kept, the longest unused first; `verify` also compares the checksums."""
        entries = [self._entry(file, verify) for file in self.folder.glob("*.safetensors")]
        return sorted((entry for entry in entries if entry), key=lambda entry: (entry.used_at, entry.key))

    def _entry(self, file: Path, verify: bool) -> StoreEntry | None:
        """None: another process removed it while we looked."""
        try:
            used_at, size = file.stat().st_mtime, file.stat().st_size
        except FileNotFoundError:
            return None
        try:
            features, said = load_features(file, verify)
        except LabError as error:
            return StoreEntry(file.stem, "", 0, size, used_at, False, str(error), "features")
        return StoreEntry(file.stem, str(said.get("slide", "")), len(features), size, used_at, False, None, "features")

    def prune(self, limit_bytes: int, verify: bool = False) -> builtins.list[StoreEntry]:
        """Remove what is damaged, then the longest unused until the rest fits; returns what went."""
        entries = self.list(verify)
        total, gone = sum(entry.bytes for entry in entries), []
        for entry in entries:
            if entry.fault is not None or total > limit_bytes:
                self.path(entry.key).unlink(missing_ok=True)
                self.path(entry.key).with_suffix(".json").unlink(missing_ok=True)
                total -= entry.bytes
                gone.append(entry)
        return gone


def feature_key(**facts: object) -> str:
    """SHA-256 of everything that changes a number: slide, grid, weights, code version, settings."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True, default=str).encode()).hexdigest()


def save_features(
    path: Path,
    features: NDArray[np.floating],
    meta: Mapping[str, object],
    places_px0: NDArray[np.int64] | None = None,
) -> Path:
    """See FeatureStore.save and FeatureStore.save_rows."""
    from safetensors.numpy import save

    half = np.ascontiguousarray(features, dtype=np.float16)
    if not np.isfinite(half).all():
        raise LabError("Features hold numbers that are not finite, so they were not stored. Compute them again.")
    placed = {} if places_px0 is None else {"places_px0": np.ascontiguousarray(places_px0, dtype=np.int64)}
    data = save({"features": half, **placed})
    path.parent.mkdir(parents=True, exist_ok=True)
    said = {
        **meta,
        "rows": int(half.shape[0]),
        "columns": int(half.shape[1]),
        "sha256": hashlib.sha256(data).hexdigest(),
    }
    write_aside(path, data)
    write_aside(path.with_suffix(".json"), json.dumps(said, sort_keys=True, indent=1).encode())
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


def _places(path: Path, rows: int) -> NDArray[np.int64]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            places = file.get_tensor("places_px0")
    except (OSError, SafetensorError) as error:
        raise LabError(f"The features {path.name} do not say of which patches. They will be computed again.") from error
    if places.shape != (rows, 2):
        raise LabError(f"The features {path.name} are damaged. They will have to be computed again.")
    return places

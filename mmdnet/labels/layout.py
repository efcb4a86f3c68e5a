"""Features of patches to a plane on which alike patches lie together, and to kinds of tissue. scikit-learn does both.

Up to `LANDMARKS` patches: principal components, then t-SNE. More: t-SNE of as many drawn at random (the landmarks), and
every other patch between its nearest landmarks. So 100,000 patches take about as long as 5,000; t-SNE of all of them
would take the better part of an hour.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

LANDMARKS = 3000
COMPONENTS = 20
NEIGHBOURS = 5
KINDS = 12
FEW = 30  # below this a plane of two principal components says as much
CHUNK = 20_000


@dataclass(frozen=True)
class Layout:
    """Where patches lie on the plane, shape (n, 2), each axis within 0-1; their kind of tissue, shape (n,), 0-based;
    and in words how it was made."""

    xy: np.ndarray
    kind: np.ndarray
    method: str


def lay_out(
    features: np.ndarray, seed: int = 0, kinds: int = KINDS, progress: Callable[[float, str], None] | None = None
) -> Layout:
    """The plane and the kinds of these patches; the same seed gives the same.

    Args:
        features: shape (n, d), finite, any scale.
        seed: of landmarks, t-SNE and clusters.
        kinds: kinds of tissue at most.
        progress: told the share done and a sentence.

    Raises:
        ValueError: there is no patch.
    """
    if not len(features):
        raise ValueError("there is nothing to lay out")
    tell = progress or (lambda share, message: None)
    tell(0.0, "comparing patches")
    parts = _components(features, seed)
    kind = _kinds(parts, min(kinds, len(parts)), seed)
    tell(0.1, "laying patches on a plane")
    if len(parts) < FEW:
        plane = np.zeros((len(parts), 2))
        plane[:, : min(2, parts.shape[1])] = parts[:, :2]
        return Layout(_within_one(plane), kind, "two principal components")
    rng = np.random.default_rng(seed)
    chosen = np.sort(rng.permutation(len(parts))[:LANDMARKS])
    placed = _tsne(parts[chosen], seed)
    tell(0.9, "placing the other patches")
    xy = np.empty((len(parts), 2), np.float32)
    xy[chosen] = placed
    others = np.setdiff1d(np.arange(len(parts)), chosen, assume_unique=True)
    method = f"t-SNE of {parts.shape[1]} principal components"
    if others.size:
        xy[others] = _between(parts[chosen], placed, parts[others], rng)
        method += f", {LANDMARKS:,} landmarks"
    return Layout(_within_one(xy), kind, method)


def _components(features: np.ndarray, seed: int) -> np.ndarray:
    """Standardised principal components; a column that never changes counts for nothing."""
    from sklearn.decomposition import PCA

    table = features.astype(np.float32)
    spread = table.std(axis=0)
    table = (table - table.mean(axis=0)) / np.where(spread > 1e-6, spread, 1.0)
    if len(table) < 2:
        return table[:, :COMPONENTS]
    return PCA(min(COMPONENTS, *table.shape), random_state=seed).fit_transform(table)


def _kinds(parts: np.ndarray, kinds: int, seed: int) -> np.ndarray:
    """Clusters, numbered by size, the largest 0."""
    from sklearn.cluster import MiniBatchKMeans

    cluster = MiniBatchKMeans(kinds, random_state=seed, n_init=3, batch_size=2048).fit_predict(parts)
    order = np.argsort(-np.bincount(cluster, minlength=kinds), kind="stable")
    rank = np.empty(kinds, dtype=np.int64)
    rank[order] = np.arange(kinds)
    return rank[cluster].astype(np.uint8)


def _tsne(parts: np.ndarray, seed: int) -> np.ndarray:
    from sklearn.manifold import TSNE

    perplexity = min(30.0, (len(parts) - 1) / 3)
    return TSNE(2, perplexity=perplexity, init="pca", random_state=seed, max_iter=750).fit_transform(parts)


def _between(landmarks: np.ndarray, placed: np.ndarray, parts: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Each patch at the middle of its nearest landmarks, near ones counting more; scattered a little, not stacked."""
    from sklearn.neighbors import NearestNeighbors

    index = NearestNeighbors(n_neighbors=NEIGHBOURS, algorithm="brute").fit(landmarks)
    xy = np.empty((len(parts), 2), np.float32)
    jitter = 0.004 * np.ptp(placed, axis=0)
    for start in range(0, len(parts), CHUNK):
        far, near = index.kneighbors(parts[start : start + CHUNK])
        weight = 1.0 / (far + 1e-6) ** 2
        weight /= weight.sum(axis=1, keepdims=True)
        middle = (placed[near] * weight[..., None]).sum(axis=1)
        xy[start : start + CHUNK] = middle + rng.normal(0, 1, middle.shape) * jitter
    return xy


def _within_one(plane: np.ndarray) -> np.ndarray:
    low, span = plane.min(axis=0), np.ptp(plane, axis=0)
    return ((plane - low) / np.where(span > 0, span, 1.0)).astype(np.float32)

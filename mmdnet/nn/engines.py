"""What computes features: torch, or on a processor OpenVINO where it is faster and was shown to give the same.

A network of one size meets one machine many times, so the measurement is done once and kept as a small JSON file, an
`EngineRecord`. Training never comes here but with a frozen backbone: gradients are torch's.
"""

from __future__ import annotations

import os
import platform
import sys
import time
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from mmdnet.files import write_aside
from mmdnet.nn.registry import BACKBONES, MEAN
from mmdnet.slides.stores.features import torch_version

if TYPE_CHECKING:
    import torch

    from mmdnet.nn.mmdnet import MMDNet

TORCH = "torch"
LEAST_COSINE = 0.9999  # of each patch's features by another engine with those by torch
SAMPLE = 16  # patches that are compared and timed
RUNS = 3  # timings, of which the shortest counts: the machine does other work beside
WORTHWHILE = 160  # patches; for fewer, torch is done before another engine is ready


class EngineRecord(BaseModel):
    """How engines compared on this machine for one network; kept as JSON.

    Attributes:
        features_sha256: of the network as far as features depend on it, see `features_sha256`.
        backbone: its name.
        side_px: of the patches.
        machine: processor, and how many of it this program may use.
        torch_version: of the engine compared with.
        engine_version: of the other one; empty where it is not installed.
        chosen: the engine that computes.
        reason: why, in words.
        ms: a patch, by engine, in ms of time passed.
        cosine: the least over the patches compared, by engine.
        patches: compared.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    features_sha256: str
    backbone: str
    side_px: int
    machine: str
    torch_version: str
    engine_version: str
    chosen: str
    reason: str
    ms: dict[str, float]
    cosine: dict[str, float]
    patches: int

    @property
    def words(self) -> str:
        """For people: what computes, how fast, and what it was compared with."""
        timed = ", ".join(f"{name} {ms:.0f} ms" for name, ms in self.ms.items())
        return f"{self.backbone}: {self.chosen} ({timed} a patch; {self.reason})"


@dataclass(frozen=True)
class Embedder:
    """A network's features by one engine.

    Attributes:
        engine: its name, with its version where it is not torch.
        embed: features, (n, width) float32, of patches, (n, side, side, 3) uint8 RGB.
    """

    engine: str
    embed: Callable[[np.ndarray], np.ndarray]


def torch_embedder(net: MMDNet, device: str = "cpu") -> Embedder:
    """Features by torch, on any device; the network is in evaluation mode there."""
    import torch

    def embed(images: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            pixels = torch.from_numpy(images).to(device).permute(0, 3, 1, 2).contiguous()
            return net.embed(pixels).float().cpu().numpy()

    return Embedder(TORCH, embed)


def embedder_for(net: MMDNet, device: str, patches: int, sample: np.ndarray, records: Path | None) -> Embedder:
    """The engine to compute features of so many patches with.

    Another than torch is asked only on a processor and for `WORTHWHILE` patches or more, and taken only where it is
    faster and its features of the sample agree with torch's; measured once, kept in `records`.

    Args:
        net: in evaluation mode on `device`.
        device: where it is.
        patches: how many are to be computed.
        sample: some of them, (n, side, side, 3) uint8.
        records: folder of the records; none: they are not kept.
    """
    plain = torch_embedder(net, device)
    if device != "cpu" or patches < WORTHWHILE or not len(sample) or openvino_version() is None:
        return plain
    record = read_record(records, net, sample.shape[1]) if records else None
    if record is not None and record.chosen == TORCH:
        return plain
    try:
        candidates = _converted(net, sample.shape[1])
    except Exception as problem:  # whatever an engine says of a network it cannot take: torch takes all of them
        if records and record is None:
            reason = f"OpenVINO does not take this network: {type(problem).__name__}"
            _keep(records, _record(net, plain, reason, {}, {}, sample))
        return plain
    if record is not None:
        return next((candidate for candidate in candidates if candidate.engine == record.chosen), plain)
    chosen, record = compare(net, plain, candidates, sample[:SAMPLE])
    if records:
        _keep(records, record)
    return chosen


def compare(
    net: MMDNet, plain: Embedder, candidates: list[Embedder], sample: np.ndarray
) -> tuple[Embedder, EngineRecord]:
    """The fastest engine of those whose features agree with torch's, and the record of it.

    Args:
        net: whose features they compute.
        plain: torch.
        candidates: the others.
        sample: patches, (n, side, side, 3) uint8.
    """
    truth = plain.embed(sample)
    ms = {TORCH: _ms(plain, sample)}
    cosine: dict[str, float] = {}
    chosen, reason = plain, "the fastest"
    for candidate in candidates:
        least = least_cosine(truth, candidate.embed(sample))
        cosine[candidate.engine], ms[candidate.engine] = least, _ms(candidate, sample)
        if least < LEAST_COSINE:
            reason = f"{candidate.engine} gives other features, cosine {least:.5f}"
        elif ms[candidate.engine] < ms[chosen.engine]:
            chosen, reason = candidate, f"the same features, cosine {least:.6f} at least"
    return chosen, _record(net, chosen, reason, ms, cosine, sample)


def least_cosine(truth: np.ndarray, other: np.ndarray) -> float:
    """The least cosine between rows, (n, width) each; 0 where one has no direction or is not finite."""
    lengths = np.linalg.norm(truth, axis=1) * np.linalg.norm(other, axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        cosine = (truth * other).sum(axis=1, dtype=np.float64) / lengths
    return float(np.nan_to_num(cosine, nan=0.0).min())


def features_sha256(net: MMDNet) -> str:
    """SHA-256 of all that makes a network's features: the backbone's weights and what is done to patches before it.

    Two models with the same frozen backbone share it, whatever their heads.
    """
    backbone = net.backbone
    built, recipe = net.architecture, net.architecture.recipe
    given: tuple[object, ...] = (backbone.name, backbone.input_px, backbone.interpolation, built.mean, built.std)
    if recipe is not None:
        given = (*given, recipe.tokens)
    if built.place_pooling != MEAN:
        given = (*given, built.place_pooling)
    tensors = sorted(backbone.state_dict().items())
    return _digest(given, ((name, tensor.detach().cpu().contiguous().numpy()) for name, tensor in tensors))


def packaged_sha256(backbone: str, weights: Path) -> str:
    """The same of a backbone as it comes with its package, pooled by its mean: of the file alone, without torch.

    Args:
        backbone: its name in the registry.
        weights: what `mmdnet.nn.packaged.packaged_weights` made of the package.

    Raises:
        LabError: the file is damaged.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    from mmdnet.errors import LabError

    entry = BACKBONES[backbone]
    given = (entry.name, entry.input_px, entry.interpolation, entry.mean, entry.std)
    try:
        tensors = {f"net.{name}": tensor for name, tensor in load_file(weights).items()}  # as TimmBackbone names them
    except (OSError, SafetensorError) as problem:
        raise LabError(f"The weights {weights.name} could not be read as safetensors: {problem}") from problem
    return _digest(given, sorted(tensors.items()))


def _digest(given: tuple[object, ...], tensors: Iterable[tuple[str, np.ndarray]]) -> str:
    digest = sha256(repr(given).encode())
    for name, tensor in tensors:
        digest.update(name.encode())
        digest.update(tensor.tobytes())
    return digest.hexdigest()


def frozen_network(backbone: str, patch_px: int, given: Path | None = None, place_pooling: str = MEAN) -> MMDNet:
    """A network with random heads whose features are those of a backbone as it starts: what fast training learns on.

    Args:
        backbone: its name.
        patch_px: side of the patches.
        given: its weights; those that come with it if not given.
        place_pooling: how the places of its maps are pooled.

    Raises:
        LabError: the backbone has no weights of its own, or they cannot be had.
    """
    from mmdnet.errors import LabError
    from mmdnet.nn.backbones import load_backbone, read_weights, recipe_for
    from mmdnet.nn.card import Architecture
    from mmdnet.nn.mmdnet import MMDNet
    from mmdnet.nn.packaged import packaged_weights

    weights = given or packaged_weights(backbone)
    if weights is None:
        raise LabError(f'The backbone "{backbone}" starts at random, so it has no features to be kept.')
    recipe = recipe_for(backbone, weights)
    net = MMDNet(Architecture(backbone=backbone, recipe=recipe, patch_px=patch_px, place_pooling=place_pooling)).eval()
    load_backbone(net.backbone, read_weights(weights), weights.name)
    return net


# -- records -----------------------------------------------------------------------------------------------------


def read_record(records: Path, net: MMDNet, side_px: int) -> EngineRecord | None:
    """The record of a network on this machine; None where there is none of these versions."""
    return _parsed(_file(records, features_sha256(net), side_px))


def all_records(records: Path) -> list[EngineRecord]:
    """What was measured so far, of any machine that used this folder; damaged files are passed over."""
    parsed = [_parsed(path) for path in sorted(records.glob("*.json"))]
    return [record for record in parsed if record is not None]


def _parsed(path: Path) -> EngineRecord | None:
    try:
        return EngineRecord.model_validate_json(path.read_text(encoding="utf-8"))
    except (OSError, ValidationError, UnicodeDecodeError):
        return None


def _file(records: Path, features: str, side_px: int) -> Path:
    facts = (features, side_px, machine(), torch_version(), openvino_version())
    return records / f"{sha256(repr(facts).encode()).hexdigest()[:32]}.json"


def _keep(records: Path, record: EngineRecord) -> None:
    """A folder that cannot be written costs a measurement the next time, no more."""
    try:
        records.mkdir(parents=True, exist_ok=True)
        write_aside(_file(records, record.features_sha256, record.side_px), record.model_dump_json(indent=1))
    except OSError:
        pass


def _record(
    net: MMDNet,
    chosen: Embedder,
    reason: str,
    ms: dict[str, float],
    cosine: dict[str, float],
    sample: np.ndarray,
) -> EngineRecord:
    return EngineRecord(
        features_sha256=features_sha256(net),
        backbone=net.architecture.backbone,
        side_px=sample.shape[1],
        machine=machine(),
        torch_version=torch_version(),
        engine_version=openvino_version() or "",
        chosen=chosen.engine,
        reason=reason,
        ms={name: round(value, 2) for name, value in ms.items()},
        cosine={name: round(value, 7) for name, value in cosine.items()},
        patches=len(sample[:SAMPLE]),
    )


def machine() -> str:
    """The processor, and how many of it this program may use: what a timing depends on."""
    name = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
        name = next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        pass
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{name}, {usable} cores"


def _ms(embedder: Embedder, sample: np.ndarray) -> float:
    passed = []
    for _ in range(RUNS):
        began = time.perf_counter()
        embedder.embed(sample)
        passed.append(time.perf_counter() - began)
    return min(passed) * 1000 / len(sample)


# -- OpenVINO ----------------------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def openvino_version() -> str | None:
    """Its version; None where it is not installed."""
    import importlib.metadata

    try:
        return importlib.metadata.version("openvino")
    except importlib.metadata.PackageNotFoundError:
        return None


def _openvino() -> Any:
    """The package, without its telemetry, which otherwise reports to its maker when it is imported."""
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]  # what Python takes for "not there"
    import openvino

    return openvino


_ready: dict[tuple[str, int], list[Embedder]] = {}  # the network converted last in this process


def _converted(net: MMDNet, side_px: int) -> list[Embedder]:
    """Converting takes seconds, and slide after slide asks for the same network."""
    key = features_sha256(net), side_px
    if key not in _ready:
        made = _openvino_embedders(net, side_px)
        _ready.clear()
        _ready[key] = made
    return _ready[key]


def _openvino_embedders(net: MMDNet, side_px: int) -> list[Embedder]:
    """Features by OpenVINO: in half precision (bf16) where the processor computes so, and in single precision."""
    import torch

    openvino = _openvino()
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of tracing: sizes are fixed, as they are meant to be
        graph = openvino.convert_model(_of_bytes(net), example_input=torch.zeros(2, side_px, side_px, 3).byte())
    graph.reshape([-1, side_px, side_px, 3])
    core = openvino.Core()
    half = ["bf16"] if "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES") else []
    threads = torch.get_num_threads()
    embedders = []
    for precision in (*half, "f32"):
        how = {"INFERENCE_PRECISION_HINT": precision, "INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": 1}
        compiled = core.compile_model(graph, "CPU", how)
        name = f"OpenVINO {openvino_version()}" + (f" {precision}" if precision != "f32" else "")
        embedders.append(Embedder(name, _called(compiled)))
    return embedders


def _of_bytes(net: MMDNet) -> torch.nn.Module:
    """`net.embed` as a module of its own, of patches as they are read."""
    import torch

    class OfBytes(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = net

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return self.net.embed(images.permute(0, 3, 1, 2))

    return OfBytes().eval()


def _called(compiled: Any) -> Callable[[np.ndarray], np.ndarray]:
    return lambda images: np.array(compiled(np.ascontiguousarray(images))[0], dtype=np.float32)

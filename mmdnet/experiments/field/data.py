"""What all methods see: a cohort and the features of its patches, computed once and kept."""

from __future__ import annotations

import hashlib
import io
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mmdnet.errors import LabError
from mmdnet.files import write_aside
from mmdnet.nn.device import PATCHES_AT_ONCE
from mmdnet.nn.registry import SMALL
from mmdnet.progress import Progress, between, silent
from mmdnet.settings import DEMO_MODEL
from mmdnet.slides.geometry import PATCH_PX
from mmdnet.slides.stores.features import code_versions
from mmdnet.words import count

if TYPE_CHECKING:
    from mmdnet.bags.cohort import Cohort, PixelSource
    from mmdnet.nn.mmdnet import MMDNet

DEMO = "demo"
SLIDES, SEED = 40, 43  # simulated slides that the demo model never saw


@dataclass(frozen=True)
class FieldData:
    """Patches as numbers.

    Attributes:
        cohort: slides and grades.
        features: (N, width) float32 of each patch, 0 where no bag may hold it.
        coarse: (N, width) of the same patches at half the magnification, for methods of two scales; None where no
            method asks for them.
        extractor: what made them, in words.
        name: of the data, in words.
        key: changes with any feature, grade or slide.
        parameters: of what made them.
        processor_ms: that it took for a patch, at all of its scales, where it is known.
        engine: what computed them (`mmdnet.nn.engines`), where it is known.
    """

    cohort: Cohort
    features: np.ndarray
    coarse: np.ndarray | None
    extractor: str
    name: str
    key: str
    parameters: int = 0
    processor_ms: float | None = None
    engine: str = ""

    @property
    def extracted(self) -> str:
        """What made the features, and what that cost."""
        size = f"{self.extractor}, {self.parameters / 1e6:.1f} million parameters"
        if self.processor_ms is None:
            return size
        by = f" by {self.engine}" if self.engine else ""
        return f"{size}, {self.processor_ms:.0f} processor-ms a patch{by}"


@dataclass(frozen=True)
class FieldExtractor:
    """A frozen network and what it is, in words and as a key.

    One from random weights has batch normalisation that normalises nothing yet (`mmdnet.nn.batch_norm`); where `fits`,
    it is fitted to the patches that it is to see.
    """

    net: MMDNet
    words: str
    key: str
    fits: bool = False


def extractor_of(name: str = DEMO, weights: Path | None = None, patch_px: int = PATCH_PX) -> FieldExtractor:
    """The network that makes the features.

    Args:
        name: `demo` for the demo model's (made for simulated slides), or a backbone by its name.
        weights: a local safetensors file of that backbone's; else those installed with the program, else random.
        patch_px: side of the patches.

    Raises:
        LabError: no such backbone, one that does not take such patches, or weights that do not fit.
    """
    import torch

    from mmdnet.files import sha256_of
    from mmdnet.nn.backbones import recipe_for
    from mmdnet.nn.card import Architecture
    from mmdnet.nn.io import load_model, start_from
    from mmdnet.nn.mmdnet import MMDNet
    from mmdnet.nn.packaged import packaged_weights

    if name == DEMO:
        if weights is not None:
            raise LabError("The demo model's backbone comes with its own weights. Name a backbone to give others.")
        net, card = load_model(DEMO_MODEL)
        return FieldExtractor(net, f"the demo model's backbone ({card.backbone}), frozen", card.weights_sha256[:16])
    torch.manual_seed(0)
    given = weights or packaged_weights(name)
    net = MMDNet(Architecture(backbone=name, recipe=recipe_for(name, given), patch_px=patch_px)).eval()
    if given is None:
        words, key = f"{name} from random weights, frozen", f"{name}-random"
        if not net.backbone.batch_norms():
            return FieldExtractor(net, words, key)
        return FieldExtractor(net, f"{words}, batch normalisation fitted to the patches", f"{key}-fitted", fits=True)
    start_from(net, given)
    return FieldExtractor(net, f"{name} ({given.name}), frozen", f"{name}-{sha256_of(given)[:16]}")


def field_data(
    cohort: Cohort, pixels: PixelSource, extractor: FieldExtractor, folder: Path, name: str,
    progress: Progress = silent, scales: int = 2, ignored: bool = False,
) -> FieldData:  # fmt: skip
    """Features of a cohort at one or two scales; what is in `folder` already is used again.

    `ignored`: of the patches that were set aside as well.

    Raises:
        LabError: patches and pixels do not fit, or a feature is not a finite number.
    """
    if len(pixels) != len(cohort.patch_id):
        raise LabError("The patches and their pixels are not equally many.")
    ids = hashlib.sha256(np.ascontiguousarray(cohort.patch_id, "<i8").tobytes())
    ids.update(f"{name}|{extractor.key}|{code_versions()}".encode())
    stem = f"features-{ids.hexdigest()[:16]}"
    path, *richer = (
        folder / f"{stem}{'' if more_scales else '-fine'}{'-set-aside' if more_patches else ''}.npz"
        for more_scales in dict.fromkeys((scales > 1, True)) for more_patches in dict.fromkeys((ignored, True))
    )  # fmt: skip
    path = next((file for file in richer if file.is_file()), path)
    if not path.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        buffer = io.BytesIO()
        np.savez(buffer, **_embed(cohort, pixels, extractor, scales, ignored, progress))  # type: ignore[arg-type]  # its stub: any name may be a flag
        write_aside(path, buffer.getvalue())
    with np.load(path) as file:
        fine, coarse = file["fine"], file.get("coarse")
        processor_ms = float(file["processor_ms"]) if "processor_ms" in file else None
        engine = str(file["engine"]) if "engine" in file else ""
    key = hashlib.sha256(f"{stem}|{cohort.label_sha256()}".encode()).hexdigest()
    parameters = sum(parameter.numel() for parameter in extractor.net.backbone.parameters())
    return FieldData(cohort, fine, coarse, extractor.words, name, key, parameters, processor_ms, engine)


def _embedded(cohort: Cohort, ignored: bool) -> np.ndarray:
    """Positions of the patches that a bag may hold."""
    return np.flatnonzero(np.isin(cohort.slide_index, cohort.labelled_slides()) & (~cohort.ignored | ignored))


def _embed(
    cohort: Cohort, pixels: PixelSource, extractor: FieldExtractor, scales: int, ignored: bool, progress: Progress
) -> dict[str, np.ndarray]:
    """Features by scale, "fine" and with two scales "coarse"; "processor_ms" of a patch, and the "engine".

    Raises:
        LabError: one is not a finite number.
    """
    from mmdnet.nn.engines import SAMPLE, embedder_for, torch_embedder

    net = extractor.net
    names = ("fine", "coarse")[:scales]
    arrays = {name: np.zeros((len(cohort.patch_id), net.width), np.float32) for name in names}
    places = _embedded(cohort, ignored)
    if extractor.fits:
        _fit_batch_norms(net, pixels, _embedded(cohort, ignored=False))
    embedder = embedder_for(net, "cpu", scales * len(places), pixels.read(places[:SAMPLE]), None)
    whole = net.architecture.backbone != SMALL  # ours takes any side, others the one they were built for
    coarse = embedder if whole else torch_embedder(net)
    began = time.process_time()
    for at in range(0, len(places), PATCHES_AT_ONCE):
        chosen = places[at : at + PATCHES_AT_ONCE]
        images = pixels.read(chosen)
        arrays["fine"][chosen] = embedder.embed(images)
        if "coarse" in arrays:
            arrays["coarse"][chosen] = coarse.embed(_halved(images, whole))
        progress(min(1.0, (at + PATCHES_AT_ONCE) / len(places)), f"features of {count(at + len(chosen), 'patch')}")
    took_ms = (time.process_time() - began) * 1000 / max(1, len(places))
    if not all(np.isfinite(values).all() for values in arrays.values()):
        raise LabError("Some patch features are not finite numbers; the backbone's weights are damaged.")
    return {**arrays, "processor_ms": np.float64(took_ms), "engine": np.array(embedder.engine)}  # type: ignore[dict-item]


def _fit_batch_norms(net: MMDNet, pixels: PixelSource, places: np.ndarray) -> None:
    """To patches of all patients, whose grades are not looked at: every fold's test patients have the same features."""
    import torch

    from mmdnet.nn.batch_norm import AT_ONCE, FITTED_ON, fit_batch_norms

    drawn = np.random.default_rng(29).permutation(places)[:FITTED_ON]
    parts = (np.sort(drawn[at : at + AT_ONCE]) for at in range(0, len(drawn), AT_ONCE))
    fit_batch_norms(net, (torch.from_numpy(pixels.read(part)).permute(0, 3, 1, 2) for part in parts))


def _halved(images: np.ndarray, whole: bool) -> np.ndarray:
    """The same patches, (n, side, side, 3) uint8, at half the magnification; `whole`: enlarged to their side again."""
    import torch
    from torch.nn import functional as F

    pixels = torch.from_numpy(images).permute(0, 3, 1, 2).float()
    half = F.interpolate(pixels, scale_factor=0.5, mode="area")
    if whole:
        half = F.interpolate(half, pixels.shape[-2:], mode="bilinear")
    return half.round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1).contiguous().numpy()


def simulated_data(
    folder: Path,
    slides: int = SLIDES,
    seed: int = SEED,
    extractor: FieldExtractor | None = None,
    progress: Progress = silent,
    scales: int = 2,
    ignored: bool = False,
) -> FieldData:  # fmt: skip
    """Simulated slides, two of each patient, drawn on first use.

    Raises:
        LabError: a slide could not be drawn, or the demo model's files are gone.
    """
    from mmdnet.experiments.ablation import home_of
    from mmdnet.experiments.simulated_cohorts import draw_cohort

    made_by = extractor or extractor_of()
    home = home_of(folder, slides, seed)
    drawn = draw_cohort(slides, seed, home, between(progress, 0, 0.6))
    name = f"{slides} simulated slides (seed {seed})"
    return field_data(drawn.cohort, drawn.pixels, made_by, home, name, between(progress, 0.6, 1), scales, ignored)

"""Weights that come as a Python package, converted once to safetensors, with what they are beside them as JSON.

This is the one place where a pickle is read. It is the file of a pinned package, read only when its SHA-256 is the one
written down here in the registry, and then with `weights_only`; nothing that a person brings comes this way.
"""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from mmdnet.errors import LabError
from mmdnet.files import sha256_of, write_aside
from mmdnet.nn.recipe import ORIGIN, WEIGHTS
from mmdnet.nn.registry import BACKBONES, BackboneEntry, PackagedWeights, backbone_entry
from mmdnet.settings import PROJECT_ROOT

if TYPE_CHECKING:
    from torch import Tensor

PLACE = PROJECT_ROOT / "models"  # a folder for each backbone; git leaves them out
OTHERWISE = 'Or choose another backbone, such as "small". Nothing was changed.'


def packaged_weights(backbone: str, place: Path | None = None) -> Path | None:
    """A safetensors file with the weights a backbone starts from by itself; None for one that starts at random.

    It is made when it is not there, which needs the package and a folder that may be written; afterwards neither.

    Args:
        backbone: name of the registry, or any other.
        place: the folder that holds a folder for each backbone; none: the program's own.

    Raises:
        LabError: it is not there and cannot be made; the sentence says why and what to do.
    """
    entry = backbone_entry(backbone)
    if entry is None or entry.packaged is None:
        return None
    folder = (place or PLACE) / entry.name
    weights = folder / WEIGHTS
    if not _is_whole(folder, entry.packaged):
        _convert(entry, entry.packaged, folder)
    return weights


def prepare(place: Path | None = None) -> None:
    """Make the file of every backbone that has one, as setting up does.

    Raises:
        LabError: one cannot be made.
    """
    for name in BACKBONES:
        packaged_weights(name, place)


def _is_whole(folder: Path, packaged: PackagedWeights) -> bool:
    """Whether the file there was made of that very package and is as it was made."""
    try:
        origin = json.loads((folder / ORIGIN).read_text(encoding="utf-8"))
        return (origin["package_file_sha256"], origin["weights_sha256"]) == (
            packaged.sha256,
            sha256_of(folder / WEIGHTS),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _convert(entry: BackboneEntry, packaged: PackagedWeights, folder: Path) -> None:
    import hashlib

    from safetensors.torch import save

    from mmdnet.nn.backbones import TimmBackbone, create_backbone

    source = _package_file(entry, packaged)
    backbone = create_backbone(entry.name)
    assert isinstance(backbone, TimmBackbone)
    content = save(named_as(backbone.net.state_dict(), _unpickled(source), entry, packaged))
    origin = {
        "backbone": entry.name,
        "network": entry.timm,
        "trained_on": packaged.trained_on,
        "package": packaged.package,
        "version": packaged.version,
        "package_file": packaged.file,
        "package_file_sha256": packaged.sha256,
        "licence": packaged.licence,
        "weights_sha256": hashlib.sha256(content).hexdigest(),
        "input": {
            "colours": "RGB, 0 to 1",
            "mean": entry.mean,
            "std": entry.std,
            "side_px": entry.input_px or "as the patches are",
            "interpolation": entry.interpolation,
        },
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_aside(folder / WEIGHTS, content)  # not taken for whole before its record names it
        write_aside(folder / ORIGIN, json.dumps(origin, indent=2) + "\n")
    except OSError as problem:
        raise LabError(
            f"The weights of {entry.name} are made once, in {folder}, and that could not be written "
            f"({problem.strerror}). Start the lab once as a user who may write there. {OTHERWISE}"
        ) from problem


def _package_file(entry: BackboneEntry, packaged: PackagedWeights) -> Path:
    """The package's file, found without running the package.

    Raises:
        LabError: it is not there, or is another.
    """
    spec = find_spec(packaged.module)
    places = [Path(folder) / packaged.file for folder in (spec.submodule_search_locations or ())] if spec else []
    source = next((path for path in places if path.is_file()), None)
    if source is None:
        raise LabError(
            f"The weights of {entry.name} come with the package {packaged.package}, which is not installed. "
            f"Run 'python3 lab.py run' once with internet. {OTHERWISE}"
        )
    if sha256_of(source) != packaged.sha256:
        raise LabError(
            f"The file {source.name} of the package {packaged.package} is not the one this program was made for "
            f"(its SHA-256 differs), so it was not opened. Install {packaged.package}=={packaged.version} again. "
            f"{OTHERWISE}"
        )
    return source


def _unpickled(source: Path) -> dict[str, Tensor]:
    import torch

    return torch.load(source, map_location="cpu", weights_only=True)


def named_as(
    wanted: dict[str, Tensor], given: dict[str, Tensor], entry: BackboneEntry, packaged: PackagedWeights
) -> dict[str, Tensor]:
    """The package's tensors under timm's names: the same tensors in the same order, of other parts' names.

    Args:
        wanted: what timm calls the network's tensors, in its order, without the classifier.
        given: the package's tensors; its last two are the classifier's.
        entry: the backbone, for the sentence.
        packaged: its package, likewise.

    Raises:
        LabError: they are of another network.
    """
    kept = list(given.items())[: len(wanted)]
    fits = len(given) == len(wanted) + 2 and all(
        tensor.shape == like.shape and name.rpartition(".")[2] == like_name.rpartition(".")[2]
        for (name, tensor), (like_name, like) in zip(kept, wanted.items(), strict=True)
    )
    if not fits:
        raise LabError(f"The weights in the package {packaged.package} are of another network than {entry.timm}.")
    return {name: tensor.contiguous() for name, (_, tensor) in zip(wanted, kept, strict=True)}


if __name__ == "__main__":
    import sys

    try:
        prepare()
    except LabError as problem:
        sys.exit(str(problem))

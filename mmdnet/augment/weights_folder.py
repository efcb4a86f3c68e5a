"""Weights of a diffusion model in a local folder: whether they can be used, and what is known of them.

Only safetensors are read: a pickle runs code of whoever made it. Nothing is fetched.
"""

import json
import re
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmdnet.errors import LabError
from mmdnet.files import sha256_of

INDEX = "model_index.json"
PIPELINES = ("StableDiffusionPipeline", "StableDiffusionImg2ImgPipeline")
NETWORKS = {"unet": "diffusion_pytorch_model", "vae": "diffusion_pytorch_model", "text_encoder": "model"}
OTHER_PARTS = {"scheduler": "scheduler_config.json", "tokenizer": "tokenizer_config.json"}
VARIANTS = ("", "fp16", "bf16")
LATENT_CHANNELS = 4
UNSTATED = "not stated"
NOTHING_STARTED = "Nothing was started."


@dataclass(frozen=True, slots=True)
class WeightsFolder:
    """A folder that can be used.

    Attributes:
        folder: the folder.
        variant: of its files' names: fp16, bf16 or none.
        files: weights by network, several where they are sharded.
        scheduler: name of the scheduler's class.
        prediction_type: what the network predicts, read from the scheduler: epsilon, v_prediction or sample.
        side_px: the side of the images it was made for.
        licence: as its README or licence file states it.
        has_safety_checker: whether a checker of photographs lies beside them, which is left out.
    """

    folder: Path
    variant: str
    files: dict[str, tuple[Path, ...]]
    scheduler: str
    prediction_type: str
    side_px: int
    licence: str
    has_safety_checker: bool

    @property
    def name(self) -> str:
        """What people call it: its folder's name, or the id of a hub's in the cache of Hugging Face."""
        kept = self.folder.parent.parent.name
        if self.folder.parent.name == "snapshots" and kept.startswith("models--"):
            return kept.removeprefix("models--").replace("--", "/")
        return self.folder.name

    def sha256(self) -> dict[str, list[str]]:
        """Hashes of the weights by network."""
        return {network: [sha256_of(path) for path in paths] for network, paths in self.files.items()}


def examine_folder(folder: Path) -> WeightsFolder:
    """Look at a folder without loading its weights.

    Raises:
        LabError: it is no folder, no Stable Diffusion, not whole, or without safetensors; the sentence says which.
    """
    if folder.is_file():
        raise LabError(
            f"{folder.name} is a single file. Name a diffusers folder, which holds {INDEX} and a folder for each "
            f"network. {NOTHING_STARTED}"
        )
    if not folder.is_dir():
        raise LabError(f"There is no folder {folder}. Name a local diffusers folder with weights. {NOTHING_STARTED}")
    index = _json(folder / INDEX, folder)
    kind = str(index.get("_class_name"))
    if kind not in PIPELINES:
        raise LabError(
            f"{folder.name} is a {kind}; this needs Stable Diffusion 1 or 2 (StableDiffusionPipeline). "
            f"{NOTHING_STARTED}"
        )
    unet, vae = (_json(folder / part / "config.json", folder) for part in ("unet", "vae"))
    if unet.get("in_channels", LATENT_CHANNELS) != LATENT_CHANNELS:
        raise LabError(
            f"{folder.name} was made for another use (its U-Net takes {unet['in_channels']} channels, not "
            f"{LATENT_CHANNELS}), such as inpainting or depth. Choose weights that make images of text. "
            f"{NOTHING_STARTED}"
        )
    for part, name in OTHER_PARTS.items():
        _json(folder / part / name, folder)
    variant, files = _weights(folder)
    scheduler = _json(folder / "scheduler" / OTHER_PARTS["scheduler"], folder)
    scale = 2 ** (len(vae.get("block_out_channels", (1,) * 4)) - 1)
    return WeightsFolder(
        folder=folder,
        variant=variant,
        files=files,
        scheduler=str(scheduler.get("_class_name")),
        prediction_type=str(scheduler.get("prediction_type", "epsilon")),
        side_px=int(unet.get("sample_size") or 64) * scale,
        licence=licence_of(folder),
        has_safety_checker=(folder / "safety_checker").is_dir(),
    )


def licence_of(folder: Path) -> str:
    """The licence that a folder states: in the head of its README, else the first line of its licence file."""
    readme = folder / "README.md"
    if readme.is_file():
        head = re.search(r"^license:\s*[\"']?([^\"'\n]+)", readme.read_text("utf-8", "replace"), re.MULTILINE)
        if head:
            return head[1].strip()[:80]
    for path in sorted(folder.iterdir()):
        if path.is_file() and path.name.upper().startswith(("LICENSE", "LICENCE")):
            lines = (line.strip() for line in path.read_text("utf-8", "replace").splitlines())
            return next((line for line in lines if line), UNSTATED)[:80]
    return UNSTATED


def _json(path: Path, folder: Path) -> dict[str, Any]:  # a configuration as its maker wrote it
    place = path.relative_to(folder)
    try:
        content = json.loads(path.read_text("utf-8"))
    except FileNotFoundError as error:
        raise LabError(
            f"{folder.name} is not whole: {place} is missing. Copy or download the folder again. {NOTHING_STARTED}"
        ) from error
    except (OSError, ValueError) as error:
        raise LabError(
            f"{folder.name} is damaged: {place} cannot be read. Copy or download the folder again. {NOTHING_STARTED}"
        ) from error
    if not isinstance(content, dict):
        raise LabError(f"{folder.name} is damaged: {place} says nothing of a network. {NOTHING_STARTED}")
    return content


def _weights(folder: Path) -> tuple[str, dict[str, tuple[Path, ...]]]:
    """The first variant that all networks have."""
    for variant in VARIANTS:
        files = {network: _files(folder / network, stem, variant) for network, stem in NETWORKS.items()}
        if all(files.values()):
            for paths in files.values():
                for path in paths:
                    _refuse_half(path, folder)
            return variant, files
    missing = next(network for network, stem in NETWORKS.items() if not _files(folder / network, stem, ""))
    place = folder / missing
    if place.is_dir() and any(path.suffix in (".bin", ".ckpt", ".pt", ".pth") for path in place.iterdir()):
        raise LabError(
            f"{folder.name} keeps the weights of its {missing} as a pickle, which could run anything on this machine. "
            f"Only safetensors are read: get the folder in that form, or convert it elsewhere. {NOTHING_STARTED}"
        )
    raise LabError(
        f"{folder.name} is not whole: the weights of its {missing} are missing ({NETWORKS[missing]}.safetensors). "
        f"Copy or download the folder again. {NOTHING_STARTED}"
    )


def _files(place: Path, stem: str, variant: str) -> tuple[Path, ...]:
    """The files of a network in one variant, none where it has none; those an index names, wherever it is sharded."""
    dotted = f".{variant}" if variant else ""
    whole = place / f"{stem}{dotted}.safetensors"
    if whole.is_file():
        return (whole,)
    for index in (place / f"{stem}.safetensors.index{dotted}.json", place / f"{stem}{dotted}.safetensors.index.json"):
        if index.is_file():
            shards = _json(index, place.parent).get("weight_map", {})
            return tuple(place / name for name in sorted({Path(str(name)).name for name in shards.values()}))
    return ()


def _refuse_half(path: Path, folder: Path) -> None:
    """Refuse a safetensors file that ends before its header says."""
    place = path.relative_to(folder)
    try:
        with path.open("rb") as file:
            (header_bytes,) = struct.unpack("<Q", file.read(8))
            if header_bytes > path.stat().st_size:
                raise ValueError
            header = json.loads(file.read(header_bytes))
        ends = [entry["data_offsets"][1] for name, entry in header.items() if name != "__metadata__"]
        whole = path.stat().st_size == 8 + header_bytes + max(ends, default=0)
    except FileNotFoundError as error:
        raise LabError(
            f"{folder.name} is not whole: {place} is missing. Copy or download the folder again. {NOTHING_STARTED}"
        ) from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError, struct.error):
        whole = False
    if not whole:
        raise LabError(
            f"{folder.name} is not whole: {place} is only part of a file. Copy or download it again. {NOTHING_STARTED}"
        )

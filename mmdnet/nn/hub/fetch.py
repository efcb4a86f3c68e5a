"""Weights from the hub into a folder of the lab: safetensors, with what they are beside them; afterwards offline.

Built aside and moved into place whole, and only after the network was built of them and gave finite features: what is
refused leaves nothing behind. A pickle is never opened. The token is the machine's own (`HF_TOKEN`, or that of
`hf auth login`): the lab neither asks for one nor keeps it.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from mmdnet.errors import LabError
from mmdnet.files import moved_into_place, sha256_of, write_aside
from mmdnet.nn.hub.catalogue import HubEntry, catalogue, hub_entry
from mmdnet.nn.recipe import DROPPED, ORIGIN, WEIGHTS, Recipe, WeightsOrigin, origin_of
from mmdnet.nn.registry import backbone_entry
from mmdnet.progress import Progress, silent
from mmdnet.slides.geometry import PATCH_PX

if TYPE_CHECKING:
    from huggingface_hub import ModelInfo
    from torch import Tensor

ANSWER_S = 10.0  # so long is waited for the hub's first answer
CONFIG = "config.json"
PICKLES = (".bin", ".pth", ".pt", ".ckpt", ".pkl")
SPARE_BYTES = 256 * 2**20  # left free on the disk: the lab's databases come first
UNCHANGED = "Nothing was changed."


def folder_of(name: str, place: Path) -> Path:
    """Where the weights of a backbone lie among those that were fetched."""
    return place / name.replace("/", "--")


def fetched_weights(name: str, place: Path) -> Path | None:
    """The safetensors file of a backbone that was fetched; None where none was.

    Raises:
        LabError: it is no longer the file that was fetched.
    """
    weights = folder_of(name, place) / WEIGHTS
    origin = origin_of(weights)
    if origin is None or origin.backbone != name or not weights.is_file():
        return None
    if sha256_of(weights) != origin.weights_sha256:
        raise LabError(
            f"The weights of {name} in this lab are no longer those that were fetched. Fetch them again: "
            f"mmdnet backbones get {name}. {UNCHANGED}"
        )
    return weights


def usable_weights(name: str, place: Path) -> Path | None:
    """The safetensors file of a backbone that was fetched; None for one that starts without.

    Raises:
        LabError: it is one of the hub's that was not fetched yet, or no longer the file that was fetched.
    """
    weights = fetched_weights(name, place)
    if weights is None and backbone_entry(name) is None and (name in catalogue() or "/" in name):
        raise LabError(
            f"The weights of {name} are not in this lab yet. Fetch them once with internet: mmdnet backbones get "
            f"{name}, or More backbones on the Train page. Nothing was started."
        )
    return weights


def take_folder(
    name: str, folder: Path, place: Path, progress: Progress = silent, patch_px: int = PATCH_PX
) -> WeightsOrigin:
    """Take a backbone's weights from a folder on this machine: a hub's repository as somebody downloaded it.

    So weights come in that a hub gives only to those who were let in, or where the lab has no internet.

    Args:
        name, place, progress, patch_px: as for `fetch`.
        folder: holds the file of weights and, but for the paper's networks, config.json.

    Raises:
        LabError: no such folder, or as `fetch`. Nothing is left behind.
    """
    entry = hub_entry(name)
    target = folder_of(entry.name, place)
    try:
        sizes = {file.name: file.stat().st_size for file in folder.iterdir() if file.is_file()}
    except OSError as problem:
        raise LabError(
            f"{entry.name} was not taken: {folder} cannot be read ({problem.strerror}). {UNCHANGED}"
        ) from None
    file, size = _safetensors(entry, sizes, str(folder))
    with _refusals(entry, str(folder)):
        place.mkdir(parents=True, exist_ok=True)
        _clear_left(target)
        _room(entry, place, size)
        with moved_into_place(target) as aside:
            aside.mkdir()
            progress(0.1, "building the network of them")
            origin = _made(entry, folder / file, _recipe(entry, folder / CONFIG), aside, patch_px)
            write_aside(aside / ORIGIN, origin.model_dump_json(indent=2) + "\n")
    progress(1.0, f"{entry.name} from {origin.words}")
    return origin


def fetch(
    name: str, place: Path, progress: Progress = silent, patch_px: int = PATCH_PX, endpoint: str | None = None
) -> WeightsOrigin:
    """Fetch a backbone's weights; those there are replaced once the new ones have proven whole.

    Args:
        name: of the catalogue, or a repository "owner/name".
        place: folder that holds a folder for each backbone; made if it is not there.
        progress: told how far it is.
        patch_px: side of the lab's patches, for which the network is built to prove the weights.
        endpoint: the hub's address; the usual one, or `HF_ENDPOINT`, if not given.

    Raises:
        LabError: no such backbone, a hub that does not answer or does not give it, weights that are a pickle, half
            there, damaged or of another network, or no room. Nothing is left behind.
    """
    from huggingface_hub import constants

    entry = hub_entry(name)
    target = folder_of(entry.name, place)
    hub = endpoint or os.environ.get("HF_ENDPOINT") or constants.ENDPOINT
    with _refusals(entry, hub):
        progress(0.0, f"asking the hub for {entry.hub_id}")
        info = _info(entry, hub)
        sizes = {each.rfilename: each.size or 0 for each in info.siblings or () if "/" not in each.rfilename}
        file, size = _safetensors(entry, sizes, entry.hub_id)
        place.mkdir(parents=True, exist_ok=True)
        _clear_left(target)
        _room(entry, place, 2 * size)
        with moved_into_place(target) as aside:
            aside.mkdir()
            origin = _fetched(entry, info, file, aside, progress, patch_px, hub)
            write_aside(aside / ORIGIN, origin.model_dump_json(indent=2) + "\n")
    progress(1.0, f"{entry.name} from {origin.words}")
    return origin


def _fetched(
    entry: HubEntry, info: ModelInfo, file: str, aside: Path, progress: Progress, patch_px: int, hub: str
) -> WeightsOrigin:
    """Download, prove and write the weights into `aside`; the record of them."""
    revision = str(info.sha)
    there = _download(entry, file, revision, aside / "hub", progress, hub)
    digest = sha256_of(there)
    said = {each.rfilename: each.lfs for each in info.siblings or ()}.get(file)
    if said is not None and said.sha256 != digest:
        raise LabError(
            f"{entry.name} was not fetched: {file} did not come as the hub keeps it (its SHA-256 differs). "
            f"Try again. {UNCHANGED}"
        )
    named = backbone_entry(entry.name)
    needs = named is None or not named.timm
    config = _download(entry, CONFIG, revision, aside / "hub", silent, hub) if needs else aside
    progress(0.9, "building the network of them")
    origin = _made(entry, there, _recipe(entry, config), aside, patch_px)
    shutil.rmtree(aside / "hub")
    return origin.model_copy(
        update={"revision": revision, "file": file, "file_sha256": digest, "licence": _licence(info)}
    )


def _made(entry: HubEntry, file: Path, recipe: Recipe, aside: Path, patch_px: int) -> WeightsOrigin:
    """Prove a file of weights and write them into `aside`; the record of them, of no revision."""
    from safetensors.torch import save_file

    save_file(_proven(entry, recipe, file, patch_px), aside / WEIGHTS)
    return WeightsOrigin(
        backbone=entry.name,
        hub_id=entry.hub_id,
        revision="",
        file=file.name,
        file_sha256=sha256_of(file),
        licence=entry.licence,
        weights_sha256=sha256_of(aside / WEIGHTS),
        recipe=recipe,
    )


def _recipe(entry: HubEntry, config: Path) -> Recipe:
    """How the network is built: as the registry says of one of ours, else as the repository's config.json does."""
    named = backbone_entry(entry.name)
    if named is None or not named.timm:
        return recipe_of(entry, config)
    return Recipe(
        network=named.timm, mean=named.mean, std=named.std, input_px=named.input_px, interpolation=named.interpolation
    )


def recipe_of(entry: HubEntry, config: Path) -> Recipe:
    """The recipe in a repository's config.json, as timm writes it; what the catalogue knows better goes before.

    Raises:
        LabError: it is no such file, or asks for what is not built here.
    """
    try:
        said = json.loads(config.read_text(encoding="utf-8"))
        images = said.get("pretrained_cfg", said)
        given = {key: value for key, value in said.get("model_args", {}).items() if key not in DROPPED}
        arguments = {**given, **entry.arguments}
        side = images["input_size"][-1]
        fixed = images.get("fixed_input_size", False) or "img_size" in arguments or "dynamic_img_size" in arguments
        return Recipe(
            network=str(said["architecture"]).partition(":")[0],
            arguments=arguments,
            mean=images["mean"],
            std=images["std"],
            input_px=side if fixed or str(said["architecture"]).startswith("vit") else None,
            interpolation=images.get("interpolation", "bicubic"),
            um_per_px=entry.um_per_px,
            tokens=entry.tokens,
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError) as problem:
        why = problem.errors()[0]["msg"] if isinstance(problem, ValidationError) else f"{type(problem).__name__}"
        raise LabError(
            f"{entry.name} was not fetched: its config.json does not describe a network of timm that is built here "
            f"({why}). {UNCHANGED}"
        ) from problem


def _proven(entry: HubEntry, recipe: Recipe, file: Path, patch_px: int) -> dict[str, Tensor]:
    """The file's tensors, without a classifier, after the network was built of them and saw a picture."""
    import torch

    from mmdnet.nn.backbones import build_backbone, load_backbone, read_weights

    try:
        given = read_weights(file)
        backbone = build_backbone(entry.name, patch_px, recipe)
        load_backbone(backbone, given, f"of {entry.hub_id}")
    except LabError as problem:
        raise LabError(f"{entry.name} was not fetched. {problem} {UNCHANGED}") from problem
    side = backbone.input_px or patch_px
    with torch.inference_mode():
        features = backbone.eval()(torch.linspace(-1, 1, 3 * side * side).reshape(1, 3, side, side))
    if not torch.isfinite(features).all():
        raise LabError(f"{entry.name} was not fetched: its weights give no finite features. {UNCHANGED}")
    own = backbone.inner.state_dict()
    return {key: tensor.contiguous() for key, tensor in given.items() if key in own}


def _info(entry: HubEntry, hub: str) -> ModelInfo:
    from huggingface_hub import HfApi

    return HfApi(endpoint=hub).model_info(entry.hub_id, timeout=ANSWER_S, files_metadata=True)


def _safetensors(entry: HubEntry, sizes: Mapping[str, int], where: str) -> tuple[str, int]:
    """The file of weights among those of a repository or folder, whose bytes are given, and its bytes."""
    safe = sorted(name for name in sizes if name.endswith(".safetensors"))
    wanted = "model.safetensors" if "model.safetensors" in safe else safe[0] if len(safe) == 1 else None
    if wanted is not None:
        return wanted, sizes[wanted]
    if safe:
        raise LabError(
            f"{entry.name} was not fetched: its weights lie in {len(safe)} files, and only one whole file is taken. "
            f"{UNCHANGED}"
        )
    if any(name.endswith(PICKLES) for name in sizes):
        raise LabError(
            f"{entry.name} was not fetched: its repository keeps the weights only as a pickle, which can run code when "
            f"it is opened and is never opened here. Ask its owner for model.safetensors, or convert it elsewhere and "
            f"give the file as the training's weights. {UNCHANGED}"
        )
    raise LabError(f"{entry.name} was not fetched: {where} holds no weights. {UNCHANGED}")


def _licence(info: ModelInfo) -> str:
    """As the repository states it: in its card, or as a tag."""
    stated = getattr(info.card_data, "license", None) if info.card_data else None
    named = getattr(info.card_data, "license_name", None) if info.card_data else None
    tagged = [tag.removeprefix("license:") for tag in info.tags or () if tag.startswith("license:")]
    return str(named or stated or (tagged[0] if tagged else ""))


def _clear_left(target: Path) -> None:
    """Remove what a fetch that was killed left beside the target; of one that still goes on nothing is touched."""
    import psutil

    for left in target.parent.glob(f".{target.name}.*"):
        owner = left.name.rsplit(".", 2)[1]
        if owner.isdigit() and not psutil.pid_exists(int(owner)):
            shutil.rmtree(left, ignore_errors=True)


def _room(entry: HubEntry, place: Path, needed: int) -> None:
    free = shutil.disk_usage(place).free - SPARE_BYTES
    if needed > free:
        raise LabError(
            f"{entry.name} was not fetched: it takes {needed / 2**20:.0f} MiB while it is made, and the lab's disk has "
            f"{max(free, 0) / 2**20:.0f} MiB to spare. Free some space there. {UNCHANGED}"
        )


def _download(entry: HubEntry, file: str, revision: str, folder: Path, progress: Progress, hub: str) -> Path:
    from huggingface_hub import hf_hub_download
    from tqdm.auto import tqdm

    class Told(tqdm):  # type: ignore[type-arg]
        """Tells how far the download is, in place of drawing it."""

        def __init__(self, *args: Any, **named: Any) -> None:
            super().__init__(*args, **{key: value for key, value in named.items() if key != "name"} | {"disable": True})
            self.whole, self.come = float(named.get("total") or 0), float(named.get("initial") or 0)

        def update(self, n: float | None = 1) -> bool | None:
            self.come += n or 0
            if self.whole:
                progress(min(0.9, 0.9 * self.come / self.whole), f"{file}: {self.come / 2**20:.0f} MiB")
            return super().update(n)

    return Path(
        hf_hub_download(
            entry.hub_id, file, revision=revision, local_dir=folder, endpoint=hub, etag_timeout=ANSWER_S,
            tqdm_class=Told,
        )
    )  # fmt: skip


@contextmanager
def _refusals(entry: HubEntry, hub: str) -> Iterator[None]:
    """What the hub or the disk refuses, in a sentence."""
    from huggingface_hub import errors

    page = f"{hub}/{entry.hub_id}"
    try:
        yield
    except LabError:
        raise
    except errors.GatedRepoError as problem:
        raise LabError(
            f"{entry.name} was not fetched: its owner lets people in one by one. Ask at {page}, make a token there, "
            f"and start the lab with it as HF_TOKEN, or run 'hf auth login' once. {UNCHANGED}"
        ) from problem
    except errors.RepositoryNotFoundError as problem:
        raise LabError(
            f"{entry.name} was not fetched: the hub knows no {entry.hub_id}, or shows it only to a token with rights "
            f"to it (HF_TOKEN). {UNCHANGED}"
        ) from problem
    except errors.EntryNotFoundError as problem:
        if not isinstance(problem, errors.LocalEntryNotFoundError):
            raise LabError(
                f"{entry.name} was not fetched: {entry.hub_id} lacks a file that belongs to it. {UNCHANGED}"
            ) from problem
        raise LabError(_silent(entry, hub)) from problem
    except errors.HfHubHTTPError as problem:
        code = getattr(getattr(problem, "response", None), "status_code", None)
        if code in (401, 403):
            raise LabError(
                f"{entry.name} was not fetched: the hub does not take this token ({code}). Ask at {page}, and give a "
                f"token that may read it as HF_TOKEN. {UNCHANGED}"
            ) from problem
        raise LabError(
            f"{entry.name} was not fetched: the hub answered with an error ({code}). Try again later. {UNCHANGED}"
        ) from problem
    except (errors.OfflineModeIsEnabled, ConnectionError, TimeoutError) as problem:
        raise LabError(_silent(entry, hub)) from problem
    except OSError as problem:
        raise LabError(_of_disk_or_line(entry, hub, problem)) from problem
    except Exception as problem:
        if type(problem).__module__.partition(".")[0] not in ("httpx", "httpx2", "httpcore", "httpcore2", "hf_xet"):
            raise
        raise LabError(_silent(entry, hub)) from problem


def _silent(entry: HubEntry, hub: str) -> str:
    return (
        f"{entry.name} was not fetched: the hub ({hub}) does not answer, or broke off. Check the internet connection "
        f"and try again; what was fetched before works without it. {UNCHANGED}"
    )


def _of_disk_or_line(entry: HubEntry, hub: str, problem: OSError) -> str:
    if problem.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"{entry.name} was not fetched: the lab's disk is full. Free some space there. {UNCHANGED}"
    if problem.errno in (errno.EACCES, errno.EROFS, errno.EPERM):
        return f"{entry.name} was not fetched: the lab's folder cannot be written ({problem.strerror}). {UNCHANGED}"
    return (
        f"{entry.name} was not fetched: its file came only in part from {hub} ({str(problem)[:120]}). Try again. "
        f"{UNCHANGED}"
    )

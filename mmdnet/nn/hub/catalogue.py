"""Backbones whose weights are fetched on request: the paper's networks, and encoders of pathology by name.

What stands here is what a hub's page says for people and timm's own files do not: scale, layers given by name, how
tokens become a feature. Licence and revision are read from the hub when the weights are fetched.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from mmdnet.errors import LabError
from mmdnet.nn.recipe import Tokens
from mmdnet.nn.registry import BACKBONES

HUB_ID = re.compile(r"^[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}$")


@dataclass(frozen=True, slots=True)
class HubEntry:
    """A backbone on the hub.

    Attributes:
        name: in the lab, in configurations and cards.
        title: for people.
        hub_id: repository, "owner/name".
        licence: as its page said when this was written; what counts is what is read when it is fetched.
        gated: its owner lets in people one by one.
        um_per_px: scale of the images it learnt from; None: photographs, or not known.
        arguments: for timm, where the repository's own config.json leaves them out.
        tokens: see `mmdnet.nn.recipe.Recipe`.
        not_here: why it cannot be fetched; empty where it can.
    """

    name: str
    title: str
    hub_id: str
    licence: str = ""
    gated: bool = False
    um_per_px: float | None = None
    arguments: Mapping[str, bool | int | float | str] = field(default_factory=dict)
    tokens: Tokens = "pooled"
    not_here: str = ""


_SWIGLU = {"mlp_layer": "SwiGLUPacked", "act_layer": "silu"}
PATHOLOGY = (
    HubEntry(
        "UNI", "UNI · pathology, ViT-L/16 (Chen 2024)", "MahmoodLab/UNI", "CC-BY-NC-ND-4.0", True, 0.5,
        {"init_values": 1e-5, "dynamic_img_size": True},
    ),
    HubEntry(
        "UNI2-h", "UNI2-h · pathology, ViT-H/14 (Chen 2024)", "MahmoodLab/UNI2-h", "CC-BY-NC-ND-4.0", True, 0.5,
        {
            "img_size": 224, "patch_size": 14, "depth": 24, "num_heads": 24, "init_values": 1e-5, "embed_dim": 1536,
            "mlp_ratio": 2.66667 * 2, "no_embed_class": True, "reg_tokens": 8, "dynamic_img_size": True, **_SWIGLU,
        },
    ),
    HubEntry(
        "Virchow", "Virchow · pathology, ViT-H/14 (Vorontsov 2024)", "paige-ai/Virchow", "Apache-2.0", True, 0.5,
        _SWIGLU, "class_and_mean",
    ),
    HubEntry(
        "Virchow2", "Virchow2 · pathology, ViT-H/14 (Zimmermann 2024)", "paige-ai/Virchow2", "CC-BY-NC-ND-4.0", True,
        0.5, _SWIGLU, "class_and_mean",
    ),
    HubEntry(
        "H-optimus-0", "H-optimus-0 · pathology, ViT-g/14 (Saillard 2024)", "bioptimus/H-optimus-0", "Apache-2.0",
        True, 0.5, {"init_values": 1e-5, "dynamic_img_size": False},
    ),
    HubEntry(
        "H-optimus-1", "H-optimus-1 · pathology, ViT-g/14", "bioptimus/H-optimus-1", "CC-BY-NC-ND-4.0", True, 0.5,
        {"init_values": 1e-5, "dynamic_img_size": False},
    ),
    HubEntry(
        "Prov-GigaPath", "Prov-GigaPath · pathology, ViT-g/14 (Xu 2024)", "prov-gigapath/prov-gigapath", "Apache-2.0",
        True, 0.5,
    ),
    HubEntry(
        "Phikon", "Phikon · pathology, ViT-B/16 (Filiot 2023)", "1aurent/vit_base_patch16_224.owkin_pancancer",
        "Owkin non-commercial", um_per_px=0.5,
    ),
    HubEntry(
        "Lunit-DINO", "Lunit DINO · pathology, ViT-S/16 (Kang 2023)", "1aurent/vit_small_patch16_224.lunit_dino",
        "other, non-commercial", um_per_px=0.5,
    ),
    HubEntry(
        "CONCH", "CONCH · pathology, ViT-B/16 (Lu 2024)", "MahmoodLab/CONCH", "CC-BY-NC-ND-4.0", True, 0.5,
        not_here="its weights are no network of timm's",
    ),
)  # fmt: skip


def _of_the_paper() -> tuple[HubEntry, ...]:
    """The registry's networks of timm that come without weights; timm publishes those under its own name."""
    return tuple(
        HubEntry(entry.name, entry.title, f"timm/{entry.timm}")
        for entry in BACKBONES.values()
        if entry.timm and not entry.packaged
    )


def catalogue() -> dict[str, HubEntry]:
    """Every backbone that can be fetched by a name of ours."""
    return {entry.name: entry for entry in (*_of_the_paper(), *PATHOLOGY)}


def hub_entry(name: str) -> HubEntry:
    """What to fetch for a name: one of the catalogue, or any repository "owner/name" in timm's form.

    Raises:
        LabError: it is neither, or cannot be fetched.
    """
    known = catalogue()
    same = {other.lower(): other for other in known}
    if name.lower() in same:
        entry = known[same[name.lower()]]
        if entry.not_here:
            raise LabError(f"{entry.name} cannot be fetched: {entry.not_here}. Nothing was changed.")
        return entry
    bare = name.removeprefix("hf-hub:").removeprefix("hf_hub:")
    if not HUB_ID.match(bare):
        raise LabError(
            f"There is no backbone called {name} to fetch. Known are: {', '.join(known)}; or give a repository of the "
            "hub as owner/name. Nothing was changed."
        )
    for entry in known.values():
        if entry.hub_id.lower() == bare.lower():
            return hub_entry(entry.name)
    return HubEntry(bare, bare, bare)

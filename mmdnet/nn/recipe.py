"""What a network of timm that is not in the registry is, and where its weights came from; read without torch.

A recipe is kept with the weights and in the card of every model that started from them, so both can be built again
without the hub. It may come in with a file, so what it passes to timm is limited to sizes and named layers.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

ORIGIN = "origin.json"
WEIGHTS = "weights.safetensors"

Mean = Annotated[float, Field(ge=-10, le=10, allow_inf_nan=False)]  # of pixels in 0-1, with room for other scales
Deviation = Annotated[float, Field(ge=1e-4, le=10, allow_inf_nan=False)]
Tokens = Literal["pooled", "class_and_mean"]

PASSED = {  # timm's arguments that shape a network, and what each may be
    "img_size": int, "patch_size": int, "depth": int, "num_heads": int, "embed_dim": int, "reg_tokens": int,
    "init_values": float, "mlp_ratio": float, "no_embed_class": bool, "dynamic_img_size": bool, "class_token": bool,
    "qkv_bias": bool, "qk_norm": bool, "pre_norm": bool, "global_pool": str, "mlp_layer": str, "act_layer": str,
}  # fmt: skip
BOUNDS = {  # of numbers, with room above the largest public encoders (about 2e9 weights, 48 blocks of width 2048)
    "img_size": (8, 1024), "patch_size": (4, 64), "depth": (1, 64), "num_heads": (1, 64), "embed_dim": (8, 4096),
    "reg_tokens": (0, 16), "init_values": (0, 10), "mlp_ratio": (0.25, 8),
}  # fmt: skip
USUAL = {"img_size": 224, "patch_size": 16, "depth": 24, "embed_dim": 1024, "mlp_ratio": 4}  # of what is not passed
MOST_WEIGHTS = 4_000_000_000  # of the blocks together: attention 4 w², the widest perceptron (gated) 3 r w² each
MOST_TOKENS = 16_384  # of one image
LAYERS = {"mlp_layer": ("SwiGLUPacked", "SwiGLU", "GluMlp", "Mlp"), "act_layer": ("silu", "gelu", "relu", "quick_gelu")}
POOLS = ("", "token", "avg")
DROPPED = (
    "num_classes",
    "in_chans",
    "drop_rate",
    "drop_path_rate",
    "fc_norm",
    "weight_init",
)  # nothing of the features


def _within(name: str, value: float) -> bool:
    low, high = BOUNDS[name]
    return low <= value <= high


class Recipe(BaseModel):
    """How a network of timm is built and what its images are like.

    Attributes:
        network: timm's name of the architecture, never an address.
        arguments: what timm builds it with, beside the name.
        mean: subtracted from pixels in 0-1.
        std: what is left is divided by it.
        input_px: the one side it takes; None: it takes patches as they are.
        interpolation: of the resizing to it.
        um_per_px: scale of the images its weights learnt from; None where nobody says.
        tokens: "class_and_mean" of a vision transformer: class token and mean of the patches' tokens, side by side
            (Virchow, Vorontsov et al. 2024); else as timm pools.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())

    network: str = Field(min_length=1, max_length=120, pattern=r"^[A-Za-z0-9_.]+$")
    arguments: dict[str, bool | int | float | str | None] = Field(default_factory=dict)
    mean: tuple[Mean, Mean, Mean]
    std: tuple[Deviation, Deviation, Deviation]
    input_px: int | None = Field(default=None, ge=8, le=4096)
    interpolation: Literal["bilinear", "bicubic"] = "bicubic"
    um_per_px: float | None = Field(default=None, gt=0, le=100)
    tokens: Tokens = "pooled"

    @field_validator("arguments")
    @classmethod
    def _of_shape(cls, given: dict[str, Any]) -> dict[str, Any]:  # of timm, by name
        for name, value in given.items():
            kind = PASSED.get(name)
            if kind is None:
                raise ValueError(f"{name} is no argument that is passed on to a network")
            fits = value is None or isinstance(value, kind) or (kind is float and isinstance(value, int))
            number = isinstance(value, int | float) and not isinstance(value, bool)
            if not fits or (number and not _within(name, value)):
                raise ValueError(f"{name} cannot be {value!r}")
            if isinstance(value, str) and value not in LAYERS.get(name, POOLS):
                raise ValueError(f"{name} cannot be {value!r}")
        size = USUAL | {name: value for name, value in given.items() if name in USUAL and value is not None}
        weights = size["depth"] * size["embed_dim"] ** 2 * (4 + 3 * size["mlp_ratio"])
        if weights > MOST_WEIGHTS or (size["img_size"] / size["patch_size"]) ** 2 > MOST_TOKENS:
            raise ValueError("these sizes together make a network no machine here could hold")
        return given


class WeightsOrigin(BaseModel):
    """Where a backbone's weights in the lab came from; lies beside them as JSON.

    Attributes:
        backbone: its name in the lab.
        hub_id: repository on the hub, and `revision`, the commit; empty where it came from a folder.
        file: in that repository, with its SHA-256 as it came.
        licence: as the repository states it; empty where it states none.
        weights_sha256: of the safetensors file beside this record.
        recipe: how the network is built.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    backbone: str
    hub_id: str
    revision: str
    file: str
    file_sha256: str
    licence: str = ""
    weights_sha256: str
    recipe: Recipe

    @property
    def words(self) -> str:
        """For a sentence."""
        if not self.revision:
            return f"a folder on this machine, SHA-256 {self.file_sha256[:12]}"
        return f"{self.hub_id} on the hub, revision {self.revision[:12]}"


def origin_of(weights: Path) -> WeightsOrigin | None:
    """The record beside a file of weights that came from the hub; None where there is none, or it is damaged."""
    try:
        return WeightsOrigin.model_validate_json((weights.parent / ORIGIN).read_text(encoding="utf-8"))
    except (OSError, ValidationError, UnicodeDecodeError):
        return None

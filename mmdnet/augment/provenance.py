"""What is kept of a batch of synthetic patches, so that each can be traced to weights, settings and parent."""

from pydantic import BaseModel, ConfigDict

from mmdnet.augment.gate import GateLimits, GateReference


class Floor(BaseModel):
    """What the VAE alone changes in parents, encoded and decoded without noise: no child is nearer to its parent.

    Attributes:
        patches: how many were looked at.
        difference: mean absolute difference in grey levels, 0-255.
        similarity: median SSIM with the patch.
        fat_change: median absolute change of the share of fat.
        distance: median cosine distance of the features.
        unfit: it changes the features more than another patch would; none of the children can pass then.
        patch_ids: the parents that were looked at; batches of earlier builds do not say.
    """

    model_config = ConfigDict(frozen=True)

    patches: int
    patch_ids: tuple[int, ...] = ()
    difference: float
    similarity: float
    fat_change: float
    distance: float
    unfit: bool


class ParentPlan(BaseModel):
    """One parent as it was chosen: `grades` are its own, by task; `positive`: it has the rare grade."""

    model_config = ConfigDict(frozen=True)

    patch_id: int
    slide_id: int
    site: str
    positive: bool
    grades: dict[str, int]
    prompt: str


class BatchPlan(BaseModel):
    """All parents of a batch, in the order they are worked on, and the slides that train."""

    model_config = ConfigDict(frozen=True)

    parents: tuple[ParentPlan, ...]
    train_slides: tuple[int, ...]
    patch_px: int
    patch_mpp: float


class Origin(BaseModel):
    """Where a batch comes from.

    Attributes:
        weights: name of the folder.
        sha256: of the weights by network; empty until the job begins.
        licence: as the folder states it.
        scheduler, prediction_type: read from the folder.
        calls: of the U-Net for one child.
        positives, negatives: parents.
        gate_weights: SHA-256 of the model that was asked, if one was.
        sites: what real patches of each site are like.
    """

    model_config = ConfigDict(frozen=True)

    weights: str
    sha256: dict[str, list[str]] = {}
    licence: str
    scheduler: str
    prediction_type: str
    side_px: int
    calls: int
    positives: int
    negatives: int
    safety_checker: str = "left out: it was made for photographs"
    versions: dict[str, str] = {}
    device: str = ""
    dtype: str = ""
    floor: Floor | None = None
    limits: GateLimits = GateLimits()
    gate_backbone: str = ""
    gate_weights: str | None = None
    sites: dict[str, GateReference] = {}

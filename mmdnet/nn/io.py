"""A model on disk: `weights.safetensors` and `card.json` in one folder."""

import hashlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file, save

from mmdnet import __version__
from mmdnet.errors import LabError
from mmdnet.files import sha256_of, write_aside
from mmdnet.nn.backbones import load_backbone, read_weights
from mmdnet.nn.kinds import HeadKind
from mmdnet.nn.mmdnet import Architecture, MMDNet

WEIGHTS = "weights.safetensors"
CARD = "card.json"


class ModelCard(BaseModel):
    """What a model is, what it learned from, and how well: stands beside the weights as JSON.

    Attributes:
        tasks: number of grades by task.
        trained_tasks: tasks the training labels could teach; the heads of the others are still random.
        ignored_task: whether there is a fourth task, "holds an ignored patch"; scores do not use it.
        ignore_head: whether there were set-aside patches to train the quality gate on.
        split: slide ids by part (train, validation, test).
        metrics: by part ("validation", "test"), each a dict of numbers such as "kappa_steatosis".
        trained_on: counts of slides, patients, patches; sites, scanners, stains.
        choices: the training's choices, as they were.
        calibration: what scoring fitted on the validation patients, if anything.
    """

    model_config = ConfigDict(extra="forbid", protected_namespaces=())

    name: str
    backbone: str
    patch_px: int = 299
    patch_mpp: float = 0.5
    bag_size: int
    tasks: dict[str, int]
    head: HeadKind
    projection: int
    attention_hidden: int
    dropout: float
    ignored_task: bool = False
    domains: tuple[str, ...] = ()
    domain_key: str = "none"
    trained_tasks: tuple[str, ...]
    ignore_head: bool = False
    label_set_sha256: str
    split: dict[str, list[int]]
    metrics: dict[str, dict[str, float | None]] = Field(default_factory=dict)
    trained_on: dict[str, Any] = Field(default_factory=dict)
    choices: dict[str, Any] = Field(default_factory=dict)
    seed: int = 0
    epochs: int = 0
    best_epoch: int = 0
    warnings: tuple[str, ...] = ()
    calibration: dict[str, Any] | None = None
    simulated: bool = False
    code_version: str = __version__
    created_at: str = Field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))
    weights_sha256: str = ""

    @property
    def architecture(self) -> Architecture:
        return Architecture(
            backbone=self.backbone,
            patch_px=self.patch_px,
            tasks=self.tasks,
            head=self.head,
            projection=self.projection,
            attention_hidden=self.attention_hidden,
            dropout=self.dropout,
            ignored_task=self.ignored_task,
            domains=self.domains,
        )


def save_model(model: MMDNet, folder: Path, card: ModelCard) -> ModelCard:
    """Write weights, then the card that carries their hash.

    Returns:
        The card as written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    data = save({key: value.detach().cpu().contiguous() for key, value in model.state_dict().items()})
    card = card.model_copy(update={"weights_sha256": hashlib.sha256(data).hexdigest()})
    write_aside(folder / WEIGHTS, data)
    write_aside(folder / CARD, (card.model_dump_json(indent=2) + "\n").encode())
    return card


def read_card(folder: Path) -> ModelCard:
    """The card of a model folder.

    Raises:
        LabError: there is none, or it is not a card.
    """
    try:
        return ModelCard.model_validate_json((folder / CARD).read_text(encoding="utf-8"))
    except OSError as problem:
        raise LabError(f"There is no model in {folder.name}: {CARD} cannot be read.") from problem
    except (ValidationError, UnicodeDecodeError) as problem:
        raise LabError(f"The card of the model {folder.name} is damaged or of another version.") from problem


def load_model(folder: Path) -> tuple[MMDNet, ModelCard]:
    """Build the network of a model folder, in evaluation mode on the CPU.

    Raises:
        LabError: no model, weights that are damaged, changed since the card was written, or of another shape.
    """
    card = read_card(folder)
    path = folder / WEIGHTS
    try:
        state = load_file(path)
        digest = sha256_of(path)
    except (OSError, SafetensorError) as problem:
        raise LabError(f"The weights of the model {folder.name} are missing or damaged.") from problem
    model = MMDNet(card.architecture)
    wanted = {key: value.shape for key, value in model.state_dict().items()}
    if {key: value.shape for key, value in state.items()} != wanted:
        raise LabError(f"The weights of the model {folder.name} are of another network than its card says.")
    if digest != card.weights_sha256:
        raise LabError(f"The weights of the model {folder.name} are not those its card was written for.")
    model.load_state_dict(state)
    return model.eval(), card


def start_from(model: MMDNet, path: Path) -> None:
    """Take weights to start a training from: a backbone's, or a whole model's.

    Of a whole model the heads come along; its domain predictor only if it tells equally many domains apart.

    Raises:
        LabError: the file is damaged, or of another backbone.
    """
    given = read_weights(path)
    load_backbone(model.backbone, given, path.name)
    own = model.state_dict()
    fitting = {key: value for key, value in given.items() if key in own and own[key].shape == value.shape}
    model.load_state_dict(own | fitting)

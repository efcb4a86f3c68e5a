"""A model on disk: `weights.safetensors` and `card.json` in one folder."""

import hashlib
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file, save

from mmdnet.errors import LabError
from mmdnet.files import sha256_of, write_aside
from mmdnet.nn.backbones import load_backbone, read_weights
from mmdnet.nn.card import CARD, ModelCard, read_card
from mmdnet.nn.mmdnet import MMDNet
from mmdnet.nn.recipe import WEIGHTS


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

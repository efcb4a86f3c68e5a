"""Trained networks the lab can score with."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from db import runs as rows
from db.models import Model
from mmdnet.errors import LabError
from mmdnet.nn.card import ModelCard, parse_card
from mmdnet.settings import DEMO_MODEL
from mmdnet.workflows.scoring.views import ModelView
from mmdnet.workflows.services import Services, must_get


class Models:
    def __init__(self, services: Services) -> None:
        self._services = services

    def list(self, project_id: int) -> Sequence[ModelView]:
        """Models a project can score with, newest first; those of all projects last."""
        with self._services.db() as session:
            return [_view(model) for model in rows.models_of(session, project_id)]

    def get(self, model_id: int) -> ModelView:
        with self._services.db() as session:
            return _view(must_get(session, Model, model_id, "model"))

    def add(self, project_id: int | None, folder: str | Path, name: str | None = None) -> int:
        """Take in a model from a folder with weights.safetensors and card.json; its number.

        Raises:
            LabError: the folder holds no whole model, or its weights do not fit its card.
        """
        from mmdnet.nn.io import load_model

        place = Path(folder).expanduser().resolve()
        _, card = load_model(place)
        return add_model(self._services, place, name=name or card.name, project_id=project_id, run_id=None, card=card)

    def shipped(self) -> int:
        """The number of the small model that comes with the program, taken in when first asked for."""
        with self._services.db() as session:
            model = rows.model_in(session, str(DEMO_MODEL))
        return model.id if model else self.add(None, DEMO_MODEL)


def add_model(
    services: Services, folder: Path, *, name: str, project_id: int | None, run_id: int | None, card: ModelCard
) -> int:
    """Write the model's row; a folder that is there already is brought up to date."""
    facts = card.model_dump(mode="json")
    with services.db.begin() as session:
        model = rows.model_in(session, str(folder)) or Model(folder=str(folder))
        model.name, model.project_id, model.run_id = name, project_id, run_id
        model.weights_sha256, model.card = facts["weights_sha256"], facts
        session.add(model)
        session.flush()
        return model.id


def model_folder(services: Services, model_id: int) -> Path:
    """Where a model's files lie.

    Raises:
        LabError: they are gone.
    """
    with services.db() as session:
        folder = Path(must_get(session, Model, model_id, "model").folder)
    if not folder.is_dir():
        raise LabError(f"The files of this model are gone from {folder.name}. Choose another model or train again.")
    return folder


def card_of(model: Model) -> ModelCard:
    """The card in a model's row.

    Raises:
        LabError: it is damaged.
    """
    return parse_card(model.card, model.name)


def _view(model: Model) -> ModelView:
    return ModelView(
        id=model.id,
        project_id=model.project_id,
        run_id=model.run_id,
        name=model.name,
        weights_sha256=model.weights_sha256,
        card=card_of(model),
        created_at=model.created_at,
    )

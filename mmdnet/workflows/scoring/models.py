"""Trained networks the lab can score with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy.orm import Session

from db import runs as rows
from db.models import Model, Project, now
from db.projects import SETTING, add_change
from mmdnet.errors import LabError
from mmdnet.nn.card import ModelCard, parse_card
from mmdnet.settings import DEMO_MODEL
from mmdnet.workflows.projects import clean_name
from mmdnet.workflows.scoring.views import ModelView
from mmdnet.workflows.services import Services, must_get

if TYPE_CHECKING:
    from mmdnet.nn.mmdnet import MMDNet
    from mmdnet.reports.model_card import CardDocument
    from mmdnet.scoring.calibration.guard import Guard

LONGEST_NOTE = 500


class Models:
    def __init__(self, services: Services) -> None:
        self._services = services

    def list(self, project_id: int) -> Sequence[ModelView]:
        """Models a project can score with: the one for its reports, then newest first, those of all projects last."""
        with self._services.db() as session:
            for_reports = must_get(session, Project, project_id, "project").report_model_id
            views = [_view(model) for model in rows.models_of(session, project_id)]
        return sorted(views, key=lambda view: view.id != for_reports)

    def archived(self, project_id: int) -> Sequence[ModelView]:
        """The project's models that are offered no more, newest first."""
        with self._services.db() as session:
            return [_view(model) for model in rows.models_of(session, project_id, archived=True)]

    def describe(self, model_id: int, name: str, note: str = "") -> ModelView:
        """Another name for a model in the lab, and what people should know of it; its files keep their own card.

        Raises:
            LabError: the name is empty or too long, the note is too long, or the model came with the program.
        """
        name, note = clean_name(name, "model"), " ".join(note.split())
        if len(note) > LONGEST_NOTE:
            raise LabError(
                f"A note has at most {LONGEST_NOTE} characters, this one has {len(note)}. Nothing was changed."
            )
        with self._services.db.begin() as session:
            model = self._own(session, model_id)
            model.name, model.note = name, note
            return _view(model)

    def archive(self, model_id: int) -> None:
        """Offer a model no more; what it scored stays, and `restore` brings it back.

        Raises:
            LabError: it came with the program, or is the one for the project's reports.
        """
        with self._services.db.begin() as session:
            model = self._own(session, model_id)
            project = must_get(session, Project, model.project_id or 0, "project")
            if project.report_model_id == model_id:
                raise LabError(f"{model.name} is the model for reports. Choose another for them first.")
            model.archived_at = model.archived_at or now()

    def restore(self, model_id: int) -> None:
        """Offer an archived model again."""
        with self._services.db.begin() as session:
            self._own(session, model_id).archived_at = None

    def use_for_reports(self, project_id: int, model_id: int, by: int | None = None) -> None:
        """Have a model offered first wherever this project's slides are scored.

        Args:
            by: the reader who does it.

        Raises:
            LabError: it is another project's, or archived.
        """
        with self._services.db.begin() as session:
            project = must_get(session, Project, project_id, "project")
            model = must_get(session, Model, model_id, "model")
            if model.project_id not in (None, project_id) or model.archived_at:
                raise LabError(f"{model.name} is not offered in {project.name}. Nothing was changed.")
            if project.report_model_id != model_id:
                add_change(session, project_id, SETTING, f"model for reports: {model.name}", by)
            project.report_model_id = model_id

    @staticmethod
    def _own(session: Session, model_id: int) -> Model:
        model = must_get(session, Model, model_id, "model")
        if model.project_id is None:
            raise LabError(f"{model.name} came with the program and belongs to all projects. Nothing was changed.")
        return model

    def get(self, model_id: int) -> ModelView:
        with self._services.db() as session:
            return _view(must_get(session, Model, model_id, "model"))

    def card(self, model_id: int) -> CardDocument:
        """What is known of a model in the order of TRIPOD+AI; see `mmdnet.reports.model_card`.

        Raises:
            LabError: there is no such model, or its card is damaged.
        """
        from mmdnet.reports.model_card import model_card

        model = self.get(model_id)
        return model_card(model.card, model.name, model.note)

    def add(self, project_id: int | None, folder: str | Path, name: str | None = None) -> int:
        """Take in a model from a folder with weights.safetensors and card.json; its number.

        Raises:
            LabError: the folder holds no whole model, or its weights do not fit its card.
        """
        from mmdnet.nn.io import load_model
        from mmdnet.scoring.calibration_record import read_calibration

        place = Path(folder).expanduser().resolve()
        _, card = load_model(place)
        read_calibration(card.calibration)
        return add_model(self._services, place, name=name or card.name, project_id=project_id, run_id=None, card=card)

    def shipped(self) -> int:
        """The number of the small model that comes with the program, taken in when first asked for."""
        from mmdnet.nn.card import read_card
        from mmdnet.scoring.calibration_record import read_calibration

        with self._services.db() as session:
            model = rows.model_in(session, str(DEMO_MODEL))
        if model is None:
            return self.add(None, DEMO_MODEL)
        brought = read_card(DEMO_MODEL).calibration
        if model.card.get("calibration") != brought and not read_calibration(model.card.get("calibration")).here:
            with self._services.db.begin() as session:  # what came with an earlier build may have been harmful
                kept = must_get(session, Model, model.id, "model")
                kept.card = {**kept.card, "calibration": brought}
        return model.id


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


def add_metrics(services: Services, model_id: int, part: str, metrics: Mapping[str, float | None]) -> None:
    """Keep what was measured of a model on its card in the lab, in place of what this part said before."""
    with services.db.begin() as session:
        model = must_get(session, Model, model_id, "model")
        model.card = {**model.card, "metrics": {**model.card.get("metrics", {}), part: dict(metrics)}}


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


def guard_folder(services: Services, model_id: int) -> Path:
    """Where the guard of a calibration made here lies."""
    return services.settings.folder("models") / f"calibrated-{model_id}"


def guard_of(services: Services, model_id: int) -> Guard | None:
    """What tells tissue unlike a model's: of its calibration here, else of its training; None where there is none.

    Raises:
        LabError: it is damaged.
    """
    from mmdnet.scoring.calibration.guard import load_guard

    return load_guard(guard_folder(services, model_id)) or load_guard(model_folder(services, model_id))


def load_kept(services: Services, model_id: int) -> tuple[MMDNet, ModelCard]:
    """A model with the card the lab keeps of it: its files' own, but for a calibration made here.

    Raises:
        LabError: its files are gone or damaged.
    """
    from mmdnet.nn.io import load_model

    model, card = load_model(model_folder(services, model_id))
    with services.db() as session:
        kept = card_of(must_get(session, Model, model_id, "model"))
    return model, card.model_copy(update={"calibration": kept.calibration})


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
        note=model.note,
    )

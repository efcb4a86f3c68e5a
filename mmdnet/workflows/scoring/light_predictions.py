"""What a project's light model says of its patches: read from files beside its heads, without any network.

`ModelsInView` says which model plans and suggestions go by: of the model that scored the slides and the light model the
one that was made last, since it has seen the latest labels.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path

import numpy as np

from db import light_models as rows
from db.models import LightModel
from mmdnet.errors import LabError
from mmdnet.labels.grading import TASK_NAMES
from mmdnet.labels.light_estimate import LightEstimate
from mmdnet.settings import Settings
from mmdnet.workflows.scoring.predictions import PatchShares, Predictions
from mmdnet.workflows.services import Services

HEADS = "heads.safetensors"
KEPT = 64  # slides whose arrays stay in memory


@dataclass(frozen=True, slots=True)
class LightVersion:
    """A numbered version of a project's light model; `backbone` is what its features are of."""

    id: int
    number: int
    labels: int
    backbone: str
    estimate: LightEstimate
    made_at: datetime
    heads_sha256: str

    @property
    def title(self) -> str:
        return f"light model {self.number}"


@dataclass(frozen=True, slots=True)
class Followed:
    """A model that plans and suggestions go by: one that scored slides (`model_id`) or a light one.

    `slide_ids` are those of the slides asked about that it knows.
    """

    title: str
    slide_ids: tuple[int, ...]
    model_id: int | None = None
    light: LightVersion | None = None


def light_folder(settings: Settings, project_id: int, number: int) -> Path:
    """Where a version's files lie."""
    return settings.folder("light") / str(project_id) / str(number)


def slide_file(folder: Path, slide_id: int) -> Path:
    """What a version says of a slide's patches."""
    return folder / f"slide-{slide_id}.safetensors"


class ModelsInView:
    """What plans and suggestions go by; reads only."""

    def __init__(self, services: Services, predictions: Predictions) -> None:
        self._services = services
        self.scored = predictions

    def light(self, project_id: int) -> LightVersion | None:
        """The project's newest light model, if there is one."""
        with self._services.db() as session:
            row = rows.newest(session, project_id)
            return None if row is None else version_of(row)

    def followed(self, project_id: int, slide_ids: Sequence[int]) -> Followed | None:
        """The model that was made last of those that know any of these slides; None where none does."""
        scored = next(iter(self.scored.scored_by(slide_ids)), None)
        light = self.of_light(project_id, slide_ids)
        if light is not None and light.light is not None and (scored is None or light.light.made_at > scored.made_at):
            return light
        return None if scored is None else Followed(scored.model_name, scored.slide_ids, model_id=scored.model_id)

    def of_light(self, project_id: int, slide_ids: Sequence[int]) -> Followed | None:
        """The newest light model, if it knows any of these slides."""
        light = self.light(project_id)
        if light is None:
            return None
        folder = light_folder(self._services.settings, project_id, light.number)
        known = tuple(slide_id for slide_id in slide_ids if slide_file(folder, slide_id).is_file())
        return Followed(light.title, known, light=light) if known else None

    def of_slides(self, project_id: int, followed: Followed, slide_ids: Iterable[int]) -> list[PatchShares]:
        """What it says of each of these slides; one whose file is gone or damaged counts as unknown."""
        wanted = list(slide_ids)
        if followed.light is None:
            return list(self.scored.of_slides(wanted, followed.model_id))
        told = (self.light_of_slide(project_id, followed.light, slide_id) for slide_id in wanted)
        return [of_slide for of_slide in told if of_slide is not None]

    def light_of_slide(self, project_id: int, light: LightVersion, slide_id: int) -> PatchShares | None:
        """What a light model says of a slide's patches; None where it says nothing."""
        arrays = _arrays(slide_file(light_folder(self._services.settings, project_id, light.number), slide_id))
        if arrays is None:
            return None
        shares = {name: arrays[name] for name in TASK_NAMES if name in arrays}
        return PatchShares(slide_id, light.title, light.heads_sha256, arrays["patch_id"], shares)


def version_of(row: LightModel) -> LightVersion:
    """A light model's row as it is handed out."""
    return LightVersion(
        id=row.id,
        number=row.number,
        labels=row.labels,
        backbone=row.backbone,
        estimate=LightEstimate.model_validate(row.estimate),
        made_at=row.created_at,
        heads_sha256=row.heads_sha256,
    )


def _arrays(file: Path) -> dict[str, np.ndarray] | None:
    try:
        return _read(file, file.stat().st_mtime_ns)
    except (OSError, LabError):
        return None


@lru_cache(maxsize=KEPT)
def _read(file: Path, written_ns: int) -> dict[str, np.ndarray]:
    """A slide's arrays; `written_ns` makes a file that was written anew another one."""
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        arrays = load_file(file)
    except SafetensorError as problem:
        raise LabError(f"{file.name} is damaged.") from problem
    for array in arrays.values():
        array.flags.writeable = False
    return arrays

"""What a model says of single patches: read from the score of their slide, without loading the network.

The numbers are those the score rests on: the model's grade probabilities for the patch by itself (see `patches.<task>`
in `docs/artefacts.md`). A slide that no model has scored has none; scoring it makes them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path

import numpy as np

from db import scores as rows
from db.slides import Cell, patch_cells
from mmdnet.errors import LabError
from mmdnet.labels.grading import TASK_NAMES
from mmdnet.workflows.services import Services

KEPT = 64  # slides whose arrays stay in memory; ten thousand patches are half a megabyte


@dataclass(frozen=True)
class PatchShares:
    """What a model says of each patch of one slide, by itself. Arrays are in one order and must not be changed.

    Attributes:
        patch_id: shape (patches,).
        probabilities: per task the model was trained on, shape (patches, grades), each row sums to 1; NaN where the
            patch was not assessed (set aside, unreadable, or left out by the model's quality gate).
    """

    slide_id: int
    model_name: str
    weights_sha256: str
    patch_id: np.ndarray
    probabilities: Mapping[str, np.ndarray]

    def of_patch(self, patch_id: int) -> dict[str, np.ndarray]:
        """Grade probabilities of one patch by task, shape (grades,) each; empty where it was not assessed."""
        at = np.flatnonzero(self.patch_id == patch_id)
        if not at.size:
            return {}
        shares = {name: table[at[0]] for name, table in self.probabilities.items()}
        return {name: share for name, share in shares.items() if np.isfinite(share).all()}


@dataclass(frozen=True)
class PatchPredictions(PatchShares):
    """What a model that scored a slide says of every patch of it, the slide's own order.

    Attributes:
        p_ignore: probability that the patch should be left out, shape (patches,); NaN where the model has no say.
    """

    score_id: int
    model_id: int
    p_ignore: np.ndarray


@dataclass(frozen=True, slots=True)
class ScoredBy:
    """A model, which of the slides asked about it has scored, and when last."""

    model_id: int
    model_name: str
    slide_ids: tuple[int, ...]
    made_at: datetime


class Predictions:
    """Use cases reachable as `lab.predictions`."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def scored_by(self, slide_ids: Iterable[int]) -> list[ScoredBy]:
        """The models that scored any of these slides, the one that scored most of them (then the newest) first."""
        by_model: dict[int, list[rows.NewestScore]] = {}
        with self._services.db() as session:
            for score in rows.newest_scores(session, slide_ids):
                by_model.setdefault(score.model_id, []).append(score)
        ordered = sorted(by_model, key=lambda model_id: (-len(by_model[model_id]), -model_id))
        return [
            ScoredBy(
                model_id,
                by_model[model_id][0].model_name,
                tuple(sorted(score.slide_id for score in by_model[model_id])),
                max(score.created_at for score in by_model[model_id]),
            )
            for model_id in ordered
        ]

    def of_slide(self, slide_id: int, model_id: int | None = None) -> PatchPredictions | None:
        """The newest predictions for a slide, of one model if given; None where there are none.

        There are none where no model has scored the slide, or its patches were laid anew since.

        Raises:
            LabError: the score's file is gone or damaged.
        """
        with self._services.db() as session:
            newest = next(iter(rows.newest_scores(session, [slide_id], model_id)), None)
            if newest is None:
                return None
            cells = patch_cells(session, [slide_id])[slide_id]
        return self._read(newest, cells)

    def of_slides(self, slide_ids: Iterable[int], model_id: int | None = None) -> list[PatchPredictions]:
        """The newest predictions of each slide that has some; a slide whose file is gone or damaged counts as unscored.

        Without a model, that of `scored_by` which scored most of the slides: figures of two models do not compare.
        """
        wanted = list(slide_ids)
        if model_id is None:
            models = self.scored_by(wanted)
            if not models:
                return []
            model_id = models[0].model_id
        with self._services.db() as session:
            newest = {score.slide_id: score for score in rows.newest_scores(session, wanted, model_id)}
            cells = patch_cells(session, list(newest))
        predictions = []
        for slide_id in (known for known in wanted if known in newest):
            try:
                of_slide = self._read(newest[slide_id], cells[slide_id])
            except LabError:
                continue
            if of_slide is not None:
                predictions.append(of_slide)
        return predictions

    def _read(self, score: rows.NewestScore, of_slide: Sequence[Cell]) -> PatchPredictions | None:
        from mmdnet.scoring.result import PATCHES

        cells = np.array(of_slide, dtype=np.int64).reshape(-1, 3)
        arrays = score_arrays(self._services.settings.folder("scores") / score.file)
        same = len(cells) == len(arrays["row"]) and (cells[:, 1:] == np.c_[arrays["row"], arrays["col"]]).all()
        if not same:
            return None
        return PatchPredictions(
            score_id=score.id,
            slide_id=score.slide_id,
            model_id=score.model_id,
            model_name=score.model_name,
            weights_sha256=score.weights_sha256,
            patch_id=cells[:, 0],
            probabilities={name: arrays[f"{PATCHES}{name}"] for name in TASK_NAMES if f"{PATCHES}{name}" in arrays},
            p_ignore=arrays["p_ignore"],
        )


@lru_cache(maxsize=KEPT)
def score_arrays(file: Path) -> dict[str, np.ndarray]:
    """A score's arrays. A score's file is never written anew, so what was read once stays true."""
    from mmdnet.scoring.result import PATCHES, read_tensors

    arrays, _ = read_tensors(file, {"row", "col", "p_ignore", *(f"{PATCHES}{name}" for name in TASK_NAMES)})
    for array in arrays.values():
        array.flags.writeable = False
    return arrays

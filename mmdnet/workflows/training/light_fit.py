"""Fitting a version of the light model: from labels and features that are kept to files and a row."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from sqlalchemy.orm import Session

from db import light_models as rows
from db.models import LightModel, Slide
from db.slides import patches_of, slides_of
from mmdnet.files import moved_into_place, write_aside
from mmdnet.labels.light import DENSITY, FAT, NETWORK, READS, Moments, fat_features, there
from mmdnet.nn.registry import PRETRAINED
from mmdnet.slides.measures.local_density import LOCAL_DENSITY_VERSION
from mmdnet.words import count
from mmdnet.workflows.context import JobContext
from mmdnet.workflows.labelling import label_sets
from mmdnet.workflows.labelling.views import LabelChoice, LabelSet
from mmdnet.workflows.scoring.light_predictions import HEADS, LightVersion, light_folder, slide_file, version_of
from mmdnet.workflows.scoring.slide_truth import slide_truth
from mmdnet.workflows.services import Services
from mmdnet.workflows.slides.feature_store.extractor import Extractor
from mmdnet.workflows.slides.feature_store.features import known_features
from mmdnet.workflows.slides.feature_store.local_densities import known_densities
from mmdnet.workflows.slides.stored_geometry import stored_grid, stored_places

if TYPE_CHECKING:
    from mmdnet.labels.light import LightModel as Heads
    from mmdnet.labels.light import Reduction
    from mmdnet.labels.light_estimate import Labelled, LightEstimate

KEPT_VERSIONS = 3  # whose predictions stay on the disk; the heads of all do


@dataclass(frozen=True)
class Gathered:
    """Labelled patches with their features, and what all patches' features are reduced by. Ids are of shape (n,)."""

    patch_id: np.ndarray
    labelled: Labelled
    reductions: Mapping[str, Reduction]


def known_already(services: Services, project_id: int, extractor: Extractor) -> LightVersion | None:
    """The newest version where it has learnt from the labels as they stand, on this backbone, and looked at every
    slide; else None.
    """
    with services.db() as session:
        row = rows.newest(session, project_id)
        if row is None or not _learnt_from(row, label_sets.build(session, project_id, LabelChoice()), extractor):
            return None
        folder = light_folder(services.settings, project_id, row.number)
        ready = [slide.id for slide in slides_of(session, project_id) if slide.status == "ready"]
        return version_of(row) if all(slide_file(folder, slide_id).is_file() for slide_id in ready) else None


def fit_version(services: Services, context: JobContext, project_id: int, extractor: Extractor) -> LightVersion | None:
    """A version of the labels as they stand, on the features that are there; the newest there is then.

    Nothing is made anew of labels that the newest has learnt from, nor before a task has two grades.
    """
    from mmdnet.labels.light import LightModel as Heads
    from mmdnet.labels.light import fit, on_one_thread
    from mmdnet.labels.light_estimate import judge

    with services.db() as session:
        labels = label_sets.build(session, project_id, LabelChoice())
        row = rows.newest(session, project_id)
        newest = None if row is None else version_of(row)
        if row is not None and _learnt_from(row, labels, extractor):
            return newest
    with on_one_thread():
        gathered = _gather(services, project_id, labels, extractor)
        heads = {} if gathered is None else fit(gathered.labelled.reduced, gathered.labelled.grades)
        if gathered is None or not heads:
            return newest
        context.progress(0.95, f"learning from {count(len(gathered.patch_id), 'label')}")
        estimate, left_out = judge(gathered.labelled)
    context.check()
    model = Heads(gathered.reductions, heads)
    kept_apart = {name: left_out[name] for name in heads}
    return _publish(services, context, project_id, labels, model, estimate, gathered.patch_id, kept_apart, extractor)


def _learnt_from(row: LightModel, labels: LabelSet, extractor: Extractor) -> bool:
    """Whether a version is of these labels on the features of today."""
    return (row.label_set.get("sha256"), row.backbone_sha256) == (labels.sha256, features_sha256(extractor))


def features_sha256(extractor: Extractor) -> str:
    """Of all that a version depends on but labels: the backbone, how local density is measured, what heads read."""
    return hashlib.sha256(f"{extractor.sha256} {LOCAL_DENSITY_VERSION} {sorted(READS.items())}".encode()).hexdigest()


def look_at_slide(
    services: Services, project_id: int, version: LightVersion, slide_id: int, extractor: Extractor
) -> None:
    """Keep what a version says of a slide that came after it; nothing where the slide has no features."""
    from safetensors.numpy import load_file

    from mmdnet.labels.light import LightModel as Heads

    folder = light_folder(services.settings, project_id, version.number)
    model = Heads.of_arrays(load_file(folder / HEADS))
    with services.db() as session:
        slide = session.get_one(Slide, slide_id)
        told = _told(services, session, model, slide, {}, extractor)
    if told is not None:
        write_aside(slide_file(folder, slide_id), told)


def _gather(services: Services, project_id: int, labels: LabelSet, extractor: Extractor) -> Gathered | None:
    """None where no labelled patch has features."""
    from mmdnet.labels.light_estimate import Labelled

    graded = {row.patch_id: row for row in labels.rows if row.grades.any_known and not row.ignored}
    moments = {NETWORK: Moments(), DENSITY: Moments(), FAT: Moments()}
    features: dict[str, list[np.ndarray]] = {of: [] for of in moments}
    ids: list[int] = []
    slide_of: list[int] = []
    with services.db() as session:
        persons = {
            truth.slide_id: truth.person or f"slide {truth.slide_id}" for truth in slide_truth(session, project_id)
        }
        for slide in slides_of(session, project_id):
            if slide.status != "ready":
                continue
            patch_id, seen = _known(services, session, slide, extractor)
            mine = np.array([patch in graded for patch in patch_id.tolist()], bool)
            ids += patch_id[mine].tolist()
            slide_of += [slide.id] * int(mine.sum())
            for of, values in seen.items():
                features[of].append(values[mine])
                moments[of].add(values[there(values)])
        if not ids:
            return None
        at_random = rows.asked_at_random(session, ids)
        beside = rows.beside_a_suggestion(session, ids)
    reductions = {of: sums.reduction() for of, sums in moments.items() if sums.number}
    labelled = Labelled(
        reduced={of: reduction(np.concatenate(features[of])) for of, reduction in reductions.items()},
        grades=np.array([graded[patch].grades.as_numbers for patch in ids]),
        patient=np.unique([persons[slide_id] for slide_id in slide_of], return_inverse=True)[1],
        at_random=np.array([patch in at_random for patch in ids]),
        blind=np.array([patch not in beside for patch in ids]),
    )
    return Gathered(np.array(ids, dtype=np.int64), labelled, reductions)


def _publish(
    services: Services, context: JobContext, project_id: int, labels: LabelSet, model: Heads, estimate: LightEstimate,
    patch_id: np.ndarray, left_out: Mapping[str, np.ndarray], extractor: Extractor,
) -> LightVersion:  # fmt: skip
    """Write the files whole, then the row that makes a version of them: a job killed in between leaves no version."""
    from safetensors.numpy import save

    heads = save(model.arrays())
    with services.db() as session:
        newest = rows.newest(session, project_id)
        number = 1 if newest is None else newest.number + 1
        folder = light_folder(services.settings, project_id, number)
        folder.parent.mkdir(parents=True, exist_ok=True)
        apart = {
            patch: {name: table[at] for name, table in left_out.items()} for at, patch in enumerate(patch_id.tolist())
        }
        with moved_into_place(folder) as aside:
            aside.mkdir()
            (aside / HEADS).write_bytes(heads)
            for slide in slides_of(session, project_id):
                told = _told(services, session, model, slide, apart, extractor)
                if told is not None:
                    slide_file(aside, slide.id).write_bytes(told)
            context.check()
    with services.db.begin() as session:
        row = LightModel(
            project_id=project_id,
            number=number,
            job_id=context.job_id,
            backbone=PRETRAINED,
            backbone_sha256=features_sha256(extractor),
            heads_sha256=hashlib.sha256(heads).hexdigest(),
            labels=len(patch_id),
            label_set=asdict(labels.summary()),
            estimate=estimate.model_dump(mode="json"),
        )
        session.add(row)
        session.flush()
        version = version_of(row)
    for old in folder.parent.glob("*/slide-*.safetensors"):
        if old.parent.name.isdigit() and int(old.parent.name) <= number - KEPT_VERSIONS:
            Path(old).unlink(missing_ok=True)
    return version


def _told(
    services: Services,
    session: Session,
    model: Heads,
    slide: Slide,
    apart: Mapping[int, Mapping[str, np.ndarray]],
    extractor: Extractor,
) -> bytes | None:
    """What a model says of a slide's patches, as a file; of those in `apart`, what is given there."""
    from safetensors.numpy import save

    patch_id, seen = _known(services, session, slide, extractor)
    if not patch_id.size:
        return None
    tables = model.probabilities(seen)
    for at, patch in enumerate(patch_id.tolist()):
        for name, shares in apart.get(patch, {}).items():
            tables[name][at] = shares
    return save({"patch_id": patch_id} | {name: table.astype(np.float32) for name, table in tables.items()})


def _known(
    services: Services, session: Session, slide: Slide, extractor: Extractor
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Usable patches of a slide whose features are kept, shape (n,), and those, shape (n, width) each; rows of local
    density and of fat are NaN where it is not known."""
    if slide.status != "ready":
        return np.empty(0, np.int64), {}
    patches, grid = patches_of(session, slide.id, usable_only=True), stored_grid(slide)
    places = stored_places(patches)
    values = known_features(services.settings, extractor, slide, places, grid)
    known = there(values)
    densities = known_densities(services.settings, slide, places, grid)
    fat = fat_features(np.array([patch.fat_area_share for patch in patches], float))
    patch_id = np.array([patch.id for patch in patches], np.int64)[known]
    return patch_id, {NETWORK: values[known], DENSITY: densities[known], FAT: fat[known]}

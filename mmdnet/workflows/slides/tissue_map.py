"""The tissue map of a project: every patch on a plane where alike patches lie together, and its kind of tissue.

Made in the background from twenty-one plain numbers per patch (`measures.texture_features`), kept as one file; it knows
nothing of labels or readers. The plan "even over kinds of tissue" and the lasso of the Label many page read it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from db.models import Patch, Project, Slide
from db.slides import patches_of, slides_of, usable_ids
from mmdnet.errors import LabError
from mmdnet.files import write_aside
from mmdnet.progress import Progress, between, part_of
from mmdnet.settings import Settings
from mmdnet.words import count
from mmdnet.workflows.context import JobContext
from mmdnet.workflows.job_specs import TissueMapSpec
from mmdnet.workflows.jobs import Jobs
from mmdnet.workflows.services import Services, must_get
from mmdnet.workflows.slides.stored_geometry import open_stored, stored_grid, stored_places

FORMAT = 1
FEWEST_PX = 24  # a side of a patch as it is looked at
LOOKING = 0.6  # of the work; the rest is laying the map out


@dataclass(frozen=True)
class TissueMap:
    """Arrays over the patches on the map, sorted by patch id; `method` says in words how it was made.

    `made_ns` is the time of its file: another one is another map.
    """

    patch_id: np.ndarray
    xy: np.ndarray
    kind: np.ndarray
    method: str
    slides: int
    made_ns: int

    @property
    def kinds(self) -> int:
        return int(self.kind.max()) + 1 if self.kind.size else 0


class TissueMaps:
    """Use cases reachable as `lab.maps`."""

    def __init__(self, services: Services, jobs: Jobs) -> None:
        self._services = services
        self._jobs = jobs

    def start(self, project_id: int) -> str:
        """Queue the making of the project's map; the job's number.

        Raises:
            LabError: there is no patch to put on it, or it is being made already.
        """
        with self._services.db() as session:
            name = must_get(session, Project, project_id, "project").name
            ready = [slide for slide in slides_of(session, project_id) if slide.status == "ready"]
        if not ready:
            raise LabError("There is nothing to put on a map yet: add slides first.")
        if any(job.kind == TissueMapSpec.kind for job in self._jobs.list(project_id, active=True)):
            raise LabError("The tissue map is being made already.")
        return self._jobs.submit(f"Tissue map of {name}", TissueMapSpec(project_id=project_id), project_id)

    def make(self, context: JobContext, project_id: int) -> None:
        """Look at every patch, then lay the map out. A slide that cannot be read is left out and named.

        Raises:
            LabError: no slide of the project can be read.
        """
        from mmdnet.labels.layout import lay_out

        with self._services.db() as session:
            slides = [slide for slide in slides_of(session, project_id) if slide.status == "ready"]
        ids, features, refused = [], [], []
        looking = between(context.progress, 0.0, LOOKING)
        for number, slide in enumerate(slides):
            context.check()

            title = f"looking at {slide.name} ({number + 1} of {len(slides)})"
            try:
                slide_ids, slide_features = self._look_at(slide, part_of(looking, number, len(slides), title))
            except LabError as problem:
                refused.append(f"{slide.name}: {problem}")
                continue
            ids.append(slide_ids)
            features.append(slide_features)
        if not sum(map(len, ids)):
            raise LabError(" ".join(refused[:5]) or "There is no patch to put on a map.")
        patch_id, table = np.concatenate(ids), np.concatenate(features)
        laid = lay_out(table, progress=lambda share, words: context.progress(LOOKING + (1 - LOOKING) * share, words))
        context.check()
        order = np.argsort(patch_id)
        facts: dict[str, str | int] = {"format": FORMAT, "method": laid.method, "slides": len(ids)}
        write_map(
            map_file(self._services.settings, project_id),
            {"patch_id": patch_id[order], "xy": laid.xy[order], "kind": laid.kind[order]},
            facts,
        )
        left_out = f"; left out: {'; '.join(refused)}" if refused else ""
        context.progress(
            1.0, f"{count(len(patch_id), 'patch')} of {count(len(ids), 'slide')} on the map{left_out}", refused=refused
        )

    def _look_at(self, slide: Slide, progress: Progress) -> tuple[np.ndarray, np.ndarray]:
        """Ids (n,) and features (n, 21) of a slide's usable patches that can be read; kept for the next time."""
        from mmdnet.slides.measures.texture_features import TEXTURE_VERSION
        from mmdnet.slides.stores.features import FeatureStore, feature_key

        with self._services.db() as session:
            patches = list(patches_of(session, slide.id, usable_only=True))
        corners = [(patch.x_px0, patch.y_px0) for patch in patches]
        key = feature_key(
            looks=TEXTURE_VERSION, slide=slide.fingerprint, mpp=[slide.mpp_x, slide.mpp_y], side=slide.patch_px,
            patch_mpp=slide.patch_mpp, corners=corners,
        )  # fmt: skip
        store = FeatureStore(self._services.settings.folder("cache") / "looks")
        ids = np.array([patch.id for patch in patches], dtype=np.int64)
        if store.has(key):
            table, said = store.load(key)
            return ids[np.array(said["at"], dtype=int)], table.astype(np.float32)
        at, table = _features(self._services.settings, slide, patches, progress)
        if at.size:
            store.save(key, table, {"at": at.tolist(), "slide": slide.name})
        return ids[at], table

    def get(self, project_id: int) -> TissueMap | None:
        """The project's map; None until it was made.

        Raises:
            LabError: its file is damaged.
        """
        return tissue_map(self._services, project_id)

    def missing(self, project_id: int) -> int:
        """Usable patches of the project that came after its map was made; 0 without a map."""
        made = tissue_map(self._services, project_id)
        if made is None:
            return 0
        with self._services.db() as session:
            usable = usable_ids(session, project_id)
        return int((~np.isin(np.array(usable, dtype=np.int64), made.patch_id)).sum())


def tissue_map(services: Services, project_id: int) -> TissueMap | None:
    """See `TissueMaps.get`."""
    path = map_file(services.settings, project_id)
    try:
        return _read(path, path.stat().st_mtime_ns)
    except FileNotFoundError:
        return None


def kinds_of_tissue(services: Services, project_id: int) -> dict[int, int]:
    """Kind of tissue by patch id; empty until the map was made."""
    made = tissue_map(services, project_id)
    return dict(zip(made.patch_id.tolist(), made.kind.tolist(), strict=True)) if made else {}


def _features(
    settings: Settings, slide: Slide, patches: Sequence[Patch], progress: Progress
) -> tuple[np.ndarray, np.ndarray]:
    """Positions in `patches` that can be read, shape (n,), and their features, shape (n, 21); read coarse and cheap."""
    from mmdnet.slides.measures.texture_features import COLUMNS, TEXTURE_MPP, texture_features

    grid = stored_grid(slide)
    px = max(FEWEST_PX, round(grid.side_um / max(TEXTURE_MPP, grid.patch_mpp)))
    grid = replace(grid, patch_px=px, patch_mpp=grid.side_um / px)
    at, rows = [], []
    with open_stored(slide, settings, progress) as reader:
        for done, (index, pixels) in enumerate(reader.read_patches(stored_places(patches), grid)):
            if isinstance(pixels, np.ndarray):
                at.append(index)
                rows.append(texture_features(pixels))
            if done % 64 == 0:
                progress(done / len(patches), "")
    order = np.argsort(np.array(at, dtype=int))
    table = np.stack(rows) if rows else np.empty((0, COLUMNS), np.float32)
    return np.array(at, dtype=int)[order], table[order]


def map_file(settings: Settings, project_id: int) -> Path:
    return settings.folder("maps") / f"{project_id}.safetensors"


def write_map(path: Path, arrays: dict[str, np.ndarray], facts: dict[str, str | int]) -> None:
    """Write a tissue map: arrays over its patches, and what it was made of."""
    from safetensors.numpy import save

    whole = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    write_aside(path, save(whole, metadata={"facts": json.dumps(facts, sort_keys=True)}))


@lru_cache(maxsize=4)
def _read(path: Path, changed_ns: int) -> TissueMap:
    """A map's file; `changed_ns` makes a map that was made anew another one."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(str(path), framework="numpy") as file:
            facts = json.loads((file.metadata() or {})["facts"])
            arrays = {name: file.get_tensor(name) for name in ("patch_id", "xy", "kind")}
    except (SafetensorError, KeyError, ValueError, OSError) as error:
        raise LabError("The tissue map is damaged. Make it again on the Label many page.") from error
    for array in arrays.values():
        array.flags.writeable = False
    return TissueMap(**arrays, method=facts["method"], slides=facts["slides"], made_ns=changed_ns)

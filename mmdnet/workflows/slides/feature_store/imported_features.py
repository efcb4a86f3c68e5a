"""Features that another program made of a slide's patches with a backbone of this lab: proven on some, then kept."""

from __future__ import annotations

import uuid
from contextlib import suppress
from pathlib import Path

import numpy as np

from db.models import Slide
from db.slides import patches_of
from mmdnet.errors import LabError
from mmdnet.files import write_aside
from mmdnet.nn.registry import PRETRAINED, backbone_entry
from mmdnet.progress import Progress, silent
from mmdnet.words import count
from mmdnet.workflows.context import JobContext, checked
from mmdnet.workflows.job_specs import ImportFeaturesSpec
from mmdnet.workflows.jobs import Jobs
from mmdnet.workflows.services import Services, must_get
from mmdnet.workflows.slides.stored_geometry import stored_grid, stored_places
from mmdnet.workflows.slides.views import ImportedFeatures

SAMPLE = 8  # patches that are computed here and compared
LEAST_COSINE = 0.98  # of a row with what this lab computes of the same patch; half precision and resizing cost less
INCOMING = "incoming"  # folder of the home's jobs for files that a browser sent


class FeatureImport:
    """Reachable as `lab.slides.imported`."""

    def __init__(self, services: Services, jobs: Jobs) -> None:
        self._services = services
        self._jobs = jobs

    def bring(
        self,
        slide_id: int,
        file: Path,
        backbone: str = PRETRAINED,
        side_px0: float | None = None,
        progress: Progress = silent,
        shown: str | None = None,
    ) -> ImportedFeatures:
        """Take a file's features in, now, as if they had been computed here.

        Args:
            slide_id: whose patches they are of.
            file: .h5 of TRIDENT, CLAM or STAMP.
            backbone: what made them; its weights must be here, so that some can be computed and compared.
            side_px0: side of the file's patches in level-0 pixels, where it does not say.
            progress: told how far it is.
            shown: what a person calls the file; its name if not given.

        Raises:
            LabError: the file, its grid or its numbers do not fit; nothing is kept then.
        """
        from mmdnet.slides.stores.h5_features import read_h5, rows_on
        from mmdnet.workflows.slides.feature_store.extractor import Extractor
        from mmdnet.workflows.slides.feature_store.features import compute_features, keep_features

        name = shown or file.name
        with self._services.db() as session:
            slide = must_get(session, Slide, slide_id, "slide")
            patches = list(patches_of(session, slide_id))
        if slide.status != "ready" or slide.patch_px is None or not patches:
            raise LabError(f"{slide.name} has no patches yet, so no features fit it. Nothing was imported.")
        progress(0.0, f"reading {name}")
        given = read_h5(file, name)
        places, grid = stored_places(patches), stored_grid(slide)
        rows = rows_on(given, places, grid, name, side_px0)
        extractor = Extractor.frozen(backbone, slide.patch_px, self._weights(backbone))
        width = extractor.width
        if given.features.shape[1] != width:
            raise LabError(
                f"The features of {name} are {given.features.shape[1]} numbers long and those of {backbone} {width}: "
                "another backbone made them. Name that one. Nothing was imported."
            )
        there = np.flatnonzero(rows >= 0)
        values = _normalised(given.features[rows[there]])
        sample = np.unique(np.linspace(0, len(there) - 1, min(SAMPLE, len(there))).round().astype(int))
        progress(0.2, f"computing {len(sample)} of them to compare")
        own = compute_features(self._services.settings, extractor, slide, places, there[sample].tolist(), grid)
        least = _compared(values[sample], own, name, backbone)
        keep_features(self._services.settings, extractor, slide, places, there.tolist(), values, grid, given.made_by)
        progress(1.0, f"{len(there)} of {count(len(places), 'patch')} with features of {name}")
        return ImportedFeatures(name, backbone, given.made_by, len(there), len(places), len(rows) - len(there), least)

    def coordinates(self, slide_id: int) -> tuple[bytes, int]:
        """A slide's patches in use as TRIDENT keeps coordinates, and how many: what another program is to look at.

        Raises:
            LabError: it has no patches yet.
        """
        from mmdnet.slides.stores.h5_features import coordinates_h5

        with self._services.db() as session:
            slide = must_get(session, Slide, slide_id, "slide")
            patches = patches_of(session, slide_id, usable_only=True)
        if slide.status != "ready" or not patches:
            raise LabError(f"{slide.name} has no patches in use yet, so there are no coordinates of any.")
        size = slide.width_px0, slide.height_px0
        return coordinates_h5(stored_places(patches), stored_grid(slide), slide.name, size), len(patches)

    def submit(
        self, slide_id: int, name: str, data: bytes, backbone: str = PRETRAINED, side_px0: float | None = None
    ) -> str:
        """The same of a file that a browser sent, in the background; the job's number."""
        self._weights(backbone)
        with self._services.db() as session:
            slide = must_get(session, Slide, slide_id, "slide")
        folder = self._services.settings.folder("jobs") / INCOMING
        folder.mkdir(exist_ok=True)
        file = folder / f"{uuid.uuid4().hex}.h5"
        write_aside(file, data)
        spec = ImportFeaturesSpec(slide_id=slide_id, file=file.name, shown=name, backbone=backbone, side_px0=side_px0)
        return self._jobs.submit(f"Features of {slide.name} from {name}", spec, slide.project_id)

    def run(self, context: JobContext, spec: ImportFeaturesSpec) -> None:
        """Do it (in the worker). The file goes when it has been taken in, or refused."""
        file = self._services.settings.folder("jobs") / INCOMING / spec.file
        try:
            done = self.bring(spec.slide_id, file, spec.backbone, spec.side_px0, checked(context), spec.shown)
            context.progress(1.0, done.words)
        finally:
            with suppress(OSError):
                file.unlink(missing_ok=True)

    def _weights(self, backbone: str) -> Path | None:
        """The weights that are here; None for those that come with the program.

        Raises:
            LabError: there are none.
        """
        from mmdnet.nn.hub.fetch import fetched_weights

        entry = backbone_entry(backbone)
        if entry is not None and entry.packaged:
            return None
        weights = fetched_weights(backbone, self._services.settings.fetched_backbones)
        if weights is None:
            raise LabError(
                f"The weights of {backbone} are not in this lab, so its features could neither be proven nor used on "
                f"other slides. Fetch them first: mmdnet backbones get {backbone}. Nothing was imported."
            )
        return weights


def _normalised(features: np.ndarray) -> np.ndarray:
    """As `MMDNet.embed` gives them: normalised over their length, (n, d) float32."""
    import torch
    from torch.nn import functional as F

    tensor = torch.from_numpy(np.ascontiguousarray(features, np.float32))
    return F.layer_norm(tensor, tensor.shape[1:]).numpy()


def _compared(given: np.ndarray, own: np.ndarray, name: str, backbone: str) -> float:
    """The least cosine of rows with what was computed here, (n, d) each.

    Raises:
        LabError: they are not of the same patches by the same backbone.
    """
    readable = np.isfinite(own).all(axis=1)
    if not readable.any():
        raise LabError("None of the patches that were compared can be read from the slide. Nothing was imported.")
    a, b = given[readable].astype(np.float64), own[readable].astype(np.float64)
    a, b = (rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12) for rows in (a, b))
    cosine = a @ b.T
    least = float(np.diag(cosine).min())
    of_others = (cosine.argmax(axis=1) != np.arange(len(cosine))) & (cosine.max(axis=1) - np.diag(cosine) > 1e-3)
    if least < LEAST_COSINE or of_others.any():
        raise LabError(
            f"The features of {name} are not what {backbone} gives of these patches here (least cosine {least:.2f}; "
            f"{LEAST_COSINE} is asked): another encoder, another normalisation, or other tissue. Nothing was imported."
        )
    return least

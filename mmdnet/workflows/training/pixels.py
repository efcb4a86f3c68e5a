"""The pixels of a training: patches of many slides, decoded once, read in any order."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import groupby

import numpy as np
from sqlalchemy.orm import Session

from db.models import Slide
from db.slides import patches_with_ids
from mmdnet.errors import LabError
from mmdnet.progress import Progress
from mmdnet.settings import Settings
from mmdnet.workflows.services import must_get
from mmdnet.workflows.training.synthetic import SyntheticPixels


def _told(progress: Progress, before: int, of: int, name: str, done: int) -> None:
    """Say how many of all patches are decoded: those of the slides before, and `done` of this one."""
    share = (before + done) / of
    progress(0.05 * share, f"decoding patches: {before + done} of {of}, {name}", eta_s=None)


class PatchPixels:
    """Patches by position in the cohort, from one store per slide."""

    def __init__(self, stores: Sequence[object], at: Sequence[tuple[int, int]]) -> None:
        self._stores = stores
        self._at = np.array(at, int).reshape(-1, 2)

    def __len__(self) -> int:
        return len(self._at)

    def read(self, indices: np.ndarray) -> np.ndarray:
        """Pixels of these positions, uint8, shape (n, side, side, 3)."""
        where = self._at[np.asarray(indices)]
        out: np.ndarray | None = None
        for store in np.unique(where[:, 0]):
            mine = where[:, 0] == store
            pixels = self._stores[store].read(where[mine, 1])  # type: ignore[attr-defined]
            if out is None:
                out = np.empty((len(where), *pixels.shape[1:]), np.uint8)
            out[mine] = pixels
        assert out is not None, "nothing was asked for"
        return out

    @classmethod
    def of(cls, session: Session, settings: Settings, patch_ids: Sequence[int], progress: Progress) -> PatchPixels:
        """The pixels of these patches, in this order; each slide's are decoded once and kept.

        A synthetic patch is named by minus its number (`mmdnet.bags.synthetic`).

        Then stores of other trainings go, the longest unused first, until all fit `settings.cache_gib`.

        Raises:
            LabError: a slide is gone, or one of the patches can no longer be read from it, or from its file.
        """
        from mmdnet.slides.stores.patches import PatchStore
        from mmdnet.workflows.slides.stored_geometry import open_stored, stored_grid, stored_places
        from mmdnet.workflows.slides.stores import prune, store_folder

        folder = store_folder(settings)
        stores: list[object] = []
        at: dict[int, tuple[int, int]] = {}
        real = [patch_id for patch_id in patch_ids if patch_id > 0]
        patches = patches_with_ids(session, real)
        groups = [(slide_id, list(group)) for slide_id, group in groupby(patches, key=lambda patch: patch.slide_id)]
        for number, (slide_id, group) in enumerate(groups):
            slide = must_get(session, Slide, slide_id, "slide")
            told = partial(_told, progress, sum(len(of) for _, of in groups[:number]), len(patches), slide.name)
            told(0)
            with open_stored(slide, settings) as reader:
                store = PatchStore(folder).get(reader, stored_places(group), stored_grid(slide), told)
            if not store.readable.all():
                raise LabError(
                    f"{slide.name}: {int((~store.readable).sum())} labelled patches can no longer be read. "
                    "Put the whole file back and start again."
                )
            stores.append(store)
            at |= {patch.id: (len(stores) - 1, position) for position, patch in enumerate(group)}
        made = [-patch_id for patch_id in patch_ids if patch_id < 0]
        if made:
            stores.append(SyntheticPixels.of(session, settings, made))
            at |= {-number: (len(stores) - 1, position) for position, number in enumerate(made)}
        prune(settings)  # ours are open, and so they stay
        return cls(stores, [at[patch_id] for patch_id in patch_ids])

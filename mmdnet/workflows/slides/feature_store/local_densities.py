"""The local density of a slide's patches (`measures.local_density`), kept beside their features in the same store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

import numpy as np

from db.models import Slide
from mmdnet.errors import LabError
from mmdnet.progress import Progress
from mmdnet.settings import Settings
from mmdnet.slides.geometry import PatchGrid, PatchPlace
from mmdnet.slides.measures.local_density import LOCAL_DENSITY_VERSION, WIDTH, local_density
from mmdnet.slides.stores.features import feature_key
from mmdnet.slides.stores.patches import PIXEL_VERSION
from mmdnet.words import count
from mmdnet.workflows.slides.feature_store.feature_rows import (
    BYTES,
    RowKeeper,
    corners_of,
    kept_rows,
    known_rows,
    room_for,
)
from mmdnet.workflows.slides.stored_geometry import open_stored
from mmdnet.workflows.slides.stores import feature_stores

NAME = "local density"
SAY_EVERY = 16  # patches


def keep_densities(
    settings: Settings,
    slide: Slide,
    places: Sequence[PatchPlace],
    usable: Sequence[int],
    grid: PatchGrid,
    progress: Progress,
) -> None:
    """Measure what is not kept yet; a patch that cannot be read is passed over.

    Args:
        settings: of the lab.
        slide: its row.
        places: of all its patches.
        usable: which of them are wanted.
        grid: of the slide.
        progress: told how far it is.

    Raises:
        LabError: the file is gone or another by now, or there is no room.
    """
    store, key, corners = feature_stores(settings)[0], _key(slide, grid), corners_of(places)
    kept = kept_rows(store, key)
    here = np.full(len(places), -1) if kept is None else kept.at(corners)
    todo = [index for index in usable if here[index] < 0]
    if not todo:
        return
    if room := room_for(settings, len(todo) * WIDTH * BYTES, slide.name):
        raise LabError(room)
    keeper = RowKeeper(settings, store, key, kept, {"slide": slide.name, "measure": NAME})
    with open_stored(slide, settings, progress) as reader:
        for number, (position, patch) in enumerate(reader.read_patches([places[index] for index in todo], grid), 1):
            if isinstance(patch, np.ndarray):
                keeper.add(local_density(patch, grid.patch_mpp)[None], corners[[todo[position]]], NAME)
            if number % SAY_EVERY == 0 or number == len(todo):
                progress(number / len(todo), f"{NAME} of {number} of {count(len(todo), 'patch')}")
    keeper.keep()


def known_densities(settings: Settings, slide: Slide, places: Sequence[PatchPlace], grid: PatchGrid) -> np.ndarray:
    """What is kept, shape (places, `WIDTH`) float16, NaN where nothing is; nothing is measured."""
    return known_rows(feature_stores(settings)[0], _key(slide, grid), places, WIDTH)


def _key(slide: Slide, grid: PatchGrid) -> str:
    return feature_key(
        slide=slide.fingerprint, grid=asdict(grid), measure=NAME, code=[LOCAL_DENSITY_VERSION, PIXEL_VERSION]
    )

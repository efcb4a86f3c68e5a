"""A score's attention over its slide, from no more of the lab than a map needs: a slide may have 10,000 patches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from db import scores as rows
from db.models import Slide
from db.slides import patch_corners
from mmdnet.errors import LabError
from mmdnet.workflows.services import Services
from mmdnet.workflows.slides.stored_geometry import stored_grid

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mmdnet.scoring.heat import HeatLegend, MapFrame


def attention_map(services: Services, score_id: int, task: str, width_px: int) -> tuple[bytes, HeatLegend]:
    """A task's attention as a PNG that covers the whole slide, and what its colours stand for.

    Raises:
        LabError: there is no such score, its file is gone, its patches were laid anew, or it does not grade the task.
    """
    from mmdnet.scoring.heat import attention_legend, heat_png, relative_attention
    from mmdnet.scoring.result import SlideScore

    with services.db() as session:
        score, slide, _ = rows.scored(session, score_id)
        corners = patch_corners(session, slide.id)
    scored = SlideScore.load(services.settings.folder("scores") / score.file)
    check_same_patches(slide, len(corners), scored.summary.patches)
    attention = attention_to(task, scored.arrays.attention)
    legend = attention_legend(attention)
    return heat_png(map_frame(slide, corners), relative_attention(attention), legend, width_px), legend


def check_same_patches(slide: Slide, laid: int, scored: int) -> None:
    """Whether a slide has the patches that were scored.

    Raises:
        LabError: they were laid anew.
    """
    if laid != scored:
        raise LabError(f"The patches of {slide.name} were laid anew since it was scored. Score it again.")


def attention_to(task: str, attention: Mapping[str, NDArray[np.floating]]) -> NDArray[np.floating]:
    """The attention of a task, shape (places,).

    Raises:
        LabError: the model does not grade it.
    """
    if task not in attention:
        raise LabError(f"The model of this score does not grade {task}, so there is no map of it.")
    return attention[task]


def map_frame(slide: Slide, corners_px0: Sequence[tuple[int, int]]) -> MapFrame:
    """How patches with these upper left corners, level-0 pixels, lie on a slide."""
    import numpy as np

    from mmdnet.scoring.heat import MapFrame

    corners = np.array(corners_px0).reshape(-1, 2)
    return MapFrame(slide.width_px0, slide.height_px0, corners[:, 0], corners[:, 1], *stored_grid(slide).size_px0)

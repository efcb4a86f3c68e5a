"""What is said of where on its patches a grade comes from: beside a patch, of all of a feature, and as a table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mmdnet.reports.schema import EVIDENCE_KINDS
from mmdnet.reports.words import (
    MAP_TEST_CAPTION,
    MAP_TEST_WITHHELD,
    MAPS_NOT_SIGNED,
    NO_PATCH_MAP,
    PATCH_MAP_CAPTION,
    percent,
)
from mmdnet.words import count

if TYPE_CHECKING:
    from mmdnet.reports.schema import EvidencePatch, FeatureEvidence, Report
    from mmdnet.scoring.cam.evidence_maps import PatchMap, TaskMaps

COLUMNS = (
    "feature",
    "shown_as",
    "row",
    "col",
    "x_px0",
    "y_px0",
    "at_least",
    "whole",
    "marked_masked",
    "same_elsewhere",
)
LEAST_WHOLE = 0.05  # of a probability: with less there is nothing to lose


@dataclass(frozen=True)
class ReportMaps:
    """The maps of a report's patches as its HTML and PDF show them; empty where none were made.

    Attributes:
        results: by task and place.
        jpegs: pictures of the same.
    """

    results: Mapping[str, TaskMaps] = field(default_factory=dict)
    jpegs: Mapping[str, Mapping[int, bytes]] = field(default_factory=dict)

    def about(self, evidence: Sequence[FeatureEvidence]) -> str:
        """What maps show, how they were tested, and that no signature stands for them; empty without maps."""
        shown = [each for each in evidence if each.task in self.results]
        return f"{about_maps(shown)} {MAPS_NOT_SIGNED}" if shown else ""

    def tested(self, shown: FeatureEvidence) -> str:
        """The test on a feature's most attended patches, in a sentence; see `deletion_words`."""
        return deletion_words(shown, self.results.get(shown.task, {}))

    def picture(self, task: str, place: int) -> bytes | None:
        """The JPEG of a place; None where it has none."""
        return self.jpegs.get(task, {}).get(place)

    def words(self, task: str, patch: EvidencePatch) -> str:
        """What stands under a patch; empty where the task has no maps. See `map_words`."""
        maps = self.results.get(task)
        return "" if maps is None else map_words(patch, maps.get(patch.place))


def map_words(patch: EvidencePatch, drawn: PatchMap | None) -> str:
    """What the deletion test gave, beside a patch; empty where the feature's grade is withheld.

    `drawn` is None for a patch that could not be read when the others' maps were made.
    """
    if drawn is None:
        return NO_PATCH_MAP
    if patch.grade is None:
        return ""
    if drawn.deletion is None:
        return "nothing marked"
    if drawn.deletion.whole < LEAST_WHOLE:
        return "too improbable to test"
    return f"masked {percent(drawn.deletion.marked)}, elsewhere {percent(drawn.deletion.elsewhere)}"


def about_maps(evidence: Sequence[FeatureEvidence]) -> str:
    """What maps show and how they were put to the test, or that this is withheld with the grades."""
    tested = any(patch.grade is not None for shown in evidence for patch in shown.top)
    return f"{PATCH_MAP_CAPTION} {MAP_TEST_CAPTION if tested else MAP_TEST_WITHHELD}"


def deletion_words(evidence: FeatureEvidence, maps: TaskMaps) -> str:
    """The test on a feature's most attended patches, in a sentence; empty where none could be tested."""
    tested = [
        drawn.deletion
        for patch in evidence.top
        if patch.grade is not None and (drawn := maps.get(patch.place)) and drawn.deletion
        if drawn.deletion.whole >= LEAST_WHOLE
    ]
    if not tested:
        return ""
    whole, marked, elsewhere = (
        sum(getattr(result, name) for result in tested) / len(tested) for name in ("whole", "marked", "elsewhere")
    )
    return (
        f"Of the most attended, {count(len(tested), 'patch', 'patches')} tested: probability {percent(whole)}, with "
        f"the marked tenth masked {percent(marked)}, with the same shape masked elsewhere {percent(elsewhere)}."
    )


def map_rows(report: Report, maps: Mapping[str, TaskMaps]) -> Iterator[dict[str, object]]:
    """One row of `COLUMNS` for each map of a report as it may be shown (`withheld`); None where it is withheld."""
    for shown in report.evidence:
        for kind, patch in patches_of(shown):
            drawn = maps.get(shown.task, {}).get(patch.place)
            if drawn is None:
                continue
            result = drawn.deletion
            yield {
                "feature": shown.task,
                "shown_as": kind,
                "row": patch.row,
                "col": patch.col,
                "x_px0": patch.x_px0,
                "y_px0": patch.y_px0,
                "at_least": None if patch.grade is None else drawn.grade,
                "whole": result and round(result.whole, 4),
                "marked_masked": result and round(result.marked, 4),
                "same_elsewhere": result and round(result.elsewhere, 4),
            }


def patches_of(shown: FeatureEvidence) -> Sequence[tuple[str, EvidencePatch]]:
    """A feature's patches, each with how it was chosen."""
    return [(kind, patch) for kind in EVIDENCE_KINDS for patch in getattr(shown, kind)]

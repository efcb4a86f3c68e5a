"""What a report finds worth saying of a slide and its grades: contradictions, and reasons for caution."""

from collections.abc import Mapping

from mmdnet.labels.grading import slide_ballooning_grade, slide_inflammation_grade, steatosis_grade
from mmdnet.nn.card import ModelCard
from mmdnet.reports.inputs import ReportSlide
from mmdnet.reports.schema import QualityNote
from mmdnet.reports.words import (
    SIMULATED_AMONG_TRAINING,
    STAIN_UNSEEN,
    TRAINED_ON_SLIDE,
    likeness,
    percent,
    under_floor,
)
from mmdnet.scoring.summary import ScoreSummary, TaskSummary

# Cells with fat are mostly not fat: on drawn tissue 87 % fatty cells were 30 % fat area.
FAT_AREA_PER_FATTY_SHARE = 0.30 / 0.87
_CORE_NASH = ((10.0, 29), (15.0, 46), (25.0, 56), (float("inf"), 65))  # mm below which, % with definite NASH


def disagreements(tasks: Mapping[str, TaskSummary], fat_area_share: float | None) -> tuple[str, ...]:
    """Where a grade and what was measured beside it do not fit, in sentences.

    Fat area is far from exact as a stand-in for fatty hepatocytes, so only gaps of two grades count, and fat where the
    grade says none, or none where it says some. Counts read by Kleiner's cuts may differ from a calibrated grade by one
    without surprise; two is said.
    """
    sentences = []
    if fat_area_share is not None and "steatosis" in tasks:
        grade = tasks["steatosis"].grade
        by_area = steatosis_grade(min(1.0, fat_area_share / FAT_AREA_PER_FATTY_SHARE))
        if abs(by_area - grade) > 1 or (grade == 0 and fat_area_share >= 0.05) or (grade and fat_area_share < 0.005):
            sentences.append(
                f"Steatosis: the model's grade is {grade}, but measured fat covers {percent(fat_area_share)} of the "
                f"tissue, which fits grade {by_area}. Look at the slide."
            )
    for name, title, unit, grade_of in (
        ("inflammation", "Lobular inflammation", "foci", slide_inflammation_grade),
        ("ballooning", "Ballooning", "ballooned hepatocytes", slide_ballooning_grade),
    ):
        score = tasks.get(name)
        if score and abs((by_count := grade_of(score.density)) - score.grade) > 1:
            sentences.append(
                f"{title}: the model's grade is {score.grade}, but {score.density:.2g} {unit} per field were "
                f"counted, which by Kleiner's criteria is grade {by_count}. Look at the slide."
            )
    return tuple(sentences)


def quality_notes(
    slide: ReportSlide, score: ScoreSummary, card: ModelCard, slide_part: str | None
) -> tuple[QualityNote, ...]:
    """What to know before trusting the grades, gravest first."""
    warnings, notes = [], list(score.notes)
    if slide_part == "train":
        warnings.append(TRAINED_ON_SLIDE)
    warnings += score.warnings
    if score.patches and (share := score.set_aside / score.patches) > 0.3:
        warnings.append(f"{percent(share)} of the slide's patches were not assessed.")
    if score.unlikeness is not None and score.unlikeness > 1:
        warnings.append(likeness(score))
    if score.under_floor:
        warnings.append(under_floor(score.under_floor))
    warnings += _unknown_to_model(slide, card)
    if card.simulated and not slide.simulated:
        warnings.append(SIMULATED_AMONG_TRAINING)
    notes.append(_core_length(slide.core_length_mm))
    if slide.mpp_source == "person":
        notes.append("The slide's µm/px was entered by a person; all lengths, areas and counts per field rest on it.")
    return tuple(
        [QualityNote(weight="warning", words=sentence) for sentence in warnings]
        + [QualityNote(weight="note", words=sentence) for sentence in notes]
    )


def _unknown_to_model(slide: ReportSlide, card: ModelCard) -> list[str]:
    """Stain or scanner the model has not met in training."""
    sentences = []
    for what, value, seen, unseen in (
        ("stain", slide.stain, card.trained_on.stains, STAIN_UNSEEN),
        ("scanner", slide.scanner, card.trained_on.scanners, "The model has seen no slide with this scanner"),
    ):
        if value is None:
            sentences.append(f"The slide's {what} is not recorded, so it cannot be compared with the model's training.")
        elif seen and value not in seen:
            sentences.append(f"{unseen} ({value}); it knows {', '.join(seen)}.")
    return sentences


def _core_length(length_mm: float | None) -> str:
    if length_mm is None:
        return "Core length was not measured on this slide."
    share = next(share for below, share in _CORE_NASH if length_mm < below)
    return (
        f"Core length {length_mm:.0f} mm. Short cores miss disease: definite NASH was found in 29, 46, 56 and 65 % of "
        f"biopsies under 10, of 10-14, of 15-24 and of 25 mm or more; this one falls under {share} %."
    )

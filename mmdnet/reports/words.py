"""What a report says in words: its standing sentences, and the rules that choose among them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mmdnet.labels.grading import slide_ballooning_grade, slide_inflammation_grade, steatosis_grade
from mmdnet.reports.schema import QualityNote

if TYPE_CHECKING:
    from mmdnet.nn.card import ModelCard
    from mmdnet.reports.build import SlideFacts

RESEARCH_USE = "Research use only"
UNTRAINED = "not assessed: the model was not trained on this feature"
BY_PIXELS = "measured on the pixels, without the network"
BY_MODEL = "from the model's grades of single patches"
NAS_MEANING = (
    "NAS is not a diagnosis. In the study that defined it, 0-2 was mostly not NASH, 3-4 was split, "
    "5-8 was mostly NASH (Kleiner 2005)."
)
DENSITIES = {
    "steatosis": "Hepatocytes with fat, estimated share",
    "inflammation": "Lobular foci",
    "ballooning": "Ballooned hepatocytes",
}
READERS_AGREE = {"steatosis": 0.79, "inflammation": 0.45, "ballooning": 0.56}  # Kleiner 2005, between readers

# Cells with fat are mostly not fat: on drawn tissue 87 % fatty cells were 30 % fat area.
FAT_AREA_PER_FATTY_SHARE = 0.30 / 0.87
_CORE_NASH = ((10.0, 29), (15.0, 46), (25.0, 56), (float("inf"), 65))  # mm below which, % with definite NASH


def fibrosis(stain: str | None) -> str:
    """Fibrosis is never staged here; why, for this slide."""
    if stain is None:
        return "Not assessed: the stain is not recorded, and the model does not stage fibrosis."
    if "trichrome" in stain.lower() or "sirius" in stain.lower():
        return "Not assessed: the model does not stage fibrosis."
    return "Not assessed on this stain."


def disagreements(
    grades: Mapping[str, int], densities: Mapping[str, float], fat_area_share: float | None
) -> tuple[str, ...]:
    """Where a grade and what was measured beside it do not fit, in sentences.

    Fat area is far from exact as a stand-in for fatty hepatocytes, so only gaps of two grades count, and fat where the
    grade says none, or none where it says some. Counts read by Kleiner's cuts may differ from a calibrated grade by one
    without surprise; two is said.
    """
    found = []
    if fat_area_share is not None and "steatosis" in grades:
        grade = grades["steatosis"]
        by_area = steatosis_grade(min(1.0, fat_area_share / FAT_AREA_PER_FATTY_SHARE))
        if abs(by_area - grade) > 1 or (grade == 0 and fat_area_share >= 0.05) or (grade and fat_area_share < 0.005):
            found.append(
                f"Steatosis: the model's grade is {grade}, but measured fat covers {percent(fat_area_share)} of the "
                f"tissue, which fits grade {by_area}. Look at the slide."
            )
    for name, title, unit, read in (
        ("inflammation", "Lobular inflammation", "foci", slide_inflammation_grade),
        ("ballooning", "Ballooning", "ballooned hepatocytes", slide_ballooning_grade),
    ):
        if name in grades and abs((by_count := read(densities[name])) - grades[name]) > 1:
            found.append(
                f"{title}: the model's grade is {grades[name]}, but {densities[name]:.2g} {unit} per field were "
                f"counted, which by Kleiner's criteria is grade {by_count}. Look at the slide."
            )
    return tuple(found)


def quality_notes(
    slide: SlideFacts, score: Mapping[str, Any], card: ModelCard, slide_part: str | None
) -> tuple[QualityNote, ...]:
    """What to know before trusting the grades, gravest first."""
    warnings, notes = [], list(score["notes"])
    if slide_part == "train":
        warnings.append("The model was trained on this slide, so its grades are not an independent reading of it.")
    warnings += score["warnings"]
    if score["patches"] and (share := score["set_aside"] / score["patches"]) > 0.3:
        warnings.append(f"{percent(share)} of the slide's patches were not assessed.")
    warnings += _unknown_to_model(slide, card)
    if card.simulated and not slide.simulated:
        warnings.append("Simulated slides took part in the model's training; this slide is real tissue.")
    notes.append(_core_length(slide.core_length_mm))
    if slide.mpp_source == "person":
        notes.append("The slide's µm/px was entered by a person; all lengths, areas and counts per field rest on it.")
    return tuple(
        [QualityNote(weight="warning", words=sentence) for sentence in warnings]
        + [QualityNote(weight="note", words=sentence) for sentence in notes]
    )


def _unknown_to_model(slide: SlideFacts, card: ModelCard) -> list[str]:
    """Stain or scanner the model has not met in training."""
    found = []
    for what, value, seen in (
        ("stain", slide.stain, card.trained_on.stains),
        ("scanner", slide.scanner, card.trained_on.scanners),
    ):
        if value is None:
            found.append(f"The slide's {what} is not recorded, so it cannot be compared with the model's training.")
        elif seen and value not in seen:
            found.append(f"The model has seen no slide with this {what} ({value}); it knows {', '.join(seen)}.")
    return found


def _core_length(length_mm: float | None) -> str:
    if length_mm is None:
        return "Core length was not measured on this slide."
    share = next(share for below, share in _CORE_NASH if length_mm < below)
    return (
        f"Core length {length_mm:.0f} mm. Short cores miss disease: definite NASH was found in 29, 46, 56 and 65 % of "
        f"biopsies under 10, of 10-14, of 15-24 and of 25 mm or more; this one falls under {share} %."
    )


def limits(simulated_slide: bool, simulated_training: bool) -> tuple[str, ...]:
    """What a report of this kind cannot say."""
    drawn = []
    if simulated_slide:
        drawn.append("This slide is simulated: nothing here is about a patient.")
    elif simulated_training:
        drawn.append("The model learned from simulated slides; what its grades are worth on real tissue is not known.")
    return (
        *drawn,
        "Not for diagnosis or treatment. The grades are a model's, made from weak labels; a pathologist's reading "
        "stands above them.",
        "NAS does not diagnose NASH, SAF is not derived from it, and fibrosis is not staged.",
        "Intervals are 90 %, from resampled blocks of tissue. Where a grade is not calibrated they cover the choice of "
        "tissue and not the model's own error.",
        "Attention says which patches the network's grade drew on. It does not outline lesions and gives no reason.",
        "Foci and ballooned cells are counted by patch. That one at a patch's edge is seen twice is allowed for on "
        'average, and "two or more" counts as a little more than two.',
        "Pathologists differ too: between readers, weighted kappa was 0.79 for steatosis, 0.45 for lobular "
        "inflammation and 0.56 for ballooning (Kleiner 2005).",
    )


def percent(share: float | None, absent: str = "not recorded") -> str:
    """A share as per cent; whole numbers, one digit under 10 %, and no rounding to a false 0 or 100."""
    if share is None:
        return absent
    if 0 < share < 0.001:
        return "< 0.1 %"
    if 0.995 <= share < 1:
        return "> 99 %"
    digits = 1 if share < 0.0995 else 0
    return f"{100 * share:.{digits}f} %".replace(".0 %", " %")


def chance(share: float) -> str:
    """A probability from resamples: whole per cents, and never certainty, which no number of resamples can give."""
    if share < 0.005:
        return "< 1 %"
    return "> 99 %" if share >= 0.995 else f"{100 * share:.0f} %"

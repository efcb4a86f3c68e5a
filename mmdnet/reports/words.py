"""What a report says in words: its standing sentences, and how it writes numbers."""

from mmdnet.labels.agreement import KLEINER
from mmdnet.labels.grading import task

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


def fibrosis(stain: str | None) -> str:
    """Fibrosis is never staged here; why, for this slide."""
    if stain is None:
        return "Not assessed: the stain is not recorded, and the model does not stage fibrosis."
    if "trichrome" in stain.lower() or "sirius" in stain.lower():
        return "Not assessed: the model does not stage fibrosis."
    return "Not assessed on this stain."


def limits(simulated_slide: bool, simulated_training: bool) -> tuple[str, ...]:
    """What a report of this kind cannot say."""
    drawn = []
    if simulated_slide:
        drawn.append("This slide is simulated: nothing here is about a patient.")
    elif simulated_training:
        drawn.append("The model learned from simulated slides; what its grades are worth on real tissue is not known.")
    *kappas, last = (f"{kappa:.2f} for {task(name).title.lower()}" for name, kappa in KLEINER.kappa.items())
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
        f"Pathologists differ too: between readers, weighted kappa was {', '.join(kappas)} and {last} (Kleiner 2005).",
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

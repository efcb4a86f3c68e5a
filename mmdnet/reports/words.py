"""What a report says in words: its standing sentences, and how it writes numbers."""

from collections.abc import Sequence

from mmdnet.labels.agreement import KLEINER
from mmdnet.labels.grading import task
from mmdnet.scoring.summary import Reason, Referral, ScoreSummary
from mmdnet.words import count

RESEARCH_USE = "Research use only"
UNTRAINED = "not assessed: the model was not trained on this feature"
WITHHELD = "withheld: the model's grade is not reportable"
ALL_WITHHELD = "The model's grades are withheld, none is reportable; why stands at the head of this report."
BY_PIXELS = "measured on the pixels, without the network"
BY_MODEL = "from the model's grades of single patches"
NAS_MEANING = (
    "NAS is not a diagnosis. In the study that defined it, 0-2 was mostly not NASH, 3-4 was split, "
    "5-8 was mostly NASH (Kleiner 2005)."
)
MAP_CAPTION = (
    "One square is one patch: clear where attention is low, green and more opaque where it is high, hatched where the "
    "patch was not assessed. The scale runs from 0 to the 99th percentile, at least to 2."
)

UNDER_EACH_PATCH = (
    "Under each patch: the model's grade of the patch and the probability of that grade or a higher one (where the "
    "grade is 0, of any higher one), neither where they are withheld; attention in multiples of the slide's mean; "
)
UNDER_UNGRADED_PATCH = "Under each patch: attention in multiples of the slide's mean; "
PLACE_IN_FILE, PLACE_ON_PAGE = "its place on the grid.", "a button that shows it on the slide."

PATCH_MAP_CAPTION = (
    "Green is what speaks for the model's own grade of the patch (Grad-CAM++, Chattopadhay 2018); on a patch of grade "
    "0 it is what speaks against that, for grade 1 or more. Each patch has a scale of its own: the greens of two "
    "patches cannot be compared. The line surrounds the hottest tenth. It outlines no lesion and gives no reason."
)
MAP_TEST_CAPTION = (
    "Beside each map stands what is left of the probability with that tenth masked, and with the same shape masked "
    "elsewhere on the patch (mean of eight places): where the two are alike, the map does not show what the grade "
    "hangs on."
)
MAPS_NOT_SIGNED = "Maps and their tests are no part of what is signed."
NO_PATCH_MAP = "no map: the patch could not be read"
MAP_TEST_WITHHELD = "What masking does to the grade is withheld, as the grade is: these maps stand untested here."

TRAINED_ON_SLIDE = "The model was trained on this slide, so its grades are not an independent reading of it."
SIMULATED_AMONG_TRAINING = "Simulated slides took part in the model's training; this slide is real tissue."
STAIN_UNSEEN = "The model has seen no slide with this stain"
TISSUE_UNLIKE = "The tissue is unlike what the model knows"

GLASS_AMONG_EVIDENCE = (
    "This score was made by an earlier version, which chose patches by attention alone: some may be half glass. Score "
    "the slide again to have them left out."
)

DENSITIES = {
    "steatosis": "Hepatocytes with fat, estimated share",
    "inflammation": "Lobular foci",
    "ballooning": "Ballooned hepatocytes",
}


SAMPLING_ONLY = "sampling only"
WIDENED = "; calibrated intervals are widened by as much"
SECOND_READER = "Second reader advised"
REASONS: dict[Reason, str] = {
    Reason.WIDE: "an interval is as wide as half of its scale",
    Reason.NEAR_CUT: "a grade lies near a cut, and its neighbour is nearly as probable",
    Reason.LITTLE_TISSUE: "there is little tissue",
    Reason.ODD_TISSUE: "the tissue looks unlike what the model knows",
    Reason.FLOOR: "a grade rests on a density that control slides reach too",
}


def coverage(covers_error: bool, holds: float | None, graded_slides: int) -> str:
    """What stands beside a 90 % interval: how often such intervals held, or that it covers sampling only."""
    if not covers_error:
        return SAMPLING_ONLY
    if holds is None:
        return "with the model's own error"
    return f"such held {percent(holds)} of {count(graded_slides, 'graded slide')}"


def second_reader(reasons: Sequence[Reason]) -> str:
    """Whether a second reader is advised, and why."""
    if not reasons:
        return "No second reader is advised by rule."
    return f"{SECOND_READER}: {'; '.join(REASONS[reason] for reason in reasons)}."


NO_ADVICE = "No advice on a second reader: the model's score is withheld. Its grades are a reader's to give."
NO_ADVICE_SIGNED = "No advice on a second reader: the model's score is withheld. What holds are the signed grades."


def referral_measured(referral: Referral | None) -> str:
    """How often the advice is given, and the error left on the other slides."""
    if referral is None:
        return "How often this advice is given, and what it leaves, was not measured: no graded slides."
    left = (
        "none was left"
        if referral.error_left is None or referral.within_left is None
        else f"on the others the NAS was off by {referral.error_left:.2f} in the mean, and within one on "
        f"{percent(referral.within_left)}"
    )
    return (
        f"On {count(referral.slides, 'graded slide')} it was given to {percent(referral.rate)}; {left} "
        f"(all slides: off by {referral.error_all:.2f})."
    )


def likeness(score: ScoreSummary) -> str:
    """How like the training's tissue the slide is, by its features."""
    times = score.unlikeness
    if times is None:
        return "The tissue could not be compared with the training's: this model keeps no record of it."
    if score.withheld:
        return f"{TISSUE_UNLIKE} ({times:.1f} times the usual limit), so the NAS is withheld."
    if times > 1:
        return f"{TISSUE_UNLIKE} ({times:.1f} times the usual limit){WIDENED}."
    return f"The tissue looks like what the model knows ({times:.1f} of the usual limit)."


FLOOR_REACHED = ": control slides of this staining run reach this density too, so the grade may be false."


def under_floor(names: Sequence[str]) -> str:
    """That grades rest on a density controls reach too."""
    return " and ".join(task(name).title for name in names) + FLOOR_REACHED


_FIBROSIS_OF_A_STAIN = "Not assessed on this stain."  # in the content that is signed, so it stays


def fibrosis_shown(said: str) -> str:
    """What a report shows of fibrosis: of no stain it is staged here, whatever its content says of one."""
    return "Not assessed: the model does not stage fibrosis." if said == _FIBROSIS_OF_A_STAIN else said


def fibrosis(stain: str | None) -> str:
    """Fibrosis is never staged here; why, for this slide."""
    if stain is None:
        return "Not assessed: the stain is not recorded, and the model does not stage fibrosis."
    if "trichrome" in stain.lower() or "sirius" in stain.lower():
        return "Not assessed: the model does not stage fibrosis."
    return _FIBROSIS_OF_A_STAIN


_INTERVALS_OF_BEFORE = (
    "Intervals are 90 %, from resampled blocks of tissue. Where a grade is not calibrated they cover the choice of "
    "tissue and not the model's own error."
)
_INTERVALS = (
    f'Intervals are 90 %. Those called "{SAMPLING_ONLY}" come from resampled blocks of tissue and cover the choice of '
    "tissue alone; the others come from graded slides too (split conformal, by patient) and cover the model's own "
    "error on tissue like theirs."
)


OF_MODEL = (
    "Not for diagnosis or treatment. The grades are a model's, made from weak labels; a pathologist's reading stands "
    "above them."
)


def whose_grades(reported: bool, signed: bool) -> str:
    """In the place of `OF_MODEL` where it does not fit what a report shows.

    Args:
        reported: a grade of the model stands in it.
        signed: a reader's grades do.
    """
    if signed:
        model = "the model's, made from weak labels, stand below them" if reported else "the model's are withheld"
        return f"Not for diagnosis or treatment. The signed grades are a reader's; {model}."
    withheld = "Not for diagnosis or treatment. The model's grades are withheld; a reader's count."
    return OF_MODEL if reported else withheld


ABOUT_INTERVALS = frozenset({_INTERVALS_OF_BEFORE, _INTERVALS})
"""Limits that are of intervals alone."""


def limits(simulated_slide: bool, simulated_training: bool, of_before: bool = False) -> tuple[str, ...]:
    """What a report of this kind cannot say; `of_before` keeps the words of reports of schema version 1."""
    drawn = []
    if simulated_slide:
        drawn.append("This slide is simulated: nothing here is about a patient.")
    elif simulated_training:
        drawn.append("The model learned from simulated slides; what its grades are worth on real tissue is not known.")
    *kappas, last = (f"{kappa:.2f} for {task(name).title.lower()}" for name, kappa in KLEINER.kappa.items())
    return (
        *drawn,
        OF_MODEL,
        "NAS does not diagnose NASH, SAF is not derived from it, and fibrosis is not staged.",
        _INTERVALS_OF_BEFORE if of_before else _INTERVALS,
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

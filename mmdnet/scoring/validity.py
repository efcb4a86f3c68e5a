"""Whether a slide's score may be reported: what speaks against it so strongly that no NAS is shown, and what to do.

Page, files, tables and the command line read the one record that `judge_validity` makes. Nothing heavy is imported
here: a page judges a hundred scores.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from mmdnet.bags.splits import JUDGED_FROM
from mmdnet.labels.grading import SHOWN_TASKS, TASKS, task
from mmdnet.nn.card import ModelCard
from mmdnet.scoring.calibration_record import read_calibration
from mmdnet.scoring.summary import ScoreSummary

LEAST_KAPPA = 0.2
"""Quadratic kappa below which agreement is slight or none (Landis, Koch 1977)."""
LEAST_JUDGED = 10  # bags or slides; a kappa of fewer says nothing
FLAT_ATTENTION = 1.1  # times the mean: where no patch draws more, the network looks everywhere alike
LEAST_PATCHES = 10  # of so few, attention may well be even
EVALUATED, TESTED, LEFT_OUT, VALIDATED = "evaluation", "test", "folds", "validation"
CHECKED_ON: dict[str, str] = {  # most telling first; all but the folds are parts of a card's metrics
    EVALUATED: "slides evaluated here",
    TESTED: "bags of test patients",
    LEFT_OUT: "slides left out of the calibration in turn",
    VALIDATED: "bags of validation patients",
}
NOT_REPORTABLE = "Not reportable"


class Ground(StrEnum):
    """What keeps a score from being reported."""

    NOT_VALIDATED = "not validated"
    NO_AGREEMENT = "no agreement"
    LEARNT_PATIENT = "learnt from this patient"
    SIMULATED_TRAINING = "learnt from simulated tissue"
    UNSEEN_STAIN = "unseen stain"
    UNSEEN_TISSUE = "unseen tissue"
    UNSEEN_GRADE = "unseen grade"
    FLAT_ATTENTION = "flat attention"


REMEDIES: dict[Ground, str] = {
    Ground.NOT_VALIDATED: (
        "Grade slides of patients the model has not seen and evaluate it on them, or train with labels of so many "
        "patients that those kept aside do more than choose the epoch."
    ),
    Ground.NO_AGREEMENT: "Train again with labels of more patients, or longer; then score again.",
    Ground.LEARNT_PATIENT: "Score with a model that did not learn from this patient, or cross-validate.",
    Ground.SIMULATED_TRAINING: "Train a network on real slides of your own and score with it.",
    Ground.UNSEEN_STAIN: "Train on slides of this stain; if the stain is recorded wrongly, correct it.",
    Ground.UNSEEN_TISSUE: "Train or calibrate on slides like this one; check its µm/px, stain and scanner.",
    Ground.UNSEEN_GRADE: (
        "Label tissue of every grade, of several patients (those kept for validation teach nothing), and train again."
    ),
    Ground.FLAT_ATTENTION: "Train longer or with more labels; then score again.",
}


OF_A_MODEL: dict[Ground, str] = {
    Ground.NOT_VALIDATED: (
        f"Train with labels of {JUDGED_FROM} patients or more, of whom some are then kept aside to judge it; or grade "
        "slides of patients it has not seen and evaluate it on them."
    ),
}
"""Remedies worded for a model that has scored nothing yet; those of a report are part of what is signed."""


class Objection(BaseModel):
    """One ground against reporting a score.

    Attributes:
        ground: its kind.
        tasks: the features it speaks against, in the order of the NAS.
        words: the ground, as half of a sentence.
        remedy: what would change that, in a sentence.
    """

    model_config = ConfigDict(frozen=True)

    ground: Ground
    tasks: tuple[str, ...]
    words: str
    remedy: str


class Validity(BaseModel):
    """All that speaks against reporting a score; nothing where it is reportable."""

    model_config = ConfigDict(frozen=True)

    objections: tuple[Objection, ...] = ()

    @property
    def reportable(self) -> bool:
        """Whether the NAS may be reported."""
        return not self.objections

    def holds_for(self, task_name: str) -> bool:
        """Whether the grade of this feature may be reported."""
        return not any(task_name in objection.tasks for objection in self.objections)

    @property
    def words(self) -> str:
        """Why it is not reportable, in a sentence; empty where it is."""
        if self.reportable:
            return ""
        return f"The model's score is {NOT_REPORTABLE.lower()}: {self.grounds}."

    @property
    def grounds(self) -> str:
        """What speaks against reporting it, half sentences joined; empty where nothing does."""
        return "; ".join(objection.words for objection in self.objections)

    @property
    def remedies(self) -> tuple[str, ...]:
        """What would change that, each once."""
        return tuple(dict.fromkeys(objection.remedy for objection in self.objections))


def judge_validity(
    score: ScoreSummary,
    card: ModelCard,
    kappas: Mapping[str, float | None],
    *,
    stain: str | None,
    simulated: bool,
    learnt_patient: bool,
) -> Validity:
    """Whether a score may be reported.

    Args:
        score: what the model said of the slide.
        card: the model's card as the lab keeps it.
        kappas: of the model by task, as `kappas_of` gives them.
        stain: the slide's; None where it is not recorded (which a report warns of).
        simulated: whether the slide is.
        learnt_patient: whether the model learnt from a slide of the same patient.
    """
    graded = tuple(shown.name for shown in SHOWN_TASKS if shown.name in score.tasks)
    if not graded:
        return Validity()
    objections = _validation({name: kappas.get(name) for name in graded})
    if learnt_patient:
        words = "the model was trained on this slide, or on another of its patient"
        objections.append(_objection(Ground.LEARNT_PATIENT, graded, words))
    if card.simulated and not simulated:
        slides = card.simulated_words if card.partly_simulated else "simulated slides"
        words = f"the model learnt from {slides}, and this is real tissue"
        objections.append(_objection(Ground.SIMULATED_TRAINING, graded, words))
    seen = card.trained_on.stains
    if stain and seen and stain.casefold() not in {known.casefold() for known in seen}:
        words = f"the model has seen no slide with this stain ({stain}); it knows {', '.join(seen)}"
        objections.append(_objection(Ground.UNSEEN_STAIN, graded, words))
    if score.withheld:
        words = f"the tissue is unlike what the model knows ({score.unlikeness or 0:.1f} times the usual limit)"
        objections.append(_objection(Ground.UNSEEN_TISSUE, graded, words))
    return Validity(objections=(*objections, *_unseen_grades(graded, score, card), *_flat(graded, score)))


class Check(BaseModel):
    """How far a model agreed with readers on one feature: its quadratic kappa, and on what (a key of `CHECKED_ON`)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    task: str
    kappa: float
    on: str


def checks_of(card: ModelCard) -> tuple[Check, ...]:
    """The most telling check there is of each trained task, in the order of the NAS, where there is one.

    On slides evaluated here, else on test patients, on a calibration's folds, on validation patients. A kappa of fewer
    than `LEAST_JUDGED` slides or bags does not count. Whatever says how good a model is says it by these.

    Raises:
        LabError: the card's calibration is damaged.
    """
    fits = read_calibration(card.calibration).tasks
    folds = {
        f"kappa_{name}": fit.kappa_across_folds if fit.slides >= LEAST_JUDGED else None for name, fit in fits.items()
    }
    found = []
    for name in (shown.name for shown in SHOWN_TASKS if shown.name in card.trained_tasks):
        for on in CHECKED_ON:
            kappa = _kappa(folds if on == LEFT_OUT else card.metrics.get(on), name)
            if kappa is not None:
                found.append(Check(task=name, kappa=kappa, on=on))
                break
    return tuple(found)


def kappas_of(card: ModelCard) -> dict[str, float | None]:
    """A model's quadratic kappa by trained task, see `checks_of`; None where nothing was checked.

    Raises:
        LabError: the card's calibration is damaged.
    """
    known = {check.task: check.kappa for check in checks_of(card)}
    return {name: known.get(name) for name in card.trained_tasks}


def agreement_words(checks: Sequence[Check]) -> str:
    """How far a model agreed with readers, each figure with what it was found on; empty where nothing was checked."""
    parts = []
    for on, where in CHECKED_ON.items():
        listed = ", ".join(f"{task(check.task).title.lower()} {check.kappa:.2f}" for check in checks if check.on == on)
        if listed:
            parts.append(f"quadratic κ on {where}: {listed}")
    return "; ".join(parts)


def _kappa(part: Mapping[str, float | None] | None, task_name: str) -> float | None:
    judged = (part or {}).get(f"n_{task_name}")
    enough = judged is None or judged >= LEAST_JUDGED  # cards of early builds do not say how many
    return (part or {}).get(f"kappa_{task_name}") if enough else None


def _validation(kappas: Mapping[str, float | None]) -> list[Objection]:
    unknown = tuple(name for name, kappa in kappas.items() if kappa is None)
    useless = tuple(name for name, kappa in kappas.items() if kappa is not None and kappa < LEAST_KAPPA)
    objections = []
    if unknown:
        of_the_nas = {known.name for known in TASKS if known.in_nas}
        where = "" if of_the_nas <= set(unknown) == set(kappas) else f" for {_titles(unknown)}"
        words = f"the model was not validated on other patients{where}"
        objections.append(_objection(Ground.NOT_VALIDATED, unknown, words))
    if useless:
        listed = ", ".join(f"{task(name).title.lower()} κ {kappas[name]:.2f}" for name in useless)
        words = f"on other patients the model agreed with readers hardly better than chance ({listed})"
        objections.append(_objection(Ground.NO_AGREEMENT, useless, words))
    return objections


def _unseen_grades(graded: Sequence[str], score: ScoreSummary, card: ModelCard) -> list[Objection]:
    held = card.trained_on.grades
    unseen = tuple(
        name for name in graded if name in held and not dict(enumerate(held[name])).get(score.tasks[name].grade)
    )
    if not unseen:
        return []
    # not that it gave one they lacked: the card tells which grades there were, and so the one that is withheld
    said = f"the patches it learnt from did not hold the grades of {_titles(unseen)} that it takes to judge this slide"
    return [_objection(Ground.UNSEEN_GRADE, unseen, said)]


def _flat(graded: Sequence[str], score: ScoreSummary) -> list[Objection]:
    if score.assessed_patches < LEAST_PATCHES:
        return []
    highest = {name: score.tasks[name].highest_attention for name in graded}
    flat = tuple(name for name, times in highest.items() if times is not None and times < FLAT_ATTENTION)
    if not flat:
        return []
    words = f"the network looks at every patch alike ({_titles(flat)})"
    return [_objection(Ground.FLAT_ATTENTION, flat, words)]


def _titles(names: Sequence[str]) -> str:
    return " and ".join(task(name).title.lower() for name in names)


def _objection(ground: Ground, tasks: tuple[str, ...], words: str) -> Objection:
    return Objection(ground=ground, tasks=tasks, words=words, remedy=REMEDIES[ground])


class Verdict(BaseModel):
    """What a model is worth by its validation: whether its scores can be reportable for every feature, and in words."""

    model_config = ConfigDict(frozen=True)

    good: bool
    words: str


def verdict_of(card: ModelCard) -> Verdict:
    """What a trained model is worth, before it has scored anything.

    Raises:
        LabError: the card's calibration is damaged.
    """
    objections = _validation(kappas_of(card))
    checks = checks_of(card)
    if not objections and checks:
        return Verdict(good=True, words=f"Validated on patients it did not learn from: {agreement_words(checks)}.")
    said = "; ".join(objection.words for objection in objections) or "the model was trained on no feature"
    remedies = " ".join(dict.fromkeys(OF_A_MODEL.get(known.ground, known.remedy) for known in objections))
    return Verdict(good=False, words=f"Its scores are not reportable: {said}. {remedies}".strip())

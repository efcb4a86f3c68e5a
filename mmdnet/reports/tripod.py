"""The items of TRIPOD+AI, each with what the lab knows of a model; nothing is guessed, so many are open.

Collins et al. 2024, "TRIPOD+AI statement", BMJ 385:e078378: 27 items, some in parts. What an item asks is said here in
few words; the statement itself explains each.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from mmdnet.labels.grading import SHOWN_TASKS, task
from mmdnet.nn.card import ModelCard
from mmdnet.reports.words import RESEARCH_USE, percent
from mmdnet.scoring.calibration_record import Calibration, read_calibration
from mmdnet.scoring.rules import THRESHOLD
from mmdnet.scoring.validity import CHECKED_ON, checks_of, verdict_of
from mmdnet.words import count

SOURCE = "TRIPOD+AI (Collins et al. 2024, BMJ 385:e078378)"
PARTS = {"train": "training", "validation": "validation", "test": "test"}


@dataclass(frozen=True, slots=True)
class CardItem:
    """One item; `said` is empty where it is open."""

    number: str
    section: str
    topic: str
    said: str = ""


@dataclass(frozen=True, slots=True)
class Known:
    """What the items are filled from."""

    card: ModelCard
    calibration: Calibration


def tripod_items(card: ModelCard) -> tuple[CardItem, ...]:
    """Every item in the statement's order.

    Raises:
        LabError: the card's calibration is damaged.
    """
    known = Known(card, read_calibration(card.calibration))
    return tuple(CardItem(number, section, topic, said(known)) for number, section, topic, said in _ITEMS)


def _nothing(known: Known) -> str:
    return ""


def _always(words: str) -> Callable[[Known], str]:
    return lambda known: words


def _title(known: Known) -> str:
    grades = ", ".join(
        f"{task(name).title.lower()} 0-{classes - 1}"
        for name, classes in known.card.tasks.items()
        if name in known.card.trained_tasks
    )
    return f"Development of an attention multiple-instance network that grades {grades or 'nothing'} on liver biopsies"


def _sources(known: Known) -> str:
    on = known.card.trained_on
    if not on.slides:
        return ""
    drawn = " Simulated slides: drawn by a program, no patient behind them." if known.card.simulated else ""
    if known.card.partly_simulated:
        drawn = f" {count(known.card.simulated_slides or 0, 'simulated slide')}: drawn by a program, no patient behind."
    listed = [
        f"{title} {', '.join(names)}" for title, names in (("scanners", on.scanners), ("stains", on.stains)) if names
    ]
    of_what = "; ".join(listed) or "scanner and stain not recorded"
    return f"{count(on.slides, 'slide')} of {count(on.patients, 'patient')}; {of_what}.{drawn}"


def _setting(known: Known) -> str:
    sites = known.card.trained_on.sites
    return f"{count(len(sites), 'site')}: {', '.join(sites)}" if sites else ""


def _preparation(known: Known) -> str:
    card = known.card
    gate = "; a quality gate was learnt from them" if card.ignore_head else ""
    return (
        f"Patches of {card.patch_px} px at {card.patch_mpp:g} µm/px are laid on the tissue; those with pen, bubble, "
        f"blur, fold or too little tissue are set aside{gate}."
    )


def _outcome(known: Known) -> str:
    given = "Readers' grades of patches and slides by Kleiner 2005, made one by the project's consensus rule"
    drawn = "What was drawn, graded by Kleiner 2005"
    said = drawn if known.card.simulated else given
    if known.card.partly_simulated:
        said = f"{given}; of simulated slides what was drawn"
    return f"{said}; label set SHA-256 {known.card.label_set_sha256[:16]}."


def interpretation(card: ModelCard) -> str:
    """What the model is worth by its validation; that this was on simulated slides, where it was."""
    drawn = " These patients and their slides are simulated." if card.simulated else ""
    if card.partly_simulated:
        drawn = f" It learnt from {card.simulated_words}."
    return verdict_of(card).words + drawn


def _handling(known: Known) -> str:
    card = known.card
    augmented = card.choices.get("augment")
    told = "" if augmented is None else f" Augmentation of colour and geometry: {'on' if augmented else 'off'}."
    synthetic = card.trained_on.synthetic_patches
    made = f" {count(synthetic, 'synthetic patch')} beside their parents." if synthetic else ""
    return f"Pixels less the backbone's mean over its deviation.{told}{made}"


def _size(known: Known) -> str:
    on = known.card.trained_on
    if not on.slides:
        return ""
    return (
        f"{count(on.graded_patches, 'graded patch', 'graded patches')} of {count(on.slides, 'slide')} of "
        f"{count(on.patients, 'patient')} were learnt from. No calculation of a sample size is recorded."
    )


def _partition(known: Known) -> str:
    parts = [
        f"{title} {count(len(known.card.split.get(part, ())), 'slide')}"
        for part, title in PARTS.items()
        if part in known.card.split
    ]
    apart = f", and one {kept} kept apart for the test" if (kept := _kept_apart(known)) else ""
    return f"Split by patient{apart}: {', '.join(parts)}." if parts else ""


def _kept_apart(known: Known) -> str:
    """Whether a site or a staining run was tested on alone; empty where it was not."""
    by = known.card.choices.get("split_by")
    return str(by).replace("_", " ") if by in ("site", "staining_run") else ""


def _objectives(known: Known) -> str:
    if not any(known.card.split.get(part) for part in ("validation", "test")):
        return "Development. No patients were kept for validation."
    if not checks_of(known.card):
        return "Development. The patients kept aside chose the epoch; they are too few to validate the model."
    return "Development with internal validation on patients who were not learnt from."


def _model(known: Known) -> str:
    card = known.card
    return (
        f"Backbone {card.backbone_words}; pooling {card.pooling}; {card.head} heads; trained in bags of "
        f"{count(card.bag_size, 'patch', 'patches')}; best epoch {card.best_epoch} of {card.epochs} by validation; "
        f"seed {card.seed}."
    )


def _clusters(known: Known) -> str:
    card = known.card
    if len(card.domains) > 1:
        return f"Trained to be insensitive to {card.domain_key}: {', '.join(card.domains)}."
    return f"No domain branch (domain key: {card.domain_key}). Differences between sites or scanners were not modelled."


def _updating(known: Known) -> str:
    made = known.calibration
    if not made.tasks:
        return ""
    scales = ", ".join(sorted({fit.method for fit in made.tasks.values()}))
    return (
        f"Recalibrated on {count(made.slides, 'graded slide')} of {count(made.patients, 'patient')}: rule {made.rule}, "
        f"scale {scales}, intervals by split conformal prediction by patient."
    )


def _imbalance(known: Known) -> str:
    choices = known.card.choices
    if "balance" not in choices:
        return ""
    return f"Bags evened over grades: {'yes' if choices['balance'] else 'no'}."


def _output(known: Known) -> str:
    thresholds = known.calibration.safe_thresholds
    listed = ", ".join(
        f"{task(name).title.lower()} {thresholds.get(name, THRESHOLD):g}" for name in known.card.trained_tasks
    )
    return (
        "A grade, a probability for each grade, a continuous score and a 90 % interval by feature and for the NAS. A "
        f"patch counts as positive above these probabilities: {listed}."
    )


def _differences(known: Known) -> str:
    if not any(known.card.split.get(part) for part in ("validation", "test")):
        return ""
    if kept := _kept_apart(known):
        return (
            f"Test slides are of a {kept} that training never saw, validation slides come from where the training "
            "slides come from; the patients are others."
        )
    return "Validation and test slides come from where the training slides come from; the patients are others."


def _characteristics(known: Known) -> str:
    listed = [
        f"{task(name).title.lower()} " + ", ".join(f"{grade}: {number}" for grade, number in enumerate(numbers))
        for name, numbers in known.card.trained_on.grades.items()
    ]
    if not listed:
        return ""
    return f"Patches and slides of each grade: {'; '.join(listed)}. Age, sex and disease are not recorded."


def _numbers(known: Known) -> str:
    listed = [
        f"{where}: {', '.join(numbers)}"
        for on, where in CHECKED_ON.items()
        if (numbers := _figures(known.card.metrics.get(on, {}), "n", lambda value: f"{value:.0f}"))
    ]
    return "; ".join(listed)


def _performance(known: Known) -> str:
    listed = []
    for on, where in CHECKED_ON.items():
        metrics = known.card.metrics.get(on, {})
        kappas = _figures(metrics, "kappa", lambda value: f"{value:.2f}")
        right = _figures(metrics, "accuracy", percent)
        if kappas:
            listed.append(
                f"{where}: quadratic κ {', '.join(kappas)}" + (f", exact {', '.join(right)}" if right else "")
            )
    few = "" if checks_of(known.card) else " They are too few to say how right the model is."
    return f"{'; '.join(listed)}. Confidence intervals of these are not kept.{few}" if listed else ""


def _figures(metrics: Mapping[str, float | None], figure: str, write: Callable[[float], str]) -> list[str]:
    values = ((shown.title.lower(), metrics.get(f"{figure}_{shown.name}")) for shown in SHOWN_TASKS)
    return [f"{title} {write(value)}" for title, value in values if value is not None]


def _updated(known: Known) -> str:
    listed = [
        f"{task(name).title.lower()} quadratic κ {fit.kappa_across_folds:.2f}"
        + (f", 90 % intervals held {percent(fit.holds)}" if fit.holds is not None else "")
        for name, fit in known.calibration.tasks.items()
        if fit.kappa_across_folds is not None
    ]
    return f"Patients left out in turn: {'; '.join(listed)}." if listed else ""


def _limitations(known: Known) -> str:
    drawn = ["Learnt from simulated slides: what its grades are worth on real tissue is not known."]
    if known.card.partly_simulated:
        drawn = ["Simulated slides took part in its training: they show less than real tissue does."]
    said = (drawn if known.card.simulated else []) + list(known.card.warnings) + list(known.calibration.notes)
    return " ".join([*said, "Trained on weak labels. Fibrosis is not staged, and NAS is not a diagnosis of NASH."])


_TITLE, _BACK, _METHODS, _OPENNESS = "Title and abstract", "Introduction", "Methods", "Open science"
_PATIENTS, _RESULTS, _DISCUSSION = "Patient and public involvement", "Results", "Discussion"
_ITEMS: tuple[tuple[str, str, str, Callable[[Known], str]], ...] = (
    ("1", _TITLE, "Title: development or evaluation, population, outcome", _title),
    ("2", _TITLE, "Abstract", _nothing),
    ("3a", _BACK, "Healthcare context", _always(
        "Semiquantitative histology of fatty liver: the NAFLD activity score of a biopsy (Kleiner 2005), on which "
        "pathologists differ.")),
    ("3b", _BACK, "Target population, purpose, intended users", _always(
        f"{RESEARCH_USE}: for pathologists and researchers who can judge the tissue themselves. Not for diagnosis or "
        "treatment.")),
    ("3c", _BACK, "Known health inequalities", _nothing),
    ("4", _BACK, "Objectives", _objectives),
    ("5a", _METHODS, "Sources of data", _sources),
    ("5b", _METHODS, "Dates of the data", _nothing),
    ("6a", _METHODS, "Setting and centres", _setting),
    ("6b", _METHODS, "Eligibility", _nothing),
    ("6c", _METHODS, "Treatments received", _nothing),
    ("7", _METHODS, "Data preparation and quality checks", _preparation),
    ("8a", _METHODS, "Outcome and how it was assessed", _outcome),
    ("8b", _METHODS, "Qualifications of those who assessed it", _nothing),
    ("8c", _METHODS, "Blinding of the assessment", _nothing),
    ("9a", _METHODS, "Choice of predictors", _always(
        "The pixels of the slide's patches alone; no clinical or demographic facts.")),
    ("9b", _METHODS, "Definition of predictors", lambda known: (
        f"Red, green and blue of each pixel of a patch, {known.card.patch_px * known.card.patch_mpp:g} µm wide.")),
    ("9c", _METHODS, "Predictors that need judgement", _always("None: the predictors are pixels.")),
    ("10", _METHODS, "Sample size", _size),
    ("11", _METHODS, "Missing data", _always(
        "A feature left ungraded takes no part in that feature's loss; unknown is never grade 0. Patches that cannot "
        "be read are left out and counted.")),
    ("12a", _METHODS, "Use of the data, partition", _partition),
    ("12b", _METHODS, "Handling of predictors", _handling),
    ("12c", _METHODS, "Model, building steps, internal validation", _model),
    ("12d", _METHODS, "Differences between clusters", _clusters),
    ("12e", _METHODS, "Measures of performance", _always(
        "Quadratically weighted κ and share of exact grades by feature; how often 90 % intervals held.")),
    ("12f", _METHODS, "Updating", _updating),
    ("12g", _METHODS, "How predictions are calculated", _always(
        "mmdnet score with the weights named here, or the Score page; the aggregation rule stands in each report.")),
    ("13", _METHODS, "Class imbalance", _imbalance),
    ("14", _METHODS, "Fairness", _nothing),
    ("15", _METHODS, "Output and thresholds", _output),
    ("16", _METHODS, "Training against evaluation data", _differences),
    ("17", _METHODS, "Ethical approval", _nothing),
    ("18a", _OPENNESS, "Funding", _nothing),
    ("18b", _OPENNESS, "Conflicts of interest", _nothing),
    ("18c", _OPENNESS, "Protocol", _nothing),
    ("18d", _OPENNESS, "Registration", _nothing),
    ("18e", _OPENNESS, "Data sharing", _nothing),
    ("18f", _OPENNESS, "Code", lambda known: f"This program, version {known.card.code_version}."),
    ("19", _PATIENTS, "Patient and public involvement", _nothing),
    ("20a", _RESULTS, "Flow of participants", _partition),
    ("20b", _RESULTS, "Characteristics of participants", _characteristics),
    ("20c", _RESULTS, "Development against evaluation data", _nothing),
    ("21", _RESULTS, "Participants and outcomes in each analysis", _numbers),
    ("22", _RESULTS, "Full specification of the model", lambda known: (
        f"Weights as safetensors, SHA-256 {known.card.weights_sha256 or 'not recorded'}; all that builds the network "
        "again stands in card.json beside them.")),
    ("23a", _RESULTS, "Performance", _performance),
    ("23b", _RESULTS, "Performance between clusters", _nothing),
    ("24", _RESULTS, "Results of updating", _updated),
    ("25", _DISCUSSION, "Interpretation", lambda known: interpretation(known.card)),
    ("26", _DISCUSSION, "Limitations", _limitations),
    ("27a", _DISCUSSION, "Poor or missing input when used", _always(
        "Patches of poor quality are set aside and counted; where the model keeps a record of its training's tissue, a "
        "slide unlike it is told of, and far from it the NAS is withheld.")),
    ("27b", _DISCUSSION, "What users must do and know", _always(
        "A reader looks at the evidence, gives their own grades and signs; the model's are withheld where nobody "
        "validated it.")),
    ("27c", _DISCUSSION, "Next steps for research", _nothing),
)  # fmt: skip

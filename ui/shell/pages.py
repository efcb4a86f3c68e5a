"""Every page of the lab: its name, its place in the navigation, and what of the lab its address names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Place = Literal["project", "slide", "patch", "session", "run", "score", "model"]
PLACES: tuple[Place, ...] = ("project", "slide", "patch", "session", "run", "score", "model")
BELOW_PROJECT: tuple[Place, ...] = PLACES[1:]
NAMED: dict[Place, str] = {place: str(place) for place in PLACES} | {
    "session": "label session",
    "run": "training",
    "score": "report",
}
"""What a person calls each."""


@dataclass(frozen=True, slots=True)
class PageEntry:
    """One page, drawn by `pages/NAME.py`.

    Attributes:
        name: of its file without the ending, and in the address.
        icon: name of a Material icon.
        help: what one does there, in the navigation.
        address: the places whose ids its address names, so that links lead there again.
    """

    name: str
    title: str
    icon: str
    help: str
    address: tuple[Place, ...] = ("project",)

    @property
    def file(self) -> str:
        return f"pages/{self.name}.py"


PAGES = (
    PageEntry("overview", "Overview", "home", "What to do next, and how far slides, labels, models and jobs are."),
    PageEntry(
        "slides",
        "Slides",
        "biotech",
        "Add slides; see tissue, patches, quality; queue patches to label.",
        ("project", "slide", "patch"),
    ),
    PageEntry("patient", "Patient", "person", "All slides and visits of one patient, and what changed."),
    PageEntry("label", "Label", "edit", "Grade patches by key press.", ("project", "session")),
    PageEntry(
        "label_many",
        "Label many",
        "lasso_select",
        "Choose patches that look alike and give all of them one grade.",
        ("project", "session"),
    ),
    PageEntry("agreement", "Agreement", "compare_arrows", "How far two readers, or two reads, agree."),
    PageEntry(
        "train", "Train", "model_training", "Train the network on the labels, in the background.", ("project", "run")
    ),
    PageEntry("augment", "Augment", "auto_awesome", "Make synthetic patches of rare grades, and judge them."),
    PageEntry("score", "Score", "speed", "Let a model grade slides, in the background."),
    PageEntry("evaluate", "Evaluate", "fact_check", "How right a model is on graded slides, and where it fails."),
    PageEntry("methods", "Methods", "leaderboard", "Every method of the field on the same slides, side by side."),
    PageEntry(
        "report",
        "Report",
        "description",
        "One slide's score with its evidence, your grades and sign-off.",
        ("project", "score"),
    ),
    PageEntry(
        "model",
        "Model card",
        "badge",
        "What is known of a model, in the order of TRIPOD+AI, and what is open.",
        ("project", "model"),
    ),
    PageEntry("jobs", "Jobs", "list_alt", "Everything in the background: how far, its log, cancel, try again."),
    PageEntry("people", "People", "group", "Your password; who signs in, what they may do, and what they did."),
)
"""In the order of the navigation; the first is where a visit begins."""


def address_of(name: str) -> tuple[Place, ...]:
    """The places a page's address names; none for a page that does not exist."""
    return next((page.address for page in PAGES if page.name == name), ())

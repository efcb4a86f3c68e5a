"""What a diffusion model is told of a patch: plain words for its stain and its grades."""

from collections.abc import Mapping

from mmdnet.labels.grading import TASK_NAMES

NEGATIVE_PROMPT = "text, border, drawing, blur, watermark"
FEATURES: Mapping[str, tuple[str, ...]] = {
    "ballooning": (
        "hepatocytes of normal size and shape",
        "a few enlarged rounded hepatocytes with pale wispy cytoplasm",
        "many ballooned hepatocytes with pale wispy cytoplasm",
    ),
    "inflammation": (
        "no inflammatory cells",
        "one small cluster of lymphocytes",
        "several small clusters of lymphocytes",
        "many clusters of lymphocytes",
    ),
    "steatosis": (
        "no fat droplets",
        "few round white fat droplets",
        "many round white fat droplets",
        "round white fat droplets in nearly all cells",
    ),
}
"""Words for each grade of a task, from 0 up. A task without an entry is left out of the prompt."""


def prompt_for(task: str, grades: Mapping[str, int | None], stain: str) -> str:
    """The prompt of a patch: the stain, the grade of the task it is made for, and then the other grades it has.

    Args:
        task: whose grades are made more of; it comes first, for a text encoder reads 77 tokens at most.
        grades: of the patch, by task; None where unknown.
        stain: of the slide; empty where unknown.
    """
    order = [task, *(name for name in TASK_NAMES if name != task)]
    words = [
        FEATURES[name][grade]
        for name in order
        if (grade := grades.get(name)) is not None and name in FEATURES and grade < len(FEATURES[name])
    ]
    return ", ".join(["microscope image of liver tissue", stain.strip() or "stained section", *words])

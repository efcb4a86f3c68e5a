"""Slides made by hand: what truth and model say is written down."""

from mmdnet.evaluation.cases import Case, SlidePrediction, TaskPrediction
from mmdnet.labels.grading import Grades
from mmdnet.labels.slide_truth import SlideTruth
from tests.nas import NAMES, NAS_TASKS, Three


def predicted(grades: Three, wide: int = 0, p: float = 0.8) -> SlidePrediction:
    """Grades with intervals of `wide` grades on each side and `p` for the favoured grade."""
    tasks = {}
    for task, grade in zip(NAS_TASKS, grades, strict=True):
        if grade is None:
            continue
        highest = task.highest
        shares = [(1 - p) / highest] * (highest + 1)
        shares[grade] = p
        interval = (max(grade - wide, 0), min(grade + wide, highest))
        tasks[task.name] = TaskPrediction(
            grade, float(grade), tuple(shares), interval, float(grade), (grade - 0.5, grade + 0.5)
        )
    nas = sum(said.grade for said in tasks.values()) if len(tasks) == 3 else None
    return SlidePrediction(
        tasks,
        nas,
        None if nas is None else float(nas),
        None if nas is None else (nas - wide, nas + wide),
        0.5 if nas else 0.1,
    )


def case(number: int, truth: Three, said: Three, patient: str = "", **more: object) -> Case:
    """Slide `number` of its own patient unless one is named; facts of the slide and fields of the case by name."""
    own = {name: more.pop(name) for name in ("densities", "readings", "fold") if name in more}
    grades = Grades(**dict(zip(NAMES, truth, strict=True)))
    facts = SlideTruth(number, f"slide {number}", patient, person=patient or f"p{number}", grades=grades, **more)
    return Case(facts, predicted(said), **own)

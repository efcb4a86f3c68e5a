"""Whether the scores of a project's slides may be reported: what the lab knows of models, slides and patients."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.orm import Session

from db.models import Model, Slide
from db.projects import patient_answers
from db.slides import patients_of
from mmdnet.nn.card import ModelCard
from mmdnet.scoring.summary import ScoreSummary
from mmdnet.scoring.validity import Validity, judge_validity, kappas_of
from mmdnet.slides.identity import person
from mmdnet.workflows.scoring.models import card_of


@dataclass(frozen=True, slots=True)
class _Known:
    """What is known of a model: its card and kappas, and the slides and persons of this project it learnt from."""

    card: ModelCard
    kappas: dict[str, float | None]
    slides: frozenset[int]
    persons: frozenset[str]


class Validities:
    """Judges scores of one project; what they share is read once."""

    def __init__(self, session: Session, project_id: int) -> None:
        answers = patient_answers(session, project_id)
        self._project_id = project_id
        self._persons = {
            slide_id: person(patient, site, answers)
            for slide_id, (patient, site) in patients_of(session, project_id).items()
        }
        self._models: dict[int, _Known] = {}

    def of(self, summary: ScoreSummary, model: Model, slide: Slide) -> Validity:
        """Whether this score of a slide by a model may be reported.

        Raises:
            LabError: the model's card is damaged.
        """
        known = self._models.get(model.id) or self._models.setdefault(model.id, self._known(model))
        learnt = slide.id in known.slides or self._persons.get(slide.id, "") in known.persons
        return judge_validity(
            summary, known.card, known.kappas, stain=slide.stain, simulated=slide.simulated, learnt_patient=learnt
        )

    def _known(self, model: Model) -> _Known:
        card = card_of(model)
        here = model.project_id == self._project_id  # a model of elsewhere names slides by other numbers
        slides = frozenset(card.split.get("train", ())) if here else frozenset()
        persons = frozenset(self._persons.get(slide_id, "") for slide_id in slides) - {""}
        return _Known(card, kappas_of(card), slides, persons)

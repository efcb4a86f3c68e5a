"""Which scores may be reported, by what the lab knows of models, slides and patients."""

from types import SimpleNamespace

from db.models import Model, Slide
from mmdnet.labels.grading import TASK_NAMES
from mmdnet.scoring.validity import Ground
from mmdnet.workflows.scoring.models import add_metrics
from mmdnet.workflows.worklist import Waiting, worklist

NO_BETTER_THAN_CHANCE = {f"kappa_{name}": 0.02 for name in TASK_NAMES} | {f"n_{name}": 30 for name in TASK_NAMES}


def grounds(scored) -> set[Ground]:
    return {objection.ground for objection in scored.lab.scoring.get(scored.score).validity.objections}


def model_of(session, scored) -> Model:
    return session.get(Model, scored.lab.scoring.get(scored.score).model_id)


def test_a_validated_model_is_reportable_until_an_evaluation_here_finds_it_no_better_than_chance(scored):
    assert grounds(scored) == set()
    services = SimpleNamespace(db=scored.lab.db)
    model = scored.lab.scoring.get(scored.score).model_id
    add_metrics(services, model, "evaluation", {"kappa_steatosis": 0.02, "n_steatosis": 30})
    assert grounds(scored) == {Ground.NO_AGREEMENT}
    assert scored.lab.reports.build(scored.score).nas.value is None


def test_another_slide_of_a_patient_it_learnt_from_is_no_independent_reading_however_the_id_is_written(scored):
    with scored.lab.db.begin() as session:
        slide, model = session.get(Slide, scored.slide), model_of(session, scored)
        other = Slide(
            **{key: getattr(slide, key) for key in ("project_id", "fingerprint", "vendor", "status")},
            name="other", path="elsewhere", width_px0=1, height_px0=1, patient=" p 1",
        )  # fmt: skip
        slide.patient = "P01"
        session.add(other)
        session.flush()
        model.card = {**model.card, "split": {"train": [other.id]}}
        model.project_id = None
    assert grounds(scored) == set()  # trained elsewhere: its slides' numbers are not ours
    with scored.lab.db.begin() as session:
        model_of(session, scored).project_id = scored.project
    assert grounds(scored) == {Ground.LEARNT_PATIENT}


def test_what_is_signed_otherwise_than_a_withheld_score_differs_from_nothing(scored):
    lab = scored.lab
    add_metrics(SimpleNamespace(db=lab.db), lab.scoring.get(scored.score).model_id, "evaluation", NO_BETTER_THAN_CHANCE)
    lab.reports.sign(scored.score, lab.readers.ensure("Ada").id, {"steatosis": 0, "inflammation": 0, "ballooning": 0})
    leading = lab.scoring.leading(scored.project)
    assert (leading[scored.slide].nas, leading[scored.slide].changed) == (0, ())
    (item,) = worklist(lab.slides.list(scored.project), leading)
    assert Waiting.DIFFERS not in item.waits


def test_what_was_signed_leads_and_says_where_it_differs(scored):
    lab = scored.lab
    said = lab.scoring.get(scored.score)
    assert (said.nas, said.changed) == (5, ())
    grades = {**said.summary.grades, "steatosis": 3}
    lab.reports.sign(scored.score, lab.readers.ensure("Ada").id, grades, "more fat by eye")
    leading = lab.scoring.leading(scored.project)[scored.slide]
    assert (leading.nas, leading.changed, leading.grades["steatosis"]) == (6, ("steatosis",), 3)

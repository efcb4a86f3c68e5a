"""Sampling plans as a reader chooses them, on labels and predictions as they stand."""

import uuid

import numpy as np
import pytest

from db.models import LabelSession
from mmdnet.errors import LabError
from mmdnet.labels.grading import Grades
from mmdnet.labels.plans import PLANS
from mmdnet.workflows.labelling.views import LabelAct, PatchGrades, QueueChoice
from mmdnet.workflows.slides.tissue_map import map_file, write_map
from tests.label_bench import make_label_bench, sure


@pytest.fixture
def bench(tmp_path):
    return make_label_bench(tmp_path, slides=3, patches=60)


def grade(bench, reader, patches, ignored=False, **grades):
    labels = [PatchGrades(patch, Grades(**grades), ignored) for patch in patches]
    return bench.labels.acts.put_many(bench.project, bench.readers[reader], labels)


def asked(bench, view, stream=None):
    from db.sessions import items

    with bench.db() as session:
        queued = items(session, view.id, 0, 10_000)
    return [item.patch.id for item in queued if stream in (None, item.stream)]


def score_all(bench, share=0.9):
    """A model that is sure everywhere, but torn on the first ten patches of each slide and expects fat on the last."""
    for slide in bench.slides:
        grades = np.zeros(60, int)
        grades[50:] = 3
        table = sure(grades, "steatosis", share)
        table[:10] = [0.45, 0.45, 0.05, 0.05]
        bench.scored(slide, {"steatosis": table})


def test_every_plan_says_what_to_do_first_where_it_cannot_be_followed(bench):
    views = {view.name: view for view in bench.labels.sessions.plans(bench.project, bench.slides)}
    assert set(views) == set(PLANS)
    for name in ("uncertain", "margin", "rare"):
        assert views[name].problem is None and "asks at random until one has learnt" in views[name].note
    assert "Grade some first" in views["disagreement"].problem
    with pytest.raises(LabError, match="Grade some first"):
        bench.session(plan="disagreement", audit_share=0.0)
    assert views["random"].problem is None and views["stratified"].problem is None


def test_a_plan_that_goes_by_a_model_begins_at_random_before_there_is_one(bench):
    view = bench.session(per_slide=20, plan="uncertain")
    assert view.patches == 60 and view.plan.model is None
    assert len(set(asked(bench, view)) & {patch for slide in bench.slides for patch in bench.patches[slide][:20]}) < 40


def test_uncertain_first_asks_what_the_model_is_torn_on(bench):
    score_all(bench)
    torn = {patch for slide in bench.slides for patch in bench.patches[slide][:10]}
    for plan in ("uncertain", "margin"):
        view = bench.session(per_slide=10, plan=plan, name=plan)
        planned = asked(bench, view, "plan")
        assert len(planned) == 24 and set(planned) <= torn
        assert len(asked(bench, view, "audit")) == 6
        assert view.plan.model == "first"


def test_rare_grades_first_asks_where_the_model_expects_a_grade_that_few_have(bench):
    score_all(bench)
    fat = {patch for slide in bench.slides for patch in bench.patches[slide][50:]}
    assert set(asked(bench, bench.session(per_slide=8, plan="rare"), "plan")) <= fat
    grade(bench, 1, [patch for slide in bench.slides for patch in bench.patches[slide][20:45]], steatosis=3)
    again = bench.session(per_slide=8, plan="rare", name="again")
    assert not set(asked(bench, again, "plan")) & fat, "now fat is what most labels say"


def test_of_a_slide_that_was_not_scored_only_audit_patches_are_asked_for(bench):
    slide = bench.slides[0]
    bench.scored(slide, {"steatosis": sure(np.zeros(60, int), "steatosis")})
    view = bench.session(per_slide=10, plan="uncertain")
    others = {patch for other in bench.slides[1:] for patch in bench.patches[other]}
    assert set(asked(bench, view, "plan")) <= set(bench.patches[slide])
    assert len(set(asked(bench, view, "audit")) & others) == 4
    note = next(
        plan.note for plan in bench.labels.sessions.plans(bench.project, bench.slides) if plan.name == "uncertain"
    )
    assert "scored 1 of 3 slides" in note


def test_disagreement_asks_what_readers_differ_on_and_nothing_by_its_order(bench):
    first = bench.patches[bench.slides[0]]
    grade(bench, 0, first[:40], steatosis=1)
    grade(bench, 1, first[:20], steatosis=1)
    grade(bench, 1, first[20:40], steatosis=3)
    view = bench.session(reader=2, per_slide=60, plan="disagreement", audit_share=0.0)
    patches = asked(bench, view)
    assert set(patches) == set(first[20:40])
    assert patches != sorted(patches)


def test_disagreement_asks_a_reader_again_where_the_model_differs_and_shows_no_earlier_label(bench):
    first = bench.patches[bench.slides[0]]
    bench.scored(bench.slides[0], {"steatosis": sure(np.zeros(60, int), "steatosis", 0.97)})
    grade(bench, 0, first[:10], steatosis=0)
    grade(bench, 0, first[10:15], steatosis=3)
    view = bench.session(per_slide=60, plan="disagreement", audit_share=0.2)
    assert set(asked(bench, view, "plan")) == set(first[10:15])
    assert not set(asked(bench, view, "audit")) & set(first[:15]), "random patches are ones not seen before"
    assert all(item.own is None for item in bench.labels.sessions.queue(view.id))


def test_a_patch_one_reader_ignored_and_another_graded_is_a_disagreement(bench):
    patch = bench.patches[bench.slides[0]][0]
    grade(bench, 0, [patch], steatosis=1)
    grade(bench, 1, [patch], ignored=True)
    assert asked(bench, bench.session(reader=2, per_slide=5, plan="disagreement", audit_share=0.0)) == [patch]


def test_the_stratified_plan_follows_the_tissue_map_where_there_is_one(bench):
    def note():
        return next(
            plan.note for plan in bench.labels.sessions.plans(bench.project, bench.slides) if plan.name == "stratified"
        )

    assert "measured fat" in note()
    patches = np.array(sorted(patch for own in bench.patches.values() for patch in own))
    kind = np.zeros(len(patches), np.uint8)
    kind[::20] = 1
    xy = np.zeros((len(patches), 2), np.float32)
    where = map_file(bench.services.settings, bench.project)
    write_map(where, {"patch_id": patches, "xy": xy, "kind": kind}, {"method": "by hand", "slides": 3})
    assert "tissue map" in note()
    rare = set(patches[::20].tolist())
    view = bench.session(per_slide=6, plan="stratified", audit_share=0.0)
    assert set(asked(bench, view)) >= rare


@pytest.mark.parametrize("plan", ["random", "stratified", "uncertain", "rare"])
def test_what_is_planned_is_what_is_asked_and_the_seed_says_it(bench, plan):
    score_all(bench)
    choice = {"plan": plan, "seed": 3, "total": 30}
    preview = bench.labels.sessions.preview(bench.project, bench.readers[0], QueueChoice(bench.slides, **choice))
    views = [bench.session(reader=reader, per_slide=None, **choice) for reader in (0, 1)]
    assert preview.patches == views[0].patches == 30
    assert preview.audit == len(asked(bench, views[0], "audit")) == 6
    assert asked(bench, views[0]) == asked(bench, views[1])
    assert len(set(asked(bench, views[0]))) == 30


def test_a_quota_is_kept_slide_by_slide_and_written_down(bench):
    quota = {bench.slides[0]: 2, bench.slides[2]: 5}
    view = bench.labels.sessions.create(bench.project, bench.readers[0], "Quota", QueueChoice(bench.slides, quota))
    patches = asked(bench, view)
    counts = [len(set(patches) & set(bench.patches[slide])) for slide in bench.slides]
    assert counts == [2, 0, 5]
    assert view.plan.per_slide == quota


def test_the_preview_tells_minutes_only_once_the_readers_pace_is_known(bench):
    def preview():
        return bench.labels.sessions.preview(bench.project, bench.readers[0], QueueChoice(bench.slides, total=60))

    assert preview().minutes is None
    view = bench.session(per_slide=5)
    for patch in asked(bench, view)[:6]:
        bench.labels.acts.put(
            LabelAct(uuid.uuid4().hex, view.id, bench.readers[0], patch, grades={"steatosis": 1}, took_ms=4000)
        )
    assert preview().pace_s == 4
    assert preview().minutes == pytest.approx(60 * 4 / 60)


def test_a_plan_is_known_by_the_name_it_had_in_earlier_builds(bench):
    score_all(bench)
    assert bench.session(plan="torn").plan.plan == "margin"
    with bench.db.begin() as session:
        kept = LabelSession(project_id=bench.project, reader_id=bench.readers[0], name="Kept")
        kept.plan = {"kind": "plan", "plan": "torn", "slides": bench.slides}
        session.add(kept)
        session.flush()
        number = kept.id
    assert bench.labels.sessions.get(number).plan.plan == "margin"
    assert bench.labels.suggestions.state(number).problem is None


def test_both_or_neither_number_is_refused(bench):
    for wrong in ({"per_slide": 3, "total": 3}, {"per_slide": None}, {"per_slide": None, "total": -1}):
        with pytest.raises(LabError):
            bench.session(**wrong)
    with pytest.raises(LabError, match="no sampling plan called lucky"):
        bench.session(plan="lucky")

"""Suggestions in a label session: off until switched on, never where a reading is blind, and counted afterwards."""

from dataclasses import asdict

import numpy as np
import pytest

from mmdnet.errors import LabError
from mmdnet.labels.grading import Grades
from mmdnet.workflows.labelling.views import LabelAct, LabelRefused, PatchGrades
from tests.label_bench import make_label_bench

SHARES = {"ballooning": np.array([0.7, 0.2, 0.1]), "steatosis": np.array([0.1, 0.6, 0.2, 0.1])}
OWN = {"ballooning": 0, "steatosis": 1}


@pytest.fixture
def bench(tmp_path):
    made = make_label_bench(tmp_path, patches=400)
    for slide in made.slides:
        made.scored(slide, {task: np.tile(shares, (400, 1)) for task, shares in SHARES.items()})
    return made


@pytest.fixture
def hints(bench):
    return bench.labels.suggestions


def switched_on(bench, hints, **choices):
    view = bench.session(per_slide=400, **choices)
    hints.switch(view.id, bench.readers[0], on=True)
    return view


def test_they_are_off_until_the_reader_switches_them_on(bench, hints):
    view = bench.session()
    assert not hints.state(view.id).on and hints.of_queue(view.id, 0, 10) == {}
    hints.switch(view.id, bench.readers[0], on=True)
    assert hints.state(view.id).on and hints.of_queue(view.id, 0, 10)
    hints.switch(view.id, bench.readers[0], on=False)
    assert hints.of_queue(view.id, 0, 10) == {}


def test_another_reader_cannot_switch_them(bench, hints):
    view = bench.session()
    with pytest.raises(LabelRefused, match="another reader"):
        hints.switch(view.id, bench.readers[1], on=True)
    assert not hints.state(view.id).on


def test_the_audit_stream_never_has_any(bench, hints):
    from db import sessions as queues

    view = switched_on(bench, hints)
    with bench.db() as session:
        items = queues.items(session, view.id, 0, 800)
    audit = {item.patch.id for item in items if item.stream == "audit"}
    assert audit and not audit & set(hints.of_queue(view.id, 0, 800))


def test_a_patch_without_one_is_as_likely_of_the_plan_as_of_the_audit_stream(bench, hints):
    from db import sessions as queues

    view = switched_on(bench, hints)
    with bench.db() as session:
        items = queues.items(session, view.id, 0, 800)
    offered = hints.of_queue(view.id, 0, 800)
    without = [item.stream for item in items if item.patch.id not in offered]
    assert 0.4 < without.count("audit") / len(without) < 0.6
    alone = bench.session(name="No audit", reader=1, per_slide=400, audit_share=0.0)
    hints.switch(alone.id, bench.readers[1], on=True)
    assert len(hints.of_queue(alone.id, 0, 800)) == alone.patches


def test_reviews_never_have_any_whatever_their_plan_says(bench, hints):
    first = bench.patches[bench.slides[0]][:40]
    bench.labels.acts.put_many(bench.project, bench.readers[1], [PatchGrades(p, Grades(steatosis=2)) for p in first])
    view = bench.labels.reviews.create(bench.project, bench.readers[0], "second", share=1)
    with pytest.raises(LabError, match="read blind"):
        hints.switch(view.id, bench.readers[0], on=True)
    with bench.db.begin() as session:
        from db.models import LabelSession

        row = session.get(LabelSession, view.id)
        row.plan = {**row.plan, "suggestions": {"on": True, "model_id": 1}}
    assert hints.of_queue(view.id, 0, 40) == {}


def test_without_a_score_there_is_a_sentence(tmp_path):
    bench = make_label_bench(tmp_path)
    view = bench.session()
    with pytest.raises(LabError, match="No model knows these slides well enough yet"):
        bench.labels.suggestions.switch(view.id, bench.readers[0], on=True)


def test_stretches_of_the_queue_agree_with_the_whole(bench, hints):
    view = switched_on(bench, hints)
    whole = hints.of_queue(view.id, 0, 800)
    parts = {}
    for start in range(0, 800, 90):
        parts |= hints.of_queue(view.id, start, 90)
    assert parts == whole


def test_planted_ones_taken_are_counted_per_reader(bench, hints):
    view = switched_on(bench, hints)
    offered = hints.of_queue(view.id, 0, 800)
    wrong = {patch: hint for patch, hint in offered.items() if hint.grades != OWN}
    assert 4 <= len(wrong) <= 40
    for number, (patch, hint) in enumerate(wrong.items()):
        grades = hint.grades if number % 2 == 0 else OWN
        shown = {"suggestion": asdict(hint), "accepted": []}
        bench.labels.acts.put(
            LabelAct(f"press-{number:08d}", view.id, bench.readers[0], patch, grades=grades, shown=shown)
        )
    (rate,) = hints.accepted_wrong(bench.project)
    assert (rate.reader, rate.shown, rate.taken) == ("Ada", len(wrong), -(-len(wrong) // 2))
    assert rate.low < rate.share < rate.high


def test_what_is_offered_does_not_say_which_one_is_planted(bench, hints):
    view = switched_on(bench, hints)
    for hint in hints.of_queue(view.id, 0, 800).values():
        assert set(asdict(hint)) == {"grades", "model_id", "after", "light"} and set(hint.grades) == set(SHARES)


@pytest.mark.parametrize(
    "shown", [{"suggestion": 3}, {"suggestion": {"grades": [1]}}, {"suggestion": {"grades": {"x": 1}}}]
)
def test_a_made_up_suggestion_counts_for_nothing(bench, hints, shown):
    view = switched_on(bench, hints)
    for number, patch in enumerate(hints.of_queue(view.id, 0, 200)):
        bench.labels.acts.put(
            LabelAct(f"press-{number:08d}", view.id, bench.readers[0], patch, grades=OWN, shown=shown)
        )
    assert hints.accepted_wrong(bench.project) == []

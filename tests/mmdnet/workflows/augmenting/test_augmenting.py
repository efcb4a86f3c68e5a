"""Synthetic patches from a plan to a batch: what would be made, what is refused, and what is kept."""

import pytest

from mmdnet.errors import LabError


def test_a_plan_says_calls_and_licence_and_writes_nothing(graded):
    plan = graded.lab.augmenting.plan(graded.project, graded.given)
    assert (plan.positives, plan.negatives, plan.children) == (2, 2, 4)
    assert (plan.calls, plan.all_calls) == (4, 16)
    assert plan.licence == "openrail++" and plan.prediction_type == "v_prediction"
    assert any("no model yet to ask" in warning for warning in plan.warnings)
    assert graded.lab.augmenting.list(graded.project) == []


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"strength": 0.04}, "0 steps only"),
        ({"prompt": "liver " * 90}, "too long"),
        ({"task": "steatosis"}, "No patch of the training slides has steatosis of grade 1"),
        ({"side_px": 128}, "was made for 64 px"),
        ({"weights": "/nowhere/at/all"}, "no folder"),
        ({"speed": 9}, "speed does not work"),
        ({"least_grade": 3}, "has no grade 3"),
    ],
)
def test_what_cannot_work_is_refused_before_anything_is_written(graded_once, changed, said):
    lab, project = graded_once.lab, graded_once.project
    with pytest.raises(LabError, match=said):
        lab.augmenting.start(project, graded_once.given | changed)
    assert lab.augmenting.list(project) == [] and lab.jobs.list(project) == []


def test_a_finished_batch_names_weights_settings_parents_seeds_and_gate_values(finished_once):
    lab = finished_once.lab
    (batch,) = lab.augmenting.list(finished_once.project)
    counts, origin = batch.counts, batch.origin
    assert counts.judged == counts.made == counts.wanted == 4
    assert counts.passed + sum(counts.refused.values()) == 4 and counts.contradicted == 0
    assert origin.floor is not None and origin.floor.patches == 4 and set(origin.sites) == {"North"}
    assert set(origin.sha256) == {"unet", "vae", "text_encoder"} and origin.dtype == "float32"
    assert origin.versions["diffusers"] and origin.licence == "openrail++"
    children = lab.augmenting.children(batch.id)
    assert len({child.seed for child in children}) == 4 and len({child.parent_id for child in children}) == 4
    assert all(child.judged and child.values is not None and child.prompt for child in children)
    assert [child.id for child in lab.augmenting.children(batch.id, newest=2)] == [children[3].id, children[2].id]
    assert [child.id for child in lab.augmenting.children(batch.id, first=1, count=2)] == [
        children[1].id,
        children[2].id,
    ]
    for reason in ("passed", *counts.refused):
        kind = lab.augmenting.children(batch.id, verdict=reason)
        assert len(kind) == {"passed": counts.passed, **counts.refused}[reason]
    assert lab.augmenting.picture(children[0].id).startswith(b"\x89PNG")
    assert set(origin.floor.patch_ids) == {child.parent_id for child in children}
    assert lab.augmenting.floor_picture(batch.id, children[0].parent_id).startswith(b"\x89PNG")
    with pytest.raises(LabError, match="was not kept"):
        lab.augmenting.floor_picture(batch.id, 10**6)


def test_a_picture_whose_file_is_gone_is_said_in_a_sentence(finished):
    child = finished.lab.augmenting.children(finished.batch)[0]
    path = finished.lab.augmenting.folder(finished.batch) / f"{child.parent_id}-{child.number}.png"
    path.unlink()
    with pytest.raises(LabError, match="is gone"):
        finished.lab.augmenting.picture(child.id)


def test_the_gates_model_is_the_projects_newest_unless_one_is_named(graded_once):
    given = {key: value for key, value in graded_once.given.items() if key != "gate_model"}
    plan = graded_once.lab.augmenting.plan(graded_once.project, given)
    assert any("no model yet to ask" in warning for warning in plan.warnings)

"""The Augment page: parents beside children with what the gate said, counts by reason, and the look without being told."""

import numpy as np
import pytest

from db.models import Augmentation, SyntheticPatch
from mmdnet.augment.gate import GateValues
from mmdnet.augment.provenance import Floor, Origin
from mmdnet.files import write_aside
from mmdnet.workflows.augmenting.making import floor_file, png_of
from mmdnet.workflows.training.synthetic import synthetic_file

VALUES = GateValues(
    tissue=0.9, colour_sd=1.0, density_change=0.02, stain_degrees=2.5, focus=1.1, structure=0.93, similarity=0.9,
    fat=0.02, parent_fat=0.021, distance=0.05,
)  # fmt: skip
PNG = png_of(np.full((299, 299, 3), 150, np.uint8))


@pytest.fixture
def made(filled_home):
    """A batch without a job of two parents with two children each: one of each passed, one is a copy."""
    lab = filled_home.lab
    parents = [lab.slides.patches(slide)[0].id for slide in filled_home.slides[:2]]
    origin = Origin(
        weights="tiny *sd*", licence="openrail++", scheduler="DDIMScheduler", prediction_type="epsilon", side_px=64,
        calls=4, positives=2, negatives=0,
        floor=Floor(patches=1, patch_ids=(parents[0],), difference=3.0, similarity=0.9, fat_change=0.0, distance=0.1,
                    unfit=False),
    )  # fmt: skip
    with lab.db.begin() as session:
        choices = {"weights": "/weights/sd", "task": "ballooning", "children": 2}
        row = Augmentation(project_id=filled_home.project, choices=choices, origin=origin.model_dump(mode="json"))
        session.add(row)
        session.flush()
        for parent in parents:
            for number in range(2):
                session.add(
                    SyntheticPatch(
                        augmentation_id=row.id, parent_id=parent, number=number, grades={"ballooning": 1}, prompt="p",
                        seed=number, sha256="", judged=True, refused=("copy", None)[number],
                        gate_values=VALUES.model_dump(mode="json"),
                    )
                )  # fmt: skip
        batch = row.id
    lab.augmenting.folder(batch).mkdir()
    for parent in parents:
        write_aside(floor_file(lab.settings, batch, parent), PNG)
        for number in range(2):
            write_aside(synthetic_file(lab.settings, batch, parent, number), PNG)
    return batch


def pressed(app, key):
    app.button(key=key).click().run()
    assert not app.exception
    return app


def test_a_batch_shows_counts_by_reason_and_each_child_beside_its_parent(made, filled, said):
    app = filled("augment")
    assert not app.exception and not app.error
    text = said(app)
    assert "2 of 4 judged patches passed the gate" in text and "hardly differs from its parent" in text
    assert "structure 0.93" in text and "fat 2.0\u00a0% (parent 2.1\u00a0%)" in text and "tiny \\*sd\\*" in text
    assert len(app.get("image")) == 8
    app.selectbox(key=f"augment_kind_{made}").set_value("passed").run()
    assert not app.exception and len(app.get("image")) == 4


def test_weights_that_cannot_be_used_are_a_sentence_and_nothing_is_started(filled, filled_home):
    app = pressed(filled("augment"), "augment_check")
    assert "Name the folder" in app.error[0].value
    app.text_input(key="augment_weights").set_value("/elsewhere").run()
    assert "lies in none of them" in pressed(app, "augment_check").error[0].value
    assert filled_home.lab.augmenting.list(filled_home.project) == []


def test_the_look_takes_a_kind_and_a_grade_for_each_patch_and_ends_with_its_table(made, filled, filled_home, said):
    app = filled("augment", augment_part="Blinded look")
    pressed(pressed(pressed(app, "look_s"), "look_back"), "look_t")
    pressed(app, "look_grade_1")
    app.segmented_control(key="augment_part").set_value("Parents and children").run()
    assert "Hidden while your blinded look goes on" in said(app) and not app.get("image")
    app.segmented_control(key="augment_part").set_value("Blinded look").run()
    pressed(app, "look_back")
    for _ in range(4):
        pressed(pressed(app, "look_s"), "look_grade_unknown")
    text = said(app)
    assert "You have looked at 4 patches, which is all" in text and "Told apart: **50 %**" in text
    result = filled_home.lab.augmenting.looks.result(made, filled_home.reader)
    assert result.confusion == {(False, True): 2, (True, True): 2}


def test_who_has_no_name_is_asked_for_it_before_a_look(made, filled, said):
    assert "Who is reading? Choose or type your name: what is said of a patch" in said(
        filled("augment", augment_part="Blinded look", reader_id=None)
    )

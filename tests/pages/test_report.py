"""The Report page: grades with their criteria, files, what is signed and amended, and what is loaded for it."""

import json
from collections import Counter

import numpy as np
import pytest
import safetensors
from sqlalchemy import event
from sqlalchemy.engine import Engine

from mmdnet.reports.words import ALL_WITHHELD
from mmdnet.scoring.cam.deletion import Deletion
from mmdnet.scoring.cam.evidence_maps import PatchMap, save_maps
from mmdnet.slides.geometry import PATCH_PX
from mmdnet.workflows.scoring.scored_slide import evidence_maps_file
from tests.nas import NAMES, by_task
from tests.small_lab import do_here


def button(app, label):
    return next(known for known in app.button if known.label == label)


def test_a_report_shows_the_grades_with_their_criteria(filled, filled_home, said):
    app = filled("report", {"project": "1", "score": str(filled_home.score)})
    words = said(app)
    for phrase in ("NAS", "33–66 %", "Not signed yet", "not signed", "not reportable"):
        assert phrase in words, phrase
    assert words.count(ALL_WITHHELD) == 1 and "<th>Kleiner 2005" not in words, "no tables of what nobody graded"
    assert [download.label for download in app.get("download_button")] == ["PDF", "HTML", "CSV", "JSON", "QuPath"]
    pictures = app.image
    assert pictures and all(picture.proto.imgs[0].url.startswith("data:image/jpeg;base64,") for picture in pictures)
    app.get_by_key("hospital_kind").set_value("fhir.json")
    app.get_by_key("hospital_write").click().run()
    assert "Download" in [download.label for download in app.get("download_button")] and not app.error
    assert "of usual" not in words
    next(find for find in app.button if str(find.key).startswith("find_")).click().run()
    assert "of usual" in said(app), "the chosen patch is shown with its measures, which the many come without"


def test_what_is_not_reportable_is_not_prefilled_and_signed_grades_lead_from_then_on(filled, filled_home, said):
    lab, score = filled_home.lab, filled_home.score
    app = filled("report", {"project": "1", "score": str(score)})
    assert app.get_by_key(f"sign_{score}_0_steatosis_{filled_home.reader}").value is None
    app.get_by_key("to_grades").click().run()
    told = [
        json.loads(drawn.proto.json) for drawn in app.get("bidi_component") if "focus" in drawn.proto.component_name
    ]
    choices = [f"sign_{score}_0_{name}_{filled_home.reader}" for name in reversed(NAMES)]
    led = [{"top": True}, {"digits": choices, "start": "g", "then": "sign"}, {"key": choices[0]}]
    assert told == led, "the page begins at its top, the keys are led through the grades"
    assert "nothing graded yet" in said(app)
    for name, grade in (("steatosis", 2), ("inflammation", 1), ("ballooning", 1)):
        app.get_by_key(f"sign_{score}_0_{name}_{filled_home.reader}").set_value(grade)
    button(app, "Sign as Ada").click().run()
    assert "NAS 4 (S2 I1 B1) was not shown yet" in app.warning[-1].value and not lab.reports.sign_offs(score)
    assert "NAS 4 (S2 I1 B1)" in said(app) and "not signed yet" in said(app)
    kept = next(json.loads(drawn.proto.json) for drawn in app.get("bidi_component") if "unsent_" in drawn.proto.id)
    assert kept["known"] == dict(zip(choices, "211", strict=True)), "the tab keeps what is not signed"
    button(app, "Sign as Ada").click().run()
    assert "not signed yet" not in said(app) and "<th>Kleiner 2005" in said(app)
    assert button(app, "Amend as Ada").disabled and "Signed as it stands." in said(app)
    (first,) = lab.reports.sign_offs(score)
    assert (first.reader, first.grades.total) == ("Ada", 4)
    assert "<b>4</b>" in said(app) and "signed by Ada" in said(app)

    app.get_by_key(f"sign_{score}_1_steatosis_{filled_home.reader}").set_value(3).run()
    why = app.text_input(key=f"reason_{score}_1_{filled_home.reader}")
    assert why.label == "Why the signed grades change"
    assert button(app, "Amend as Ada").disabled and "Say why the signed grades change" in said(app)
    why.set_value("Counted again").run()
    assert not button(app, "Amend as Ada").disabled
    button(app, "Amend as Ada").click().run()
    signed = lab.reports.sign_offs(score)
    assert [signature.amends_id for signature in signed] == [None, first.id]
    assert lab.scoring.get(score).nas == 5
    words = said(app)
    assert "No second reader is advised" not in words and "second reader" not in words
    assert "network said" not in words and 'class="mmd-differs"' not in words
    assert words.count("withheld") == 2 and words.count(ALL_WITHHELD) == 1
    ben = lab.readers.ensure("Ben").id
    app.session_state["reader_id"] = ben
    app.run()
    assert app.get_by_key(f"sign_{score}_2_steatosis_{ben}").value is None, "another reader's grades are not begun with"


def test_a_validated_models_grades_are_prefilled_and_another_needs_a_reason(filled, filled_home, validated):
    lab, score = filled_home.lab, filled_home.score
    app = filled("report", {"project": "1", "score": str(score)})
    model = lab.scoring.get(score).summary.tasks["steatosis"].grade
    assert app.get_by_key(f"sign_{score}_0_steatosis_{filled_home.reader}").value == model
    app.get_by_key(f"sign_{score}_0_steatosis_{filled_home.reader}").set_value((model + 1) % 4).run()
    button(app, "Sign as Ada").click().run()
    assert "Say why" in app.error[0].value
    app.text_input(key=f"reason_{score}_0_{filled_home.reader}").set_value("Seen under the microscope")
    button(app, "Sign as Ada").click().run()
    (signed,) = lab.reports.sign_offs(score)
    assert signed.grades["steatosis"] == (model + 1) % 4


def test_a_project_that_asks_for_the_readers_grades_first_shows_the_models_after_them(
    filled, filled_home, validated, said
):
    lab, score = filled_home.lab, filled_home.score
    lab.projects.set_reader_first(filled_home.project, True)
    tasks = lab.scoring.get(score).summary.tasks
    app = filled("report", {"project": "1", "score": str(score)})
    words = said(app)
    assert "asks for the reader's grades first" in words and "Kleiner" not in words
    assert not app.get("download_button") and "Model" not in words and "interval" not in words
    given = {name: tasks[name].grade for name in ("steatosis", "inflammation", "ballooning")}
    given = by_task(given | {"steatosis": (given["steatosis"] + 1) % 4}, "unknown")
    for name, grade in given.items():
        app.get_by_key(f"read_{name}_{grade}").click().run()
    app.get_by_key("read_save").click().run()
    words = said(app)
    assert "your own grades" in words and f"yours {given['steatosis']}" in words and "Kleiner 2005" in words
    chosen = app.get_by_key(f"sign_{score}_0_steatosis_{filled_home.reader}")
    assert chosen.value == given["steatosis"], "the reader's own grades are filled in"
    ben = lab.readers.ensure("Ben").id
    app.session_state["reader_id"] = ben
    app.run()
    assert "your own grades" not in said(app) and not app.get("download_button"), "each reader reads unaided"
    app.session_state["reader_id"] = None
    app.run()
    assert "Who is reading?" in said(app) and not app.get("download_button")


def keep_made_maps(lab, score):
    """Maps as the job would have kept them; in `tests/mmdnet/workflows/scoring` a network makes them."""
    scored = lab.reports.open(score)
    drawn = PatchMap(np.eye(PATCH_PX, dtype=np.uint8) * 255, 1, Deletion(0.9, 0.1, 0.8))
    maps = {name: dict.fromkeys(grades, drawn) for name, grades in scored.evidence_grades.items()}
    save_maps(evidence_maps_file(lab.settings, scored.score), maps, scored.model.weights_sha256)


def test_the_switch_has_maps_made_once_and_shows_them(filled, filled_home, said):
    lab, score = filled_home.lab, filled_home.score
    app = filled("report", {"project": "1", "score": str(score)})
    assert "Chattopadhay" not in said(app)
    app.toggle(key=f"patch_maps_{score}").set_value(True).run()
    assert "not made yet" in said(app)
    button(app, "Make the maps").click().run()
    assert [job.kind for job in lab.jobs.list(1, active=True)].count("evidence_maps") == 1
    assert "being made in the background" in said(app)
    keep_made_maps(lab, score)
    app.run()
    assert "Chattopadhay 2018" in said(app) and "not made yet" not in said(app)
    assert [download.label for download in app.get("download_button")][-1] == "Maps"


def test_a_reader_who_may_not_have_maps_made_is_told_who_may(filled, filled_home, as_role, said):
    as_role("reader")
    app = filled("report", {"project": "1", "score": str(filled_home.score)})
    app.toggle(key=f"patch_maps_{filled_home.score}").set_value(True).run()
    assert "A lead of this project has them made" in said(app) and not app.error
    assert "Make the maps" not in [button.label for button in app.button]


def test_the_score_is_made_again_in_the_background_and_what_came_of_it_is_shown(filled, filled_home, said, tmp_path):
    lab, score = filled_home.lab, filled_home.score
    app = filled("report", {"project": "1", "score": str(score)})
    app.get_by_key("score_again").click().run()
    assert "being made again in the background" in said(app) and not app.error
    do_here(lab, lab.scores_again.last(score).id, tmp_path)
    app.run()
    assert (
        "The score was made again from the slide" in app.success[0].value and "the same grades" in app.success[0].value
    )


def test_without_a_reader_nothing_can_be_signed(filled, filled_home, said):
    app = filled("report", {"project": "1", "score": str(filled_home.score)}, reader_id=None)
    assert "Who is reading?" in said(app)
    assert not [known for known in app.button if known.label.startswith("Sign")]


def test_a_page_reads_the_score_file_and_the_patches_once(filled, filled_home, monkeypatch):
    loads: Counter = Counter()
    opened = safetensors.safe_open

    def open_counted(path, *args, **more):
        loads["score file"] += 1
        return opened(path, *args, **more)

    def count(connection, cursor, statement, *rest):
        selected, _, rest_of_it = statement.partition("FROM")
        loads["a slide's patches"] += "patches.x_px0" in selected and "patches.slide_id = " in rest_of_it

    monkeypatch.setattr(safetensors, "safe_open", open_counted)
    event.listen(Engine, "before_cursor_execute", count)
    try:
        app = filled("overview")
        loads.clear()
        app.switch_page("pages/report.py").run()
    finally:
        event.remove(Engine, "before_cursor_execute", count)
    assert not app.exception
    assert loads == {"score file": 1, "a slide's patches": 1}


def test_the_grade_shown_is_the_one_its_bars_favour(filled_home, validated):
    for feature in filled_home.lab.reports.build(filled_home.score).features:
        assert feature.probabilities[feature.grade] == max(feature.probabilities)


def test_a_link_to_a_report_that_is_not_here_opens_no_other(filled, said):
    app = filled("report", {"project": "1", "score": "999"})
    assert "report 999, which is not in the project Cohort" in app.warning[0].value
    assert "NAS" not in said(app)


@pytest.mark.parametrize(
    ("page", "link", "words"),
    [
        ("report", {"project": "999", "score": "77777"}, "project 999, which is not in this lab"),
        ("slides", {"project": "1", "slide": "abc"}, "names the slide “abc”"),
        ("train", {"run": "77"}, "training 77, which is not in the project Cohort"),
    ],
)
def test_a_link_that_leads_to_nothing_says_so_on_every_run_and_opens_no_other(filled, said, page, link, words):
    app = filled(page, link)
    for _ in range(2):
        assert [warning.value for warning in app.warning if words in warning.value]
        assert not app.get("download_button") and not app.dataframe
        app.run()

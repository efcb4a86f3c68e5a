"""Signing: what is refused, what is kept, what amends what."""

import json

import pytest
from typer.testing import CliRunner

from db.models import Model, Score, SignOff
from db.slide_readings import current
from mmdnet.cli import app
from mmdnet.errors import LabError
from mmdnet.labels.grading import Grades
from mmdnet.scoring.validity import Validity
from mmdnet.workflows.scoring.reports import check_signature
from tests.mmdnet.reports import crafted

MODEL = {"ballooning": 1, "inflammation": 2, "steatosis": 2}


@pytest.mark.parametrize(
    ("grades", "reason", "words"),
    [
        (MODEL | {"steatosis": 4}, "seen", "graded 0 to 3; 4 cannot be signed"),
        (MODEL | {"ballooning": -1}, "seen", "graded 0 to 2"),
        (MODEL | {"colour": 1}, "seen", "no feature called colour"),
        (MODEL | {"steatosis": 3, "ballooning": 0}, " ", "changed the grade of ballooning, steatosis"),
        (MODEL | {"steatosis": None}, "", "changed the grade of steatosis"),
    ],
)
def test_grades_that_may_not_be_signed_are_refused_in_words(grades, reason, words):
    with pytest.raises(LabError, match=words):
        check_signature(crafted.score(), grades, reason, Validity())


def test_the_models_own_grades_need_no_reason_and_changed_ones_do():
    check_signature(crafted.score(), MODEL, "", Validity())
    check_signature(crafted.score(), MODEL | {"steatosis": 3}, "more fat by eye", Validity())
    without = crafted.score(tasks={"steatosis": crafted.task(2, 4)})
    check_signature(without, MODEL, "", Validity())  # the others were not graded, so nothing was changed


def test_a_signature_is_kept_with_its_report_and_a_later_one_amends_it(scored):
    lab, score = scored.lab, scored.score
    reader = lab.readers.ensure("Ada").id
    first = lab.reports.sign(score, reader, MODEL)
    with pytest.raises(LabError, match="signed just these grades already"):  # the key was pressed twice
        lab.reports.sign(score, reader, MODEL)
    second = lab.reports.sign(score, reader, MODEL | {"steatosis": 3}, "  more   fat by eye ")
    assert (second.amends_id, second.reason) == (first.id, "more fat by eye")
    with pytest.raises(LabError, match="signed just these grades already"):
        lab.reports.sign(score, reader, MODEL | {"steatosis": 3}, "more fat by eye")
    assert [signed.grades for signed in lab.reports.sign_offs(score)] == [
        Grades(**MODEL),
        Grades(**MODEL | {"steatosis": 3}),
    ]
    assert first.report_sha256 == second.report_sha256  # the content that was signed is the same
    with lab.db() as session:
        kept = session.get(SignOff, second.id).report
        (graded,) = current(session, [scored.slide])
        assert (graded.steatosis, graded.act, graded.blinded) == (3, "sign", False)
    assert [signed["sign_off_id"] for signed in kept["sign_off"]["signed"]] == [first.id]
    assert lab.reports.build(score).sign_off.current.grades == dict(Grades(**MODEL | {"steatosis": 3}))


def test_other_grades_than_are_signed_need_a_reason_whatever_the_model_says(scored):
    lab, score = scored.lab, scored.score
    ada, ben = lab.readers.ensure("Ada").id, lab.readers.ensure("Ben").id
    lab.reports.sign(score, ada, MODEL | {"steatosis": 1}, "read anew")
    for reason in ("", " – "):
        with pytest.raises(LabError, match="change what Ada signed: steatosis"):
            lab.reports.sign(score, ben, MODEL, reason)
    lab.reports.sign(score, ben, MODEL, "counted again")
    lab.reports.sign(score, ada, MODEL)  # the same grades from another reader change nothing
    assert [signed.reader for signed in lab.reports.sign_offs(score)] == ["Ada", "Ben", "Ada"]


def test_a_project_that_asks_for_the_readers_grades_first_shows_no_model_and_takes_no_signature_before(scored):
    lab, score = scored.lab, scored.score
    ada, ben = lab.readers.ensure("Ada").id, lab.readers.ensure("Ben").id
    assert lab.scoring.get(score).reported.any_known
    lab.projects.set_reader_first(scored.project, True, by=ada)
    for view in (lab.scoring.get(score), *lab.scoring.leading(scored.project).values()):
        assert view.awaits_reader and (view.nas, view.reported_nas) == (None, None)
        assert not view.grades.any_known and not view.reported.any_known
    with pytest.raises(LabError, match="asks for the reader's own grades first, and Ada"):
        lab.reports.sign(score, ada, MODEL)
    lab.slides.reads.put(scored.slide, ada, MODEL | {"steatosis": 3}, key="unaided")
    with pytest.raises(LabError, match="Ben has given none"):
        lab.reports.sign(score, ben, MODEL)
    assert lab.scoring.get(score).awaits_reader, "lists show nothing of it before a signature"
    lab.reports.sign(score, ada, MODEL)
    view = lab.scoring.get(score)
    assert not view.awaits_reader and view.reported.any_known
    lab.reports.sign(score, ben, MODEL)  # a report that somebody signed hides nothing, and is amended by anybody
    with lab.db() as session:
        blinded = current(session, [scored.slide], blinded_only=True)
    assert [(reading.reader_id, reading.steatosis) for reading in blinded] == [(ada, 3)], "the unaided grades are kept"


def test_a_document_is_verified_on_the_page_and_by_a_command_that_fails_where_it_was_altered(scored, tmp_path):
    lab, score = scored.lab, scored.score
    lab.reports.sign(score, lab.readers.ensure("Ada").id, MODEL)
    file = tmp_path / "report.json"
    file.write_text(lab.reports.file(score, "json"))
    found = lab.reports.verify(score, file.read_bytes())
    assert [finding.right for finding in found] == [True, True, False]  # a crafted model has no weights
    home = ["--home", str(lab.settings.home)]
    file.write_text(file.read_text().replace('"nas":5', '"nas":4').replace('"stain":null', '"stain":"PAS"'))
    told = CliRunner().invoke(app, ["verify-report", str(file), "--hashes-only", *home])
    assert told.exit_code == 1 and "WRONG: The content is not what the lab makes" in told.output
    refused = CliRunner().invoke(app, ["verify-report", str(tmp_path / "no.json"), *home])
    assert "cannot be read" in str(refused.exception) and "Nothing was verified" in str(refused.exception)


def test_the_command_writes_the_report_that_leads_and_says_no_withheld_grade(scored, tmp_path):
    lab = scored.lab
    name, home = lab.slides.get(scored.slide).name, ["--home", str(lab.settings.home), "--project", "Scored", "--json"]
    lab.reports.sign(scored.score, lab.readers.ensure("Ada").id, MODEL)
    with lab.db.begin() as session:
        first = session.get(Score, scored.score)
        session.add(Score(slide_id=first.slide_id, model_id=first.model_id, result=first.result, file=first.file))
        model = session.get(Model, first.model_id)
        model.card = {**model.card, "simulated": True}
    told = CliRunner().invoke(app, ["report", name, "--out", str(tmp_path / "r.csv"), *home])
    facts = json.loads(told.stdout)
    assert facts["score_id"] == scored.score and facts["reportable"].startswith("The model's score is not reportable")
    assert facts["nas"] is None and set(facts["grades"].values()) == {None}


def test_a_report_of_a_score_that_is_not_there_is_refused(lab):
    with pytest.raises(LabError, match="no score with the number 99"):
        lab.reports.open(99)

import pytest

from db.models import Model, Patch, Score, Slide
from mmdnet.errors import LabError
from mmdnet.labels.grading import Grades
from mmdnet.labels.keys import USUAL
from mmdnet.workflows.labelling.views import PatchGrades
from mmdnet.workflows.projects import Projects


def test_names_are_tidied_and_a_taken_empty_or_long_one_is_refused(lab):
    project = lab.projects.create("  My   study ")
    assert project.name == "My study" and lab.projects.get(project.id) == project
    for name, why in (("My study", "already"), (" ", "1 to 80"), ("x" * 81, "1 to 80"), ("a\x07b", "1 to 80")):
        with pytest.raises(LabError, match=why):
            lab.projects.create(name)
    assert [known.name for known in lab.projects.list()] == ["My study"]
    another = lab.projects.create("A drawn one", simulated=True)
    assert list(lab.projects.names().items()) == [(project.id, "My study"), (another.id, "A drawn one")]
    assert [known.id for known in lab.projects.list()] == list(lab.projects.names())


def test_a_project_asked_for_by_name_is_made_once(lab):
    first = lab.projects.named("Study")
    assert lab.projects.named(" Study ") == first


def test_an_empty_project_goes_and_one_with_slides_stays(lab, tissue_png):
    from mmdnet.slides.facts import StatedFacts

    empty, full = lab.projects.create("Empty").id, lab.projects.create("Full").id
    lab.slides.register(full, tissue_png(), StatedFacts(mpp=0.5))
    lab.projects.remove(empty)
    with pytest.raises(LabError, match="holds slides"):
        lab.projects.remove(full)
    assert [(known.name, known.slides) for known in lab.projects.list()] == [("Full", 1)]


def test_a_project_is_renamed_archived_and_brought_back_and_who_did_it_is_kept(lab):
    ada = lab.readers.ensure("Ada").id
    project, other = lab.projects.create("Study", by=ada).id, lab.projects.create("Other").id
    assert lab.projects.rename(project, "  New   name ", by=ada).name == "New name"
    for name, why in (("Other", "already"), (" ", "1 to 80")):
        with pytest.raises(LabError, match=why):
            lab.projects.rename(project, name)
    lab.projects.archive(project, by=ada)
    lab.projects.archive(project)
    assert list(lab.projects.names()) == [other] and [known.id for known in lab.projects.list()] == [other]
    assert [known.id for known in lab.projects.list(archived=True)] == [project]
    with pytest.raises(LabError, match="archived; restore it"):
        lab.projects.create("New name")
    with pytest.raises(LabError, match="is archived"):
        lab.projects.named("New name")
    lab.projects.restore(project)
    assert set(lab.projects.names()) == {project, other}
    said = [(change.act, change.what, change.reader) for change in lab.projects.changes(project)]
    assert said == [
        ("restored", "New name", None), ("archived", "New name", "Ada"), ("renamed", "Study → New name", "Ada"),
        ("made", "Study", "Ada"),
    ]  # fmt: skip


def test_who_changed_how_a_project_is_run_is_kept_and_the_same_again_is_no_change(lab):
    ada, project = lab.readers.ensure("Ada").id, lab.projects.create("Study").id
    assert not lab.projects.get(project).reader_first
    for asked, by in ((True, ada), (True, None), (False, None)):
        assert lab.projects.set_reader_first(project, asked, by=by).reader_first is asked
    lab.labels.consensus.set_rule(project, "reader", ada, set_by=ada)
    said = [(change.act, change.what, change.reader) for change in lab.projects.changes(project)]
    assert said[:3] == [
        ("setting changed", "where readers differ: reader (Ada)", "Ada"),
        ("setting changed", "reader's grades first: off", None),
        ("setting changed", "reader's grades first: on", "Ada"),
    ]
    with pytest.raises(LabError, match="no project"):
        lab.projects.set_reader_first(99, True)


def test_a_project_is_deleted_by_its_typed_name_and_slide_files_stay(lab, tissue_png):
    from mmdnet.slides.facts import StatedFacts

    file = tissue_png()
    project, other = lab.projects.create("Study").id, lab.projects.create("Other").id
    slide = lab.slides.register(project, file, StatedFacts(mpp=0.5))[0].slide_id
    folder = lab.settings.folder("models") / "own"
    folder.mkdir()
    with lab.db.begin() as session:
        for place in (folder, file.parent):
            session.add(Model(project_id=project, name="m", folder=str(place), weights_sha256="", card={}))
        session.flush()
        model = session.query(Model).first().id
        session.add(Score(slide_id=slide, model_id=model, result={}, file="s.safetensors"))
    of_score = [lab.settings.folder("scores") / name for name in ("s.safetensors", "s.maps.safetensors")]
    for kept in of_score:
        kept.write_bytes(b"")
    losses = lab.projects.losses(project)
    assert losses.refusal is None and (losses.goes["slides"], losses.goes["models"]) == (1, 2)
    assert losses.goes["patches"] == lab.projects.get(project).patches > 0
    with pytest.raises(LabError, match="Type the project's name, Study"):
        lab.projects.delete(project, "study")
    lab.projects.delete(project, " Study ")
    assert list(lab.projects.names()) == [other] and lab.projects.changes(project)[0].act == "deleted"
    assert not any(kept.exists() for kept in of_score)
    assert file.is_file() and not folder.exists(), "nothing outside the lab's home goes"
    with lab.db() as session:
        assert (
            not session.query(Slide).count() and not session.query(Patch).count() and not session.query(Model).count()
        )


def test_a_project_with_labels_stays_and_its_chain_holds(label_bench):
    projects = Projects(label_bench.services)
    patch = label_bench.patches[label_bench.slides[0]][0]
    label_bench.labels.acts.put_many(
        label_bench.project, label_bench.readers[0], [PatchGrades(patch, Grades(steatosis=1))]
    )
    losses = projects.losses(label_bench.project)
    assert "holds 1 label event," in losses.refusal and "never deleted" in losses.refusal
    with pytest.raises(LabError, match="Archive it"):
        projects.delete(label_bench.project, projects.get(label_bench.project).name)
    projects.archive(label_bench.project)
    assert all(audit.intact for audit in label_bench.labels.record.verify_all())


def test_a_reader_is_one_person_whatever_the_case(lab):
    ada = lab.readers.ensure("Ada")
    assert lab.readers.ensure("ADA") == ada == lab.readers.get(ada.id)
    assert lab.readers.list() == [ada]


def test_a_readers_keys_are_kept_and_two_acts_cannot_share_one(lab):
    ada = lab.readers.ensure("Ada").id
    act, other = list(USUAL)[:2]
    assert lab.readers.keys(ada) == USUAL
    changed = lab.readers.set_keys(ada, USUAL | {act: ";"})
    assert changed[act] == ";" and lab.readers.keys(ada) == changed
    with pytest.raises(LabError):
        lab.readers.set_keys(ada, USUAL | {act: USUAL[other]})
    assert lab.readers.keys(ada) == changed

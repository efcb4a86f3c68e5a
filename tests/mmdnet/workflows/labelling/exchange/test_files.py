"""Labels of a project out to a file and into a fresh lab: the same labels, whoever gave them, and nobody sees too much."""

import hashlib
import random
import shutil

import pytest
from sqlalchemy import select

from db.models import LabelEvent, Slide
from mmdnet.labels.grading import Grades
from mmdnet.slides.facts import StatedFacts
from mmdnet.workflows.labelling.views import LabelAct, LabelChoice, PatchGrades
from tests.label_bench import make_label_bench

HEADER = "slide,x_px0,y_px0,reader,ballooning,inflammation,steatosis,ignored\n"


def fresh(tmp_path, name="other"):
    home = tmp_path / name
    home.mkdir()
    return make_label_bench(home)


def give(bench, reader, view, item, key, **changes):
    grades = {"ballooning": 1, "inflammation": None, "steatosis": 2}
    act = {"key": f"press-{key:08d}", "session_id": view.id, "reader_id": bench.readers[reader], "grades": grades}
    bench.labels.acts.put(LabelAct(**(act | {"patch_id": item.patch_id} | changes)))


def fill(bench, seed=0):
    """Labels of every kind by three readers: graded, unknown on purpose, ignored, flagged, settled."""
    rng = random.Random(seed)
    patches = bench.patches[bench.slides[0]][:12] + bench.patches[bench.slides[1]][:6]
    for reader in (0, 1):
        rows = [
            PatchGrades(patch, ignored=True)
            if rng.random() < 0.2
            else PatchGrades(
                patch,
                Grades(
                    ballooning=rng.choice([None, 0, 1, 2]),
                    inflammation=rng.choice([None, 3]),
                    steatosis=rng.randint(0, 3),
                ),
            )
            for patch in patches
        ]
        bench.labels.acts.put_many(bench.project, bench.readers[reader], rows)
    own = bench.session(reader=2, per_slide=4)
    items = bench.labels.sessions.queue(own.id)
    give(bench, 2, own, items[0], 1, flagged=True)
    give(bench, 2, own, items[1], 2, grades={})
    give(bench, 2, own, items[2], 3, act="flag", grades={}, flagged=True)  # a flag alone is no label
    for reader, key in ((2, 100), (0, 200)):
        settling = bench.labels.reviews.create(bench.project, bench.readers[reader], "adjudication")
        for n, item in enumerate(bench.labels.sessions.queue(settling.id)[:3]):
            give(bench, reader, settling, item, key + n, grades={"steatosis": n})


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_a_fresh_lab_holds_the_same_labels_and_gives_the_same_file(label_bench, tmp_path, kind):
    fill(label_bench)
    out = label_bench.labels.files.export(label_bench.project, kind)
    other = fresh(tmp_path)
    done = other.labels.files.import_file(other.project, f"labels.{kind}", out.data)
    assert (done.problems, done.imported) == ((), out.labels)
    assert other.labels.files.export(other.project, kind).data == out.data
    for rule in ("latest", "majority", "adjudicated"):
        sets = [
            bench.labels.consensus.label_set(bench.project, LabelChoice(rule)).sha256 for bench in (label_bench, other)
        ]
        assert sets[0] == sets[1], rule
    compared = [
        [
            (c.task, c.kind, c.first, c.second, c.counts)
            for c in bench.labels.agreement.of_project(bench.project).comparisons
        ]
        for bench in (label_bench, other)
    ]
    assert compared[0] == compared[1] and len(compared[0]) >= 9
    again = other.labels.files.import_file(other.project, f"labels.{kind}", out.data)
    assert (again.imported, again.unchanged) == (0, out.labels)
    assert other.labels.record.verify().intact


def test_the_record_says_who_brought_which_file_and_from_which_line(label_bench):
    data = (HEADER + "slide 0,0,0,Dora,1,,,\n").encode()
    label_bench.labels.files.import_file(label_bench.project, "notes.csv", data, operator="root")
    label_bench.labels.files.import_file(
        label_bench.project, "notes.csv", data.replace(b"Dora", b"Ada"), by=label_bench.readers[1]
    )
    with label_bench.db() as session:
        first, second = session.scalars(select(LabelEvent).order_by(LabelEvent.id))
    assert (first.act, first.shown["file"], first.shown["line"]) == ("import", "notes.csv", 2)
    assert first.shown["sha256"] == hashlib.sha256(data).hexdigest()
    assert (first.shown["imported_by"], second.shown["imported_by"]) == ("root", "Ben")


BAD = (
    HEADER
    + "slide 0,0,0,Ada,1,,,\n"
    + "slide 9,0,0,Ada,1,,,\n"
    + "slide 0,7,0,Ada,1,,,\n"
    + "slide 0,299,0,Ada,5,,,\n"
    + 'slide 0,598,0,Ada,"1,5",,,\n'
    + "slide 0,0,0,ada,2,,,\n"
    + "slide 0,897,0,,2,,,\n"
    + "slide 0,1196,0,Ada,,,,\n"
).encode() + "slide 0,1495,0,J\xf6rg,2,,,\n".encode("latin-1")


def test_a_table_with_wrong_lines_is_refused_with_their_numbers(label_bench):
    bench = label_bench
    outcome = bench.labels.files.import_file(bench.project, "bad.csv", BAD)
    assert [problem.line for problem in outcome.problems] == list(range(3, 11)) and outcome.imported == 0
    assert "repeats line 2" in outcome.problems[4].problem and "UTF-8" in outcome.problems[7].problem
    assert bench.labels.record.verify().events == 0
    assert bench.labels.files.import_file(bench.project, "bad.csv", BAD, take_good=True).imported == 1


def test_a_preview_writes_nothing_and_says_what_would_be_done(label_bench):
    outcome = label_bench.labels.files.import_file(label_bench.project, "bad.csv", BAD, preview=True)
    assert (outcome.imported, outcome.readers, len(outcome.problems)) == (1, (("Ada", 1),), 8)
    assert label_bench.labels.record.verify().events == 0


def test_columns_that_mean_nothing_are_named(label_bench):
    data = b"slide,x_px0,y_px0,reader,steatosis,steatosys\nslide 0,0,0,Ada,1,2\n"
    assert label_bench.labels.files.import_file(label_bench.project, "x.csv", data).not_read == ("steatosys",)


def test_a_table_without_readers_is_whose_the_import_says(label_bench):
    data = b"slide,x_px0,y_px0,steatosis\nslide 0,0,0,1\n"
    assert label_bench.labels.files.import_file(label_bench.project, "x.csv", data, reader="Ben").readers == (
        ("Ben", 1),
    )
    (label,) = label_bench.labels.current(label_bench.project)
    assert label.reader_id == label_bench.readers[1]


def test_slides_of_one_name_are_told_apart_by_their_fingerprint(label_bench):
    bench = label_bench
    with bench.db.begin() as session:
        session.get_one(Slide, bench.slides[1]).name = "slide 0"
    given = [PatchGrades(bench.patches[slide][0], Grades(steatosis=n)) for n, slide in enumerate(bench.slides)]
    bench.labels.acts.put_many(bench.project, bench.readers[0], given)
    data = bench.labels.files.export(bench.project).data
    assert bench.labels.files.import_file(bench.project, "x.csv", data).unchanged == 2
    blank = data.replace(b"print0", b"").replace(b"print1", b"")
    assert (
        "2 slides here are called so"
        in bench.labels.files.import_file(bench.project, "x.csv", blank).problems[0].problem
    )
    other = data.replace(b"print0", b"print9")
    assert "another file" in bench.labels.files.import_file(bench.project, "x.csv", other).problems[0].problem


def test_a_reader_gets_others_labels_only_of_patches_graded_already(label_bench):
    bench = label_bench
    patches = bench.patches[bench.slides[0]]
    bench.labels.acts.put_many(
        bench.project, bench.readers[0], [PatchGrades(p, Grades(steatosis=3)) for p in patches[:5]]
    )
    bench.labels.acts.put_many(
        bench.project, bench.readers[1], [PatchGrades(p, Grades(steatosis=1)) for p in patches[3:7]]
    )
    out = bench.labels.files.export(bench.project, seen_by=bench.readers[1])
    assert (out.labels, out.hidden) == (6, 3)
    assert out.data.count(b",Ada,") == 2
    assert bench.labels.files.export(bench.project, seen_by=bench.readers[2]).labels == 0


def test_an_import_is_no_way_to_try_out_what_a_colleague_gave(label_bench):
    bench = label_bench
    patch = bench.patches[bench.slides[0]][0]
    bench.labels.acts.put_many(bench.project, bench.readers[0], [PatchGrades(patch, Grades(steatosis=2))])
    outcomes = set()
    for guess in range(4):
        data = (HEADER + f"slide 0,0,0,Ada,,,{guess},\n").encode()
        for preview in (True, False):
            outcomes.add(
                bench.labels.files.import_file(bench.project, "x.csv", data, by=bench.readers[1], preview=preview)
            )
    assert len(outcomes) == 1 and outcomes.pop().imported == 0
    assert bench.labels.record.verify().events == 1
    own = (HEADER + "slide 0,0,0,Ada,,,1,\n").encode()
    assert bench.labels.files.import_file(bench.project, "x.csv", own, by=bench.readers[0]).imported == 1


def test_labels_go_to_qupath_and_back_without_the_slides_files(label_bench):
    fill(label_bench)
    files = label_bench.labels.files
    out = files.export(label_bench.project, "zip")
    assert out.labels == files.export(label_bench.project).labels
    again = files.import_file(label_bench.project, "labels.zip", out.data)
    assert again.problems == () and (again.imported, again.unchanged) == (0, out.labels)


def test_no_slide_is_opened_to_read_labels_of_a_qupath_file(lab, tissue_png, monkeypatch):
    project = lab.projects.create("P").id
    slide = lab.slides.register(project, tissue_png(), StatedFacts(mpp=0.5))[0].slide_id
    labels = [PatchGrades(patch.id, Grades(steatosis=1)) for patch in lab.slides.patches(slide)]
    lab.labels.acts.put_many(project, lab.readers.ensure("Ada").id, labels)
    opened = []
    monkeypatch.setattr("mmdnet.slides.readers.open.open_slide", lambda *asked, **more: opened.append(asked))
    out = lab.labels.files.export(project, "geojson", slide_id=slide)
    assert lab.labels.files.import_file(project, "labels.geojson", out.data).unchanged == len(labels)
    assert opened == []


def test_a_real_slides_labels_go_to_qupath_and_back(real_data, tmp_path):
    from mmdnet.lab import open_lab
    from mmdnet.settings import Settings

    lab = open_lab(Settings(home=tmp_path / "home"))
    project = lab.projects.create("P").id
    slide = lab.slides.register(project, real_data / "slides" / "cmu-1-small-region.svs")[0].slide_id
    other = open_lab(Settings(home=shutil.copytree(tmp_path / "home", tmp_path / "other")))
    ada = lab.readers.ensure("Ada").id
    patches = lab.slides.patches(slide)
    lab.labels.acts.put_many(project, ada, [PatchGrades(p.id, Grades(steatosis=n % 4)) for n, p in enumerate(patches)])
    for kind in ("geojson", "zip"):
        out = lab.labels.files.export(project, kind)
        outcome = other.labels.files.import_file(project, f"labels.{kind}", out.data)
        assert outcome.problems == () and outcome.imported + outcome.unchanged == len(patches)
    assert other.labels.files.export(project).data == lab.labels.files.export(project).data


def test_a_lab_whose_slides_and_readers_have_other_numbers_finds_the_same_labels(tissue_png, tmp_path):
    from mmdnet.lab import open_lab
    from mmdnet.settings import Settings

    paths = [tissue_png(f"{name}.png", side=1000, seed=seed) for seed, name in enumerate(("left", "right"))]
    labs = []
    for name, order in (("one", paths), ("two", paths[::-1])):
        lab = open_lab(Settings(home=tmp_path / name))
        project = lab.projects.create("P").id
        slides = {path.name: lab.slides.register(project, path, StatedFacts(mpp=0.5))[0].slide_id for path in order}
        labs.append((lab, project, slides))
    (lab, project, slides), (other, second, turned) = labs
    assert slides["left.png"] != turned["left.png"]
    for name in ("Ada", "Ben"):
        rows = [
            PatchGrades(patch.id, Grades(steatosis=(patch.col + patch.row + len(name)) % 4), flagged=name == "Ben")
            for slide in slides.values()
            for patch in lab.slides.patches(slide)
        ]
        lab.labels.acts.put_many(project, lab.readers.ensure(name).id, rows)
    other.readers.ensure("Ben")
    for kind in ("zip", "parquet"):
        out = lab.labels.files.export(project, kind)
        done = other.labels.files.import_file(second, f"labels.{kind}", out.data)
        assert done.problems == () and done.imported + done.unchanged == out.labels
    assert other.labels.files.export(second).data == lab.labels.files.export(project).data
    assert other.labels.consensus.label_set(second).sha256 == lab.labels.consensus.label_set(project).sha256


def test_a_file_longer_than_a_page_may_read_is_refused_with_the_way_out(label_bench):
    outcome = label_bench.labels.files.import_file(label_bench.project, "bad.csv", BAD, preview=True, most=0)
    assert outcome.imported == 0
    assert "more than 0 rows; bring it in parts" in outcome.problems[0].problem

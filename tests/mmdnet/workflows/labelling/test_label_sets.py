"""The labels a training uses: which rows, by which rule, and a hash that means the same anywhere."""

from db import labels as rows
from db.engine import make_engine, session_factory
from mmdnet.labels.grading import Grades
from mmdnet.workflows.labelling import label_sets
from mmdnet.workflows.labelling.views import LabelChoice, PatchGrades
from tests.label_bench import grade_all, make_label_bench


def test_a_label_set_hashes_its_grades_and_places_and_nothing_else(tmp_path):
    hashes = []
    for number, grade in enumerate((1, 1, 2)):
        home = tmp_path / str(number)
        home.mkdir()
        bench = make_label_bench(home, slides=2 + number)
        patches = bench.patches[bench.slides[1]]
        given = [PatchGrades(patches[0], Grades(steatosis=grade)), PatchGrades(patches[1], ignored=True)]
        bench.labels.acts.put_many(bench.project, bench.readers[0], given[:: -1 if number == 1 else 1])
        hashes.append(bench.labels.consensus.label_set(bench.project).sha256)
    assert hashes[0] == hashes[1] != hashes[2]


def test_a_label_set_says_who_by_which_rule_and_how_many(label_bench):
    bench = label_bench
    patches = bench.patches[bench.slides[0]]
    bench.labels.acts.put_many(
        bench.project, bench.readers[0], [PatchGrades(p, Grades(ballooning=1)) for p in patches[:3]]
    )
    bench.labels.acts.put_many(
        bench.project, bench.readers[1], [PatchGrades(p, Grades(ballooning=2)) for p in patches[:1]]
    )
    label_set = bench.labels.consensus.label_set(bench.project)
    assert (label_set.rule, label_set.readers, label_set.counts["ballooning"]) == (
        "latest",
        ("Ada", "Ben"),
        {"1": 2, "2": 1},
    )
    assert bench.labels.consensus.label_set(bench.project, LabelChoice("majority")).counts["ballooning"] == {"1": 2}
    assert bench.labels.consensus.label_set(bench.project, LabelChoice(reader_id=bench.readers[0])).counts[
        "ballooning"
    ] == {"1": 3}


def test_a_training_may_choose_its_slides(label_bench):
    bench = label_bench
    slide, other = bench.slides[:2]
    both = [PatchGrades(bench.patches[slide_id][0], Grades(steatosis=1)) for slide_id in (slide, other)]
    bench.labels.acts.put_many(bench.project, bench.readers[0], both)
    assert len(bench.labels.consensus.label_set(bench.project, LabelChoice(slide_ids=(slide,))).rows) == 1
    assert bench.labels.consensus.label_set(bench.project, LabelChoice(slide_ids=(slide + 999,))).rows == ()


def test_what_is_kept_of_a_label_set_is_what_would_be_read_anew(label_bench, monkeypatch):
    bench, asked = label_bench, []
    votes = rows.standing_votes
    monkeypatch.setattr(rows, "standing_votes", lambda *given: asked.append(given[3]) or votes(*given))
    steps = [
        lambda: grade_all(bench, 0, [0, 1, 2]),
        lambda: grade_all(bench, 1, [3, 3], slide=1),
        lambda: grade_all(bench, 1, [2]),
        lambda: bench.labels.consensus.set_rule(bench.project, "majority"),
    ]
    told = []
    for step in steps:
        step()
        told.append(bench.labels.consensus.label_set(bench.project))
        assert bench.labels.consensus.label_set(bench.project) == told[-1]
    first, second = bench.slides[:2]
    assert asked == [None, {second}, {first}, None]
    with session_factory(make_engine(bench.url))() as anew:
        assert label_sets.build(anew, bench.project, LabelChoice()) == told[3]
        bench.labels.consensus.set_rule(bench.project, "latest")
        assert label_sets.build(anew, bench.project, LabelChoice()) == told[2]
    assert bench.labels.consensus.label_set(bench.project) == told[2] and told[2] != told[3]

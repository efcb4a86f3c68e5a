"""Readings compared, settled, exported and imported on PostgreSQL; skipped where PostgreSQL is not installed."""

from collections.abc import Iterator

import pytest

from mmdnet.labels.grading import Grades
from mmdnet.workflows.labelling.views import LabelAct, LabelChoice, PatchGrades
from tests.label_bench import LabelBench, make_label_bench
from tests.postgres import postgres

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabelBench]:
    with postgres() as url:
        made = make_label_bench(tmp_path_factory.mktemp("home"), url=url)
        yield made
        made.db.kw["bind"].dispose()


def test_readings_are_told_apart_compared_and_carried_to_another_database(bench: LabelBench, tmp_path) -> None:
    labels, project, (ada, ben, cleo) = bench.labels, bench.project, bench.readers
    patches = bench.patches[bench.slides[0]]
    labels.acts.put_many(project, ada, [PatchGrades(patch, Grades(steatosis=n % 4)) for n, patch in enumerate(patches)])
    suggested = {"suggestion": {"steatosis": 1}}
    labels.acts.put_many(
        project, ben, [PatchGrades(patch, Grades(steatosis=n % 3)) for n, patch in enumerate(patches)], shown=suggested
    )
    for kind, reader in (("adjudication", cleo), ("repeat", ada)):
        view = labels.reviews.create(project, reader, kind, share=0.5, washout_days=0)
        for item in labels.sessions.queue(view.id):
            key = f"press-{view.id}-{item.patch_id:06d}"
            labels.acts.put(LabelAct(key, view.id, reader, item.patch_id, grades={"steatosis": 2}))
    comparisons = {comparison.key: comparison for comparison in labels.agreement.of_project(project).comparisons}
    assert comparisons[f"readers-{ada}-{ben}"].n == 30 and comparisons[f"repeat-{ada}"].n == 15
    assert {review.kind: review.waiting for review in labels.reviews.of_reader(project, cleo)}["second"] > 0
    labels.consensus.set_rule(project, "adjudicated", set_by=cleo)
    assert labels.consensus.label_set(project).rule == "adjudicated"
    out = labels.files.export(project)
    home = tmp_path / "other"
    home.mkdir()
    other = make_label_bench(home)
    assert other.labels.files.import_file(other.project, "labels.csv", out.data).imported == out.labels
    assert other.labels.files.export(other.project).data == out.data
    for rule in ("latest", "majority", "adjudicated"):
        choice = LabelChoice(rule)
        assert (
            other.labels.consensus.label_set(other.project, choice).sha256
            == labels.consensus.label_set(project, choice).sha256
        )
    assert labels.record.verify().intact

"""Scores with what they belong to, newest first."""

import pytest
from sqlalchemy import update

from db import scores as rows
from db.models import Score, SignOff
from mmdnet.errors import LabError


@pytest.fixture
def bench(label_bench):
    """Two slides, scored in turn by two models: slide 0 by both, the first twice."""
    for slide, model in ((0, "first"), (0, "second"), (1, "first"), (0, "first")):
        label_bench.scored(label_bench.slides[slide], {}, model)
    return label_bench


def test_every_score_of_a_project_comes_newest_first_with_whether_it_is_signed(bench):
    with bench.db.begin() as session:
        session.add(SignOff(score_id=2, reader_id=bench.readers[0], report_sha256="a" * 64, report={}))
    with bench.db() as session:
        listed = [(head.id, head.slide_id, head.model_id) for head in rows.heads_of(session, 1)]
        signed = rows.newest_sign_offs(session, 1)
        assert rows.heads_of(session, 99) == []
        assert rows.results(session, [1, 99]) == {1: {"patches": 30}}
    zero, first = bench.slides
    assert listed == [
        (4, zero, 1),
        (3, first, 1),
        (2, zero, 2),
        (1, zero, 1),
    ]
    assert {score_id: reader.name for score_id, (_, reader) in signed.items()} == {2: "Ada"}


def test_of_each_slide_and_model_the_newest_counts(bench):
    with bench.db() as session:
        assert [score.id for score in rows.newest_scores(session, bench.slides)] == [4, 3, 2]
        (newest,) = rows.newest_scores(session, bench.slides[1:])
        assert (newest.id, newest.model_name, newest.slide_id) == (3, "first", bench.slides[1])
        assert [score.id for score in rows.newest_scores(session, bench.slides, model_id=2)] == [2]
        assert rows.newest_scores(session, []) == []


def test_a_score_is_found_with_its_slide_and_model_or_refused(bench):
    with bench.db() as session:
        score, slide, model = rows.scored(session, 2)
        assert (score.id, slide.id, model.name) == (2, bench.slides[0], "second")
        with pytest.raises(LabError, match="no score with the number 99"):
            rows.scored(session, 99)


def test_a_job_finds_what_it_scored_already(bench):
    with bench.db.begin() as session:
        session.execute(update(Score).where(Score.id == 3).values(job_id="a job"))
    with bench.db() as session:
        assert rows.score_of_job(session, "a job", bench.slides[1]).id == 3
        assert rows.score_of_job(session, "a job", bench.slides[0]) is None
        assert rows.score_of_job(session, "another", bench.slides[1]) is None


def test_signatures_come_with_their_readers_oldest_first(bench):
    with bench.db.begin() as session:
        for reader in bench.readers[:2]:
            session.add(SignOff(score_id=1, reader_id=reader, report_sha256="a" * 64, report={}))
            session.flush()
    with bench.db() as session:
        assert [reader.name for _, reader in rows.sign_offs_of(session, 1)] == ["Ada", "Ben"]
        assert rows.sign_offs_of(session, 2) == []

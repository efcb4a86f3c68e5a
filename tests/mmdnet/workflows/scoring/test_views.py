import pytest
from sqlalchemy import update

from db.models import Score
from mmdnet.errors import LabError


def test_a_score_is_seen_with_its_slide_its_model_and_whether_it_is_signed(scored):
    lab = scored.lab
    (view,) = lab.scoring.list(scored.project)
    assert view == lab.scoring.get(scored.score)
    assert (view.slide_id, view.model_name, view.signed) == (scored.slide, "first", None)
    reader = lab.readers.ensure("Ada")
    signed = lab.reports.sign(scored.score, reader.id, view.summary.grades)
    assert (signed.reader, signed.reader_id, signed.grades) == ("Ada", reader.id, view.summary.grades)
    assert lab.scoring.get(scored.score).signed


def test_a_row_that_is_no_score_is_refused_by_the_slides_name(scored):
    with scored.lab.db.begin() as session:
        session.execute(update(Score).values(result={"patches": 3}))
    with pytest.raises(LabError, match=r"The score of .*\.png is damaged"):
        scored.lab.scoring.get(scored.score)

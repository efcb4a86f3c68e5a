"""What a model says of single patches, read from scores on disk."""

import subprocess
import sys

import numpy as np
import pytest
from sqlalchemy import delete, update

from db.models import Patch, Score
from mmdnet.errors import LabError
from mmdnet.workflows.scoring.predictions import Predictions
from tests.label_bench import sure


@pytest.fixture
def predictions(label_bench):
    return Predictions(label_bench.services)


def steatosis(bench, slide, grade=1):
    return {"steatosis": sure(np.full(len(bench.patches[slide]), grade), "steatosis")}


def test_a_slide_that_nobody_scored_has_no_predictions(label_bench, predictions):
    assert predictions.of_slide(label_bench.slides[0]) is None
    assert predictions.of_slides(label_bench.slides) == []
    assert predictions.scored_by(label_bench.slides) == []


def test_predictions_stand_at_the_patch_they_were_made_for(label_bench, predictions):
    slide = label_bench.slides[0]
    grades = np.arange(len(label_bench.patches[slide])) % 4
    label_bench.scored(slide, {"steatosis": sure(grades, "steatosis")})
    predicted = predictions.of_slide(slide)
    assert sorted(predicted.patch_id.tolist()) == label_bench.patches[slide]
    assert set(predicted.probabilities) == {"steatosis"}
    for patch, grade in zip(label_bench.patches[slide], grades, strict=True):
        assert predicted.of_patch(patch)["steatosis"].argmax() == grade
    assert predicted.of_patch(10**9) == {}


def test_a_patch_that_was_not_assessed_has_no_prediction(label_bench, predictions):
    slide = label_bench.slides[0]
    table = steatosis(label_bench, slide)
    table["steatosis"][3] = np.nan
    label_bench.scored(slide, table)
    assert predictions.of_slide(slide).of_patch(label_bench.patches[slide][3]) == {}


def test_the_newest_score_of_the_model_asked_for_is_read(label_bench, predictions):
    slide = label_bench.slides[0]
    first = label_bench.scored(slide, steatosis(label_bench, slide, 0), "first")
    label_bench.scored(slide, steatosis(label_bench, slide, 1), "second")
    label_bench.scored(slide, steatosis(label_bench, slide, 2), "first")
    assert predictions.of_slide(slide).probabilities["steatosis"][0].argmax() == 2
    assert predictions.of_slide(slide, first).model_name == "first"
    label_bench.scored(slide, steatosis(label_bench, slide, 3), "second")
    assert predictions.of_slide(slide, first).probabilities["steatosis"][0].argmax() == 2
    assert predictions.of_slide(slide).probabilities["steatosis"][0].argmax() == 3


def test_slides_are_compared_by_one_model_that_scored_most_of_them(label_bench, predictions):
    first_slide, other = label_bench.slides
    most = label_bench.scored(first_slide, steatosis(label_bench, first_slide), "most")
    label_bench.scored(other, steatosis(label_bench, other), "most")
    label_bench.scored(first_slide, steatosis(label_bench, first_slide, 3), "newest")
    assert {predicted.model_id for predicted in predictions.of_slides(label_bench.slides)} == {most}
    assert predictions.scored_by(label_bench.slides)[0].slide_ids == (first_slide, other)


def test_patches_laid_anew_since_have_no_predictions(label_bench, predictions):
    first_slide, other = label_bench.slides
    label_bench.scored(first_slide, steatosis(label_bench, first_slide))
    label_bench.scored(other, steatosis(label_bench, other))
    with label_bench.db.begin() as session:
        session.execute(update(Patch).where(Patch.id == label_bench.patches[first_slide][0]).values(row=77))
        session.execute(delete(Patch).where(Patch.id == label_bench.patches[other][0]))
    assert predictions.of_slide(first_slide) is None
    assert predictions.of_slide(other) is None


def test_a_score_whose_file_is_gone_says_so_and_does_not_hide_the_others(label_bench, predictions):
    first_slide, other = label_bench.slides
    model = label_bench.scored(first_slide, steatosis(label_bench, first_slide))
    label_bench.scored(other, steatosis(label_bench, other))
    with label_bench.db.begin() as session:
        session.execute(update(Score).where(Score.slide_id == first_slide).values(file="gone.safetensors"))
    with pytest.raises(LabError, match="is gone"):
        predictions.of_slide(first_slide, model)
    assert [predicted.slide_id for predicted in predictions.of_slides(label_bench.slides)] == [other]


def test_reading_predictions_loads_no_torch():
    """In a process of its own, as the application's is."""
    code = (
        "import sys, tempfile, pathlib\n"
        "from tests.label_bench import make_label_bench, sure\n"
        "from mmdnet.workflows.scoring.predictions import Predictions\n"
        "import numpy as np\n"
        "bench = make_label_bench(pathlib.Path(tempfile.mkdtemp()), patches=4)\n"
        "bench.scored(bench.slides[0], {'steatosis': sure(np.array([0, 1, 2, 3]), 'steatosis')})\n"
        "assert Predictions(bench.services).of_slide(bench.slides[0]).patch_id.size == 4\n"
        "assert 'torch' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr

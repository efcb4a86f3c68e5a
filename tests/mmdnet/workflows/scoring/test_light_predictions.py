"""Which model plans and suggestions go by."""

from datetime import UTC, datetime, timedelta

import numpy as np
from safetensors.numpy import save_file

from db.models import LightModel
from mmdnet.workflows.scoring.light_predictions import ModelsInView, light_folder, slide_file
from mmdnet.workflows.scoring.predictions import Predictions
from tests.label_bench import sure


def make_light(bench, number=1, made_at=None):
    """A version that says grade 3 of every patch of the first slide."""
    with bench.db.begin() as session:
        session.add(
            LightModel(
                project_id=bench.project, number=number, job_id="j", backbone="b", backbone_sha256="a",
                heads_sha256="h" * 64, labels=30, label_set={}, estimate={}, created_at=made_at or datetime.now(UTC),
            )
        )  # fmt: skip
    folder = light_folder(bench.services.settings, bench.project, number)
    folder.mkdir(parents=True)
    slide = bench.slides[0]
    told = sure(np.full(30, 3), "steatosis").astype(np.float32)
    save_file({"patch_id": np.array(bench.patches[slide]), "steatosis": told}, slide_file(folder, slide))


def test_the_model_that_was_made_last_is_followed(label_bench):
    bench = label_bench
    models = ModelsInView(bench.services, Predictions(bench.services))
    assert models.followed(bench.project, bench.slides) is None
    bench.scored(bench.slides[1], {"steatosis": sure(np.zeros(30, int), "steatosis")})
    assert models.followed(bench.project, bench.slides).title == "first"
    make_light(bench, 1, datetime.now(UTC) - timedelta(days=1))
    assert models.followed(bench.project, bench.slides).title == "first"
    make_light(bench, 2, datetime.now(UTC) + timedelta(seconds=1))
    followed = models.followed(bench.project, bench.slides)
    assert (followed.title, followed.slide_ids) == ("light model 2", (bench.slides[0],))
    (told,) = models.of_slides(bench.project, followed, bench.slides)
    assert told.of_patch(bench.patches[bench.slides[0]][0])["steatosis"].argmax() == 3


def test_a_damaged_file_counts_as_a_slide_nobody_has_looked_at(label_bench):
    bench = label_bench
    make_light(bench)
    models = ModelsInView(bench.services, Predictions(bench.services))
    slide_file(light_folder(bench.services.settings, bench.project, 1), bench.slides[0]).write_bytes(b"no")
    followed = models.followed(bench.project, bench.slides)
    assert models.of_slides(bench.project, followed, bench.slides) == []

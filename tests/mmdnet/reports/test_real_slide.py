"""From a real liver slide to its report, with a network whose weights are still random."""

import json
from dataclasses import asdict
from itertools import islice

import cv2
import numpy as np
import pytest
import torch

from mmdnet.nn.card import ModelCard
from mmdnet.nn.mmdnet import MMDNet
from mmdnet.reports.build import build_report
from mmdnet.reports.csv import to_csv
from mmdnet.reports.geojson import report_geojson
from mmdnet.reports.html import ReportPictures, to_html
from mmdnet.reports.inputs import ReportInputs, ReportSlide
from mmdnet.reports.schema import Report, canonical_json
from mmdnet.scoring.heat import MapFrame, attention_legend, heat_png, relative_attention
from mmdnet.scoring.result import SlideScore
from mmdnet.scoring.slide import score_slide
from mmdnet.slides.measures.tissue import find_tissue
from mmdnet.slides.patches import lay_patches
from mmdnet.slides.readers.open import open_slide
from tests.mmdnet.reports.crafted import NOW
from tests.nas import NAMES


@pytest.fixture(scope="module")
def card():
    return ModelCard(
        name="random", backbone="small", bag_size=16, head="corn", projection=16, attention_hidden=8, dropout=0.5,
        tasks={"ballooning": 3, "inflammation": 4, "steatosis": 4}, trained_tasks=NAMES,
        label_set_sha256="0" * 64, split={}, weights_sha256="f" * 64,
    )  # fmt: skip


def test_a_real_slide_goes_all_the_way_to_its_report(real_data, card, tmp_path):
    torch.manual_seed(0)
    with open_slide(real_data / "slides" / "liver_he_fields.svs") as slide:
        facts, tissue = slide.facts, find_tissue(slide)
        grid, places = lay_patches(slide, tissue)
        given = list(islice(slide.read_patches(places, grid), 40))
        thumbnail = cv2.imencode(".jpg", slide.thumbnail(400)[:, :, ::-1])[1].tobytes()
    score_slide(MMDNet(card.architecture), card, given, places, grid).save(tmp_path / "1.safetensors")
    score = SlideScore.load(tmp_path / "1.safetensors")
    assert score.summary.assessed_patches == 40
    assert score.summary.set_aside == len(places) - 40

    slide = ReportSlide(
        **asdict(facts.kept()), slide_id=1, name=facts.path.name, tissue_mm2=tissue.area_mm2,
        core_length_mm=tissue.core_length_mm, fat_area_share=0.2, patch_px=299, patch_mpp=0.5,
    )  # fmt: skip
    inputs = ReportInputs(
        slide=slide,
        score_id=1,
        scored_at=NOW,
        made_at=NOW,
        score=score.summary,
        arrays=score.arrays,
        places=places,
        patch_ids=list(range(len(places))),
        card=card,
    )
    report = build_report(inputs)
    assert Report.model_validate(json.loads(canonical_json(report))) == report
    x, y = (np.array([getattr(place, axis) for place in places]) for axis in ("x_px0", "y_px0"))
    frame = MapFrame(facts.width_px0, facts.height_px0, x, y, *grid.side_px0)
    attention = score.arrays.attention["steatosis"]
    png = heat_png(frame, relative_attention(attention), attention_legend(attention), 400)
    page = to_html(report, ReportPictures(thumbnail, {"steatosis": png}, frame))
    assert "liver_he_fields.svs" in page
    assert "Research use only" in to_csv(report)
    assert len(json.loads(report_geojson(report, inputs, (0, 0), grid.side_px0))["features"]) == 40

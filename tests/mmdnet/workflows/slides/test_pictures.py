"""Encoded pictures of slides."""

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest

from mmdnet.errors import LabError
from mmdnet.slides.facts import StatedFacts
from mmdnet.slides.readers.open import open_slide
from mmdnet.workflows.slides import pictures
from mmdnet.workflows.slides.ingest.register import slide_row
from mmdnet.workflows.slides.pictures import OpenSlides, encode_jpeg, outlined_png


@pytest.fixture
def slide(lab, tissue_png) -> int:
    return lab.slides.register(lab.projects.create("Test").id, tissue_png(), StatedFacts(mpp=0.5))[0].slide_id


def decoded(data: bytes, how: int = cv2.IMREAD_COLOR) -> np.ndarray:
    return cv2.imdecode(np.frombuffer(data, np.uint8), how)


def test_a_patch_is_shown_at_its_size_or_with_its_surroundings(lab, slide):
    patch = lab.slides.patches(slide)[0]
    alone = lab.slides.pictures.patch_pixels(patch.id)
    around = lab.slides.pictures.patch_pixels(patch.id, context=3.0, px=897)
    assert (alone.shape, around.shape) == ((299, 299, 3), (897, 897, 3))
    assert np.array_equal(around[299:598, 299:598], alone)
    assert decoded(lab.slides.pictures.patch_jpeg(patch.id, px=64)).shape == (64, 64, 3)


@pytest.mark.parametrize(("context", "px"), [(0.5, None), (9.5, None), (1.0, 15), (1.0, 4096)])
def test_a_patch_is_not_drawn_at_any_size_asked_for(lab, slide, context, px):
    with pytest.raises(LabError, match="1 to 9 times"):
        lab.slides.pictures.patch_pixels(lab.slides.patches(slide)[0].id, context, px)


def test_a_thumbnail_an_overlay_and_the_deep_zoom_are_of_one_slide(lab, slide):
    assert decoded(lab.slides.pictures.thumbnail(slide, 90)).shape == (90, 90, 3)
    veil = decoded(lab.slides.pictures.tissue_overlay(slide), cv2.IMREAD_UNCHANGED)
    assert veil[0, 0, 3] == 150 and veil[len(veil) // 2, len(veil) // 2, 3] == 0
    info = lab.slides.pictures.zoom_info(slide)
    assert (info["width"], info["max_level"]) == (900, 10)
    assert decoded(lab.slides.pictures.zoom_tile(slide, 10, 1, 1)).shape == (388, 388, 3)
    with pytest.raises(LabError, match="no tile"):
        lab.slides.pictures.zoom_tile(slide, 10, 2, 0)


def test_a_small_picture_is_made_once_and_anew_after_a_month_with_what_is_no_longer_used_gone(lab, slide, monkeypatch):
    made = []
    monkeypatch.setattr(pictures, "overview_jpeg", lambda *asked: made.append(asked[2]) or b"jpeg %d" % len(made))
    small = lab.slides.pictures.thumbnail
    assert [small(slide, 160), small(slide, 160), small(slide, 161)] == [b"jpeg 1", b"jpeg 1", b"jpeg 2"]
    assert [small(slide, 900), small(slide, 900)] == [b"jpeg 3", b"jpeg 4"]
    folder = lab.settings.folder("cache") / pictures.SMALL_PICTURES
    long_ago = time.time() - pictures.KEPT_S - 60
    for file in folder.iterdir():
        os.utime(file, (long_ago, long_ago))
    assert small(slide, 160) == b"jpeg 5"
    assert len(list(folder.iterdir())) == 1


def test_a_small_picture_is_shown_where_none_can_be_kept(lab, slide, monkeypatch):
    def full(*asked):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pictures, "write_aside", full)
    assert decoded(lab.slides.pictures.thumbnail(slide, 90)).shape == (90, 90, 3)


def test_the_slides_last_looked_at_are_kept_open(lab, tissue_png):
    kept, settings = OpenSlides(limit=2), lab.settings
    slides = []
    for number in range(3):
        with open_slide(tissue_png(f"{number}.png", 300, number), mpp=0.5) as reader:
            slides.append(slide_row(reader.facts, project_id=1))
    first, second = (kept.get(slide, settings)[0] for slide in slides[:2])
    assert kept.get(slides[0], settings)[0] is first
    kept.get(slides[2], settings)
    assert kept.get(slides[0], settings)[0] is first
    assert kept.get(slides[1], settings)[0] is not second


def test_a_slide_whose_levels_are_being_made_holds_up_no_other(lab, tissue_png, monkeypatch):
    kept, slides = OpenSlides(limit=2), []
    for number in range(2):
        with open_slide(tissue_png(f"{number}.png", 300, number), mpp=0.5) as reader:
            slides.append(slide_row(reader.facts, project_id=1))
    begun, go_on = threading.Event(), threading.Event()

    def made_slowly(reader, settings):
        if reader.facts.fingerprint == slides[0].fingerprint:
            begun.set()
            assert go_on.wait(30)
        return reader

    monkeypatch.setattr(pictures, "with_reduced", made_slowly)
    with ThreadPoolExecutor() as pool:
        slow = [pool.submit(kept.get, slides[0], lab.settings) for _ in range(3)]
        try:
            assert begun.wait(30)
            assert pool.submit(kept.get, slides[1], lab.settings).result(timeout=30)
        finally:
            go_on.set()
        assert len({id(future.result()[0]) for future in slow}) == 1


def test_purple_beside_pink_keeps_its_edge():
    stripes = np.full((64, 64, 3), (205, 150, 190), np.uint8)
    stripes[:, ::2] = (90, 50, 130)
    back = cv2.cvtColor(decoded(encode_jpeg(stripes)), cv2.COLOR_BGR2RGB)
    assert np.abs(back.astype(int) - stripes).mean() < 6


def test_a_tiny_overview_is_enlarged_and_its_mask_outlined():
    mask = np.zeros((20, 30), bool)
    mask[8:12, 10:20] = True
    picture = decoded(outlined_png(np.full((20, 30, 3), 240, np.uint8), mask))
    assert picture.shape == (160, 240, 3)
    assert (picture == (15, 134, 207)).all(axis=2).any()

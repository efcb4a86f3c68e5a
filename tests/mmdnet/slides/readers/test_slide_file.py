"""A slide's file through OpenSlide: its facts, or a reason why not."""

import pytest

from mmdnet.slides.readers.open import open_slide


def test_bad_slides_are_refused_with_a_reason_each(real_data, refusal):
    bad = real_data / "bad_slides"
    assert "no slide" in refusal(bad / "broken.svs")
    assert "damaged" in refusal(bad / "unopenable.tiff")
    assert "cannot be decoded" in refusal(bad / "unreadable.svs")


def test_a_far_too_coarse_slide_is_refused_with_its_scale(real_data, refusal):
    assert "28.97" in refusal(real_data / "slides" / "camelyon_overview_29um.dcm")


def test_the_real_slides_open_with_their_facts(real_data):
    with open_slide(real_data / "slides" / "liver_he_fields.svs") as slide:
        assert (slide.facts.vendor, slide.facts.reader, slide.facts.objective) == ("aperio", "jpeg-tiles", 20)
        assert slide.mpp == pytest.approx(0.4942)
        assert [level.downsample_x for level in slide.facts.levels] == [1, 4, 16]
    with open_slide(real_data / "slides" / "cmu-1-small-region.svs") as slide:
        assert (slide.facts.scanner, slide.facts.reader) == ("CPAPERIOCS", "jpeg-tiles")
    with open_slide(real_data / "slides" / "boxes_0.dcm") as slide:
        assert (slide.facts.vendor, slide.facts.reader) == ("dicom", "openslide")

"""What OpenSlide says, and what is not believed of it."""

import json

import pytest

from benchmarks._mosaic import write_mosaic
from mmdnet.slides.readers.open import open_slide
from mmdnet.slides.readers.openslide_source import statements


def test_a_print_resolution_is_no_scale(real_data):
    with open_slide(real_data / "slides" / "boxes.tiff") as slide:
        assert slide.facts.mpp_x is None


def test_a_slide_that_claims_a_million_pixels_a_side_is_refused_before_memory_is_taken(tmp_path, field, refusal):
    resource = pytest.importorskip("resource")
    path = write_mosaic(tmp_path / "absurd.tiff", 2000, 0.25, field, downsamples=(1,))
    data = bytearray(path.read_bytes())
    for tag in (256, 257):
        at = data.rindex(tag.to_bytes(2, "little") + (4).to_bytes(2, "little") + (1).to_bytes(8, "little"))
        data[at + 12 : at + 20] = (1_000_000).to_bytes(8, "little")
    path.write_bytes(data)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert "1000000 × 1000000" in refusal(path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000  # KiB


def test_a_simulated_slide_says_its_staining_run():
    said = {"mmdnet": {"simulated": True, "staining_run": "North run 2", "patient": "P1"}}
    properties = {"tiff.ImageDescription": json.dumps(said)}
    assert (statements(properties).staining_run, statements(properties).patient) == ("North run 2", "P1")
    assert statements({}).staining_run is None

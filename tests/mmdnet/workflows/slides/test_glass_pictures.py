import pytest

from mmdnet.errors import LabError
from mmdnet.slides.facts import StatedFacts


def test_pictures_are_named_and_given_and_none_of_a_file_in_its_place(lab, real_data, tmp_path, tissue_png):
    project = lab.projects.create("Test").id
    place = tmp_path / "scan.svs"
    place.write_bytes((real_data / "slides" / "cmu-1-small-region.svs").read_bytes())
    scan = lab.slides.register(project, place, measure=False)[0].slide_id
    assert lab.slides.glass_pictures.names(scan) == ("label", "macro", "thumbnail")
    assert lab.slides.glass_pictures.get(scan, "label").startswith(b"\x89PNG")
    place.write_bytes((real_data / "slides" / "liver_he_fields.svs").read_bytes())
    with pytest.raises(LabError, match="has changed"):
        lab.slides.glass_pictures.get(scan, "thumbnail")
    picture = lab.slides.register(project, tissue_png(), StatedFacts())[0].slide_id
    assert lab.slides.glass_pictures.names(picture) == ()

"""What cannot be de-identified for certain is refused, and leaves the original as it was and nothing else."""

import pytest
import tifffile

from benchmarks._drawn import reduced, tissue
from mmdnet.errors import LabError
from mmdnet.slides import deidentified_tiff
from mmdnet.slides.deidentify import deidentify
from tests.mmdnet.slides.test_deidentified_tiff import write_svs


def test_what_cannot_be_shown_is_refused_and_leaves_nothing(tmp_path, monkeypatch, real_data):
    levels = reduced(tissue(700, 500), 2)
    slide = write_svs(tmp_path / "a.svs", levels)
    here = set(tmp_path.iterdir())
    for wrong, words in (
        (slide, "there already"),
        (tmp_path / "no" / "b.svs", "is not there"),
        (tmp_path / "b.png", "end"),
    ):
        with pytest.raises(LabError, match=words):
            deidentify(slide, wrong)
    strips = tmp_path / "strips.tiff"
    tifffile.imwrite(strips, levels[0], photometric="rgb", resolution=(20000, 20000), resolutionunit="CENTIMETER")
    with pytest.raises(LabError, match="cannot be de-identified"):
        deidentify(strips, tmp_path / "c.tiff")
    with pytest.raises(LabError, match="only the maker knows"):
        deidentify(real_data / "liver_he" / "tile01_HE.jpg", tmp_path / "c.jpg")
    monkeypatch.setattr(deidentified_tiff, "more_than_pixels", lambda tile: "a comment")
    with pytest.raises(LabError, match="more than pixels"):
        deidentify(slide, tmp_path / "c.svs")

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(deidentified_tiff, "write_page", full)
    with pytest.raises(LabError, match="No space left"):
        deidentify(slide, tmp_path / "c.svs")
    assert set(tmp_path.iterdir()) == here | {strips}

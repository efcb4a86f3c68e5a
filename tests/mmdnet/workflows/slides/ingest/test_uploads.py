"""Files of a browser: stored under their hash, or refused in a sentence and not kept."""

from pathlib import Path

import pytest

from mmdnet.slides.facts import StatedFacts
from mmdnet.workflows.slides.ingest import uploads


@pytest.fixture
def project(lab) -> int:
    return lab.projects.create("Test").id


def kept(lab) -> list[Path]:
    return sorted(lab.settings.folder("uploads").iterdir())


def test_an_upload_is_stored_under_its_hash_and_a_refused_one_not_at_all(lab, project, tissue_png):
    data = tissue_png().read_bytes()
    outcome = lab.slides.uploads.add(project, "../../etc/evil name.png", data, StatedFacts(mpp=0.5))
    slide = lab.slides.get(outcome.slide_id)
    assert (slide.name, [Path(slide.path)]) == ("evil name.png", [file.resolve() for file in kept(lab)])
    refused = lab.slides.uploads.add(project, "x.png", b"nothing")
    assert refused.slide_id is None and refused.problem.startswith("x.png was not added")
    assert len(kept(lab)) == 1


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("x.exe", ".exe is no slide"),
        ("x", "a file without ending is no slide"),
        ("a.mrxs", "a MIRAX slide is this file and a folder of the same name. Put both on the server"),
        ("a.VMS", "a Hamamatsu slide is this file and the images it names"),
    ],
)
def test_what_one_file_cannot_be_is_refused_before_it_is_stored(lab, project, name, why):
    outcome = lab.slides.uploads.add(project, name, b"anything")
    assert outcome.problem.startswith(f"{name} was not added: {why}")
    assert kept(lab) == []


def test_a_file_that_is_too_large_is_sent_to_the_server_instead(lab, project, monkeypatch):
    monkeypatch.setattr(uploads, "LIMIT_MIB", 0)
    assert "give its path" in lab.slides.uploads.add(project, "large.svs", b"1").problem

"""`mmdnet qupath`: a slide out to a file and its regions in again; what cannot be is one sentence."""

import json

import pytest

from tests.mmdnet.workflows.labelling.exchange.test_qupath import file_of, region
from tests.small_lab import draw_tissue


@pytest.fixture
def tissue(run, tmp_path) -> str:
    """Name of a slide in the lab, of 900 px."""
    code, _, err = run("ingest", str(draw_tissue(tmp_path / "tissue.png")), "--mpp", "0.5", "--json")
    assert code == 0, err
    return "tissue.png"


def test_a_slide_goes_out_and_a_region_of_it_leaves_patches_out(run, tissue, tmp_path):
    out = tmp_path / "tissue.geojson"
    code, said, err = run("qupath", "export", tissue, str(out))
    assert code == 0 and "In QuPath: File, Import objects." in said, err
    kinds = [feature["properties"]["objectType"] for feature in json.loads(out.read_text())["features"]]
    assert kinds.count("tile") > 1
    out.write_bytes(file_of(region(0, 0, 500, 900)))
    code, said, err = run("qupath", "import", tissue, str(out), "--json")
    done = json.loads(said)
    assert code == 0 and (done["included"], done["excluded"], done["labels"]) == (0, 1, 0), err
    assert 0 < done["set_aside"] < kinds.count("tile")


def test_what_is_not_there_or_no_geojson_changes_nothing(run, tissue, tmp_path):
    (tmp_path / "broken.geojson").write_text("{")
    for words, says in {
        ("export", "other.png", "o.geojson"): "no slide called other.png",
        ("export", tissue, str(tmp_path / "nowhere" / "o.geojson")): "nowhere is not there",
        ("export", tissue, str(tmp_path / "o.geojson"), "--reader", "Bob"): "no reader called Bob",
        ("import", tissue, str(tmp_path / "none.geojson")): "cannot be read",
        ("import", tissue, str(tmp_path / "broken.geojson")): "broken.geojson",
    }.items():
        code, out, err = run("qupath", *words)
        assert code == 1 and says in err and "Traceback" not in out + err

"""Folders that slides may be added from are looked into, and nothing beside them."""

import pytest

from mmdnet.errors import LabError
from mmdnet.settings import Settings
from mmdnet.workflows.slides.ingest.folders import look_into
from mmdnet.workflows.slides.ingest.register import allowed_path


@pytest.fixture
def settings(tmp_path):
    for name in ("slides/deep", "slides/.hidden", "else"):
        (tmp_path / name).mkdir(parents=True)
    for name in ("slides/b.svs", "slides/notes.txt", "slides/a b.tif", "else/c.svs"):
        (tmp_path / name).write_bytes(b"")
    return Settings(home=tmp_path / "home", slide_roots=(tmp_path / "slides",))


def test_a_person_goes_down_and_up_and_never_out(settings, tmp_path):
    top = look_into(settings, None)
    assert top.path is None and top.folders == (str(tmp_path / "slides"),)
    inside = look_into(settings, top.folders[0])
    assert (inside.folders, inside.files, inside.above) == (("deep",), ("a b.tif", "b.svs"), None)
    assert look_into(settings, f"{inside.path}/deep").above == inside.path
    for outside in (tmp_path / "else", tmp_path, f"{inside.path}/../else", "/"):
        with pytest.raises(LabError, match="does not lie in a folder"):
            look_into(settings, str(outside))
    with pytest.raises(LabError, match="cannot be looked into"):
        look_into(settings, f"{inside.path}/b.svs")


@pytest.mark.parametrize("typed", ["{}", "  {}  ", '"{}"', "'{}' ", "file://{}", " file://{}\n"])
def test_a_path_is_read_as_people_type_and_copy_it(settings, tmp_path, typed, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    file = tmp_path / "slides" / "a b.tif"
    assert allowed_path(settings, typed.format(file)) == file
    assert allowed_path(settings, typed.format("~/slides/b.svs").replace("file://", "")) == tmp_path / "slides/b.svs"
    with pytest.raises(LabError, match="does not lie"):
        allowed_path(settings, typed.format(tmp_path / "else" / "c.svs"))

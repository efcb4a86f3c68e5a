"""Where weights may lie: a folder, or a hub's id among what was fetched before; from pages only where slides may."""

from pathlib import Path

import pytest

from mmdnet.augment.weights_folder import examine_folder
from mmdnet.errors import LabError
from mmdnet.settings import Settings
from mmdnet.workflows.augmenting.weights_place import weights_folder


def test_a_command_reads_any_folder_and_keeps_where_it_lies(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert weights_folder(Settings(home=tmp_path / "home"), Path("sd")) == tmp_path / "sd"


def test_pages_read_weights_from_named_folders_alone_and_tell_nothing_of_others(tmp_path):
    settings = Settings(home=tmp_path / "home").for_pages()
    inside = tmp_path / "home" / "weights" / "sd"
    assert weights_folder(settings, inside) == inside
    said = set()
    (tmp_path / "there").mkdir()
    for name in ("there", "nowhere", "home/weights/../../there"):
        with pytest.raises(LabError, match="lies in none of them") as refusal:
            weights_folder(settings, tmp_path / name)
        said.add(str(refusal.value).replace(str(tmp_path / name), "X"))
    assert len(said) == 1


def test_a_hubs_id_is_found_among_what_was_fetched_and_else_is_said_how_to_fetch(tmp_path, monkeypatch, weights):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(LabError, match="hf download someone/tissue"):
        weights_folder(Settings(home=tmp_path), Path("someone/tissue"))
    commit = "a" * 40
    kept = tmp_path / "models--someone--tissue"
    (kept / "refs").mkdir(parents=True)
    (kept / "refs" / "main").write_text(commit)
    (kept / "snapshots").mkdir()
    (kept / "snapshots" / commit).symlink_to(weights)
    place = weights_folder(Settings(home=tmp_path).for_pages(), Path("someone/tissue"))
    assert examine_folder(place).name == "someone/tissue"

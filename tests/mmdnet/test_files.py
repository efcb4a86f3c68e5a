"""No reader ever meets half of a file."""

import pytest

from mmdnet.files import moved_into_place, sha256_of, write_aside


def test_a_file_is_written_whole_and_nothing_stays_beside_it(tmp_path):
    write_aside(tmp_path / "a.txt", "grün")
    assert (tmp_path / "a.txt").read_bytes() == "grün".encode()
    assert [file.name for file in tmp_path.iterdir()] == ["a.txt"]


def test_what_was_there_stays_when_the_making_fails(tmp_path):
    target = tmp_path / "a.txt"
    target.write_text("old")
    with pytest.raises(RuntimeError), moved_into_place(target) as aside:
        aside.write_text("half")
        raise RuntimeError
    assert target.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["a.txt"]


def test_a_folder_takes_the_place_of_the_one_before(tmp_path):
    target = tmp_path / "model"
    target.mkdir()
    (target / "old").write_text("old")
    with moved_into_place(target) as aside:
        aside.mkdir()
        (aside / "new").write_text("new")
    assert [file.name for file in target.iterdir()] == ["new"]


def test_a_file_in_the_way_that_cannot_be_made_is_an_error_of_the_system(tmp_path):
    with pytest.raises(OSError):
        write_aside(tmp_path / "no folder" / "a.txt", "a")


def test_the_hash_is_that_of_the_bytes(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    assert sha256_of(tmp_path / "a") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

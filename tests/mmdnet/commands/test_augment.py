"""`mmdnet augment` says what it would make, or why not."""

from tests.diffusion_folder import make_folder
from tests.small_lab import draw_tissue


def test_a_check_says_what_would_be_made_and_a_wrong_folder_is_one_sentence(run, tmp_path):
    slide = draw_tissue(tmp_path / "slide.png")
    assert run("ingest", str(slide), "--mpp", "0.5")[0] == 0
    code, _, err = run("augment", "--weights", str(tmp_path / "away"))
    assert code == 1 and "There is no folder" in err and err.count("\n") == 1
    weights = make_folder(tmp_path / "sd")
    code, _, err = run("augment", "--weights", str(weights))
    assert code == 1 and "no labels to learn from" in err


def test_a_choice_is_written_with_an_equals_sign(run, tmp_path):
    run("ingest", str(draw_tissue(tmp_path / "slide.png")), "--mpp", "0.5")
    code, _, err = run("augment", "--weights", str(tmp_path), "--set", "strength")
    assert code == 1 and "strength is no choice" in err

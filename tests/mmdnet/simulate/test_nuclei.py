import numpy as np

from mmdnet.simulate.sprites import KIND, VARIANTS


def test_nuclei_are_sorted_by_y_and_each_has_a_picture(made):
    nuclei = made.scene.nuclei
    assert (np.diff(nuclei.xy[:, 1]) >= 0).all()
    variants = {number: VARIANTS[name] for name, number in KIND.items()}
    assert all(0 <= variant < variants[kind] for kind, variant in zip(nuclei.kind, nuclei.variant, strict=True))


def test_a_focus_is_dense_with_lymphocytes(made):
    nuclei = made.scene.nuclei
    lymphocytes = nuclei.xy[nuclei.kind == KIND["lymphocyte"]]
    for x, y, radius in made.scene.foci:
        assert (np.hypot(lymphocytes[:, 0] - x, lymphocytes[:, 1] - y) < radius * 1.3).sum() >= 6


def test_what_is_kept_keeps_its_kind(made):
    nuclei = made.scene.nuclei
    kept = nuclei.kind == KIND["hepatocyte"]
    some = nuclei.where(kept)
    assert len(some.xy) == kept.sum() and set(some.kind) == {KIND["hepatocyte"]}

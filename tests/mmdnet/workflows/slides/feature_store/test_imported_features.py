"""Features made elsewhere stand for those computed here, and only where they are the same."""

import h5py
import numpy as np
import pytest

from mmdnet.errors import LabError
from mmdnet.progress import silent
from mmdnet.slides.facts import StatedFacts
from mmdnet.workflows.job_kinds import run_job
from mmdnet.workflows.job_specs import ImportFeaturesSpec
from mmdnet.workflows.services import Services
from mmdnet.workflows.slides.feature_store import features as module
from mmdnet.workflows.slides.feature_store.embedding import slide_features
from mmdnet.workflows.slides.stores import feature_stores
from tests.small_lab import JobInProcess


def test_features_of_another_program_are_proven_kept_and_used(lab, tissue_png, tmp_path, monkeypatch):
    project = lab.projects.create("P").id
    slide = lab.slides.register(project, tissue_png(side=650), StatedFacts(mpp=0.5))[0].slide_id
    data, patches = lab.slides.imported.coordinates(slide)
    services = Services(lab.settings, lab.db, None)
    own = slide_features(services, slide, silent).values
    for store in feature_stores(lab.settings):
        store.prune(0)
    path = tmp_path / "a.h5"
    path.write_bytes(data)
    with h5py.File(path, "a") as file:  # as another program has them: not normalised, on another scale
        file["features"] = own[np.isfinite(own).all(axis=1)] * 3 + 0.5
        file.attrs["encoder"] = "lite0"
    bring = lab.slides.imported.bring
    with pytest.raises(LabError, match=r"weights of UNI are not in this lab.*mmdnet backbones get UNI"):
        bring(slide, path, "UNI")
    turned = tmp_path / "b.h5"
    turned.write_bytes(path.read_bytes())
    with h5py.File(turned, "a") as file:
        file["features"][...] = file["features"][()][::-1]
    with pytest.raises(LabError, match="are not what efficientnet-lite0 gives of these patches here"):
        bring(slide, turned)
    short = tmp_path / "c.h5"
    short.write_bytes(path.read_bytes())
    with h5py.File(short, "a") as file:
        table = file["features"][:, :9]
        del file["features"]
        file["features"] = table
    with pytest.raises(LabError, match="are 9 numbers long and those of efficientnet-lite0 1280"):
        bring(slide, short)
    assert not feature_stores(lab.settings)[0].list()

    job = lab.jobs.get(lab.slides.imported.submit(slide, "a [x](y).h5", path.read_bytes()))
    (sent,) = (lab.settings.folder("jobs") / "incoming").iterdir()
    assert job.kind == ImportFeaturesSpec.kind and "a [x]" not in sent.name
    context = JobInProcess(lab.settings, tmp_path / "job", "a")
    told = {"slide_id": slide, "file": sent.name, "shown": "a.h5", "backbone": "efficientnet-lite0"}
    run_job(ImportFeaturesSpec.kind, told, context)
    assert f"for {patches} of {len(own)} patches" in context.told[-1][1] and not sent.exists()

    monkeypatch.setattr(module, "_compute", lambda *given: pytest.fail("computed again"))
    kept = slide_features(services, slide, silent)
    assert kept.engines == ("TRIDENT, lite0",)
    assert np.allclose(kept.values, own, atol=5e-3, equal_nan=True)


def test_a_slide_without_patches_is_told(lab, tissue_png, tmp_path):
    slide = lab.slides.register(lab.projects.create("P").id, tissue_png(side=300))[0].slide_id
    for ask in (lambda: lab.slides.imported.coordinates(slide), lambda: lab.slides.imported.bring(slide, tmp_path)):
        with pytest.raises(LabError, match="has no patches"):
            ask()

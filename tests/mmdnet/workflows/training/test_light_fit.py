"""A version is made only where there is something to learn from and to learn on."""

from mmdnet.workflows.slides.feature_store.extractor import Extractor
from mmdnet.workflows.training.light_fit import fit_version
from tests.label_bench import grade_all
from tests.small_lab import JobInProcess


def test_labels_without_features_or_of_one_grade_make_no_version(label_bench, tmp_path):
    grade_all(label_bench, 0, [1] * 20)
    extractor = Extractor.frozen("efficientnet-lite0", 299)
    context = JobInProcess(label_bench.services.settings, tmp_path)
    assert fit_version(label_bench.services, context, label_bench.project, extractor) is None
    assert not (label_bench.services.settings.home / "light").exists()

"""What stands beside and under patches with maps; the switch itself is gone through in `tests/pages/test_report.py`."""

from streamlit.testing.v1 import AppTest

from tests.pages.conftest import texts


def maps_of_a_report():
    import numpy as np

    from mmdnet.reports.build import build_report
    from mmdnet.scoring.cam.deletion import Deletion
    from mmdnet.scoring.cam.evidence_maps import PatchMap
    from tests.mmdnet.reports import crafted
    from ui.report import patch_maps

    shown = build_report(crafted.inputs()).evidence[0]
    first, second = shown.top[:2]
    maps = {first.place: PatchMap(np.zeros((4, 4), np.uint8), 1, Deletion(0.9, 0.1, 0.8))}
    patch_maps.about(3, shown, maps)
    patch_maps.under(first, maps)
    patch_maps.under(second, maps)


def test_a_map_stands_with_its_test_and_with_what_it_does_not_say():
    app = AppTest.from_function(maps_of_a_report, default_timeout=60).run()
    assert not app.exception
    words = texts(app)
    for phrase in (
        "1 patch tested: probability 90 %",
        "masked 10 %, elsewhere 80 %",
        "no map: the patch could not be read",
        "outlines no lesion",
    ):
        assert phrase in words, phrase

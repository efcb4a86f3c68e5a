"""Parts of the Report page, drawn from a report made by hand."""

from streamlit.testing.v1 import AppTest

from tests.pages.conftest import texts


def parts_of_a_report(untrained: tuple[str, ...] = (), **facts):
    """Draw what needs no lab."""
    from mmdnet.reports.build import build_report
    from tests.mmdnet.reports import crafted
    from ui.report import headline
    from ui.report import report as parts

    given = crafted.without(*untrained) if untrained else crafted.inputs(slide=crafted.slide(**facts))
    report = build_report(given)
    headline.headline(report, [])
    for feature in report.features:
        parts.feature_block(report, feature)
    parts.quantities(report)
    parts.notes_and_limits(report)
    parts.provenance(report)


def drawn(**given) -> str:
    app = AppTest.from_function(parts_of_a_report, kwargs=given, default_timeout=60).run()
    assert not app.exception
    return texts(app)


def test_the_headline_has_the_nas_with_its_interval_and_every_grade_its_criterion():
    words = drawn()
    assert "<b>5</b>" in words and "90 % interval 4–6 of 0–8" in words
    for phrase in (
        "2–4 foci per 200× field",
        "Dr Okafor",
        "Continuous score 2.1 (90 % interval 1.8–2.3)",
        "not signed",
    ):
        assert phrase in words, phrase
    assert "- Patches set aside: pen mark 1." in words


def test_a_feature_the_model_was_not_trained_on_is_said_to_be_absent_with_the_nas():
    words = drawn(untrained=("ballooning",))
    assert "No NAS: ballooning not assessed." in words
    assert "Ballooning: not assessed: the model was not trained on this feature" in words


def test_what_speaks_against_the_grades_is_a_warning():
    words = drawn(fat_area_share=0.001, stain="Masson trichrome")
    assert "Little tissue: 11 patches." in words
    assert "measured fat covers 0.1 % of the tissue" in words
    assert "no slide with this stain (Masson trichrome)" in words

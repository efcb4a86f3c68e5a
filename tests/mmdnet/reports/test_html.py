import re
from dataclasses import replace
from html.parser import HTMLParser

import cv2
import numpy as np
import pytest

from mmdnet.reports import html
from mmdnet.reports.build import build_report
from mmdnet.reports.html import ReportPictures, grade_graph, to_html
from mmdnet.reports.model_card import model_card
from mmdnet.reports.patch_maps import ReportMaps
from mmdnet.reports.schema import report_sha256
from mmdnet.scoring.heat import MapFrame
from tests.mmdnet.reports import crafted
from tests.mmdnet.reports.crafted import PLACES, defended, inputs, maps_of, not_reportable, slide, without
from tests.mmdnet.reports.test_schema import signature

VOID = {"meta", "img", "br", "input", "link", "hr", "col"}


class Checker(HTMLParser):
    """Every element that opens also closes; collects addresses and text."""

    def __init__(self):
        super().__init__()
        self.open, self.addresses, self.words, self.tags = [], [], [], set()

    def handle_startendtag(self, tag, attrs):
        self.tags.add(tag)
        self.addresses += [value for key, value in attrs if key in {"src", "href", "action"}]

    def handle_starttag(self, tag, attrs):
        self.handle_startendtag(tag, attrs)
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] != "style":
            self.words.append(data.strip())


def read(text: str) -> Checker:
    checker = Checker()
    checker.feed(text)
    assert checker.open == []
    return checker


def pictures() -> ReportPictures:
    jpeg = cv2.imencode(".jpg", np.full((20, 30, 3), 200, np.uint8))[1].tobytes()
    png = cv2.imencode(".png", np.full((20, 30, 4), 200, np.uint8))[1].tobytes()
    x, y = (np.array([getattr(place, axis) for place in PLACES]) for axis in ("x_px0", "y_px0"))
    frame = MapFrame(2000, 1200, x, y, 299.0, 299.0)
    return ReportPictures(jpeg, {"steatosis": png}, frame, {510: jpeg}, {510: "http://127.0.0.1:8501/slides?patch=510"})


def test_the_page_is_whole_and_fetches_nothing():
    text = to_html(build_report(inputs()), pictures())
    page = read(text)
    outside = [
        address for address in page.addresses if not address.startswith(("data:image/", "#", "http://127.0.0.1:8501/"))
    ]
    assert outside == []
    assert "script" not in page.tags
    assert "default-src 'none'" in text
    assert not re.search(r"url\((?!data:)|@import", text)


def test_the_ten_blocks_stand_in_order():
    words = " ".join(read(to_html(build_report(inputs()))).words)
    titles = ["Slide", "Features", "NAFLD activity score", "Measured quantities", "Evidence"]
    titles += ["Quality", "Provenance", "Sign-off", "Limits"]
    places = [words.index(f"{number} {title}") for number, title in enumerate(titles, start=1)]
    assert places == sorted(places)


def test_grades_come_with_their_interval_criteria_and_probabilities():
    words = " ".join(read(to_html(build_report(inputs()))).words)
    for part in ("90 % interval 4–6", "2–4 foci per 200× field", "> 99 %", "does not stage fibrosis", "Dr Okafor"):
        assert part in words
    assert words.count("Research use only") == 1
    assert "!" not in words


def test_text_from_files_and_people_cannot_become_markup():
    nasty = '"><script>alert(1)</script>'
    report = build_report(inputs(slide=slide(name=nasty, patient=nasty, scanner="</style><b>")))
    text = to_html(report)
    assert "<script" not in text
    assert "</style><b>" not in text
    assert text.count("</style>") == 1
    assert "script" not in read(text).tags


def test_what_is_absent_is_said_to_be_absent():
    bare = slide(
        stain=None, scanner=None, site=None, patient=None, objective=None, core_length_mm=None, fat_area_share=None,
        tissue_mm2=None, mpp_x=None, mpp_y=None,
    )  # fmt: skip
    words = " ".join(read(to_html(build_report(inputs(slide=bare, human=[])))).words)
    for part in ("stain not recorded", "not measured on this slide", "not read", "picture not included"):
        assert part in words
    assert "None" not in words
    assert not re.search(r"\bnan\b", words)


@pytest.mark.parametrize("names", [("ballooning",), ("ballooning", "inflammation", "steatosis")])
def test_a_model_that_grades_less_than_three_features_still_has_a_report(names):
    words = " ".join(read(to_html(build_report(without(*names)), pictures())).words)
    assert "the model was not trained on this feature" in words
    assert "No NAS" in words


def test_what_speaks_for_a_grade_stands_beside_the_patches_of_the_features_it_was_made_for():
    report, shown = build_report(inputs()), pictures()
    without_maps = to_html(report, shown)
    drawn = replace(shown, on_patches=maps_of(report, "steatosis", shown.slide))
    text = to_html(report, drawn)
    tested = next(evidence for evidence in report.evidence if evidence.task == "steatosis")
    number = len((*tested.top, *tested.low, *tested.random))
    assert text.count("data:image/jpeg") == without_maps.count("data:image/jpeg") + number
    words = " ".join(read(text).words)
    assert words.count("masked 10 %, elsewhere 80 %") == number
    assert words.count("Of the most attended, 6 patches tested: probability 90 %") == 1
    assert "no part of what is signed" in words and "outlines no lesion" in words
    assert "Grad-CAM" not in without_maps and "masked" not in without_maps
    assert report_sha256(report) in text, "maps change nothing of what is signed"


def test_maps_of_a_withheld_feature_stand_without_their_test_and_lost_ones_are_said_to_be():
    report = build_report(not_reportable())
    maps = maps_of(report, "steatosis", pictures().slide)
    words = " ".join(read(to_html(report, replace(pictures(), on_patches=maps))).words)
    assert "these maps stand untested here" in words and "elsewhere 80 %" not in words
    lost = ReportMaps({"inflammation": {}}, {})
    words = " ".join(read(to_html(build_report(inputs()), replace(pictures(), on_patches=lost))).words)
    assert "no map: the patch could not be read" in words


def test_a_simulated_slide_carries_the_band():
    assert "no patient behind it" in to_html(build_report(inputs(slide=slide(simulated=True))))
    assert "no patient behind it" not in to_html(build_report(inputs()))


def test_a_signature_leads_the_page_and_a_changed_report_says_so():
    content = report_sha256(build_report(inputs()))
    same = to_html(build_report(inputs(sign_offs=[signature(content)])))
    assert "Signed by Dr B" in same
    assert "has changed since it was signed" not in same
    assert "the model&#39;s grades accepted" in same
    changed = to_html(build_report(inputs(sign_offs=[signature("0" * 64)])))
    assert "has changed since it was signed" in changed
    assert "Not signed" in to_html(build_report(inputs()))


def test_a_graph_puts_the_score_over_its_grade():
    graph = grade_graph(build_report(inputs()).feature("steatosis"), width=200)
    assert [bar.x for bar in graph.bars] == [25, 75, 125, 175]
    assert graph.point_x == 130
    assert graph.low_x < graph.point_x < graph.high_x
    assert [bar.chosen for bar in graph.bars] == [False, False, True, False]


def test_maps_are_cropped_to_the_tissue_with_a_round_scale_bar():
    crop = html.crop_of(build_report(inputs()), pictures().frame)
    assert crop.width < 2000
    assert crop.bar_words == "100 µm"
    assert crop.bar_px0 == 200


def test_what_an_interval_covers_stands_in_its_own_place():
    html = to_html(build_report(inputs(score=defended())))
    assert "(such held 91 % of 60 graded slides)" in html
    assert html.count("sampling only") >= 2 and "expected NAS" in html
    assert "Second reader advised: a grade lies near a cut" in html
    assert "Probability of a NAS of 1 or more" in html
    before = to_html(build_report(inputs()))
    assert "expected NAS" not in before and "Second reader" not in before


def test_the_models_card_stands_at_the_end_and_is_linked_from_provenance():
    card = model_card(crafted.card(), "A <b>model</b>", "seen once")
    page = to_html(build_report(inputs()), card=card)
    assert page.index('href="#model-card"') < page.index('id="model-card"')
    words = " ".join(read(page).words)
    assert "A <b>model</b>" in words and "seen once" in words and card.summary in words and card.open_words in words
    assert "#model-card" not in to_html(build_report(inputs()))


def test_what_is_not_reportable_is_said_first_and_no_number_of_the_model_is_shown():
    words = " ".join(" ".join(read(to_html(build_report(not_reportable()))).words).split())
    said = (
        "The model's score is not reportable: the model was not validated",
        "Grade slides of patients",
        "Before trusting",
        "– not reportable",
    )
    places = [words.index(part) for part in said]
    assert places == sorted(places)
    assert words.count("withheld: the model's grade is not reportable") >= 2
    assert "No NAS" not in words and "90 % interval 4–6" not in words

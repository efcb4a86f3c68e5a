"""PDFs read back by pypdf: what stands on which page, and that no letter is lost."""

import io
from dataclasses import replace

import cv2
import numpy as np
import pytest
from pypdf import PdfReader

from mmdnet.reports import glyphs
from mmdnet.reports.build import build_report
from mmdnet.reports.html import ReportPictures
from mmdnet.reports.model_card import model_card
from mmdnet.reports.pdf import to_pdf
from mmdnet.reports.schema import report_sha256
from mmdnet.scoring.heat import MapFrame, attention_legend, heat_png, relative_attention
from mmdnet.scoring.validity import judge_validity
from tests.mmdnet.reports import crafted
from tests.mmdnet.reports.crafted import PLACES, defended, inputs, maps_of, not_reportable, slide, without
from tests.mmdnet.reports.test_schema import signature


def pages(data: bytes) -> list[str]:
    return [" ".join(page.extract_text().split()) for page in PdfReader(io.BytesIO(data)).pages]


def pictures() -> ReportPictures:
    def jpeg(height: int, width: int) -> bytes:
        return cv2.imencode(".jpg", np.full((height, width, 3), 200, np.uint8))[1].tobytes()

    given = inputs()
    x, y = (np.array([getattr(place, axis) for place in PLACES]) for axis in ("x_px0", "y_px0"))
    frame = MapFrame(2000, 1200, x, y, 299.0, 299.0)
    maps = {
        name: heat_png(frame, relative_attention(attention), attention_legend(attention), 300)
        for name, attention in given.arrays.attention.items()
    }
    return ReportPictures(jpeg(180, 300), maps, frame, {500 + k: jpeg(60, 60) for k in range(12)})


@pytest.fixture(scope="module")
def whole() -> bytes:
    return to_pdf(build_report(inputs(score=defended(), slide=slide(simulated=True))), pictures())


def test_the_first_page_has_head_warnings_grades_maps_and_six_patches(whole):
    first = pages(whole)[0]
    said = [
        "N01.svs", "no patient behind it", "Before trusting these grades", "Little tissue: 11 patches.", "NAS 5",
        "90 % interval 4–6 (such held 91 % of 60 graded slides)", "Not signed", "Second reader advised",
        "100 µm", "times the mean attention", "Patches that drew most attention",
    ]  # fmt: skip
    places = [first.index(words) for words in said]
    assert places == sorted(places)
    patches = first[first.index("Patches that drew") : first.index("1 Slide")]
    assert patches.count("×") == 6 and "row" not in patches
    titles = [patches.index(title) for title in ("Steatosis", "Lobular inflammation", "Ballooning")]
    assert titles == sorted(titles)


@pytest.fixture(scope="module")
def mapped() -> bytes:
    """With what speaks for steatosis on each of its patches, and the model's card."""
    report, shown = build_report(inputs(score=defended(), slide=slide(simulated=True))), pictures()
    on_patches = maps_of(report, "steatosis", shown.patches[500])
    return to_pdf(report, replace(shown, on_patches=on_patches), model_card(inputs().card, "first", ""))


@pytest.mark.parametrize("made", ["whole", "mapped"])
def test_all_blocks_follow_and_no_page_ends_with_a_heading_or_is_nearly_empty(made, request):
    whole = request.getfixturevalue(made)
    words, each = " ".join(pages(whole)), pages(whole)
    titles = ["1 Slide", "2 Features", "3 NAFLD activity score", "4 Measured quantities", "5 Evidence", "6 Quality"]
    titles += ["7 Provenance", "8 Sign-off", "9 Limits"]
    places = [words.index(title) for title in titles]
    assert places == sorted(places)
    for page in each:
        body = page.split("· Research use only")[0]
        assert len(body) > 200
        assert not any(body.rstrip().removesuffix("N01.svs").rstrip().endswith(title) for title in titles)


def test_what_speaks_for_a_grade_stands_beside_the_patches_where_it_was_made(whole, mapped):
    words = " ".join(pages(mapped))
    assert words.count("masked 10 %, elsewhere 80 %") == len(PLACES) - 1, "each assessed patch is evidence"
    assert "6 patches tested: probability 90 %" in words and "no part of what is signed" in words
    assert "masked" not in " ".join(pages(whole))


def test_it_is_tagged_and_titled_for_screen_readers_and_the_same_each_time(whole):
    read = PdfReader(io.BytesIO(whole))
    assert read.metadata.title == "N01.svs, liver biopsy report"
    assert read.trailer["/Root"]["/MarkInfo"]["/Marked"] and read.trailer["/Root"]["/Lang"] == "en"
    report = build_report(inputs())
    assert to_pdf(report) == to_pdf(report)


def test_texts_of_people_are_read_as_they_are():
    nasty = '#panic("x") *a* $x$ [b] @c \\ <d> // e'
    report = build_report(inputs(slide=slide(name=nasty, patient=nasty)))
    first = pages(to_pdf(report))[0]
    assert first.count(nasty) >= 2
    assert "The maps are not included in this file." in first


def test_letters_no_font_has_are_written_as_code_points_and_never_lost(monkeypatch):
    monkeypatch.setattr(glyphs, "machine_fonts", list)
    signed = replace(inputs(), sign_offs=[signature("0" * 64).model_copy(update={"reader": "Ξένος 王\u202ePay"})])
    words = " ".join(pages(to_pdf(build_report(signed))))
    assert "Signed by Ξένος ‹U+738B›‹U+202E›Pay" in words
    assert "\0" not in words


def test_a_signature_leads_and_a_model_with_fewer_features_has_a_pdf():
    content = report_sha256(build_report(inputs()))
    words = pages(to_pdf(build_report(inputs(sign_offs=[signature(content)]))))
    assert words[0].index("Signed NAS 5 of 8") < words[0].index("Model NAS 5")
    assert "this report" in " ".join(words)
    bare = " ".join(pages(to_pdf(build_report(without("ballooning", "inflammation", "steatosis")))))
    assert "No feature was assessed." in bare and "No NAS" in bare


def test_what_is_not_reportable_is_said_first_and_no_number_of_the_model_is_shown():
    words = pages(to_pdf(build_report(not_reportable())))[0]
    said = (
        "The model's score is not reportable: the model was not validated",
        "Grade slides of patients",
        "Before trusting",
        "Model NAS –",
    )
    places = [words.index(part) for part in said]
    assert places == sorted(places)
    assert "such held" not in words[: words.index("2 Features")]
    assert "Steatosis withheld: the model's grade is not reportable" in words


def nothing_reportable(**changes):
    """A report of a model nobody validated: no grade of it is left."""
    bad = judge_validity(crafted.score(), crafted.card(), {}, stain="H&E", simulated=False, learnt_patient=False)
    return build_report(inputs(validity=bad, **changes))


def test_where_every_grade_is_withheld_that_is_said_once_and_a_signature_leads():
    words = " ".join(pages(to_pdf(nothing_reportable())))
    assert words.index("not reportable") < words.index("Also to know") < words.index("Model NAS")
    assert words.count("the model was not validated") == 1 and words.count("withheld") <= 5
    assert "Withheld with the model's grades: Hepatocytes with fat, estimated share; Lobular foci" in words
    assert "where they are withheld" not in words and "No advice" not in words
    by = signature(report_sha256(nothing_reportable()))
    signed = pages(to_pdf(nothing_reportable(sign_offs=[by])))[0]
    assert signed.index("Signed NAS 5 of 8") < signed.index("Model NAS –") < signed.index("not reportable: the model")

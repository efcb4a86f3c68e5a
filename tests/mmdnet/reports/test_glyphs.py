from pathlib import Path

import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen

from mmdnet.reports import glyphs
from mmdnet.reports.glyphs import FAMILIES, characters_of, fonts_folder, letters_for


@pytest.fixture
def font(tmp_path: Path) -> str:
    """A font of one letter, 王."""
    pen = TTGlyphPen(None)
    pen.moveTo((0, 0))
    pen.lineTo((500, 0))
    pen.lineTo((250, 700))
    pen.closePath()
    made = FontBuilder(1000)
    made.setupGlyphOrder([".notdef", "wang"])
    made.setupCharacterMap({ord("王"): "wang"})
    made.setupGlyf({".notdef": pen.glyph(), "wang": pen.glyph()})
    made.setupHorizontalMetrics({".notdef": (600, 0), "wang": (600, 0)})
    made.setupHorizontalHeader(ascent=800, descent=-200)
    made.setupNameTable({"familyName": "One Letter", "styleName": "Regular"})
    made.setupOS2()
    made.setupPost()
    path = tmp_path / "one.ttf"
    made.save(path)
    return str(path)


def test_scripts_of_the_own_font_need_no_other():
    letters = letters_for(["Ada Łukasz", "Ξένος", "Иван", "‰ × ≥ κ\n\t", "مريم‌"])
    assert (letters.families, letters.lacking, letters.of_machine) == (FAMILIES, frozenset(), False)
    assert letters.shown("a\nb\tc") == "a b c"


def test_a_font_of_the_machine_is_taken_where_it_helps(monkeypatch, font):
    own = str(fonts_folder() / "DejaVuSans.ttf")
    monkeypatch.setattr(glyphs, "machine_fonts", lambda: [("DejaVu Sans", own), ("One Letter", font)])
    letters = letters_for(["王小"])
    assert letters.families == (*FAMILIES, "One Letter") and letters.of_machine
    assert letters.shown("王小") == "王‹U+5C0F›"


def test_what_cannot_be_printed_or_is_in_no_font_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr(glyphs, "machine_fonts", lambda: [("Broken", str(tmp_path / "no.ttf"))])
    assert letters_for(["\u202ea\x07\ue000王"]).shown("\u202ea\x07") == "‹U+202E›a‹U+0007›"


def test_a_file_that_is_no_font_holds_nothing(tmp_path):
    (tmp_path / "x.ttf").write_text("no font")
    assert characters_of(str(tmp_path / "x.ttf")) == frozenset()


def test_the_machines_fonts_come_with_files_that_are_there():
    assert all(family and Path(path).is_file() for family, path in glyphs.machine_fonts())

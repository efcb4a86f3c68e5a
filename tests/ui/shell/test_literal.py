"""Whatever a text holds, it is shown as that text and nothing of it comes alive."""

import html

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.shown import shown
from ui.shell.literal import code, in_figure, in_html, literal, plain, plain_all

HOSTILE = [
    "A*1*2 ~~B~~ $9$ and $x$", "A] :green-badge[signed by B", "![x](http://evil.example/p.png) [l](//evil.example)",
    "http://evil.example/a www.evil.example a.b@evil.example xmpp:a@b.example/c", "<a@b.example> <http://evil.example>",
    ":material/check: :smile: :+1: :streamlit: :red[x] :help[y] ::z[w]", "<b>b</b><img src=x> <!-- c --> &amp; &lt;",
    "\\*a\\* `code` ``c`` \\", "# h", "- x", "+ x", "1. x", "1)", "> q", "---", "===", "***", "~~~", "```", "| a | b |",
    "a -> b <- c -- d >= e <= f ~= g <-> h", ":{color=red}", "www.{color=red}", ":::note", "_a_ __b__ a_b_c_ _",
    "$$x$$ \\$y$ $1 and $2", "[^1] [a]: b", "WWW.evil.example", ":material_check:",
]  # fmt: skip
SIGNS = st.text(st.sampled_from("ab1 *_~`$[](){}<>:@!#+-=.|&;\\/\"'^%w"), max_size=40)
PIECES = st.lists(st.sampled_from([*HOSTILE, "**", "x", " ", ":", "[]"]), max_size=5).map("".join)
ANY = SIGNS | PIECES | st.text(max_size=40)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_shown_as_it_is_wherever_markdown_is_written(text):
    for written in ("{}", "**{}**", "Next · {} left", "one  \n{}", ":gray[{}]", "- {}"):
        seen = shown(written.format(literal(text)))
        program = shown(written.format("NAME"))
        assert seen.text == program.text.replace("NAME", text)
        assert seen.kinds() == program.kinds()


@given(ANY)
def test_any_text_is_shown_as_it_is(text):
    seen = shown(literal(text))
    assert seen.text == plain(text)
    assert not seen.alive


@given(ANY)
def test_within_a_badge_any_text_stays_within_it(text):
    seen = shown(f":green-badge[by {literal(text)}] end")
    assert seen.text == f"by {plain(text)} end"
    assert seen.alive == [("directive", "green-badge")]


@given(ANY, ANY)
def test_two_texts_side_by_side_make_nothing_together(first, second):
    assert not shown(f"{literal(first)} {literal(second)}").alive


@pytest.mark.parametrize(
    "text", ["slide_01 (H&E).svs", "P-17, 2nd core: 40×", "Åsa Öberg-Müller", "肝生検 3", "İstanbul"]
)
def test_an_ordinary_text_is_plain_as_it_is(text):
    assert plain(text) == text
    assert shown(literal(text)).text == text


@pytest.mark.parametrize("text", ["Cohort 2026", "slide_0.png", "Hamamatsu NanoZoomer S360, 40×: good", "O'Neill (b)"])
def test_where_nothing_needs_it_nothing_is_added(text):
    assert literal(text) == text


def test_what_cannot_be_seen_is_said():
    assert plain("Ada\u200b") == "Ada⟨U+200B⟩"
    assert plain("a\u202eb\u2066c\x00\ud800\u3164") == "a⟨U+202E⟩b⟨U+2066⟩c⟨U+0000⟩⟨U+D800⟩⟨U+3164⟩"
    assert plain("Ada\u200dB\u200c") == "Ada⟨U+200D⟩B⟨U+200C⟩"


@pytest.mark.parametrize("text", ["می‌خواهم", "👩‍🔬", "क्‍ष"])
def test_joiners_stay_where_a_script_needs_them(text):
    assert plain(text) == text


def test_a_text_is_one_line():
    assert plain("  a\n\nb\tc\u2028d ") == "a b c d"
    assert shown(literal("a\n\n# b\n    c")).text == "a # b c"


def test_a_gap_where_no_line_may_end_is_kept():
    assert plain("3: >\u00a04  foci\n") == "3: >\u00a04 foci"


def test_a_column_keeps_its_gaps():
    assert plain_all(["a\u200b", None]) == ["a⟨U+200B⟩", None]


@given(ANY)
def test_html_holds_no_tag_and_reads_as_the_text(text):
    written = in_html(text)
    assert not set(written) & set("<>\"'")
    assert html.unescape(written) == plain(text)


@given(ANY)
def test_a_figures_text_holds_no_tag_formula_or_template(text):
    written = in_figure(text)
    assert not set(written) & set("<>${}%")
    assert html.unescape(written) == html.unescape(html.escape(plain(text)))


@given(ANY)
def test_code_shows_the_text_whatever_it_holds(text):
    seen = shown(code(text))
    assert seen.text == plain(text)
    assert seen.kinds() <= {"code"}

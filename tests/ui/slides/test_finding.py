"""Slides found by words, facts and state, in an order."""

from types import SimpleNamespace

from tests.ui.shell.test_words import slide
from ui.slides.finding import chosen_of

SLIDES = [
    slide(id=1, name="Zeta.svs", status="ready", labelled=3, patient="P 1", stain="H&E", site="North",
          accession_number="A26-17", barcode="S26;A1"),
    slide(id=2, name="alpha.svs", status="ready", labelled=0, patient="P2", stain="Masson trichrome", fat_area_share=0.2),
    slide(id=3, name="beta.svs", status="needs_mpp", labelled=0, patient="P2", visit="week 2", stain=None),
]  # fmt: skip
LEADING = {
    1: SimpleNamespace(nas=4, signed=object()),
    2: SimpleNamespace(nas=None, signed=None),
}


def ids(**how):
    return [found.id for found in chosen_of(SLIDES, LEADING, **how)]


def test_every_word_of_a_search_must_be_in_some_fact_whatever_the_case():
    assert ids() == [2, 3, 1] and ids(search=" P2  WEEK ") == [3] and ids(search="p2") == [2, 3]
    assert ids(search="a26-17") == ids(search="s26;a1") == [1]
    assert ids(search="(") == [] and ids(search="north h&e") == [1]


def test_facts_and_states_narrow_and_what_is_unknown_can_be_asked_for():
    assert ids(facts={"stain": "unknown"}) == [3] and ids(facts={"stain": None, "patient": "P2"}) == [2, 3]
    states = {
        state: ids(state=state) for state in ("µm/px missing", "unlabelled", "not scored", "not signed", "signed")
    }
    assert states == {
        "µm/px missing": [3], "unlabelled": [2], "not scored": [], "not signed": [2], "signed": [1],
    }  # fmt: skip


def test_orders():
    assert ids(order="Newest first") == [3, 2, 1] and ids(order="Highest NAS") == [1, 2, 3]
    assert ids(order="Most fat") == [2, 1, 3] and ids(order="Fewest labels") == [2, 3, 1]
    assert ids(order="Patient and visit") == [1, 2, 3]

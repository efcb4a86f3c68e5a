"""Ways to write one id are one; two ids stay two."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmdnet.slides.identity import identity_key, person, sites_of_patients


@pytest.mark.parametrize(
    "written",
    ["P1", "p1", " P1 ", "P 1", "P01", "P0001", "p\u00a01", "Ｐ１", "P\u200b1", "\ufeffP1", "p\t1", "P١", "\x00P1"],
)
def test_ways_to_write_one_patient_are_one(written):
    assert identity_key(written) == "p1"


@pytest.mark.parametrize(
    ("patient", "other"),
    [("P1", "P10"), ("P1", "P2"), ("1 10", "110"), ("P1-10", "P11-0"), ("0", ""), ("A1", "B1"), ("P1a", "P1b")],
)
def test_two_patients_stay_two(patient, other):
    assert identity_key(patient) != identity_key(other)


def test_forms_of_one_letter_are_one():
    assert identity_key("Mu\u0308ller 007") == identity_key("M\u00fcller7") == identity_key("MÜLLER 7")
    assert identity_key("STRASSE") == identity_key("Straße")
    assert [identity_key(nothing) for nothing in (None, "", "  ", "\u200b")] == [""] * 4
    assert [identity_key(zeros) for zeros in ("0", "000", "10", "P100")] == ["0", "0", "10", "p100"]


@given(st.text())
def test_a_key_is_its_own_key(written):
    assert identity_key(identity_key(written)) == identity_key(written)


def test_an_id_of_two_sites_is_named_with_both():
    slides = [("P1", "North"), ("p01", "South"), ("P1", "north "), ("P2", "North"), ("P3", None), ("P3", "South")]
    assert sites_of_patients(slides) == {"p1": ("North", "South")}


def test_a_person_is_the_id_unless_two_sites_mean_two_by_it():
    assert person("P01", "North", {}) == person("p1", "South", {}) == person("P1", "South", {"p1": True}) == "p1"
    assert person("P01", "North", {"p1": False}) != person("p1", "South", {"p1": False})
    assert person("P01", "NORTH", {"p1": False}) == person("p1", "north", {"p1": False})
    assert person(None, "North", {"": False}) == ""

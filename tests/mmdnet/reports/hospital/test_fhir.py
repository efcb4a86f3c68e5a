"""The report as FHIR, held against R4 (4.0.1) by fhirkit, which shares no code with what wrote it."""

import json

import fhirkit
import pytest

from mmdnet.reports.hospital.fhir import fhir_bundle
from tests.mmdnet.reports.crafted import inputs, not_reportable, slide, without
from tests.mmdnet.reports.hospital.conftest import built


def resources(given):
    """The bundle's resources by kind, once R4 has nothing against them."""
    report, parts, _ = given
    text = fhir_bundle(report, parts.slide)
    assert fhirkit.parse(text).resource_type == "Bundle" and [str(issue) for issue in fhirkit.validate(text)] == []
    entries = json.loads(text)["entry"]
    urls = {entry["fullUrl"] for entry in entries}
    assert len(urls) == len(entries) and set(references(entries)) <= urls
    kinds = {}
    for entry in entries:
        kinds.setdefault(entry["resource"]["resourceType"], []).append(entry["resource"])
    return kinds


def references(value):
    if isinstance(value, dict):
        if isinstance(value.get("reference"), str):
            yield value["reference"]
        for each in value.values():
            yield from references(each)
    elif isinstance(value, list):
        for each in value:
            yield from references(each)


def values(kinds, **by):
    """Integer values of observations by code, of those that have this key."""
    (key,) = by
    return {each["code"]["coding"][0]["code"]: each.get("valueInteger") for each in kinds["Observation"] if key in each}


def test_model_and_signer_each_have_their_observations(named):
    kinds = resources(named)
    (report,) = kinds["DiagnosticReport"]
    assert report["status"] == "preliminary" and "Research use only" in report["conclusion"]
    assert report["code"]["coding"][0] == {
        "system": "http://loinc.org",
        "code": "11526-1",
        "display": "Pathology study",
    }
    assert len(report["result"]) == len(kinds["Observation"]) == 9
    assert {each["status"] for each in kinds["Observation"]} == {"preliminary"}
    grades = {"steatosis": 2, "inflammation": 2, "ballooning": 1, "nas": 5}
    assert values(kinds, performer=True) == grades
    assert {name: values(kinds, device=True)[name] for name in grades} == grades
    nas = next(each for each in kinds["Observation"] if each["code"]["coding"][0]["code"] == "nas" and "device" in each)
    assert nas["component"][0]["valueRange"] == {"low": {"value": 4}, "high": {"value": 6}}
    model, measurement = kinds["Device"]
    by = {
        each["device"]["reference"]: each["code"]["coding"][0]["code"]
        for each in kinds["Observation"]
        if "device" in each
    }
    assert list(by.values()) == ["nas", "fat-area"], "fat names a device of its own"
    assert model["serialNumber"] == "a" * 64 and "serialNumber" not in measurement
    assert measurement["deviceName"][0]["name"] == "Fat droplets by colour and shape" and kinds["Practitioner"][0][
        "name"
    ] == [{"text": "Dr B"}]
    (specimen,) = kinds["Specimen"]
    assert specimen["accessionIdentifier"] == {"value": "A26-1"}
    assert specimen["container"][0]["identifier"] == [{"value": "S26;A1"}]


def test_the_patients_id_and_nothing_more_goes_along_and_none_where_there_is_none(named):
    (patient,) = resources(named)["Patient"]
    assert patient == {"resourceType": "Patient", "identifier": [{"value": "P01"}]}
    kinds = resources(built(inputs(slide=slide(patient=None))))
    assert "Patient" not in kinds and "subject" not in kinds["DiagnosticReport"][0]


def test_what_is_withheld_or_was_not_graded_has_no_value_and_a_reason():
    withheld = resources(built(not_reportable()))
    assert values(withheld, device=True) == {
        "steatosis": None, "inflammation": 2, "ballooning": None, "nas": None, "fat-area": None,
    }  # fmt: skip
    why = {each["code"]["coding"][0]["code"]: each.get("dataAbsentReason") for each in withheld["Observation"]}
    assert why["nas"]["coding"][0]["code"] == why["steatosis"]["coding"][0]["code"] == "withheld"
    assert (
        why["nas"]["text"].startswith("The model's score is not reportable: ")
        and "component" not in withheld["Observation"][3]
    )
    untrained = resources(built(without("ballooning")))
    why = {each["code"]["coding"][0]["code"]: each.get("dataAbsentReason") for each in untrained["Observation"]}
    assert why["ballooning"]["coding"][0]["code"] == "not-performed" and "not trained" in why["ballooning"]["text"]


@pytest.mark.parametrize(("simulated", "labels"), [(True, {"HRESCH", "HTEST"}), (False, {"HRESCH"})])
def test_research_and_drawn_slides_are_labelled_so(simulated, labels):
    kinds = resources(built(inputs(slide=slide(simulated=simulated))))
    for each in (*kinds["DiagnosticReport"], *kinds["Observation"]):
        assert {label["code"] for label in each["meta"]["security"]} == labels

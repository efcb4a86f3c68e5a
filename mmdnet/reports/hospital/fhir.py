"""The report as HL7 FHIR R4: a Bundle of a preliminary DiagnosticReport with an Observation for each grade and the NAS.

The classes are those of `fhir.resources` for R4B (4.3.0), which differs from R4 (4.0.1) in none of these resources.
Model, measurement and signer are told apart: the model's observations name it as their device, what was measured on the
pixels names that measurement, a person's observations name that person. A grade that may not be reported is an
observation without a value that says why.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mmdnet.reports.hospital import codes as own
from mmdnet.reports.hospital.reference import DICOM, MANUFACTURER, PRODUCT, source_words
from mmdnet.reports.hospital.structured_report import sentences
from mmdnet.reports.schema import report_sha256
from mmdnet.reports.withhold import withheld

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fhir.resources.R4B.bundle import Bundle
    from fhir.resources.R4B.diagnosticreport import DiagnosticReport
    from pydantic import BaseModel

    from mmdnet.reports.schema import Interval, Report, SignOff
    from mmdnet.slides.facts import SlideFacts

SNOMED, LOINC, UCUM = "http://snomed.info/sct", "http://loinc.org", "http://unitsofmeasure.org"
TERMINOLOGY = "http://terminology.hl7.org/CodeSystem"
PATHOLOGY_STUDY = (LOINC, "11526-1", "Pathology study")
LIVER, SLIDE = (SNOMED, "10200004", "Liver structure"), (SNOMED, "258661006", "Slide (specimen)")
LABORATORY = (f"{TERMINOLOGY}/observation-category", "laboratory", "Laboratory")
PATHOLOGY = (f"{TERMINOLOGY}/v2-0074", "PAT", "Pathology (gross & histopath, not surgical)")
RESEARCH = (f"{TERMINOLOGY}/v3-ActReason", "HRESCH", "healthcare research")
TEST_DATA = (f"{TERMINOLOGY}/v3-ActReason", "HTEST", "test health data")
NOT_PERFORMED = (f"{TERMINOLOGY}/data-absent-reason", "not-performed", "Not Performed")
UNKNOWN = (f"{TERMINOLOGY}/data-absent-reason", "unknown", "Unknown")
PRELIMINARY = "preliminary"

Coding = tuple[str, str, str]


def fhir_bundle(report: Report, slide: SlideFacts) -> str:
    """The report as a FHIR R4 Bundle of type collection, JSON.

    Args:
        report: the document.
        slide: what is known of the slide.
    """
    return _Resources(report, slide.vendor == DICOM).bundle().model_dump_json(indent=1)


class _Resources:
    """What the bundle holds, made once each; they point to one another by URN."""

    def __init__(self, report: Report, is_dicom: bool) -> None:
        self._content_sha256 = report_sha256(report)
        self._report, self._header = withheld(report), report.header
        self._source = source_words(report.header, is_dicom)
        self._made: dict[str, BaseModel] = {}  # by URN

    def bundle(self) -> Bundle:
        """The report first, then what it points to."""
        from fhir.resources.R4B.bundle import Bundle

        report = self._diagnostic_report()
        made = {own.made_uuid("DiagnosticReport", self._content_sha256).urn: report, **self._made}
        facts = {
            "identifier": self._identifier(self._content_sha256),
            "type": "collection",
            "timestamp": self._report.made_at,
            "meta": self._meta(),
            "entry": [{"fullUrl": url, "resource": resource} for url, resource in made.items()],
        }
        return Bundle.model_validate(facts)

    def _meta(self) -> dict[str, object]:
        """That it is for research, and of no patient where the slide is drawn."""
        labels = [RESEARCH, *([TEST_DATA] if self._header.simulated else [])]
        return {"security": [_coding(label) for label in labels]}

    def _add(self, name: str, kind: type[BaseModel], facts: Mapping[str, object]) -> dict[str, str]:
        """Make a resource and keep it under a URN of its own; the reference to it."""
        urn = own.made_uuid(name, self._header.fingerprint, self._content_sha256).urn
        self._made[urn] = kind.model_validate(facts)
        return {"reference": urn}

    @staticmethod
    def _identifier(value: str) -> dict[str, str]:
        return {"system": own.SCHEME_URI, "value": value}

    def _diagnostic_report(self) -> DiagnosticReport:
        from fhir.resources.R4B.diagnosticreport import DiagnosticReport
        from fhir.resources.R4B.practitioner import Practitioner

        made, signed, about = self._report.provenance, self._report.sign_off.current, self._subject()
        common = about | {"specimen": self._specimen(about)}
        results = self._by_model(common | {"device": self._model(), "effectiveDateTime": made.scored_at})
        results += self._by_pixels(common)
        interpreter: dict[str, object] = {}
        if signed:
            person = self._add("Practitioner", Practitioner, {"name": [{"text": signed.reader}]})
            interpreter = {"resultsInterpreter": [person]}
            results += self._by_person(signed, common | {"performer": [person], "effectiveDateTime": signed.at})
        facts = {
            "identifier": [self._identifier(self._content_sha256)],
            "status": PRELIMINARY,
            "meta": self._meta(),
            "category": [_concept(PATHOLOGY)],
            "code": _concept(PATHOLOGY_STUDY),
            "effectiveDateTime": signed.at if signed else made.scored_at,
            "issued": self._report.made_at,
            "specimen": [common["specimen"]],
            "result": results,
            "conclusion": " ".join(sentences(self._report, self._source, self._content_sha256)),
        }
        return DiagnosticReport.model_validate(facts | about | interpreter)

    def _subject(self) -> dict[str, dict[str, str]]:
        """The patient by the id the lab keeps, and nothing else; no subject where there is none."""
        from fhir.resources.R4B.patient import Patient

        if not self._header.patient:
            return {}
        return {"subject": self._add("Patient", Patient, {"identifier": [{"value": self._header.patient}]})}

    def _specimen(self, about: dict[str, dict[str, str]]) -> dict[str, str]:
        """The glass slide, by its barcode or its name, and the case's accession number."""
        from fhir.resources.R4B.specimen import Specimen

        header = self._header
        facts: dict[str, object] = {
            "type": _concept(SLIDE),
            "container": [{"identifier": [{"value": header.barcode or header.slide}]}],
        }
        if header.accession_number:
            facts["accessionIdentifier"] = {"value": header.accession_number}
        return self._add("Specimen", Specimen, facts | about)

    def _model(self) -> dict[str, str]:
        """The model, by its name and the hash of its weights."""
        from fhir.resources.R4B.device import Device

        made = self._report.provenance
        names = [{"name": made.model, "type": "user-friendly-name"}, {"name": PRODUCT, "type": "model-name"}]
        facts = {
            "identifier": [self._identifier(made.weights_sha256)],
            "manufacturer": MANUFACTURER,
            "serialNumber": made.weights_sha256,
            "deviceName": names,
            "version": [{"value": made.code_version}],
        }
        return self._add("Device", Device, facts)

    def _measurement(self) -> dict[str, str]:
        """What measures fat: no model, so it has no weights."""
        from fhir.resources.R4B.device import Device

        names = [{"name": own.FAT_METHOD, "type": "user-friendly-name"}, {"name": PRODUCT, "type": "model-name"}]
        return self._add("Device measurement", Device, {"manufacturer": MANUFACTURER, "deviceName": names})

    def _by_model(self, common: dict[str, object]) -> list[dict[str, str]]:
        made = []
        for feature in self._report.features:
            value = _value(feature.grade, feature.absent, self._report.validity.holds_for(feature.task))
            parts = {"component": [_interval(feature.interval)]} if feature.interval else {}
            scale = {
                "referenceRange": [{"text": "; ".join(f"{each.grade}: {each.words}" for each in feature.criteria)}]
            }
            made.append(self._observed("model", own.feature(feature.task), common, value | parts | scale))
        nas = self._report.nas
        parts = {"component": [_interval(nas.interval)]} if nas.interval and nas.value is not None else {}
        value = _value(nas.value, nas.absent, self._report.validity.reportable)
        made.append(self._observed("model", own.NAS, common, value | parts | {"note": [{"text": nas.meaning}]}))
        return made

    def _by_pixels(self, common: Mapping[str, object]) -> list[dict[str, str]]:
        """The fat that was measured without the model, where it was."""
        fat = self._report.fat_area
        if fat is not None:
            share = {"valueQuantity": {"value": round(fat, 6), "unit": "1", "system": UCUM, "code": "1"}}
            return [self._observed("pixels", own.FAT_AREA, {**common, "device": self._measurement()}, share)]
        return []

    def _by_person(self, signed: SignOff, common: dict[str, object]) -> list[dict[str, str]]:
        return [
            self._observed("signed", code, common, _value(grade, "left unknown by the reader", None))
            for code, grade in (
                *((own.feature(name), grade) for name, grade in signed.grades.items()),
                (own.NAS, signed.nas),
            )
        ]

    def _observed(
        self, by: str, code: own.PrivateCode, common: Mapping[str, object], said: Mapping[str, object]
    ) -> dict[str, str]:
        from fhir.resources.R4B.observation import Observation

        facts = {
            "status": PRELIMINARY,
            "meta": self._meta(),
            "category": [_concept(LABORATORY)],
            "code": _own(code),
            "bodySite": _concept(LIVER),
        }
        return self._add(f"Observation {by} {code.value}", Observation, {**facts, **common, **said})


def _coding(code: Coding) -> dict[str, str]:
    return dict(zip(("system", "code", "display"), code, strict=True))


def _concept(code: Coding) -> dict[str, object]:
    return {"coding": [_coding(code)], "text": code[2]}


def _own(code: own.PrivateCode) -> dict[str, object]:
    return _concept((own.SCHEME_URI, code.value, code.meaning))


def _value(number: int | None, absent: str | None, holds: bool | None) -> dict[str, object]:
    """The number, or why there is none: withheld where it does not hold, not graded, or left unknown (None)."""
    if number is not None:
        return {"valueInteger": number}
    reason = _concept(UNKNOWN) if holds is None else _concept(NOT_PERFORMED) if holds else _own(own.WITHHELD)
    return {"dataAbsentReason": reason | {"text": absent or reason["text"]}}


def _interval(interval: Interval) -> dict[str, object]:
    """The 90 % interval as a component."""
    ends = {"low": {"value": round(interval.low, 6)}, "high": {"value": round(interval.high, 6)}}
    return {"code": _own(own.INTERVAL_90), "valueRange": ends}

"""Grades as a DICOM structured report: TID 1500 "Measurement Report" (PS3.16), in a Comprehensive SR document.

One measurement group is the model's, with the model as algorithm; one holds what was measured on the pixels, with that
measurement as its algorithm; one the grades a person signed. The document is preliminary and unverified, whoever
signed: it is for research. A grade that may not be reported is not in it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from mmdnet.reports.hospital import codes as own
from mmdnet.reports.hospital.reference import (
    MANUFACTURER,
    PRODUCT,
    SlideReference,
    finish,
    object_facts,
    person_name,
)
from mmdnet.reports.schema import report_sha256
from mmdnet.reports.typeset import advice_of, cautions_of, limits_of
from mmdnet.reports.withhold import withheld

if TYPE_CHECKING:
    from highdicom.sr import (
        AlgorithmIdentification,
        CodedConcept,
        ContainerContentItem,
        Measurement,
        MeasurementsAndQualitativeEvaluations,
        ObservationContext,
        QualitativeEvaluation,
    )

    from mmdnet.reports.schema import Interval, Report, SignOff

NO_UNITS = ("1", "UCUM", "no units")
KIND = "structured report"


def structured_report(report: Report, reference: SlideReference) -> bytes:
    """The report's grades, NAS and intervals as one DICOM file.

    Args:
        report: the document.
        reference: the slide it is about.
    """
    from highdicom.sr import ComprehensiveSR, MeasurementReport
    from pydicom.sr.codedict import codes

    content_sha256, shown, image = report_sha256(report), withheld(report), reference.image
    signed = shown.sign_off.current
    groups = [_by_model(shown, reference), *_by_pixels(shown, reference)]
    if signed:
        groups.append(_by_person(shown, signed, reference))
    content = MeasurementReport(_context(shown, reference), codes.SCT.Histopathology, groups)
    content[0].ContentSequence.append(_said(shown, reference, content_sha256))
    document = ComprehensiveSR(
        evidence=[image],
        content=content,
        is_complete=True,
        is_final=False,
        is_verified=False,
        **object_facts(KIND, 1, "grades", report, image),
    )
    if not reference.is_dicom:
        del document.CurrentRequestedProcedureEvidenceSequence  # there is no image to point to
    return finish(document, shown)


def coded(code: own.PrivateCode) -> CodedConcept:
    """A code of the private scheme as DICOM holds it."""
    from highdicom.sr import CodedConcept

    return CodedConcept(code.value, own.SCHEME, code.meaning)


def _context(report: Report, reference: SlideReference) -> ObservationContext:
    """Who observed what: the model, the person who signed, the glass slide."""
    from highdicom import sr
    from pydicom.sr.codedict import codes

    made_by, signed = report.provenance, report.sign_off.current
    device = sr.DeviceObserverIdentifyingAttributes(
        uid=own.dicom_uid("model", made_by.weights_sha256),
        name=made_by.model,
        manufacturer_name=MANUFACTURER,
        model_name=PRODUCT,
        serial_number=made_by.weights_sha256,
    )
    person = None
    if signed:
        person = sr.ObserverContext(
            codes.DCM.Person, sr.PersonObserverIdentifyingAttributes(name=person_name(signed.reader))
        )
    specimen = sr.SubjectContextSpecimen(
        uid=str(reference.image.SpecimenDescriptionSequence[0].SpecimenUID),
        identifier=reference.container,
        container_identifier=reference.container,
        specimen_type=codes.SCT.Slide,
    )
    return sr.ObservationContext(
        person, sr.ObserverContext(codes.DCM.Device, device), sr.SubjectContext(codes.DCM.Specimen, specimen)
    )


def _by_model(report: Report, reference: SlideReference) -> MeasurementsAndQualitativeEvaluations:
    """What the model says and may be reported, with intervals."""
    from highdicom import sr

    state = own.REPORTABLE if report.validity.reportable else own.NOT_REPORTABLE
    grades = [sr.QualitativeEvaluation(coded(own.STATE), coded(state))]
    numbers: list[Measurement] = []
    for feature in report.features:
        if feature.grade is not None:
            grades.append(_grade(feature.task, feature.grade))
        else:
            absent = own.NOT_ASSESSED if report.validity.holds_for(feature.task) else own.WITHHELD
            grades.append(sr.QualitativeEvaluation(coded(own.feature(feature.task)), coded(absent)))
        if feature.score is not None:
            numbers.append(_number(own.score(feature.task), feature.score, feature.interval))
    if report.nas.value is not None:
        numbers.append(_number(own.NAS, report.nas.value, report.nas.interval))
    if report.nas.score is not None:
        numbers.append(_number(own.NAS_MEAN, report.nas.score))
    return _group(own.BY_MODEL, report, reference, numbers, grades, _algorithm(report))


def _by_pixels(report: Report, reference: SlideReference) -> Iterator[MeasurementsAndQualitativeEvaluations]:
    """The fat that was measured without the model, where it was."""
    from highdicom.sr import AlgorithmIdentification

    fat = report.fat_area
    if fat is not None:
        method = AlgorithmIdentification(own.FAT_METHOD, "not recorded", manufacturer=MANUFACTURER)
        yield _group(own.BY_PIXELS, report, reference, [_number(own.FAT_AREA, fat)], [], method)


def _by_person(report: Report, signed: SignOff, reference: SlideReference) -> MeasurementsAndQualitativeEvaluations:
    """What was signed last; a grade that was left unknown is not in it."""
    grades = [_grade(name, grade) for name, grade in signed.grades.items() if grade is not None]
    numbers = [] if signed.nas is None else [_number(own.NAS, signed.nas)]
    return _group(own.BY_PERSON, report, reference, numbers, grades)


def _group(
    kind: own.PrivateCode,
    report: Report,
    reference: SlideReference,
    numbers: list[Measurement],
    grades: list[QualitativeEvaluation],
    algorithm: AlgorithmIdentification | None = None,
) -> MeasurementsAndQualitativeEvaluations:
    from highdicom import sr
    from pydicom.sr.codedict import codes

    image = reference.image
    pointed = [sr.SourceImageForMeasurementGroup(image.SOPClassUID, image.SOPInstanceUID)]
    return sr.MeasurementsAndQualitativeEvaluations(
        tracking_identifier=sr.TrackingIdentifier(
            own.dicom_uid(kind.value, report.header.fingerprint, report.provenance.score_id), kind.meaning
        ),
        finding_type=coded(kind),
        finding_sites=[sr.FindingSite(codes.SCT.Liver)],
        algorithm_id=algorithm,
        measurements=numbers,
        qualitative_evaluations=grades,
        source_images=pointed if reference.is_dicom else None,
    )


def _algorithm(report: Report) -> AlgorithmIdentification:
    from highdicom.sr import AlgorithmIdentification

    made_by = report.provenance
    parameters = [f"aggregation rule: {made_by.rule}", f"program: {made_by.code_version}", f"seed: {made_by.seed}"]
    return AlgorithmIdentification(made_by.model, made_by.weights_sha256, parameters, manufacturer=MANUFACTURER)


def _grade(task_name: str, value: int) -> QualitativeEvaluation:
    from highdicom.sr import QualitativeEvaluation

    return QualitativeEvaluation(coded(own.feature(task_name)), coded(own.grade(task_name, value)))


def _number(code: own.PrivateCode, value: float, interval: Interval | None = None) -> Measurement:
    """A number without unit; the ends of its 90 % interval are its properties ("inferred from", TID 300)."""
    from highdicom import sr
    from highdicom.sr import CodedConcept, RelationshipTypeValues

    units = CodedConcept(*NO_UNITS)
    measurement = sr.Measurement(coded(code), round(float(value), 6), units)
    if interval is not None:
        ends = sr.ContentSequence()
        for end, at in ((own.LOW_90, interval.low), (own.HIGH_90, interval.high)):
            has_property = RelationshipTypeValues.HAS_PROPERTIES
            ends.append(sr.NumContentItem(coded(end), round(float(at), 6), units, relationship_type=has_property))
        measurement[0].ContentSequence = ends
    return measurement


def _said(report: Report, reference: SlideReference, content_sha256: str) -> ContainerContentItem:
    """What a person has to read beside the numbers, in sentences: TID 1500, rows 12 to 14."""
    from highdicom import sr
    from highdicom.sr import CodedConcept, RelationshipTypeValues
    from pydicom.sr.codedict import codes

    container = sr.ContainerContentItem(
        CodedConcept("C0034375", "UMLS", "Qualitative Evaluations"),
        is_content_continuous=False,
        relationship_type=RelationshipTypeValues.CONTAINS,
    )
    container.ContentSequence = sr.ContentSequence()
    for sentence in sentences(report, reference.source, content_sha256):
        contains = RelationshipTypeValues.CONTAINS
        container.ContentSequence.append(sr.TextContentItem(codes.DCM.Comment, sentence, relationship_type=contains))
    return container


def sentences(report: Report, source: str, content_sha256: str) -> tuple[str, ...]:
    """What stands beside the numbers in DICOM and FHIR: use, what keeps them from being reported, whether a second
    reader is advised, who signed, limits.

    Args:
        report: as it may be shown.
        source: which image the pixels were of.
        content_sha256: of the report's content.
    """
    header, signed = report.header, report.sign_off.current
    told = [f"{header.use}: not for diagnosis or treatment."]
    if header.simulated:
        told.append("Simulated slide: drawn by a program, no patient behind it.")
    if not report.validity.reportable:
        told += [report.validity.words, *report.validity.remedies]
    told += cautions_of(report)
    if report.reliability is not None:
        told.append(f"{advice_of(report)} {report.reliability.measured}".strip())
    titles = {feature.task: feature.title for feature in report.features} | {"nas": "NAS"}
    covered = [f"{title}, {report.covers(name)}" for name, title in titles.items() if report.covers(name)]
    if covered:
        told.append(f"90 % intervals: {'; '.join(covered)}.")
    if signed:
        told.append(
            f"Signed by {signed.reader}, {signed.proven}.{f' Reason: {signed.reason}' if signed.reason else ''}"
        )
        if signed.content_sha256 != content_sha256:
            told.append("The report has changed since it was signed.")
    else:
        told.append("Not signed.")
    return (*told, *limits_of(report), f"Source: {source}.", f"Report content SHA-256 {content_sha256}.")

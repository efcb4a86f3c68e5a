"""What a report's values are called in DICOM and FHIR: standard codes where they exist, this program's own otherwise.

Standard codes (DCM, SNOMED CT, LOINC, UCUM) are used for what they surely mean. For the rest, grades of the NAS among
them, there is a private coding scheme: each of its codes stands with its meaning in words, so that a reader who does
not know the scheme still reads what is said.
"""

import uuid
from dataclasses import dataclass

from mmdnet.labels.grading import task

NAMESPACE = uuid.UUID("b1c6f0b4-6a5e-5e0c-8f3f-6d2c1a7e9d40")  # of every identifier that is made here
SCHEME = "99MMDNET"  # DICOM PS3.16, chapter 8.2: designators that begin with 99 are private
SCHEME_NAME = "MMD-Net lab: grades of fatty-liver biopsies by the NAFLD activity score (Kleiner 2005)"


def dicom_uid(*said: object) -> str:
    """A DICOM unique identifier made of a UUID (PS3.5, B.2): the same for the same things, anywhere.

    Args:
        said: what tells the object apart from others.
    """
    return f"2.25.{made_uuid(*said).int}"


def made_uuid(*said: object) -> uuid.UUID:
    """A UUID by name (RFC 9562, version 5)."""
    return uuid.uuid5(NAMESPACE, "\x1f".join(map(str, said)))


SCHEME_UID = dicom_uid("coding scheme", SCHEME)
SCHEME_URI = f"urn:oid:{SCHEME_UID}"


@dataclass(frozen=True, slots=True)
class PrivateCode:
    """A code of the private scheme: `value` has 16 letters at most, `meaning` 64, as DICOM's value types ask."""

    value: str
    meaning: str

    def __post_init__(self) -> None:
        assert len(self.value) <= 16 and len(self.meaning) <= 64, self


NAS = PrivateCode("nas", "NAFLD activity score, 0 to 8")
NAS_MEAN = PrivateCode("nas-mean", "NAFLD activity score, mean of the resamples")
LOW_90 = PrivateCode("low-90", "Lower end of the 90 % interval")
HIGH_90 = PrivateCode("high-90", "Upper end of the 90 % interval")
INTERVAL_90 = PrivateCode("interval-90", "90 % interval")
FAT_AREA = PrivateCode("fat-area", "Fat, share of tissue area, measured on the pixels")
STATE = PrivateCode("reportable", "Whether the model's score may be reported")
REPORTABLE = PrivateCode("yes", "Reportable")
NOT_REPORTABLE = PrivateCode("no", "Not reportable: withheld")
WITHHELD = PrivateCode("withheld", "Withheld: not reportable")
NOT_ASSESSED = PrivateCode("not-assessed", "Not assessed")
ASSESSED_PATCH = PrivateCode("patch", "Patch of tissue that was assessed")
BY_MODEL = PrivateCode("by-model", "Grades by a model")
BY_PERSON = PrivateCode("by-person", "Grades signed by a person")
BY_PIXELS = PrivateCode("by-pixels", "Measured on the pixels, without the model")
FAT_METHOD = "Fat droplets by colour and shape"  # what finds them: `mmdnet.slides.measures.droplets`


def feature(task_name: str) -> PrivateCode:
    """The grade of a feature of the NAS: what is graded."""
    return PrivateCode(task_name, f"{task(task_name).title} grade, 0 to {task(task_name).highest}")


def grade(task_name: str, value: int) -> PrivateCode:
    """One grade of a feature."""
    return PrivateCode(f"{task_name}-{value}", f"{task(task_name).title} grade {value}")


def score(task_name: str) -> PrivateCode:
    """A feature's score on a continuous scale."""
    return PrivateCode(f"{task_name[:10]}-score", f"{task(task_name).title} score, a grade with decimals")


def attention(task_name: str) -> PrivateCode:
    """Attention to a patch for a feature."""
    return PrivateCode(f"{task_name[:6]}-attention", f"{task(task_name).title}: attention, times the slide's mean")

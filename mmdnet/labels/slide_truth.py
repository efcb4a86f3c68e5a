"""What is known to be true of a whole slide, by its readers: what trainings, calibrations and evaluations go by."""

from dataclasses import dataclass, field

from mmdnet.labels.grading import Grades


@dataclass(frozen=True, slots=True)
class SlideTruth:
    """One slide's facts and what its readers' grades come to by the project's consensus rule.

    Attributes:
        patient: as written, for display; "" where nobody stated it.
        person: who the patient is across ways of writing and sites (`mmdnet.slides.identity.person`): split, bootstrap
            and count by this. "" where no patient is stated.
        control: what kind of control the slide is ("donor", "chow"); "" for a case.
        grades: consensus of the readers, None per task where there is none.
        readers: how many readers' readings stand behind it.
        settled: an adjudication decided.
        blinded: every one of those readings was given without a model's score or others' grades in view.
        nas, fibrosis: as the newest reading that states them gives them; never derived from the grades.
    """

    slide_id: int
    name: str
    patient: str = ""
    person: str = ""
    site: str = ""
    stain: str = ""
    scanner: str = ""
    staining_run: str = ""
    visit: str = ""
    control: str = ""
    simulated: bool = False
    grades: Grades = field(default_factory=Grades)
    readers: int = 0
    settled: bool = False
    blinded: bool = True
    nas: int | None = None
    fibrosis: str | None = None

    @property
    def graded(self) -> bool:
        return self.grades.any_known

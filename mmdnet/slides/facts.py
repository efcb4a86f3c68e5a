"""What is known of a slide without looking at its pixels, and how a file is recognised again."""

import hashlib
import os
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Self

from mmdnet.errors import LabError
from mmdnet.slides.geometry import Level

FINEST_MPP, COARSEST_MPP = 0.1, 2.0
SAME_SCALE = 0.002  # of a scale: what is nearer is the same, written with fewer digits
OVERRULED = "overruled"  # where µm/px is from: a person, against what the file says
LONGEST_FACT = 80  # letters
LARGEST_SIDE_PX = 999_999
LARGEST_AREA_PX = 2 * 10**11  # a whole glass slide, 26 x 76 mm, at 0.1 µm/px
HE, MASSON, GOLDNER, SIRIUS_RED = STAINS = ("H&E", "Masson trichrome", "Goldner trichrome", "Sirius red")
"""Stains of liver as they are named here; a person may state any other."""
OTHER_NAMES = {
    "haematoxylineosin": HE,
    "haematoxylinandeosin": HE,
    "hematoxylineosin": HE,
    "hematoxylinandeosin": HE,
    "picrosiriusred": SIRIUS_RED,
    "picrosirius": SIRIUS_RED,
}
"""What else a known stain is called, in small letters without blanks and signs; how its name begins is no entry."""
STAIN_HELP = "HE, h&e or H E are taken as H&E, Masson as Masson trichrome. Others are kept as written."
BLOCK = 64 * 1024
BLOCKS = 16
VISIT_HELP = "Which of a patient's biopsies it is: baseline, week 52."
RUN_HELP = "Slides that were stained together share one: a date, a batch."
CONTROL_HELP = "Only for a slide that is no patient's: what kind of control it is (donor, chow)."


def stain_meant(written: str) -> str:
    """The known stain that this names or begins, whatever its case and signs ("h", "H E"); any other as written."""
    letters = _letters(written)
    if letters in OTHER_NAMES:
        return OTHER_NAMES[letters]
    begun = [stain for stain in STAINS if letters and _letters(stain).startswith(letters)]
    return begun[0] if len(begun) == 1 else written


def _letters(text: str) -> str:
    return "".join(letter for letter in text.casefold() if letter.isalpha())


@dataclass(frozen=True, slots=True)
class StatedFacts:
    """What a person may say of a slide; None is "nothing said". A page's fields and a command's options are these.

    Blanks count as nothing said; spaces are tidied; a stain is called as it is here (`stain_meant`). `overrule_scale`:
    `mpp` counts though the file says otherwise.

    Raises:
        LabError: µm/px out of range, or a text longer than `LONGEST_FACT`.
    """

    mpp: float | None = field(default=None, metadata={"title": "µm per pixel"})
    stain: str | None = field(default=None, metadata={"title": "Stain", "help": STAIN_HELP})
    scanner: str | None = field(default=None, metadata={"title": "Scanner"})
    site: str | None = field(default=None, metadata={"title": "Site"})
    patient: str | None = field(default=None, metadata={"title": "Patient"})
    visit: str | None = field(default=None, metadata={"title": "Visit", "help": VISIT_HELP})
    staining_run: str | None = field(default=None, metadata={"title": "Staining run", "help": RUN_HELP})
    control: str | None = field(default=None, metadata={"title": "Control", "help": CONTROL_HELP})
    accession_number: str | None = field(default=None, metadata={"title": "Accession number"})
    barcode: str | None = field(default=None, metadata={"title": "Barcode"})
    overrule_scale: bool = field(default=False, kw_only=True, metadata={"title": "Overrule the file's scale"})

    def __post_init__(self) -> None:
        if self.mpp is not None and not FINEST_MPP <= self.mpp <= COARSEST_MPP:
            raise LabError(
                f"{self.mpp:g} µm per pixel cannot be right: slides lie between {FINEST_MPP} and {COARSEST_MPP:g}. "
                "Nothing was changed."
            )
        for name in self.words():
            text = " ".join(str(getattr(self, name) or "").split())
            if len(text) > LONGEST_FACT:  # cut, two patients could become one
                raise LabError(
                    f"{self.title(name)} is given in {len(text):,} letters; {LONGEST_FACT} are the most. "
                    "Nothing was changed."
                )
            object.__setattr__(self, name, (stain_meant(text) if name == "stain" else text) or None)

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """Names of the facts; how a scale is meant is none."""
        return tuple(known.name for known in fields(cls) if known.name != "overrule_scale")

    @classmethod
    def words(cls) -> tuple[str, ...]:
        """Names of the facts that are text."""
        return tuple(name for name in cls.names() if name != "mpp")

    @classmethod
    def title(cls, name: str) -> str:
        """A fact's name for people."""
        return str(cls.__dataclass_fields__[name].metadata["title"])

    @classmethod
    def help(cls, name: str) -> str:
        """What a fact is, where its title does not say it; else empty."""
        return str(cls.__dataclass_fields__[name].metadata.get("help", ""))


@dataclass(frozen=True, slots=True)
class SlideFacts:
    """What is kept of a slide's own statements and a person's; None is "nobody says", never a guess.

    These are columns of the slides' table by the same names. `staining_run` is the batch it was stained in, `visit`
    which of a patient's biopsies it is, `control` what kind of control (donor, chow; None for a case).
    `accession_number` is the hospital's number of the case, `barcode` what the glass slide's label encodes. `reader`
    names the code that decodes it: "jpeg-tiles", "openslide" or the name of a format (`readers.formats`); `mpp_source`
    is "file", "person" (where the file does not say), "overruled" (a person, against the file) or None.
    """

    fingerprint: str
    vendor: str
    reader: str
    width_px0: int
    height_px0: int
    mpp_x: float | None = None
    mpp_y: float | None = None
    mpp_source: str | None = None
    objective: float | None = None
    stain: str | None = None
    scanner: str | None = None
    site: str | None = None
    patient: str | None = None
    simulated: bool = False
    visit: str | None = None
    staining_run: str | None = None
    control: str | None = None
    accession_number: str | None = None
    barcode: str | None = None

    @property
    def stated_mpp(self) -> float | None:
        """µm/px a person stated; None where the file's own holds."""
        return self.mpp_x if self.mpp_source in {"person", OVERRULED} else None

    def kept(self) -> "SlideFacts":
        """These facts without what is only of use while the file is open."""
        return SlideFacts(**{known.name: getattr(self, known.name) for known in fields(SlideFacts)})

    def with_stated(self, stated: StatedFacts) -> Self:
        """The same, a person's words going before the file's; a scale only where the file has none, or overruled."""
        told = replace(self, **{name: getattr(stated, name) or getattr(self, name) for name in stated.words()})
        if stated.mpp is None:
            return told
        if self.mpp_source in {"file", OVERRULED}:
            if not stated.overrule_scale:
                return told
            return replace(told, mpp_x=stated.mpp, mpp_y=stated.mpp, mpp_source=OVERRULED)
        return replace(told, mpp_x=stated.mpp, mpp_y=stated.mpp, mpp_source="person")


SLIDE_FACTS = tuple(known.name for known in fields(SlideFacts))
"""Names of the facts, which are columns of the slides' table."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileFacts(SlideFacts):
    """The facts of a slide's file that is open, and how it is built.

    `bounds_px0` is the part the scanner used (x, y, width, height), where the file states it. `notes` are sentences on
    what of the file was read and what not. `series` is what the files of
    one DICOM slide have in common. `former_fingerprint` is the one earlier builds gave it, where that differs. `icc` is
    the profile of its colours, where the file holds one.
    """

    path: Path
    levels: tuple[Level, ...]
    bounds_px0: tuple[int, int, int, int] | None = None
    notes: tuple[str, ...] = ()
    series: str | None = None
    former_fingerprint: str | None = None
    icc: bytes | None = field(default=None, repr=False)

    @property
    def area_px0(self) -> tuple[int, int, int, int]:
        """Where tissue may lie: the bounds, or else the whole slide."""
        return self.bounds_px0 or (0, 0, self.width_px0, self.height_px0)


def scale_not_used(own: float, stated: float) -> str:
    """The sentence for a stated µm/px that gave way to the file's own."""
    return (
        f"The file says {own:.4g} µm per pixel itself, which counts; the {stated:g} stated was not used. "
        "Overrule the file's scale if it is wrong."
    )


def check_mpp(name: str, mpp: float | None) -> None:
    """Refuse a scale no liver slide is read at.

    Raises:
        LabError: outside 0.1 to 2 µm/px.
    """
    if mpp is None or FINEST_MPP <= mpp <= COARSEST_MPP:
        return
    fault = "far too coarse to see cells" if mpp > COARSEST_MPP else "finer than any light microscope's"
    raise LabError(
        f"{name} was not added: its pixels are {mpp:.4g} µm wide, {fault}. Slides between {FINEST_MPP} and "
        f"{COARSEST_MPP:g} µm per pixel can be used; if the file is wrong, state the scanner's value. "
        "Nothing was changed."
    )


def scale_of(
    stated: tuple[float | None, float | None], given: float | None
) -> tuple[float | None, float | None, str | None]:
    """µm per pixel across and down of a slide's file, and who says so: the file, else the person who gave it.

    Args:
        stated: by the file, across and down.
        given: by a person, for a file that is silent.
    """
    if stated[0] is None and given is not None:
        return given, given, "person"
    return *stated, "file" if stated[0] else None


def check_size(name: str, width_px: int, height_px: int) -> None:
    """Refuse a claim no glass slide can hold, before any memory is taken for it.

    Raises:
        LabError: no pixels, or more than a glass slide has at 0.1 µm/px.
    """
    if width_px < 1 or height_px < 1:
        raise LabError(f"{name} was not added: it claims to hold no pixels. Scan or export it again.")
    if max(width_px, height_px) > LARGEST_SIDE_PX or width_px * height_px > LARGEST_AREA_PX:
        raise LabError(
            f"{name} was not added: it claims to be {width_px} × {height_px} pixels, more than a glass slide can hold. "
            "The file is damaged or not a slide; scan or export it again. Nothing was changed."
        )


def fingerprint(path: Path, extra: str = "") -> str:
    """SHA-256 over a file's size, head, tail and blocks between at even distances: fast on any size.

    `extra` joins what the first file does not say, such as the hash of a slide's other files.
    """
    digest = hashlib.sha256(extra.encode())
    size = path.stat().st_size
    digest.update(size.to_bytes(8, "little"))
    with path.open("rb") as file:
        starts = sorted({max(0, (size - BLOCK) * i // (BLOCKS - 1)) for i in range(BLOCKS)})
        for start in starts:
            file.seek(start)
            digest.update(file.read(BLOCK))
    return digest.hexdigest()


def folder_fingerprint(files: list[Path]) -> str:
    """SHA-256 over names, sizes and contents of a slide's tiles, in order of name."""
    digest = hashlib.sha256()
    for file in sorted(files):
        digest.update(os.fsencode(file.name) + f":{fingerprint(file)};".encode())
    return digest.hexdigest()

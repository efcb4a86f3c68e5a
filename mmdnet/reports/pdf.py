"""The report as a PDF for print and for the patient's file: A4, tagged for screen readers (PDF/UA-1), set by typst.

The first page holds what a reader decides on: head, validity, warnings, grades, maps, six patches. Every text is data
of the template and never code of it.
"""

from __future__ import annotations

import io
import json
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mmdnet.errors import LabError
from mmdnet.labels.grading import task
from mmdnet.reports.glyphs import Letters, fonts, letters_for
from mmdnet.reports.html import Crop, ReportPictures, crop_of
from mmdnet.reports.model_card import CardDocument
from mmdnet.reports.patch_maps import ReportMaps
from mmdnet.reports.schema import EvidencePatch, Feature, FeatureEvidence, Quantity, Report, SignOff, report_sha256
from mmdnet.reports.typeset import (
    absent_words,
    advice_of,
    all_withheld,
    all_withheld_words,
    bases,
    beside,
    cautions_of,
    cautions_title,
    evidence_caption,
    evidence_note,
    interval_text,
    left_out,
    likeness_of,
    limits_of,
    moment,
    notes_of,
    patch_chance,
    provenance_facts,
    quantities_left,
    quantity_text,
    slide_facts,
    times_text,
    typeset,
    unsigned,
    verdict,
)
from mmdnet.reports.withhold import withheld
from mmdnet.reports.words import MAP_CAPTION, PLACE_IN_FILE, RESEARCH_USE, chance, fibrosis_shown
from mmdnet.scoring.palette import GRADE_RAMPS, HEAT, HEAT_OPAQUE, ink_on
from mmdnet.scoring.validity import NOT_REPORTABLE

TEMPLATE = Path(__file__).with_name("report.typ")
MAP_PX = 700  # longer side of a map in print: 300 dpi on 6 cm


@dataclass(frozen=True, slots=True)
class Chip:
    """A grade on its colour; without a digit it is unknown."""

    digit: str
    fill: str
    ink: str


UNKNOWN = Chip("–", "#ffffff", "#5a6066")


def to_pdf(report: Report, pictures: ReportPictures | None = None, card: CardDocument | None = None) -> bytes:
    """The report as a PDF; with the card of its model at the end, where it is given.

    Raises:
        LabError: it cannot be set.
    """
    import typst

    pictures, content_sha256 = pictures or ReportPictures(), report_sha256(report)
    report = withheld(report)
    crop = crop_of(report, pictures.frame)
    images = dict(_images(report, pictures, crop))
    content = _content(report, content_sha256, crop, images, pictures.on_patches) | {
        "card": _card(card) if card else None
    }
    letters = letters_for(_texts(content))
    content["families"] = list(letters.families)
    with tempfile.TemporaryDirectory(prefix="mmdnet-pdf-") as folder:
        place = Path(folder)
        (place / "report.typ").write_bytes(TEMPLATE.read_bytes())
        (place / "report.json").write_text(json.dumps(_shown(content, letters)), encoding="utf-8")
        for name, data in images.items():
            (place / name).write_bytes(data)
        try:
            data, warnings = typst.compile_with_warnings(
                str(place / "report.typ"),
                root=folder,
                font_paths=fonts(letters.of_machine),
                ignore_system_fonts=True,
                format="pdf",
                pdf_standards=["ua-1"],
                timestamp=int(report.made_at.timestamp()),
            )
        except typst.TypstError as error:
            raise LabError(
                f"The PDF could not be set ({error.message}). The report is unharmed; take the HTML."
            ) from error
    assert not warnings and isinstance(data, bytes)
    return data


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _texts(item)


def _shown(value: Any, letters: Letters) -> Any:
    if isinstance(value, str):
        return letters.shown(value)
    if isinstance(value, dict):
        return {key: _shown(item, letters) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_shown(item, letters) for item in value]
    return value


def chip(task_name: str, grade: int | None) -> Chip:
    """How a grade looks."""
    if grade is None:
        return UNKNOWN
    fill = GRADE_RAMPS[task_name][grade]
    return Chip(str(grade), fill, ink_on(fill))


def _content(
    report: Report, content_sha256: str, crop: Crop | None, images: dict[str, bytes], maps: ReportMaps
) -> dict[str, object]:
    """All that the template sets, as plain values: texts, colours, names of pictures."""
    header, signed, nas = report.header, report.sign_off.current, report.nas
    quantities, not_shown = quantities_left(report)
    return {
        "use": RESEARCH_USE,
        "slide": header.slide,
        "under": " · ".join(
            (
                header.stain or "stain not recorded",
                header.scanner or "scanner not recorded",
                f"patient {header.patient}" if header.patient else "patient not recorded",
            )
        ),
        "simulated": header.simulated,
        "validity": [report.validity.words, *report.validity.remedies] if not report.validity.reportable else [],
        "cautions": [typeset(caution) for caution in cautions_of(report)],
        "cautions_title": cautions_title(report),
        "signed": signed is not None,
        "headlines": list(_headlines(report, signed)),
        "state": _state(signed, report, content_sha256),
        "advice": advice_of(report) if report.validity.reportable else "",
        "maps": [_map(report, task, images) for task in ("", *(legend.task for legend in report.maps))],
        "map_words": MAP_CAPTION,
        "bar": {"share": crop.bar_px0 / crop.width, "words": crop.bar_words} if crop else None,
        "heat": {"colour": HEAT, "opaque": HEAT_OPAQUE},
        "six": _six(report, images),
        "facts": [asdict(fact) for fact in slide_facts(header)],
        "features": [_feature(feature, report) for feature in report.features],
        "fibrosis": fibrosis_shown(report.fibrosis),
        "withheld": all_withheld_words(report),
        "bases": [f"{titles}: {ground}." for titles, ground in bases(report).items()],
        "nas": _nas(report),
        "meaning": typeset(nas.meaning),
        "quantities": [_quantity(item, report) for item in quantities],
        "not_shown": not_shown,
        "field": f"A field is a 200× field of {report.quantities.field_mm2:g} mm² of tissue.",
        "evidence_words": " ".join(filter(None, (evidence_caption(report) + PLACE_IN_FILE, evidence_note(report)))),
        "maps_on_patches": typeset(maps.about(report.evidence)),
        "evidence": [_evidence(shown, images, maps) for shown in report.evidence],
        "quality": [typeset(said) for said in notes_of(report)],
        "set_aside": ", ".join(f"{count} {reason}" for reason, count in report.quality.set_aside.items()),
        "provenance": [asdict(fact) for fact in provenance_facts(report)],
        "signatures": [_signature(signature, report, content_sha256) for signature in report.sign_off.signed],
        "letters": [feature.letter for feature in report.features],
        "limits": [typeset(sentence) for sentence in limits_of(report)],
        "foot": f"Content sha256 {content_sha256}. Made {moment(report.made_at)}, report format "
        f"{report.schema_version}. Signing is designed with the audit ideas of 21 CFR Part 11.",
    }


def _quantity(item: Quantity, report: Report) -> dict[str, object]:
    known = item.value is not None
    figures = interval_text(item.interval, "share" if item.unit == "share" else "figure")
    return {
        "title": item.title,
        "known": known,
        "value": item.absent if item.value is None else quantity_text(item.value, item.unit),
        "interval": figures + beside(report, item.name) if known else "",
        "basis": item.basis,
    }


def _evidence(shown: FeatureEvidence, images: dict[str, bytes], maps: ReportMaps) -> dict[str, object]:
    """The patches behind one feature's grade, in the groups they were chosen by."""
    groups = ((shown.top, "Most attention"), (shown.low, "Least attention"), (shown.random, "At random"))
    return {
        "title": task(shown.task).title,
        "left_out": left_out(shown),
        "mapped": shown.task in maps.results,
        "tested": maps.tested(shown),
        "groups": [
            {
                "words": words,
                "patches": [
                    _patch(patch, shown.task, images) | _on_patch(patch, shown.task, images, maps) for patch in patches
                ],
            }
            for patches, words in groups
        ],
    }


def _card(card: CardDocument) -> dict[str, object]:
    rows = [[item.number, item.topic, typeset(item.said)] for item in card.filled]
    about = typeset(" ".join(filter(None, (card.note, card.verdict, card.summary))))
    return {"name": card.name, "about": about, "rows": rows, "open": card.open_words}


def _headlines(report: Report, signed: SignOff | None) -> Iterator[dict[str, object]]:
    """The signed score where there is one, and the model's."""

    def line(who: str, nas: int | None, words: str, grades: dict[str, int | None]) -> dict[str, object]:
        chips = [
            {"title": feature.title} | asdict(chip(feature.task, grades.get(feature.task)))
            for feature in report.features
        ]
        return {"who": who, "nas": "–" if nas is None else str(nas), "words": words, "chips": chips}

    if signed:
        yield line("Signed", signed.nas, "of 8", signed.grades)
    nas = report.nas
    words = nas.absent or "" if report.validity.reportable else NOT_REPORTABLE.lower()
    if nas.interval:
        words = f"90 % interval {interval_text(nas.interval, 'whole')}{beside(report, 'nas')}"
    yield line("Model", nas.value, words, report.model_grades)


def _state(signed: SignOff | None, report: Report, content_sha256: str) -> str:
    if signed is None:
        return unsigned(report)
    changed = "" if signed.content_sha256 == content_sha256 else " The report has changed since it was signed."
    return f"Signed by {signed.reader} on {moment(signed.at)}, {signed.proven}.{changed}"


def _feature(feature: Feature, report: Report) -> dict[str, object]:
    rows = []
    for criterion in feature.criteria:
        share = feature.probabilities[criterion.grade] if feature.probabilities else None
        rows.append(
            asdict(chip(feature.task, criterion.grade))
            | {
                "words": typeset(criterion.words),
                "share": share or 0.0,
                "chance": "" if share is None else chance(share),
                "readers": ", ".join(human.reader for human in feature.human if human.grade == criterion.grade),
                "chosen": criterion.grade == feature.grade,
            }
        )
    score = ""
    if feature.score is not None:
        score = (
            f"score {feature.score:.1f}, 90 % interval {interval_text(feature.interval)}{beside(report, feature.task)}"
        )
    return {"title": feature.title, "score": score or absent_words(feature, report), "rows": rows}


def _nas(report: Report) -> list[str]:
    nas, told = report.nas, report.reliability
    if all_withheld(report):
        return []
    if nas.value is None or nas.score is None or nas.p_active is None:
        lines = [nas.absent or ""]
    else:
        lines = [
            f"NAS {nas.value}, 90 % interval {interval_text(nas.interval, 'whole')}{beside(report, 'nas')}; "
            f"expected NAS {nas.score:.1f}. Probability of NAS ≥ 4 with every feature at least 1: "
            f"{chance(nas.p_active)}."
        ]
    if told and told.nas_at_least:
        shares = ", ".join(f"{k} or more {chance(share)}" for k, share in enumerate(told.nas_at_least) if k)
        lines.append(f"Probability of a NAS of {shares}.")
    return [*lines, *((f"{advice_of(report)} {told.measured}".strip(), likeness_of(report)) if told else ())]


def _signature(signature: SignOff, report: Report, content_sha256: str) -> dict[str, object]:
    same = signature.content_sha256 == content_sha256
    return {
        "at": moment(signature.at),
        "reader": signature.reader,
        "amends": f"amends signature {signature.amends}" if signature.amends else "",
        "chips": [asdict(chip(feature.task, signature.grades.get(feature.task))) for feature in report.features],
        "nas": "–" if signature.nas is None else str(signature.nas),
        "verdict": verdict(signature, report),
        "content": f"{signature.content_sha256[:12]}…, {'this' if same else 'an earlier content of this'} report",
    }


def _six(report: Report, images: dict[str, bytes]) -> list[dict[str, object]]:
    """The patches of the first page: as many of each feature as make six."""
    of_each = 6 // max(len(report.evidence), 1)
    return [
        {
            "title": task(shown.task).title,
            "patches": [_patch(patch, shown.task, images) for patch in shown.top[:of_each]],
        }
        for shown in report.evidence
    ]


def _patch(patch: EvidencePatch, task_name: str, images: dict[str, bytes]) -> dict[str, object]:
    name = f"patch-{patch.patch_id}.jpg"
    return asdict(chip(task_name, patch.grade)) | {
        "graded": patch.grade is not None,
        "image": name if name in images else "",
        "chance": patch_chance(patch),
        "times": times_text(patch.attention),
        "where": f"row {patch.row + 1}, col {patch.col + 1}",
    }


def _on_patch(patch: EvidencePatch, task_name: str, images: dict[str, bytes], maps: ReportMaps) -> dict[str, str]:
    name = _map_name(task_name, patch.place)
    return {"map": name if name in images else "", "tested": maps.words(task_name, patch)}


def _map_name(task_name: str, place: int) -> str:
    return f"on-{task_name}-{place}.jpg"


def _map(report: Report, task_name: str, images: dict[str, bytes]) -> dict[str, object]:
    legend = next((legend for legend in report.maps if legend.task == task_name), None)
    name = f"map-{task_name or 'slide'}.jpg"
    return {
        "title": task(task_name).title if legend else "Slide",
        "image": name if name in images else "",
        "ticks": []
        if legend is None
        else [{"at": (t - legend.low) / (legend.high - legend.low), "words": f"{t:g}"} for t in legend.ticks],
        "unit": legend.unit if legend else "",
    }


def _images(report: Report, pictures: ReportPictures, crop: Crop | None) -> Iterator[tuple[str, bytes]]:
    """Each picture under the name the template knows it by; maps are laid over the slide and cut to the tissue."""
    from PIL import Image

    for patch_id, jpeg in pictures.patches.items():
        yield f"patch-{patch_id}.jpg", jpeg
    for task_name, jpegs in pictures.on_patches.jpegs.items():
        for place, jpeg in jpegs.items():
            yield _map_name(task_name, place), jpeg
    if crop is None:
        return
    if pictures.slide:
        ground = Image.open(io.BytesIO(pictures.slide)).convert("RGBA")
    elif pictures.maps:
        ground = Image.new("RGBA", Image.open(io.BytesIO(next(iter(pictures.maps.values())))).size, "white")
    else:
        return
    scale_x, scale_y = ground.width / crop.slide_width, ground.height / crop.slide_height
    box = (crop.x * scale_x, crop.y * scale_y, (crop.x + crop.width) * scale_x, (crop.y + crop.height) * scale_y)
    enlarge = MAP_PX / max(crop.width * scale_x, crop.height * scale_y)
    size = (max(1, round((box[2] - box[0]) * enlarge)), max(1, round((box[3] - box[1]) * enlarge)))
    tissue = ground.resize(size, Image.Resampling.BICUBIC, box=box)
    for name in ("", *(legend.task for legend in report.maps)):
        drawn = tissue
        if name:
            if name not in pictures.maps:
                continue
            heat = (
                Image.open(io.BytesIO(pictures.maps[name]))
                .convert("RGBA")
                .resize(ground.size, Image.Resampling.NEAREST)
            )
            drawn = Image.alpha_composite(tissue, heat.resize(size, Image.Resampling.NEAREST, box=box))
        out = io.BytesIO()
        drawn.convert("RGB").save(out, "JPEG", quality=88, subsampling=0)
        yield f"map-{name or 'slide'}.jpg", out.getvalue()

"""The report as a table: one row per feature and one for the NAS."""

from mmdnet.labels.grading import TASKS
from mmdnet.reports.schema import Interval, Report, report_sha256
from mmdnet.reports.typeset import advice_of, cautions_of
from mmdnet.reports.withhold import withheld
from mmdnet.tables import to_csv as table_csv

PROBABILITIES = tuple(f"p_grade_{grade}" for grade in range(max(task.highest for task in TASKS) + 1))
COLUMNS = (
    "slide", "reportable", "caution", "patient", "accession_number", "barcode", "site", "stain", "scanner", "simulated",
    "feature", "model_grade", "score", "low_90", "high_90", "interval_covers", "interval_holds",
    "second_reader", "unlikeness",
    *PROBABILITIES, "rests_on", "readers", "reader_grades", "signed_grade",
    "signed_by", "signed_at", "signer", "patches_assessed", "assessed_mm2", "fat_area_share", "model", "weights_sha256",
    "label_set_sha256", "report_sha256", "made_at", "use",
)  # fmt: skip


def to_csv(report: Report) -> str:
    """The report as comma-separated text, UTF-8, one header line; empty is unknown, not assessed or withheld."""
    return table_csv(COLUMNS, report_rows(report))


def report_rows(report: Report) -> list[dict[str, object]]:
    """The table's rows, one per feature and one for the NAS; a row may lack columns."""
    sha256, report = report_sha256(report), withheld(report)
    common = _common(report) | {"report_sha256": sha256}
    signed = report.sign_off.current
    rows = []
    for feature in report.features:
        rows.append(
            common
            | _interval(feature.interval)
            | _worth(report, feature.task)
            | dict(zip(PROBABILITIES, feature.probabilities or (), strict=False))
            | {
                "model_grade": feature.grade,
                "score": feature.score,
                "feature": feature.task,
                "rests_on": feature.rests_on,
                "readers": "; ".join(human.reader for human in feature.human),
                "reader_grades": "; ".join(str(human.grade) for human in feature.human),
                "signed_grade": signed.grades.get(feature.task) if signed else None,
            }
        )
    nas = report.nas
    rows.append(
        common
        | _interval(nas.interval)
        | _worth(report, "nas")
        | {
            "feature": "NAS",
            "model_grade": nas.value,
            "score": nas.score,
            "rests_on": "sum of the three grades" if nas.value is not None else None,
            "signed_grade": signed.nas if signed else None,
        }
    )
    return rows


def _interval(interval: Interval | None) -> dict[str, object]:
    return {"low_90": interval.low if interval else None, "high_90": interval.high if interval else None}


def _worth(report: Report, name: str) -> dict[str, object]:
    """What the interval covers and how often such held, and why a second reader is advised."""
    told = report.reliability
    if told is None:
        return {}
    return {
        "interval_covers": report.covers(name),
        "interval_holds": told.holds.get(name),
        "second_reader": "; ".join(told.refer) or ("not advised" if report.validity.reportable else advice_of(report)),
        "unlikeness": told.unlikeness,
    }


def _common(report: Report) -> dict[str, object]:
    header, made, signed = report.header, report.provenance, report.sign_off.current
    return {
        "slide": header.slide,
        "reportable": report.validity.words or "yes",
        "caution": " ".join(cautions_of(report)),
        "patient": header.patient,
        "accession_number": header.accession_number,
        "barcode": header.barcode,
        "site": header.site,
        "stain": header.stain,
        "scanner": header.scanner,
        "simulated": "yes" if header.simulated else "no",
        "signed_by": signed.reader if signed else None,
        "signed_at": signed.at.isoformat(timespec="seconds") if signed else None,
        "signer": signed.proven if signed else None,
        "patches_assessed": header.patches_assessed,
        "assessed_mm2": header.assessed_mm2,
        "fat_area_share": report.fat_area,
        "model": made.model,
        "weights_sha256": made.weights_sha256,
        "label_set_sha256": made.label_set_sha256,
        "made_at": report.made_at.isoformat(timespec="seconds"),
        "use": header.use,
    }

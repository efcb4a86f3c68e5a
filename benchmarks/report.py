"""[report] The report of a slide of 2,000 patches as HTML and as PDF, after inference: from score to whole file.

Each is what a download does: the score opened, the report built, pictures read from the slide, the file written.
"""

from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks._mosaic import tissue_field, write_mosaic
from benchmarks.result import Result, cpu_ms
from benchmarks.zoom import lay_slide
from mmdnet.lab import open_lab
from mmdnet.settings import Settings

SIDE_PX, QUICK_SIDE_PX = 13_500, 4_500  # 2,025 and 225 patches of 299 px
MPP = 0.5
RUNS, QUICK_RUNS = 5, 2
HTML_S, PDF_S = 3.0, 10.0


def run(quick: bool) -> Result:
    side, runs = (QUICK_SIDE_PX, QUICK_RUNS) if quick else (SIDE_PX, RUNS)
    field, where = tissue_field()
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        lab = open_lab(Settings(home=Path(folder)))
        _, score = lay_slide(lab, write_mosaic(Path(folder) / "slide.tiff", side, MPP, field), side)
        patches = lab.scoring.get(score).summary.assessed_patches
        taken = cpu_ms(
            {"html": lambda: lab.reports.file(score, "html"), "pdf": lambda: lab.reports.file(score, "pdf")}, runs
        )
        sizes = {
            "html_kb": len(lab.reports.file(score, "html")) // 1000,
            "pdf_kb": len(lab.reports.file(score, "pdf")) // 1000,
        }
    beside = {
        "reach": HTML_S,
        "reach_is": "most",
        "also": {"CPU s, the PDF": (round(taken["pdf"] / 1000, 3), "most", PDF_S)},
        **sizes,
        "patches": patches,
        "tissue": where,
    }
    return Result("report", taken["html"] / 1000, "CPU s, the HTML", beside, runs)

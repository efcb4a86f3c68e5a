"""[artefacts] Real tiles sorted into usable, blank and pen, beside what their names say."""

from benchmarks._mosaic import real_data
from benchmarks.result import Result
from mmdnet.errors import LabError
from mmdnet.slides.measures.quality import assess
from mmdnet.slides.readers.image_sources import decode_image


def named(stem: str) -> str:
    """What a tile's name says it is."""
    if "pen" in stem:
        return "pen"
    return "blank" if stem.startswith(("almost-white", "no-tissue")) else "usable"


def run(quick: bool) -> Result:
    data = real_data()
    if data is None:
        raise LabError("The real tiles are not here; set MMDNET_REAL_DATA to their folder.")
    files = sorted((data / "artefact_tiles").glob("*.png"))
    judged = {file.name: assess(decode_image(file)).set_aside or "usable" for file in files}
    wrong = {file.name: judged[file.name] for file in files if judged[file.name] != named(file.stem)}
    beside = {"reach": 24, "tiles": len(files), "wrong": wrong}
    return Result("artefacts", len(files) - len(wrong), f"of {len(files)} tiles", beside, 1)

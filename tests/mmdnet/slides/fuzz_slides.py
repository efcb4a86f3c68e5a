"""Open damaged slides, one after another, and say how each ended: run by test_bad_files.py in a process of its own.

`python fuzz_slides.py FOLDER FIRST LAST`: FOLDER holds whole files; each case damages one of them by its number alone,
so that a case can be repeated. One line per case, written at once: its number and "read", "refused" or "ERROR ...".
"""

import random
import resource
import sys
from pathlib import Path

import cv2
import numpy as np

from mmdnet.errors import LabError
from mmdnet.slides.geometry import PatchPlace
from mmdnet.slides.patches import patch_grid
from mmdnet.slides.readers.open import open_slide
from mmdnet.slides.readers.reader import SlideReader, Unreadable

HEAD = 4096  # where formats keep what they are


def damage(data: bytes, chance: random.Random) -> bytes:
    """Cut, flip, splice or zero, near the head as often as anywhere."""
    out = bytearray(data)
    reach = min(len(out), HEAD) if chance.random() < 0.5 else len(out)
    kind = chance.choice(("cut", "flip", "flips", "zero", "splice", "bytes", "end", "tail"))
    at = chance.randrange(reach)
    if kind == "cut":
        del out[at:]
    elif kind == "flip":
        out[at] ^= 1 << chance.randrange(8)
    elif kind == "flips":
        for _ in range(chance.randrange(2, 40)):
            out[chance.randrange(reach)] ^= 1 << chance.randrange(8)
    elif kind == "zero":
        end = min(len(out), at + chance.randrange(1, 2000))
        out[at:end] = bytes(end - at)
    elif kind == "splice":
        start, length = chance.randrange(len(out)), chance.randrange(1, 3000)
        out[at : at + length] = out[start : start + length]
    elif kind == "bytes":
        out[at : at + 8] = chance.randbytes(8)
    elif kind == "end":  # a JPEG that says it ends here
        out[at : at + 2] = b"\xff\xd9"
    else:  # the end, where TIFFs often keep their directories
        end = max(0, len(out) - 1 - chance.randrange(min(len(out), HEAD)))
        out[end : end + 4] = chance.randbytes(4)
    return bytes(out)


def attempt(path: Path, textured: bool) -> str:
    """Open, read all levels small, and some patches; of a slide with texture everywhere, look for filled-in areas."""
    with open_slide(path, mpp=0.5) as slide:
        slide.thumbnail(64)
        grid = patch_grid(slide, patch_px=64)
        step = max(1, slide.facts.width_px0 // 3)
        places = [PatchPlace(0, i, i * step, 0, 1.0) for i in range(3)]
        patches = [pixels for _, pixels in slide.read_patches(places, grid, threads=1)]
        if textured and slide.facts.reader == "jpeg-tiles":
            assert not any(map(is_filled, everywhere(slide))), "pixels were filled in where none could be decoded"
        return ",".join(type(pixels).__name__ for pixels in patches)


def everywhere(slide: SlideReader) -> list[np.ndarray]:
    """All that can be read of a slide, in patches of 256 px."""
    grid = patch_grid(slide, patch_px=256)
    rows, cols = grid.shape_in(slide.facts.width_px0, slide.facts.height_px0)
    places = [PatchPlace(r, c, *grid.corner_px0(r, c), 1.0) for r in range(min(rows, 5)) for c in range(min(cols, 5))]
    return [pixels for _, pixels in slide.read_patches(places, grid, threads=1) if not isinstance(pixels, Unreadable)]


def is_filled(pixels: np.ndarray) -> bool:
    """Whether an area of 24 x 24 px has one colour, as where a decoder fills in what it lacks."""
    changes = np.zeros(pixels.shape[:2], bool)
    changes[1:] |= (pixels[1:] != pixels[:-1]).any(2)
    changes[:, 1:] |= (pixels[:, 1:] != pixels[:, :-1]).any(2)
    return not cv2.dilate(changes.astype(np.uint8), np.ones((25, 25), np.uint8)).all()


def main(folder: Path, first: int, last: int) -> None:
    limit = 6 * 2**30
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    seeds = sorted(file for file in folder.iterdir() if not file.name.startswith("case"))
    for number in range(first, last):
        chance = random.Random(number)
        seed = seeds[number % len(seeds)]
        path = folder / f"case{seed.suffix}"
        path.write_bytes(damage(seed.read_bytes(), chance))
        print(number, seed.name, end=" ", flush=True)
        try:
            print("read", attempt(path, textured=seed.name == "drawn.svs"), flush=True)
        except LabError as error:
            print("refused", ascii(str(error))[:200], flush=True)
        except Exception as error:
            print("ERROR", type(error).__name__, ascii(str(error)), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))

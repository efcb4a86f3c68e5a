"""Open damaged slides, one after another, and say how each ended: run by test_bad_files.py in a process of its own.

`python fuzz_slides.py FOLDER FIRST LAST`: FOLDER holds whole files; each case damages one of them by its number alone,
so that a case can be repeated. One line per case, written at once: its number and "read", "refused" or "ERROR ...".
"""

import random
import resource
import sys
from pathlib import Path

from mmdnet.errors import LabError
from mmdnet.slides.geometry import PatchPlace
from mmdnet.slides.open import open_slide
from mmdnet.slides.patches import patch_grid

HEAD = 4096  # where formats keep what they are


def damage(data: bytes, chance: random.Random) -> bytes:
    """Cut, flip, splice or zero, near the head as often as anywhere."""
    out = bytearray(data)
    reach = min(len(out), HEAD) if chance.random() < 0.5 else len(out)
    kind = chance.choice(("cut", "flip", "flips", "zero", "splice", "bytes", "tail"))
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
    else:  # the end, where TIFFs often keep their directories
        end = max(0, len(out) - 1 - chance.randrange(min(len(out), HEAD)))
        out[end : end + 4] = chance.randbytes(4)
    return bytes(out)


def attempt(path: Path) -> str:
    """Open, read all levels small, and some patches."""
    with open_slide(path, mpp=0.5) as slide:
        slide.thumbnail(64)
        grid = patch_grid(slide, patch_px=64)
        step = max(1, slide.facts.width_px0 // 3)
        places = [PatchPlace(0, i, i * step, 0, 1.0) for i in range(3)]
        return ",".join(type(pixels).__name__ for _, pixels in slide.read_patches(places, grid, threads=1))


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
            print("read", attempt(path), flush=True)
        except LabError as error:
            print("refused", ascii(str(error))[:200], flush=True)
        except Exception as error:
            print("ERROR", type(error).__name__, ascii(str(error)), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))

"""A scanner's own colours to those of a screen: the ICC profile that a file holds, applied to what people look at.

What networks and measures read stays as the file has it: all of them were made on such pixels.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import lru_cache

import numpy as np
from PIL import Image, ImageCms

from mmdnet.slides.pixels import Pixels

LARGEST_BYTES = 16 * 2**20

ToScreen = Callable[[Pixels], Pixels]


def as_stored(pixels: Pixels) -> Pixels:
    """Pixels as they are, of a slide without a profile."""
    return pixels


@lru_cache(maxsize=16)  # a slide's reader and its note both ask
def to_screen(profile: bytes | None) -> ToScreen:
    """What turns a slide's RGB pixels, (h, w, 3), into sRGB, by relative colorimetry with black point compensation.

    A profile that is absent, damaged or not one of RGB changes nothing.
    """
    if not profile or len(profile) > LARGEST_BYTES:
        return as_stored
    try:
        own = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        change = ImageCms.buildTransform(
            own,
            ImageCms.createProfile("sRGB"),
            "RGB",
            "RGB",
            ImageCms.Intent.RELATIVE_COLORIMETRIC,
            ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return as_stored

    def convert(pixels: Pixels) -> Pixels:
        changed = ImageCms.applyTransform(Image.fromarray(pixels), change)
        return np.asarray(changed, np.uint8) if changed is not None else pixels

    return convert


def profile_note(profile: bytes | None) -> tuple[str, ...]:
    """The sentence on a file with a profile that changes what is seen; nothing for others."""
    if to_screen(profile) is as_stored:
        return ()
    return ("Pictures are shown through the file's own colour profile; networks and measures read its stored colours.",)

"""Units as types: swapping two of them is a type error."""

from typing import NewType

MicronsPerPixel = NewType("MicronsPerPixel", float)
Microns = NewType("Microns", float)
SlidePixels = NewType("SlidePixels", int)  # pixels of level 0, the only level coordinates are ever given in

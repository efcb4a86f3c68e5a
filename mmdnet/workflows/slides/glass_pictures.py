"""Label and macro of a slide, which may name the patient: asked for one by one, each look in the log of access."""

from __future__ import annotations

from db.models import Slide
from mmdnet.errors import LabError
from mmdnet.workflows.services import Services, must_get
from mmdnet.workflows.slides.fetched.place import slide_file
from mmdnet.workflows.slides.stored_geometry import open_stored


class GlassPictures:
    """Reachable as `lab.slides.glass_pictures`."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def names(self, slide_id: int) -> tuple[str, ...]:
        """Which pictures the slide's file holds beside its pyramid; none where it is gone or not here yet."""
        from mmdnet.slides.readers.glass_pictures import glass_pictures

        try:
            with slide_file(self._services.settings, self._slide(slide_id).path) as path:
                return glass_pictures(path)
        except LabError:
            return ()

    def get(self, slide_id: int, name: str) -> bytes:
        """One of them, as a PNG.

        Raises:
            LabError: there is none of that name, or the file is gone, damaged or another one by now.
        """
        from mmdnet.slides.readers.glass_pictures import glass_picture

        slide = self._slide(slide_id)
        settings = self._services.settings
        with slide_file(settings, slide.path) as path:
            open_stored(slide, settings).close()  # the label of another slide would be worse than none
            return glass_picture(path, name)

    def _slide(self, slide_id: int) -> Slide:
        with self._services.db() as session:
            return must_get(session, Slide, slide_id, "slide")

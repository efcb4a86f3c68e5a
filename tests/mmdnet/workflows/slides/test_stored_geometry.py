"""From rows back to the grid, the places and the open slide."""

from db.models import Patch, Slide
from db.slides import patches_of
from mmdnet.settings import Settings
from mmdnet.slides.facts import StatedFacts
from mmdnet.workflows.slides.stored_geometry import image_corner_px0, open_stored, stored_grid, stored_places


def test_what_is_read_by_the_rows_is_what_was_laid(lab, tissue_png):
    project = lab.projects.create("Test").id
    slide_id = lab.slides.register(project, tissue_png(), StatedFacts(mpp=0.44))[0].slide_id
    with lab.db() as session:
        slide, patches = session.get(Slide, slide_id), list(patches_of(session, slide_id))
    grid, places = stored_grid(slide), stored_places(patches)
    assert (grid.patch_px, grid.patch_mpp, grid.mpp_x) == (299, 0.5, 0.44)
    assert [grid.corner_px0(place.row, place.col) for place in places] == [(row.x_px0, row.y_px0) for row in patches]
    with open_stored(slide, lab.settings) as reader:
        assert reader.mpp_xy == (0.44, 0.44)
        assert (
            {image_corner_px0(slide, patch, lab.settings) for patch in [*patches, None]}
            == {reader.facts.area_px0[:2]}
            == {(0, 0)}
        )


def test_the_corner_of_a_slide_whose_file_is_gone_is_told_by_its_patches(tmp_path):
    settings = Settings(home=tmp_path)
    slide = Slide(path="/gone.mrxs", mpp_x=0.25, mpp_y=0.25, patch_px=299, patch_mpp=0.5, name="gone")
    slide.width_px0 = slide.height_px0 = 9000
    slide.fingerprint = slide.vendor = slide.reader = "x"
    patch = Patch(row=2, col=1, x_px0=1000 + 598, y_px0=500 + 2 * 598, tissue_share=1.0)
    assert image_corner_px0(slide, patch, settings) == (1000, 500)
    assert image_corner_px0(slide, None, settings) == (0, 0)

"""Tiles copied from one TIFF into another are told apart from others that only look the same."""

import pytest
import tifffile

from benchmarks._drawn import reduced, tissue, write_tiff
from mmdnet.slides.readers.open import open_slide
from mmdnet.slides.tile_copy import hash_of, level_pages, same_pages, stated_by


@pytest.fixture(scope="module")
def slide(tmp_path_factory):
    return write_tiff(tmp_path_factory.mktemp("copy") / "a.tiff", reduced(tissue(400, 300), 2))


def test_pages_are_the_same_with_the_same_tiles_said_to_be_the_same(slide):
    with tifffile.TiffFile(slide) as source, open_slide(slide) as opened:
        pages = level_pages(source, opened.facts)
        hashes, stated = [hash_of(page) for page in pages], [stated_by(page) for page in pages]
        assert len(pages) == 2 and same_pages(pages, hashes, stated)
        assert not same_pages(pages[:1], hashes, stated)
        assert not same_pages(pages, hashes[::-1], stated)
        assert not same_pages(pages, hashes, [known | {262: 99} for known in stated])


def test_a_pyramid_of_which_a_level_is_no_page_of_tiles_gives_none(slide, tmp_path):
    strips = tmp_path / "b.tiff"
    with open_slide(slide) as opened:
        tifffile.imwrite(strips, tissue(400, 300), photometric="rgb")
        with tifffile.TiffFile(strips) as source:
            assert level_pages(source, opened.facts) == []

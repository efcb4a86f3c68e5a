"""Reading patches and regions of a slide that is open."""

import pickle
import threading
from collections import deque

import numpy as np
import pytest

from benchmarks._mosaic import write_mosaic
from mmdnet.errors import LabError
from mmdnet.slides.geometry import PatchGrid, PatchPlace
from mmdnet.slides.readers.open import open_slide
from mmdnet.slides.readers.reader import Unreadable
from mmdnet.slides.readers.tiles.tiff import read_directories


def test_patches_that_are_kept_stay_as_they_were_read(one_level):
    with open_slide(one_level) as slide:
        grid = PatchGrid((0, 0), 100, 0.5, 0.25, 0.25)
        places = [PatchPlace(r, c, *grid.corner_px0(r, c), 1.0) for r in range(7) for c in range(7)]
        kept = {index: patch[10:90] for index, patch in slide.read_patches(places, grid) if index % 3}
        read_again = {index: patch[10:90].copy() for index, patch in slide.read_patches(places, grid)}
    assert len(read_again) == 49 and len(kept) == 32
    assert all(np.array_equal(patch, read_again[index]) for index, patch in kept.items())


def test_patches_come_with_their_index_whatever_the_order_and_threads(odd_pyramid):
    with open_slide(odd_pyramid) as slide:
        grid = PatchGrid((0, 0), 64, 0.5, 0.25, 0.25)
        places = [PatchPlace(r, c, *grid.corner_px0(r, c), 1.0) for r in range(11) for c in range(11)][::-1]
        here, ahead, abreast = (dict(slide.read_patches(places, grid, threads)) for threads in (0, 1, 4))
        assert sorted(ahead) == list(range(len(places)))
        for i, place in enumerate(places):
            assert np.array_equal(ahead[i], slide.read_patch(place.x_px0, place.y_px0, 64, 0.5))
            assert np.array_equal(ahead[i], abreast[i])
            assert np.array_equal(ahead[i], here[i])


def test_without_threads_the_caller_reads_alone_and_nothing_ahead(odd_pyramid, monkeypatch):
    import mmdnet.slides.readers.jpeg_tiles as module

    readers, honest = [], module.decode
    with open_slide(odd_pyramid) as slide:
        monkeypatch.setattr(module, "decode", lambda *of: (readers.append(threading.get_ident()), honest(*of)))
        grid = PatchGrid((0, 0), 64, 0.5, 0.25, 0.25)
        places = [PatchPlace(r, 0, *grid.corner_px0(r, 0), 1.0) for r in range(11)]
        next(iter(slide.read_patches(places, grid, threads=0)))
        first = len(readers)
        deque(slide.read_patches(places, grid, threads=0), maxlen=0)
    assert set(readers) == {threading.get_ident()}
    assert 0 < first < (len(readers) - first) / 2


def test_a_reader_left_early_can_be_used_again(odd_pyramid):
    with open_slide(odd_pyramid) as slide:
        grid = PatchGrid((0, 0), 64, 0.5, 0.25, 0.25)
        places = [PatchPlace(r, c, *grid.corner_px0(r, c), 1.0) for r in range(11) for c in range(11)]
        for _ in slide.read_patches(places, grid):
            break
        assert len(dict(slide.read_patches(places, grid))) == len(places)


def test_several_threads_read_the_same_pixels(odd_pyramid):
    with open_slide(odd_pyramid) as slide:
        expected = slide.read_patch(300, 300)
        wrong = []

        def work() -> None:
            for _ in range(20):
                if not np.array_equal(slide.read_patch(300, 300), expected):
                    wrong.append(1)

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not wrong


def test_a_slide_travels_to_another_process_as_its_path(odd_pyramid):
    with open_slide(odd_pyramid, mpp=0.3) as slide, pickle.loads(pickle.dumps(slide)) as other:
        assert other.facts == slide.facts
        assert np.array_equal(other.read_patch(10, 10), slide.read_patch(10, 10))


def test_what_lies_beyond_the_edge_is_white(odd_pyramid):
    with open_slide(odd_pyramid) as slide:
        patch = slide.read_patch(1501 - 100, -50, 299, 0.25)
        assert (patch[:, 105:] == 255).all()
        assert (patch[:45] == 255).all()
        assert patch[60:, :95].min() < 200


def test_a_damaged_tile_is_a_status_and_never_white(tmp_path, field):
    path = write_mosaic(tmp_path / "hurt.tiff", 2048, 0.25, np.tile(field, (4, 4, 1)), downsamples=(1,))

    page = read_directories(path)[0]
    data = bytearray(path.read_bytes())
    start, size = int(page.offsets[27]), int(page.sizes[27])
    data[start + 300 : start + size] = bytes(size - 300)
    path.write_bytes(data)
    with open_slide(path) as slide:
        grid = PatchGrid((0, 0), 64, 0.5, 0.25, 0.25)
        places = [PatchPlace(r, c, *grid.corner_px0(r, c), 1.0) for r in range(16) for c in range(16)]
        bad = [places[i] for i, pixels in slide.read_patches(places, grid) if isinstance(pixels, Unreadable)]
        assert {(p.row, p.col) for p in bad} == {(6, 6), (6, 7), (7, 6), (7, 7)}  # tile 27 is row 3, column 3
        with pytest.raises(LabError, match="cannot be decoded"):
            slide.read_patch(3 * 256, 3 * 256, 64, 0.5)

import os
import pickle
import shutil
import stat
import threading
from collections import deque
from pathlib import Path

import cv2
import numpy as np
import pytest

from benchmarks._mosaic import write_mosaic
from mmdnet.errors import LabError
from mmdnet.slides.geometry import PatchGrid, PatchPlace
from mmdnet.slides.patches import patch_grid
from mmdnet.slides.readers.open import discover, open_slide
from mmdnet.slides.readers.reader import Unreadable


def refusal(path, **given) -> str:
    with pytest.raises(LabError) as caught:
        open_slide(path, **given)
    assert "Traceback" not in str(caught.value)
    return str(caught.value)


def test_a_missing_file_is_named(tmp_path):
    assert "nothing.svs" in refusal(tmp_path / "nothing.svs")
    assert "nothing.svs" in refusal(tmp_path / "no" / "nothing.svs")


def test_a_file_that_is_no_slide_is_refused(tmp_path):
    path = tmp_path / "text.svs"
    path.write_text("hello")
    assert "no slide" in refusal(path)
    path.write_bytes(b"")
    assert "empty" in refusal(path)


def test_bad_slides_are_refused_with_a_reason_each(real_data):
    bad = real_data / "bad_slides"
    assert "no slide" in refusal(bad / "broken.svs")
    assert "damaged" in refusal(bad / "unopenable.tiff")
    assert "cannot be decoded" in refusal(bad / "unreadable.svs")


def test_a_far_too_coarse_slide_is_refused_with_its_scale(real_data):
    assert "28.97" in refusal(real_data / "slides" / "camelyon_overview_29um.dcm")


@pytest.mark.parametrize("mpp", [0.0, 0.05, 2.5, 28.97])
def test_a_stated_scale_out_of_range_is_refused(odd_pyramid, mpp):
    refusal(odd_pyramid, mpp=mpp)


def test_a_stated_scale_goes_before_the_files(odd_pyramid):
    with open_slide(odd_pyramid) as slide:
        assert (slide.facts.mpp_x, slide.facts.mpp_source) == (pytest.approx(0.25), "file")
    with open_slide(odd_pyramid, mpp=0.5) as slide:
        assert (slide.facts.mpp_x, slide.mpp, slide.facts.mpp_source) == (0.5, 0.5, "person")


def test_a_scale_is_never_guessed(tmp_path, field):
    path = tmp_path / "field.png"
    cv2.imwrite(str(path), field)
    with open_slide(path) as slide:
        assert slide.facts.mpp_x is None
        with pytest.raises(LabError, match="how large its pixels are"):
            _ = slide.mpp
        with pytest.raises(LabError):
            patch_grid(slide)
        assert slide.thumbnail(64).shape == (64, 64, 3)


def test_a_print_resolution_is_no_scale(real_data):
    with open_slide(real_data / "slides" / "boxes.tiff") as slide:
        assert slide.facts.mpp_x is None


def test_a_slide_that_claims_a_million_pixels_a_side_is_refused_before_memory_is_taken(tmp_path, field):
    resource = pytest.importorskip("resource")
    path = write_mosaic(tmp_path / "absurd.tiff", 2000, 0.25, field, downsamples=(1,))
    data = bytearray(path.read_bytes())
    for tag in (256, 257):
        at = data.rindex(tag.to_bytes(2, "little") + (4).to_bytes(2, "little") + (1).to_bytes(8, "little"))
        data[at + 12 : at + 20] = (1_000_000).to_bytes(8, "little")
    path.write_bytes(data)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert "1000000 × 1000000" in refusal(path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000  # KiB


def test_a_picture_that_would_fill_memory_is_refused(tmp_path):
    import struct
    import zlib

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    path = tmp_path / "bomb.png"
    head = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    )
    assert "60000" in refusal(path, mpp=0.5)


@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="the superuser may read everything")
def test_a_folder_without_rights_says_so(tmp_path):
    folder = tmp_path / "closed"
    folder.mkdir()
    folder.chmod(0)
    try:
        assert "right" in refusal(folder)
        with pytest.raises(LabError, match="right"):
            discover(folder)
    finally:
        folder.chmod(stat.S_IRWXU)


def test_patches_come_with_their_index_whatever_the_order_and_threads(odd_pyramid):
    with open_slide(odd_pyramid) as slide:
        grid = PatchGrid((0, 0), 64, 0.5, 0.25, 0.25)
        places = [PatchPlace(r, c, *grid.corner_px0(r, c), 1.0) for r in range(11) for c in range(11)][::-1]
        here, one, four = (dict(slide.read_patches(places, grid, threads)) for threads in (0, 1, 4))
        assert sorted(one) == list(range(len(places)))
        for i, place in enumerate(places):
            assert np.array_equal(one[i], slide.read_patch(place.x_px0, place.y_px0, 64, 0.5))
            assert np.array_equal(one[i], four[i])
            assert np.array_equal(one[i], here[i])


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
    from mmdnet.slides.readers.tiff import read_directories

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


def test_slides_are_found_below_a_folder_and_their_masks_are_not(tmp_path, odd_pyramid, field):
    (tmp_path / "b" / ".hidden").mkdir(parents=True)
    (tmp_path / "fields").mkdir()
    shutil.copy(odd_pyramid, tmp_path / "b" / "one.tiff")
    shutil.copy(odd_pyramid, tmp_path / "b" / ".hidden" / "not.tiff")
    cv2.imwrite(str(tmp_path / "b" / "one_mask.png"), field)
    cv2.imwrite(str(tmp_path / "fields" / "field.jpg"), field)
    assert discover(tmp_path) == [tmp_path / "b" / "one.tiff", tmp_path / "fields" / "field.jpg"]
    assert discover(tmp_path / "b" / "one.tiff") == [tmp_path / "b" / "one.tiff"]
    with pytest.raises(LabError, match="No slides"):
        discover(_empty(tmp_path))


def _empty(folder: Path) -> Path:
    (folder / "empty").mkdir()
    return folder / "empty"


def test_the_real_slides_open_with_their_facts(real_data):
    with open_slide(real_data / "slides" / "liver_he_fields.svs") as slide:
        assert (slide.facts.vendor, slide.facts.reader, slide.facts.objective) == ("aperio", "jpeg-tiles", 20)
        assert slide.mpp == pytest.approx(0.4942)
        assert [level.downsample_x for level in slide.facts.levels] == [1, 4, 16]
    with open_slide(real_data / "slides" / "cmu-1-small-region.svs") as slide:
        assert (slide.facts.scanner, slide.facts.reader) == ("CPAPERIOCS", "jpeg-tiles")
    with open_slide(real_data / "slides" / "boxes_0.dcm") as slide:
        assert (slide.facts.vendor, slide.facts.reader) == ("dicom", "openslide")

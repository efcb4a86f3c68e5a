"""Pictures and folders of tiles as slides."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from mmdnet.errors import LabError
from mmdnet.slides.pixels import shrink
from mmdnet.slides.readers.image_sources import decode_image, decoded_size, tile_name
from mmdnet.slides.readers.open import discover, open_slide

PNG_HEAD = b"\x89PNG\r\n\x1a\n"


def test_a_picture_that_would_fill_memory_is_refused(tmp_path, refusal):
    import struct
    import zlib

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    path = tmp_path / "bomb.png"
    head = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    path.write_bytes(PNG_HEAD + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b""))
    assert "60000" in refusal(path, mpp=0.5)


@pytest.fixture
def tiles(tmp_path, field):
    for x, y in ((3, 5), (4, 5), (4, 6)):
        shade = np.full((299, 299, 3), 20 * x + 10 * y, np.uint8)
        cv2.imwrite(str(tmp_path / f"a_b_{x}_{y}.png"), shade)
    return tmp_path


def test_names_of_tiles_are_read_from_the_right():

    assert tile_name(Path("16_224_606_43_42.png")) == ("16_224_606", 43, 42)
    assert tile_name(Path("tissue-level0-4302.png")) is None


def test_a_folder_of_tiles_is_a_slide(tiles):
    with open_slide(tiles, mpp=0.5) as slide:
        assert (slide.facts.width_px0, slide.facts.height_px0) == (598, 598)
        assert slide.facts.reader == "patch-folder"
        assert (slide.read_patch(0, 0) == 110).all()
        assert (slide.read_patch(299, 299) == 140).all()
        assert (slide.read_patch(0, 299) == 255).all()  # no tile there
        assert slide.thumbnail(46).shape == (46, 46, 3)
        assert abs(int(slide.thumbnail(46)[40, 40, 0]) - 140) <= 1


def test_tiles_of_two_slides_are_two_slides(tiles, real_data):
    assert discover(tiles) == [tiles]
    cv2.imwrite(str(tiles / "other_0_0.png"), np.zeros((299, 299, 3), np.uint8))
    assert discover(tiles) == [tiles / "a_b", tiles / "other"]
    with open_slide(tiles / "other", mpp=0.5) as slide:
        assert slide.facts.width_px0 == 299
    with pytest.raises(LabError, match="2 slides"):
        open_slide(tiles, mpp=0.5)
    assert [path.name for path in discover(real_data / "trichrome_tiles")] == ["114", "16_224_606"]


def write_tiles(folder, image, side, name=lambda col, row: f"S_{col}_{row}.png"):
    for row, y in enumerate(range(0, image.shape[0], side)):
        for col, x in enumerate(range(0, image.shape[1], side)):
            cv2.imwrite(str(folder / name(col, row)), image[y : y + side, x : x + side, ::-1])


@pytest.mark.parametrize(("width", "height"), [(500, 300), (512, 300), (450, 256)])
def test_tiles_of_the_last_column_and_row_may_be_smaller(tmp_path, field, width, height):
    image = field[:height, :width]
    write_tiles(tmp_path, image, 130)
    with open_slide(tmp_path, mpp=0.5) as slide:
        assert (slide.facts.width_px0, slide.facts.height_px0) == (width, height)
        assert np.array_equal(slide.read_region_px0(0, 0, width, height, width, height), image)
        assert slide.facts.notes == ()
        coarse = slide.read_region_px0(0, 0, width, height, width // 13, height // 13)
        assert np.abs(coarse.astype(int) - shrink(image, width // 13, height // 13)).mean() < 25


@pytest.mark.parametrize("fault", ["damaged", "smaller", "empty"])
def test_one_bad_tile_is_named_and_costs_only_itself(tmp_path, field, fault):
    write_tiles(tmp_path, field, 128)
    bad = tmp_path / "S_0_0.png"  # the first by name, too
    if fault == "smaller":
        cv2.imwrite(str(bad), field[:100, :100])
    else:
        bad.write_bytes(bad.read_bytes()[:60] if fault == "damaged" else b"")
    with open_slide(tmp_path, mpp=0.5) as slide:
        assert (slide.facts.width_px0, slide.facts.height_px0) == (512, 512)
        assert np.array_equal(slide.read_region_px0(128, 0, 128, 128, 128, 128), field[:128, 128:256])
        with pytest.raises(LabError, match=r"S_0_0\.png"):
            slide.read_region_px0(0, 0, 64, 64, 64, 64)
        if fault != "damaged":
            assert "S_0_0.png" in slide.facts.notes[0]


@pytest.mark.parametrize(("step", "first"), [(128, 0), (128, 5120), (64, 0), (256, 1000)])
def test_tiles_named_by_pixels_are_refused(tmp_path, field, step, first, refusal):
    write_tiles(tmp_path, field, 128, lambda col, row: f"S_{first + col * step}_{first + row * step}.png")
    said = refusal(tmp_path, mpp=0.5)
    assert f"steps of {step}" in said and "column 0, 1, 2" in said


@pytest.mark.parametrize("places", [[(0, 0), (3, 2)], [(7, 7)], [(0, 0), (90, 140)], [(2, 0), (4, 0), (6, 0)]])
def test_few_tiles_far_apart_are_still_places_in_a_grid(tmp_path, field, places):
    for col, row in places:
        cv2.imwrite(str(tmp_path / f"S_{col}_{row}.png"), field[:128, :128])
    with open_slide(tmp_path, mpp=0.5) as slide:
        assert slide.facts.width_px0 == 128 * (max(places)[0] - min(places)[0] + 1)


@pytest.mark.parametrize("orientation", [3, 6, 8])
def test_a_photograph_is_turned_as_it_says(tmp_path, field, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(field[:120, :200]).save(tmp_path / "a.png", exif=exif)
    quarter = {3: 2, 6: 3, 8: 1}[orientation]
    assert np.array_equal(decode_image(tmp_path / "a.png"), np.rot90(field[:120, :200], quarter))


@pytest.mark.parametrize("place", ["before its pixels", "behind its pixels"])
def test_a_tile_that_is_a_turned_png_has_its_upright_size(tmp_path, field, place):
    exif = Image.Exif()
    exif[0x0112] = 6
    file = tmp_path / "S_0_0.png"
    Image.fromarray(field[:120, :200]).save(file, exif=exif)
    if place == "behind its pixels":
        chunks = [chunk for chunk in _chunks(file.read_bytes()) if chunk[4:8] != b"eXIf"]
        turned = next(chunk for chunk in _chunks(file.read_bytes()) if chunk[4:8] == b"eXIf")
        file.write_bytes(b"".join([PNG_HEAD, *chunks[:-1], turned, chunks[-1]]))
    assert decoded_size(file) == (120, 200)
    with open_slide(tmp_path, mpp=0.5) as slide:
        assert (slide.facts.width_px0, slide.facts.height_px0) == (120, 200)


@pytest.mark.parametrize("damage", ["a bit", "cut off", "no pixels"])
def test_a_damaged_png_has_no_size(tmp_path, field, damage):
    write_tiles(tmp_path, field, 128)
    bad = tmp_path / "S_1_1.png"
    assert decoded_size(bad) == (128, 128)
    data = bad.read_bytes()
    if damage == "a bit":
        data = data[:5000] + bytes([data[5000] ^ 1]) + data[5001:]
    elif damage == "cut off":
        data = data[:-400]
    else:
        data = PNG_HEAD + b"".join(chunk for chunk in _chunks(data) if chunk[4:8] != b"IDAT")
    bad.write_bytes(data)
    with pytest.raises(LabError, match=r"S_1_1\.png .* cannot be decoded"):
        decoded_size(bad)
    if damage != "no pixels":
        with open_slide(tmp_path, mpp=0.5) as slide:
            assert "S_1_1.png" in slide.facts.notes[0]


def _chunks(png: bytes) -> list[bytes]:
    chunks, at = [], len(PNG_HEAD)
    while at < len(png):
        end = at + 12 + int.from_bytes(png[at : at + 4], "big")
        chunks.append(png[at:end])
        at = end
    return chunks


def test_sixteen_bits_are_scaled_and_not_cut_off(tmp_path, field):
    grey = field[..., 0]
    cv2.imwrite(str(tmp_path / "a.png"), grey.astype(np.uint16) * 257)
    assert np.array_equal(decode_image(tmp_path / "a.png")[..., 0], grey)

"""Where frames lie in a DICOM file: with a table and without, in one piece and in several, and not at all."""

import struct

import pytest

from mmdnet.slides.readers.tiles.dicom_frames import END, ITEM, FrameFile

PARTS = [b"first.", b"second frame", b"3rd!"]


def item(data):
    return ITEM + struct.pack("<I", len(data)) + data


def element(table, *items, length=0xFFFFFFFF):
    return b"\xe0\x7f\x10\x00OB\0\0" + struct.pack("<I", length) + item(table) + b"".join(items) + END + bytes(4)


def frames(path, data, count, frame_bytes=None, implicit=False):
    path.write_bytes(b"head" + data)
    file = FrameFile(path, 4, implicit, count, frame_bytes)
    try:
        return [file.frame(number, 1000) for number in range(count)]
    finally:
        file.close()


def test_frames_are_found_with_and_without_a_table_and_a_wrong_one_is_not_followed(tmp_path):
    items = [item(part) for part in PARTS]
    right = struct.pack("<3I", 0, len(items[0]), len(items[0] + items[1]))
    for table in (b"", right, struct.pack("<3I", 0, 5, 3), struct.pack("<2I", 0, 14), struct.pack("<3I", 0, 14, 2**31)):
        assert frames(tmp_path / "a", element(table, *items), 3) == PARTS


def test_a_frame_in_several_pieces_is_joined_where_a_table_says_which(tmp_path):
    items = [item(part) for part in PARTS]
    table = struct.pack("<2I", 0, len(items[0] + items[1]))
    assert frames(tmp_path / "a", element(table, *items), 2) == [PARTS[0] + PARTS[1], PARTS[2]]
    assert frames(tmp_path / "a", element(b"", *items), 1) == [b"".join(PARTS)]
    with pytest.raises(ValueError, match="3 pieces of pixels stand for 2 frames"):
        frames(tmp_path / "a", element(b"", *items), 2)


def test_frames_that_are_not_compressed_follow_each_other(tmp_path):
    raw = b"abcdefgh"
    explicit = b"\xe0\x7f\x10\x00OB\0\0" + struct.pack("<I", 8) + raw
    implicit = b"\xe0\x7f\x10\x00" + struct.pack("<I", 8) + raw
    assert frames(tmp_path / "a", explicit, 2, 4) == [b"abcd", b"efgh"]
    assert frames(tmp_path / "a", implicit, 4, 2, implicit=True) == [b"ab", b"cd", b"ef", b"gh"]
    for count, data in ((3, explicit), (2, explicit[:-1])):
        with pytest.raises(ValueError, match="ends before its last frame"):
            frames(tmp_path / "a", data, count, 4)


def test_what_is_cut_damaged_or_stored_otherwise_is_refused(tmp_path):
    whole = element(b"", *map(item, PARTS))
    for data, said in (
        (whole[:-14], "ends before"), (whole[:-8], "ends before"), (whole[:20], "ends before"),
        (whole.replace(ITEM + b"\x0c", b"\xfe\xff\x01\xe0\x0c"), "not where they should be"),
        (element(b"", length=40), "stored otherwise"), (b"nothing at all", "no pixels"), (b"", "no pixels"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=said):
            frames(tmp_path / "a", data, 3)
    file = tmp_path / "a"
    file.write_bytes(whole)
    with pytest.raises(ValueError, match="more bytes than one can have"):
        FrameFile(file, 0, False, 3, None).frame(1, 8)

"""Files by key in a folder and in a zip, and none outside of them."""

import zipfile

import pytest

from mmdnet.slides.readers.ome_zarr.store import FolderStore, ZipStore, inside, is_ome_zarr


def test_a_folder_and_a_zip_give_the_same_also_where_the_zip_holds_one_folder(tmp_path):
    files = {"zarr.json": b"{}", "0/c/0": b"0123456789"}
    for key, data in files.items():
        (tmp_path / "a.zarr" / key).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "a.zarr" / key).write_bytes(data)
    for name, top in (("bare.ozx", ""), ("folder.zarr.zip", "a.zarr/")):
        with zipfile.ZipFile(tmp_path / name, "w", zipfile.ZIP_DEFLATED) as file:
            for key, data in files.items():
                file.writestr(top + key, data)
    for store in (
        FolderStore(tmp_path / "a.zarr"),
        ZipStore(tmp_path / "bare.ozx"),
        ZipStore(tmp_path / "folder.zarr.zip"),
    ):
        assert (store.get("0/c/0", 10), store.get("0/c/1", 10), store.get("0/c", 10)) == (b"0123456789", None, None)
        assert (store.part("0/c/0", 2, 3), store.part("0/c/0", -4, 4), store.part("1", 0, 1)) == (b"234", b"6789", None)
        with pytest.raises(ValueError, match="larger than it can be"):
            store.get("0/c/0", 9)
        store.close()
    assert all(map(is_ome_zarr, tmp_path.iterdir())) and not is_ome_zarr(tmp_path)


@pytest.mark.parametrize("key", ["", "..", "0/../../a", "/etc/passwd", "0\\..\\a", "C:/a", "a\0b"])
def test_no_key_leads_outside(tmp_path, key):
    with pytest.raises(ValueError, match="outside"):
        FolderStore(tmp_path).get(key, 1)
    assert inside("0/./c//1") == "0/c/1"

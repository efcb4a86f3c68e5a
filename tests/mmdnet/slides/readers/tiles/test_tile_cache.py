"""Memory of decoded tiles: limited, kept while it is read, used again."""

import pytest

from mmdnet.errors import LabError
from mmdnet.slides.readers.tiles.tile_cache import Recycled, TileCache, memory


def test_the_cache_uses_the_same_memory_again_and_again():
    cache, places = TileCache(10 * 300), set()
    for key in range(50):
        with cache.tile(key, (10, 10, 3), lambda out, key=key: out.fill(key)) as tile:
            assert (tile == key).all()
            places.add(tile.ctypes.data)
    assert len(places) == 10
    with cache.tile("large", (20, 20, 3), lambda out: out.fill(1)) as tile:
        assert tile.shape == (20, 20, 3)


def test_a_tile_that_is_kept_is_not_loaded_again_and_one_that_failed_is():
    cache, loaded = TileCache(10 * 300), []

    def fail(out):
        loaded.append("failed")
        raise LabError("damaged")

    for _ in range(2):
        with pytest.raises(LabError), cache.tile("a", (10, 10, 3), fail):
            pass
    for _ in range(2):
        with cache.tile("a", (10, 10, 3), lambda out: loaded.append("whole")):
            pass
    assert loaded == ["failed", "failed", "whole"]
    cache.forget()
    with cache.tile("a", (10, 10, 3), lambda out: loaded.append("again")):
        pass
    assert loaded[-1] == "again"


def test_a_tile_that_is_being_read_keeps_its_pixels():
    cache = TileCache(2 * 300)
    with cache.tile("held", (10, 10, 3), lambda out: out.fill(7)) as held:
        for key in range(20):
            with cache.tile(key, (10, 10, 3), lambda out: out.fill(0)):
                pass
        assert (held == 7).all()


def test_memory_is_given_again_only_when_no_view_of_it_is_held():
    given = Recycled(2)
    first = given.empty((4, 4, 3))
    place = first.ctypes.data
    part = first[1:3].reshape(-1)[2:]
    part[:] = 7
    del first
    assert given.empty((4, 4, 3)).ctypes.data != place
    assert (part == 7).all()
    del part
    assert place in {pixels.ctypes.data for pixels in [given.empty((4, 4, 3)) for _ in range(2)]}


def test_memory_for_tiles_begins_beside_where_libjpeg_would_write_past_the_processors_cache():
    kept = [memory((16, 16, 3)) for _ in range(50)]
    assert {pixels.ctypes.data % 32 for pixels in kept} == {16}

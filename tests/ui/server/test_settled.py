import gc

import pytest

from ui.server.settled import freeze_loaded


@pytest.fixture(autouse=True)
def thawed():
    """What other tests made is collected again afterwards."""
    yield
    gc.unfreeze()


def test_what_is_loaded_when_a_page_is_first_drawn_is_left_out_of_collections_and_later_garbage_is_not():
    before = gc.get_freeze_count()
    freeze_loaded("a page of this test")
    after_first = gc.get_freeze_count()
    assert after_first > before
    later = [[] for _ in range(1000)]
    freeze_loaded("a page of this test")
    assert gc.get_freeze_count() <= after_first
    assert any(held is later for held in gc.get_objects())

"""`mmdnet store`: what is kept is listed, found damaged and removed, in words and in JSON."""

import json

import numpy as np
import pytest

from mmdnet.settings import load_settings
from mmdnet.workflows.slides.stores import feature_stores


@pytest.fixture
def kept(run):
    """The file of a slide's features in the lab's store."""
    assert run("store", "list", "--json")[0] == 0
    (store, _) = feature_stores(load_settings())
    store.save("first", np.ones((100, 8)), {"slide": "0.png"})
    return store.path("first")


def test_an_empty_store_says_its_limit(run):
    assert run("store", "list") == (0, "0 stores kept, 0.00 GiB; the limit is 20 GiB.\n", "")


def test_what_is_kept_is_listed_verified_and_pruned(run, kept):
    code, out, _ = run("store", "list", "--json")
    facts = json.loads(out)
    assert code == 0 and facts["limit_bytes"] == 20 * 2**30 and facts["stores"][0]["slide"] == "0.png"
    assert run("store", "verify")[0] == 0
    kept.write_bytes(b"short")
    code, out, err = run("store", "verify")
    assert code == 1 and "damaged" in out and "mmdnet store prune" in err
    code, out, err = run("store", "verify", "--json")
    assert code == 1 and "damaged" in json.loads(out)["stores"][0]["fault"] and err == ""
    code, out, _ = run("store", "prune", "--json")
    assert code == 0 and len(json.loads(out)["stores"]) == 1 and not kept.exists()

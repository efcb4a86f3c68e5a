"""Objects that live as long as the server are left out of garbage collection.

Streamlit collects garbage after each run of a script, also of a fragment that draws itself anew every two seconds.
Walking all that the pages' libraries keep takes some 0.4 s of a processor each time, in which no other page is drawn.
Once a page has been drawn what it loaded is there to stay: Python's permanent generation holds it, and later
collections, which give back the memory of closed sessions, look at what came since.
"""

from __future__ import annotations

import atexit
import functools
import gc

atexit.register(gc.unfreeze)  # else libraries complain at the end that what they gave out was never freed


@functools.cache
def freeze_loaded(page: str) -> None:
    """Take what is loaded now for permanent; once for each `page`, by the cache, after it was first drawn."""
    gc.collect()
    gc.freeze()

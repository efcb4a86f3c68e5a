"""What a page's run sends reaches the browser in the order it was drawn, also while a fragment begins to draw anew.

As a fragment begins, Streamlit (1.67) drops what waits to be sent of it from the session's queue and keeps the rest:
what stands below it on the page, or within it as a fragment of its own, is then sent before it. Its client takes that
for a fault ("Bad delta path index") and shows an empty page until it is loaded anew. It needs a fragment that draws
itself every second or two, and a machine so busy that the page's run is not yet sent when that fragment's turn comes.
Streamlit has no setting for it, so its queue keeps everything then, once, when the application is loaded.
"""

from __future__ import annotations

from collections.abc import Sequence


def keep_in_order() -> None:
    """From now on nothing that waits to be sent is dropped because a fragment draws itself anew; it is sent before."""
    from streamlit.runtime.forward_msg_queue import ForwardMsgQueue

    if hasattr(ForwardMsgQueue, "mmdnet_in_order"):
        return
    clear = ForwardMsgQueue.clear

    def in_order(
        self: ForwardMsgQueue, retain_lifecycle_msgs: bool = False, fragment_ids_this_run: Sequence[str] | None = None
    ) -> None:
        if fragment_ids_this_run is None:
            clear(self, retain_lifecycle_msgs)
        else:
            self._delta_index_map = {}  # what is drawn anew does not take the place of what was drawn

    ForwardMsgQueue.mmdnet_in_order = True  # type: ignore[attr-defined]
    ForwardMsgQueue.clear = in_order  # type: ignore[method-assign]

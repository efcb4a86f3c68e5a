"""A link to another page leads there, also when a fragment's timer on the page one leaves fires a moment after.

What a session asks for before its run has begun, Streamlit (1.67) folds into one request: a page as a whole if any of
it asked for one, but that page which was named last. A fragment that draws itself every few seconds names the page it
stands on, so the page that was chosen is forgotten and the old one is drawn again. On a busy machine a run takes long
to begin. Streamlit has no setting for it, so a fragment's turn is let pass then: its page is on its way out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from streamlit.runtime.scriptrunner_utils.script_requests import RerunData, ScriptRequests


def keep_turned() -> None:
    """From now on a fragment does not call back a page that another one is about to take the place of."""
    from streamlit.runtime.scriptrunner_utils.script_requests import ScriptRequests, ScriptRequestType

    if hasattr(ScriptRequests, "mmdnet_keeps_turned"):
        return
    request = ScriptRequests.request_rerun

    def request_rerun(self: ScriptRequests, new_data: RerunData) -> bool:
        with self._lock:
            waits, page = self._state is ScriptRequestType.RERUN, self._rerun_data
        whole = waits and not page.fragment_id_queue
        if whole and new_data.fragment_id and new_data.page_script_hash != page.page_script_hash:
            return True
        return request(self, new_data)

    ScriptRequests.mmdnet_keeps_turned = True  # type: ignore[attr-defined]
    ScriptRequests.request_rerun = request_rerun  # type: ignore[method-assign]

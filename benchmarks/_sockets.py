"""Sessions of the lab's pages without a browser: the socket a browser opens, with Streamlit's own messages."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from mmdnet.errors import LabError
from tests.browser.lab_process import RunningLab

PATIENCE_S = 300.0


class Visit:
    """One open page. `pages` are the hashes by which the menu's pages are asked for."""

    def __init__(self, socket: Any) -> None:
        self._socket = socket
        self.pages: list[str] = []

    def go(self, page: str = "", query: str = "") -> None:
        """Click a page in the menu, or without one load the lab; returns when the page has drawn itself.

        Raises:
            LabError: it did not in time.
        """
        from streamlit.proto.BackMsg_pb2 import BackMsg

        asked = BackMsg()
        asked.rerun_script.query_string = query
        asked.rerun_script.page_script_hash = page
        self._socket.send(asked.SerializeToString())
        self._until_drawn()

    def _until_drawn(self) -> None:
        from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

        while True:
            try:
                sent = ForwardMsg.FromString(self._socket.recv(timeout=PATIENCE_S))
            except TimeoutError as error:
                raise LabError(f"A page did not draw itself within {PATIENCE_S:.0f} s.") from error
            if sent.HasField("navigation"):
                self.pages = [page.page_script_hash for page in sent.navigation.app_pages]
            if sent.HasField("script_finished") and sent.script_finished == ForwardMsg.FINISHED_SUCCESSFULLY:
                return


@contextmanager
def visit(lab: RunningLab) -> Iterator[Visit]:
    """A session until the end of the block."""
    from websockets.sync.client import connect

    address = f"{lab.url.replace('http', 'ws', 1)}/_stcore/stream"
    options = {"max_size": None, "open_timeout": PATIENCE_S, "ping_interval": None}
    with connect(address, origin=lab.url, subprotocols=["streamlit"], **options) as socket:  # type: ignore
        yield Visit(socket)

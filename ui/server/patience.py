"""A connection whose request does not arrive is closed: uvicorn waits for the rest of a request's head without end.

`ui.server.door` does the same for bodies. Streamlit starts uvicorn itself and takes no setting for this, and uvicorn
has none, so its HTTP protocol is given the timer here, once, when the application is loaded.
"""

from __future__ import annotations

import asyncio
from typing import Any

HEAD_S = 20.0


def close_half_sent() -> None:
    """From now on a connection is closed that has not sent a whole head `HEAD_S` seconds after it began one."""
    import h11
    from uvicorn.protocols.http.h11_impl import H11Protocol

    if hasattr(H11Protocol, "mmdnet_timer"):
        return
    made, received, lost = H11Protocol.connection_made, H11Protocol.data_received, H11Protocol.connection_lost

    def connection_made(self: Any, transport: Any) -> None:
        made(self, transport)
        _wait(self)

    def data_received(self: Any, data: bytes) -> None:
        received(self, data)
        if self.conn.their_state is not h11.IDLE:
            _stop(self)
        elif self.mmdnet_timer is None:
            _wait(self)

    def connection_lost(self: Any, exc: Exception | None) -> None:
        _stop(self)
        lost(self, exc)

    H11Protocol.mmdnet_timer = None  # type: ignore[attr-defined]
    H11Protocol.connection_made = connection_made  # type: ignore[method-assign]
    H11Protocol.data_received = data_received  # type: ignore[method-assign]
    H11Protocol.connection_lost = connection_lost  # type: ignore[method-assign]


def _wait(protocol: Any) -> None:
    protocol.mmdnet_timer = asyncio.get_running_loop().call_later(HEAD_S, protocol.transport.close)


def _stop(protocol: Any) -> None:
    if protocol.mmdnet_timer is not None:
        protocol.mmdnet_timer.cancel()
        protocol.mmdnet_timer = None

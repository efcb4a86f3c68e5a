import pytest
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime.forward_msg_queue import ForwardMsgQueue

from ui.server.in_order import keep_in_order


@pytest.fixture
def as_streamlit_has_it(monkeypatch):
    """Streamlit's own queue, whatever another test made of it, and put back afterwards."""
    monkeypatch.setattr(ForwardMsgQueue, "clear", ForwardMsgQueue.clear)
    monkeypatch.setattr(ForwardMsgQueue, "mmdnet_in_order", True, raising=False)
    monkeypatch.delattr(ForwardMsgQueue, "mmdnet_in_order")


def drawn(place: int, text: str, fragment: str = "") -> ForwardMsg:
    message = ForwardMsg()
    message.metadata.delta_path[:] = [0, place]
    message.delta.new_element.text.body = text
    message.delta.fragment_id = fragment
    return message


def sent_as_a_fragment_begins_anew() -> list[str]:
    """What reaches the browser of a page that waits to be sent when its fragment, the second of three, draws again."""
    queue = ForwardMsgQueue()
    for message in (drawn(0, "head"), drawn(1, "jobs", "every two seconds"), drawn(2, "below")):
        queue.enqueue(message)
    queue.clear(retain_lifecycle_msgs=True, fragment_ids_this_run=["every two seconds"])
    queue.enqueue(drawn(1, "jobs again", "every two seconds"))
    return [message.delta.new_element.text.body for message in queue.flush()]


def test_a_page_is_sent_in_its_order_while_its_fragment_begins_anew(as_streamlit_has_it):
    assert sent_as_a_fragment_begins_anew() == ["head", "below", "jobs again"], "else this is not needed any more"
    keep_in_order()
    keep_in_order()
    assert sent_as_a_fragment_begins_anew() == ["head", "jobs", "below", "jobs again"]


def test_a_page_that_begins_anew_as_a_whole_drops_what_waits_and_so_does_what_was_sent(as_streamlit_has_it):
    keep_in_order()
    queue = ForwardMsgQueue()
    queue.enqueue(drawn(0, "head"))
    queue.clear(retain_lifecycle_msgs=True)
    assert queue.is_empty()
    queue.enqueue(drawn(0, "head"))
    assert len(queue.flush()) == 1 and queue.is_empty()

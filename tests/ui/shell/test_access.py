"""Who is remembered in a browser, and that nothing opens with it."""

import pytest

from ui.shell.access import cookie_name, remembered_reader, told_reader


def test_a_browser_remembers_who_labels_in_a_session_and_nothing_opens_with_it(client, lab, label_bench, view, token):
    client.get("/api/label/progress", headers=token)
    cookies = dict(client.cookies)
    assert remembered_reader(lab, cookies, view.id) == label_bench.readers[0]
    assert remembered_reader(lab, cookies, view.id + 1) is None
    ((_, value),) = cookies.items()
    assert client.get("/api/label/queue").status_code == 401
    assert client.get("/api/label/queue", headers={"x-lab-token": value}).status_code == 403
    patch = label_bench.patches[label_bench.slides[0]][0]
    assert client.get(f"/api/patch/{patch}.jpg", headers={"x-lab-token": value}).status_code == 403
    stolen = {f"mmdnet-session-{view.id}": token["x-lab-token"]}
    assert remembered_reader(lab, stolen, view.id) is None


def test_a_cookie_that_an_older_build_signed_is_forgotten_and_nothing_breaks(lab, view):
    older = "eyJleHBpcmVzIjogOTk5OTk5OTk5OX0." + "0" * 64
    for value in (older, "", "é.ü", "a" * 5000):
        assert remembered_reader(lab, {cookie_name(view.id): value}, view.id) is None


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("streamlit, token, new, reader.QWRh", "Ada"),
        ("streamlit,token,session,reader.xYF1Y2phIOKAnMOW4oCdIOeOiw", "Łucja “Ö” 王"),
        ("streamlit, token, session", None),
        ("streamlit, token, new, reader.", None),
        ("streamlit, token, new, reader.A", None),
        ("streamlit, token, new, reader.é", None),
        ("streamlit, token, new, reader._w", None),
        ("", None),
    ],
)
def test_a_tab_tells_as_it_connects_who_read_in_it_and_what_is_no_name_says_nobody(said, name):
    """The second name as `memory/remembered.test.js` has it told."""
    assert told_reader({"Sec-WebSocket-Protocol": said}) == name
    assert told_reader({}) is None

"""Who is remembered in a browser, and that nothing opens with it."""

from ui.shell.access import cookie_name, remembered_reader


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

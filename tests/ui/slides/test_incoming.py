"""What files are before they come in, drawn by itself."""

from streamlit.testing.v1 import AppTest


def nothing_to_add() -> None:
    from mmdnet.slides.facts import StatedFacts
    from mmdnet.workflows.slides.ingest.incoming import IncomingFile
    from ui.slides.incoming import Waiting, decide

    copies = [IncomingFile(f"/a/{i}.svs", f"{i}.svs", "copy", f"{i}.svs is a copy of *x*.") for i in range(25)]
    decide(Waiting(1, ["/a"], StatedFacts(), [*copies, IncomingFile("/a/b.svs", "b.svs", "refused", "b.svs is bad.")]))


def test_where_nothing_can_be_added_each_reason_stands_there_and_nothing_goes_on():
    app = AppTest.from_function(nothing_to_add, default_timeout=60).run()
    told = " ".join(element.value for element in app.markdown)
    assert "Copies, which stay out: 25 files" in told and "b.svs is bad." in told and "a copy of \\*x\\*" in told
    assert [element.value for element in app.caption] == ["The first 20 are shown; 5 more."]
    assert [button.label for button in app.button] == ["Close"]
    assert not app.radio

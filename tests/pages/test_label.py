"""The Label and Agreement pages: who is asked what before the canvas shows, and whose session is whose."""

from mmdnet.workflows.label_views import PatchGrades

CANVAS = "bidi_component"


def has_canvas(app) -> bool:
    return bool(app.get(CANVAS))


def test_nobody_labels_without_a_name(filled, said):
    app = filled("label", reader_id=None)
    assert "Who is reading?" in said(app) and not has_canvas(app)


def test_a_new_reader_chooses_patches_and_then_has_the_canvas(filled, filled_home):
    ben = filled_home.lab.readers.ensure("Ben").id
    app = filled("label", reader_id=ben)
    app.number_input(key="session_per_slide").set_value(2)
    app.button(key="start_session").click().run()
    assert not app.exception and not app.error
    (view,) = filled_home.lab.labels.sessions(filled_home.project, ben)
    assert view.patches == 6
    assert has_canvas(app)


def test_a_session_without_patches_left_is_refused_in_words(filled, filled_home):
    app = filled("label")
    app.button(key="start_session").click().run()
    assert "no patches left" in app.error[0].value


def test_a_link_to_anothers_session_opens_ones_own(filled, filled_home):
    lab, project = filled_home.lab, filled_home.project
    ada, cleo = filled_home.reader, lab.readers.ensure("Cleo").id
    patch = lab.slides.patches(filled_home.slides[0])[0].id
    theirs = lab.labels.create_session(project, cleo, "Hers", filled_home.slides, 1)
    lab.labels.queue_region(project, ada, [patch])
    app = filled("label", {"project": str(project), "session": str(theirs.id)})
    assert "another reader" in app.warning[0].value
    assert app.selectbox(key="pick_session").value != theirs.id


def test_agreement_shows_two_readers_beside_the_published(filled, filled_home):
    lab, project = filled_home.lab, filled_home.project
    dora = lab.readers.ensure("Dora").id
    patches = lab.slides.patches(filled_home.slides[0])
    lab.labels.put_many(project, dora, [PatchGrades(patch.id, steatosis=n % 4) for n, patch in enumerate(patches)])
    app = filled("agreement")
    assert not app.exception and not app.error
    tables = [table.value for table in app.dataframe]
    assert "Steatosis" in tables[0]["Feature"].tolist()
    assert "Kleiner 2005, between readers" in tables[-1].iloc[:, 0].tolist()


def test_second_reads_start_from_the_agreement_page(filled, filled_home):
    eve = filled_home.lab.readers.ensure("Eve").id
    app = filled("agreement", reader_id=eve)
    app.button(key="review_second").click().run()
    assert not app.exception and not app.error
    (view,) = filled_home.lab.labels.sessions(filled_home.project, eve)
    assert view.kind == "second"

"""The Overview page: the way in, the next step, and how far slides, jobs and projects are."""

from mmdnet.lab import open_lab
from mmdnet.settings import Settings


def labelled(elements, label):
    return next(element for element in elements if element.label == label)


def test_an_empty_lab_makes_its_first_project_knows_its_reader_and_goes_on_to_the_slides(empty, said):
    app = empty("overview")
    assert app.title[0].value == "Welcome to the lab"
    labelled(app.text_input, "Name of the new project").set_value("Cohort 2026")
    labelled(app.text_input, "Your name").set_value(" Ada ")
    labelled(app.button, "Make project").click().run()
    assert not app.error and app.title[0].value == "Slides" and "No slides yet." in said(app)
    assert app.query_params["project"] == "1"
    assert [app.selectbox(key=f"pick_{what}").value for what in ("project", "reader")] == [1, "Ada"]
    app.switch_page("pages/overview.py").run()
    assert app.title[0].value == "Cohort 2026" and "Nothing was started in this project yet" in said(app)
    assert "Your name" not in [field.label for field in app.text_input], "who reads is known"


def test_who_comes_before_there_is_a_project_of_ones_own_is_greeted_and_no_demo_takes_the_form_away(
    empty, tmp_path, said
):
    lab = open_lab(Settings(home=tmp_path / "home"))
    app = empty("overview")
    demo = lab.projects.named("Demo", simulated=True).id
    app.run()
    assert app.title[0].value == "Welcome to the lab" and "Or look around first" in [h.value for h in app.header]
    assert app.selectbox(key="pick_project").value is None and "project" not in app.query_params
    app.button(key=f"open_project_{demo}").click().run()
    assert app.title[0].value == "Demo" and app.query_params["project"] == str(demo)
    assert empty("overview").title[0].value == "Welcome to the lab", "the next to come is asked, too"
    assert empty("slides").title[0].value == "Slides"


def test_a_name_that_is_none_makes_no_project(empty):
    app = empty("overview")
    labelled(app.text_input, "Name of the new project").set_value("Cohort 2026")
    labelled(app.text_input, "Your name").set_value("x" * 81)
    labelled(app.button, "Make project").click().run()
    assert "A reader name has 1 to 80" in app.error[0].value and app.title[0].value == "Welcome to the lab"


def test_it_offers_the_next_step_with_one_button(filled, filled_home, said):
    app = filled("overview")
    lab, project = filled_home.lab, filled_home.project
    step = lab.overview.next_step(lab.projects.get(project), lab.slides.list(project), lab.scoring.leading(project))
    assert step.sentence in said(app)
    labelled(app.button, step.button).click().run()
    assert not app.exception and not app.error


def test_its_numbers_and_table_say_how_far_the_slides_are(filled, filled_home):
    app = filled("overview")
    numbers = {metric.label: metric.value for metric in app.metric}
    assert (numbers["Slides ready"], numbers["Own models"], numbers["Slides scored"]) == ("3 of 4", "1", "1 of 3")
    table = app.dataframe[0].value.set_index("Slide")
    slides = {slide.id: slide for slide in filled_home.lab.slides.list(filled_home.project)}
    assert len(table) == 4
    assert table.loc[slides[filled_home.without_mpp].name, "Waits for"] == "µm/px missing"
    scored = slides[filled_home.slides[0]]
    assert table["NAS"].count() == 0 and table.loc[scored.name, "NAS by"] == "not reportable"


def test_a_project_name_that_is_taken_is_refused_in_a_sentence(filled):
    app = filled("overview", new_project_box=True)
    labelled(app.text_input, "Name of the new project").set_value("Cohort")
    labelled(app.form_submit_button, "Make project").click().run()
    assert "already a project called Cohort" in app.error[0].value


def test_another_project_is_opened_with_its_button(filled, filled_home):
    other = filled_home.lab.projects.create("Other").id
    app = filled("overview")
    app.button(key=f"open_project_{other}").click().run()
    assert app.title[0].value == "Other" and app.query_params["project"] == str(other)


def test_a_project_is_renamed_and_archived_and_comes_back_and_the_page_says_who_did_it(filled, filled_home, said):
    lab, project = filled_home.lab, filled_home.project
    app = filled("overview", **{f"manage_project_{project}": True})
    app.text_input(key=f"project_name_{project}").set_value("  *Renamed*  ")
    labelled(app.button, "Rename").click().run()
    assert not app.exception and app.title[0].value == "\\*Renamed\\*"
    app.button(key="archive_project").click().run()
    assert not app.exception and "Welcome to the lab" in said(app), "no project is in sight"
    app.button(key=f"restore_project_{project}").click().run()
    assert not app.exception and app.query_params["project"] == str(project)
    app.session_state[f"manage_project_{project}"] = True
    changes = app.run().dataframe[-1].value
    assert changes["Did"].tolist()[:3] == ["restored", "archived", "renamed"] and set(changes["Who"][:3]) == {"Ada"}
    assert [known.name for known in lab.projects.list()] == ["*Renamed*"]


def test_what_was_labelled_stays_and_an_empty_project_goes_by_its_typed_name(filled, filled_home, said):
    lab = filled_home.lab
    app = filled("overview", **{f"manage_project_{filled_home.project}": True})
    app.toggle(key=f"delete_project_{filled_home.project}").set_value(True).run()
    assert "label event" in app.warning[0].value and "Archive it" in app.warning[0].value
    empty = lab.projects.create("Empty").id
    app = filled("overview", {"project": str(empty)}, **{f"manage_project_{empty}": True})
    app.toggle(key=f"delete_project_{empty}").set_value(True).run()
    app.text_input(key="delete_typed").set_value("empty")
    app.button(key="delete_for_good").click().run()
    assert "Type the project" in app.error[0].value
    app.text_input(key="delete_typed").set_value("Empty")
    app.button(key="delete_for_good").click().run()
    assert not app.exception and [known.name for known in lab.projects.list()] == ["Cohort"]

"""The Patient page: which patient, visit after visit."""


def test_slides_of_one_patient_stand_together_and_a_link_to_nobody_says_so(filled, filled_home, said):
    from mmdnet.slides.facts import StatedFacts

    lab = filled_home.lab
    lab.slides.set_facts(filled_home.slides[0], StatedFacts(visit="week 12"))
    lab.slides.set_facts(filled_home.slides[1], StatedFacts(patient=" p0 ", visit="week 2"))
    person = lab.slides.patients.of_project(filled_home.project)[0].person
    app = filled("patient", {"project": "1", "patient": person})
    assert not app.exception and app.dataframe[0].value["Visit"].tolist() == ["week 2", "week 12"]
    assert "A change shows once two visits" in said(app)
    app = filled("patient", {"project": "1", "patient": "nobody"})
    assert not app.exception and "not in this project" in app.warning[0].value
